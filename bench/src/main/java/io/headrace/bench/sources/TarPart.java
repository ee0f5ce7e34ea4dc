package io.headrace.bench.sources;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import java.util.List;
import java.util.SplittableRandom;

/** A million samples of 1 KB in tar shards: until the first record, and until all are indexed. */
final class TarPart implements Part {
    private static final String FOLDER = "shards";
    private static final int SAMPLES = 1_000_000;
    private static final int SAMPLES_PER_SHARD = 10_000;
    private static final int SAMPLE_LENGTH = 1024;
    private static final int PARTITIONS = 4;

    @Override
    public Table measure(Workbench bench) throws Exception {
        int shards = Math.max(1, bench.options.scaled(SAMPLES) / SAMPLES_PER_SHARD);
        int samples = shards * SAMPLES_PER_SHARD;
        Table table =
                new Table(
                        "Samples of 1 KB in tar shards",
                        "Shards of 10,000 samples, four partitions, one stock consumer that reads"
                                + " all of it once. Seconds count from the request to create the"
                                + " topic; the index is complete when the last record was read.",
                        "samples",
                        "first record, s",
                        "index complete, s",
                        "bytes from S3, of shards",
                        "RocksDB, MB",
                        "journal, MB",
                        "RSS, MB");
        try (SlowS3 s3 = bench.openS3()) {
            long length = put(s3, shards);
            s3.traffic().reset();
            try (HeadraceProcess server = bench.launch(s3, List.of())) {
                long begin = System.nanoTime();
                Topics.create(server.bootstrapServer(), FOLDER, "tar", PARTITIONS);
                try (EpochReader reader =
                        bench.reader(server.bootstrapServer(), FOLDER, PARTITIONS)) {
                    double first = reader.secondsToFirstRecord(begin);
                    reader.epoch(samples);
                    double all = (System.nanoTime() - begin) / 1e9;
                    table.row(
                            "%,d".formatted(samples),
                            "%.2f".formatted(first),
                            "%.1f".formatted(all),
                            "%.3f".formatted((double) s3.traffic().objectBytes() / length),
                            megabytes(bench, "rocksdb"),
                            megabytes(bench, "journal"),
                            "%.0f".formatted(server.residentBytes() / 1e6));
                }
            }
        }
        return table;
    }

    private static String megabytes(Workbench bench, String folder) throws Exception {
        long bytes = Folders.bytes(bench.lastServerFolder().resolve(folder));
        return "%.1f".formatted(bytes / 1e6);
    }

    /** Length of all shards. */
    private static long put(SlowS3 s3, int shards) {
        SplittableRandom random = new SplittableRandom(1);
        byte[] sample = new byte[SAMPLE_LENGTH];
        long length = 0;
        for (int shard = 0; shard < shards; shard++) {
            TarWriter tar = new TarWriter();
            for (int i = 0; i < SAMPLES_PER_SHARD; i++) {
                random.nextBytes(sample);
                tar.add("%09d.bin".formatted(shard * SAMPLES_PER_SHARD + i), sample);
            }
            byte[] content = tar.finish();
            s3.put("%s/%06d.tar".formatted(FOLDER, shard), content);
            length += content.length;
        }
        return length;
    }
}
