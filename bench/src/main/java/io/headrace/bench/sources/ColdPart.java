package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import java.util.ArrayList;
import java.util.List;

/** The first epoch of all, against reading the same objects from S3 with many threads. */
final class ColdPart implements Part {
    private static final int PARTITIONS = 8;
    private static final List<Integer> THREADS = List.of(4, 8, 16, 32);

    @Override
    public Table measure(Workbench bench) throws Exception {
        Table table =
                new Table(
                        "The cold epoch",
                        "A stock consumer on a fresh server, against a parallel reader of ranges of"
                                + " 8 MiB on the same S3 server; the best of its numbers of threads"
                                + " counts. Eight partitions.",
                        "objects",
                        "reader, threads",
                        "reader, MB/s",
                        "Headrace, MB/s",
                        "ratio");
        int bytes = bench.options.scaled(512 << 20);
        try (SlowS3 s3 = bench.openS3()) {
            List<Dataset> datasets = new ArrayList<>();
            datasets.add(Dataset.files(s3, "files", Math.max(8, bytes >> 20), 1 << 20));
            datasets.add(Dataset.lines(s3, "lines", PARTITIONS, bytes / PARTITIONS));
            for (Dataset dataset : datasets) {
                row(bench, s3, dataset, table);
            }
        }
        return table;
    }

    private static void row(Workbench bench, SlowS3 s3, Dataset dataset, Table table)
            throws Exception {
        int bestThreads = 0;
        double best = 0;
        for (int threads : THREADS) {
            double rate = rate(s3, dataset, threads);
            if (rate > best) {
                best = rate;
                bestThreads = threads;
            }
        }
        double cold = cold(bench, s3, dataset);
        table.row(
                "%s, %,d of %,d bytes"
                        .formatted(dataset.format(), dataset.objectCount(), dataset.objectLength()),
                Integer.toString(bestThreads),
                "%.1f".formatted(best),
                "%.1f".formatted(cold),
                "%.2f".formatted(cold / best));
    }

    private static double rate(SlowS3 s3, Dataset dataset, int threads) throws Exception {
        try (RangeReader reader = new RangeReader(s3, threads)) {
            long begin = System.nanoTime();
            long bytes = reader.read(dataset.folder());
            if (bytes != dataset.length()) {
                throw new IllegalStateException("read=" + bytes + " of=" + dataset.length());
            }
            return bytes / ((System.nanoTime() - begin) / 1e9) / 1e6;
        }
    }

    /** Of the objects' bytes, so that line feeds, which no record has, count too. */
    private static double cold(Workbench bench, SlowS3 s3, Dataset dataset) throws Exception {
        try (HeadraceProcess server = bench.launch(s3, List.of())) {
            Topics.create(server.bootstrapServer(), dataset, PARTITIONS);
            try (EpochReader reader =
                    bench.reader(server.bootstrapServer(), dataset.folder(), PARTITIONS)) {
                double seconds = reader.epoch(dataset.recordCount()).seconds();
                return dataset.length() / seconds / 1e6;
            }
        }
    }
}
