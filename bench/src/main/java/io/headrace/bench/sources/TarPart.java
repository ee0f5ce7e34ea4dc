package io.headrace.bench.sources;

import io.headrace.bench.Folders;
import io.headrace.bench.HeadraceProcess;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.clients.admin.Admin;

/** A million samples of 1 KB in tar shards: until the first record, and until all are indexed. */
final class TarPart implements Part {
    private static final String FOLDER = "shards";
    private static final String OTHER_FOLDER = "more";
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
                            + " all of it once. Seconds count from the request to create the topic,"
                            + " by a client that is connected, on a server that has read no other;"
                            + " the index is complete when the last record was read. Then a second"
                            + " topic is created, over a shard per partition.",
                        "samples",
                        "first record, s",
                        "of a second topic, s",
                        "index complete, s",
                        "bytes from S3, of shards",
                        "RocksDB, MB",
                        "journal, MB",
                        "RSS, MB");
        try (SlowS3 s3 = bench.openS3()) {
            put(s3, OTHER_FOLDER, PARTITIONS);
            long length = put(s3, FOLDER, shards);
            s3.traffic().reset();
            try (HeadraceProcess server = bench.launch(s3, List.of())) {
                Map<String, Object> client = Map.of("bootstrap.servers", server.bootstrapServer());
                try (Admin admin = Admin.create(client)) {
                    admin.describeCluster().nodes().get(); // connects
                    Times times = times(bench, server, admin, FOLDER, samples);
                    long bytes = s3.traffic().objectBytes();
                    Times other =
                            times(
                                    bench,
                                    server,
                                    admin,
                                    OTHER_FOLDER,
                                    PARTITIONS * SAMPLES_PER_SHARD);
                    table.row(
                            "%,d".formatted(samples),
                            "%.2f".formatted(times.first),
                            "%.2f".formatted(other.first),
                            "%.1f".formatted(times.all),
                            "%.3f".formatted((double) bytes / length),
                            megabytes(bench, "rocksdb"),
                            megabytes(bench, "journal"),
                            "%.0f".formatted(server.residentBytes() / 1e6));
                }
            }
        }
        return table;
    }

    /** Seconds since a topic was asked for, until its first record and its last. */
    private record Times(double first, double all) {}

    private static Times times(
            Workbench bench, HeadraceProcess server, Admin admin, String folder, int samples)
            throws Exception {
        try (EpochReader reader = bench.reader(server.bootstrapServer(), folder, PARTITIONS)) {
            long begin = System.nanoTime();
            Topics.create(admin, folder, "tar", PARTITIONS);
            double first = reader.secondsToFirstRecord(begin);
            reader.epoch(samples);
            return new Times(first, (System.nanoTime() - begin) / 1e9);
        }
    }

    private static String megabytes(Workbench bench, String folder) throws Exception {
        long bytes = Folders.bytes(bench.lastServerFolder().resolve(folder));
        return "%.1f".formatted(bytes / 1e6);
    }

    /** Length of all shards. */
    private static long put(SlowS3 s3, String folder, int shards) {
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
            s3.put("%s/%06d.tar".formatted(folder, shard), content);
            length += content.length;
        }
        return length;
    }
}
