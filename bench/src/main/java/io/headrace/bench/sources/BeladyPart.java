package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import io.headrace.bench.sources.EpochReader.Epoch;
import java.util.ArrayList;
import java.util.List;

/**
 * A dataset four times as large as the cache: bytes per epoch against the optimum, and how much of
 * the waiting prefetch hides, at several rates.
 */
final class BeladyPart implements Part {
    private static final int OBJECT_LENGTH = 1 << 20;
    private static final int TIMES_THE_CACHE = 4;
    private static final int EPOCHS = 3;
    private static final double[] SHARES_OF_BANDWIDTH = {0.5, 1.0, 1.2};

    @Override
    public Table measure(Workbench bench) throws Exception {
        Table table =
                new Table(
                        "A dataset four times the cache",
                        "One stock consumer, one partition, objects of 1 MiB, three epochs at each"
                            + " rate, figures of the last. *Optimum*: Belady's, for this sequence"
                            + " of objects and this cache, over as many epochs as were read.",
                        "rate, of bandwidth",
                        "prefetch",
                        "bytes from S3, of dataset",
                        "optimum",
                        "ratio",
                        "MB/s",
                        "waited, s",
                        "wait hidden");
        try (SlowS3 s3 = bench.openS3()) {
            int count = (int) (bench.options.scaledCacheBytes() * TIMES_THE_CACHE / OBJECT_LENGTH);
            Dataset dataset = Dataset.files(s3, "large", count, OBJECT_LENGTH);
            for (double share : SHARES_OF_BANDWIDTH) {
                measure(bench, s3, dataset, share, table);
            }
            table.remark(
                    "Dataset %,d bytes; cache %,d bytes.",
                    dataset.length(), bench.options.scaledCacheBytes());
        }
        return table;
    }

    private static void measure(
            Workbench bench, SlowS3 s3, Dataset dataset, double share, Table table)
            throws Exception {
        long pace = (long) (bench.options.bandwidth() * share);
        double unhidden = 0;
        if (!bench.options.settingsWithoutPrefetch().isEmpty()) {
            Last without = last(bench, s3, dataset, pace, bench.options.settingsWithoutPrefetch());
            unhidden = without.epoch.waitSeconds();
            row(bench, table, dataset, share, "off", without, "–");
        }
        Last with = last(bench, s3, dataset, pace, List.of());
        String hidden =
                unhidden == 0
                        ? "–"
                        : "%.0f %%".formatted(100 * (1 - with.epoch.waitSeconds() / unhidden));
        row(bench, table, dataset, share, "as shipped", with, hidden);
    }

    /** The last epoch, and what was downloaded for it. */
    private record Last(Epoch epoch, long bytes) {}

    private static Last last(
            Workbench bench, SlowS3 s3, Dataset dataset, long pace, List<String> settings)
            throws Exception {
        try (HeadraceProcess server = bench.launch(s3, settings)) {
            Topics.create(server.bootstrapServer(), dataset, 1);
            try (EpochReader reader = bench.reader(server.bootstrapServer(), dataset.folder(), 1)) {
                List<Epoch> epochs = new ArrayList<>();
                for (int i = 0; i < EPOCHS; i++) {
                    s3.traffic().reset();
                    epochs.add(reader.epoch(dataset.recordCount(), pace, record -> {}));
                }
                return new Last(epochs.get(EPOCHS - 1), s3.traffic().objectBytes());
            }
        }
    }

    private static void row(
            Workbench bench,
            Table table,
            Dataset dataset,
            double share,
            String prefetch,
            Last last,
            String hidden) {
        double optimum = optimum(dataset, bench.options.scaledCacheBytes());
        double fetched = (double) last.bytes / dataset.length();
        table.row(
                "%.1f".formatted(share),
                prefetch,
                "%.3f".formatted(fetched),
                "%.3f".formatted(optimum),
                "%.3f".formatted(fetched / optimum),
                "%.1f".formatted(last.epoch.megabytesPerSecond()),
                "%.2f".formatted(last.epoch.waitSeconds()),
                hidden);
    }

    /** The optimum's share of the dataset in the last epoch. */
    private static double optimum(Dataset dataset, long cacheBytes) {
        int count = dataset.objectCount();
        // one epoch more than were read, so that the last one does not profit from the end
        int[] accesses = new int[count * (EPOCHS + 1)];
        for (int i = 0; i < accesses.length; i++) {
            accesses[i] = i % count;
        }
        long[] misses = Belady.misses(accesses, (int) (cacheBytes / OBJECT_LENGTH), count);
        return (double) misses[EPOCHS - 1] / count;
    }
}
