package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import io.headrace.testing.s3.Operation;
import java.util.List;

/**
 * Epochs of one stock consumer over a dataset that the cache holds: three as fast as it can, one at
 * a trainer's pace, and the first of a late joiner.
 */
final class EpochsPart implements Part {
    private static final int PARTITIONS = 4;
    private static final int OBJECT_LENGTH = 256 << 10;
    private static final double SHARE_OF_CACHE = 0.7;

    @Override
    public Table measure(Workbench bench) throws Exception {
        SourcesOptions options = bench.options;
        Table table =
                new Table(
                        "Epochs over a dataset that the cache holds",
                        "One stock consumer, objects of 256 KiB. *Wait* is the time of one poll"
                            + " that gave records. The last epoch but one is at a trainer's pace of"
                            + " "
                                + options.pace() / 1_000_000
                                + " MB/s; the last is a late joiner's.",
                        "epoch",
                        "MB/s",
                        "first record, ms",
                        "wait p50, ms",
                        "wait p99, ms",
                        "GETs",
                        "bytes from S3, of dataset",
                        "from the cache");
        try (SlowS3 s3 = bench.openS3()) {
            long length = (long) (options.scaledCacheBytes() * SHARE_OF_CACHE);
            Dataset dataset =
                    Dataset.files(s3, "epochs", (int) (length / OBJECT_LENGTH), OBJECT_LENGTH);
            try (HeadraceProcess server = bench.launch(s3, List.of())) {
                Topics.create(server.bootstrapServer(), dataset, PARTITIONS);
                try (EpochReader reader = reader(bench, server, dataset)) {
                    for (int epoch = 1; epoch <= 3; epoch++) {
                        row(table, Integer.toString(epoch), s3, dataset, reader, Long.MAX_VALUE);
                    }
                    row(table, "4, paced", s3, dataset, reader, options.pace());
                }
                try (EpochReader late = reader(bench, server, dataset)) {
                    long begin = System.nanoTime();
                    table.remark(
                            "Late joiner on a warm cache: first record after %.0f ms.",
                            late.secondsToFirstRecord(begin) * 1e3);
                    row(table, "late joiner", s3, dataset, late, Long.MAX_VALUE);
                }
                table.remark(
                        "Dataset %,d bytes in %,d objects; resident set of the server %.0f MB.",
                        dataset.length(), dataset.objectCount(), server.residentBytes() / 1e6);
            }
        }
        return table;
    }

    private static EpochReader reader(Workbench bench, HeadraceProcess server, Dataset dataset) {
        return bench.reader(server.bootstrapServer(), dataset.folder(), PARTITIONS);
    }

    private static void row(
            Table table, String name, SlowS3 s3, Dataset dataset, EpochReader reader, long pace) {
        s3.traffic().reset();
        EpochReader.Epoch epoch = reader.epoch(dataset.recordCount(), pace, record -> {});
        double fetched = (double) s3.traffic().objectBytes() / dataset.length();
        table.row(
                name,
                "%.1f".formatted(epoch.megabytesPerSecond()),
                "%.0f".formatted(epoch.firstWaitSeconds() * 1e3),
                epoch.waitMs(50),
                epoch.waitMs(99),
                "%,d".formatted(s3.traffic().requests(Operation.GET_OBJECT)),
                "%.3f".formatted(fetched),
                "%.1f %%".formatted(100 * Math.max(0, 1 - fetched)));
    }
}
