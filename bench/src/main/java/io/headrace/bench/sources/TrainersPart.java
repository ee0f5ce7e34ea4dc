package io.headrace.bench.sources;

import io.headrace.bench.HeadraceProcess;
import io.headrace.testing.s3.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Sixteen stock consumers over ten epochs of one dataset that the cache holds: some join late, some
 * are slow, and some are lost in every epoch and replaced.
 */
final class TrainersPart implements Part {
    private static final String FOLDER = "trained";
    private static final int TRAINERS = 16;
    private static final int EPOCHS = 10;
    private static final int PARTITIONS = 2;
    private static final int OBJECT_LENGTH = 256 << 10;
    private static final double SHARE_OF_CACHE = 0.2;

    @Override
    public Table measure(Workbench bench) throws Exception {
        Table table =
                new Table(
                        "Sixteen trainers, ten epochs",
                        "A quarter of them joins after the first epoch, a quarter is slow (the"
                                + " pace of the options), a quarter is lost in the middle of every"
                                + " epoch and begins it again with another consumer.",
                        "served, GB",
                        "seconds",
                        "server CPU s/GB",
                        "GETs",
                        "bytes from S3, of dataset");
        try (SlowS3 s3 = bench.openS3()) {
            long length = (long) (bench.options.scaledCacheBytes() * SHARE_OF_CACHE);
            Dataset dataset =
                    Dataset.files(
                            s3, FOLDER, (int) Math.max(8, length / OBJECT_LENGTH), OBJECT_LENGTH);
            try (HeadraceProcess server = bench.launch(s3, List.of())) {
                Topics.create(server.bootstrapServer(), dataset, PARTITIONS);
                double cpuBefore = server.cpuSeconds();
                long begin = System.nanoTime();
                long bytes = train(bench, server.bootstrapServer(), dataset);
                double seconds = (System.nanoTime() - begin) / 1e9;
                table.row(
                        "%.1f".formatted(bytes / 1e9),
                        "%.1f".formatted(seconds),
                        "%.2f".formatted((server.cpuSeconds() - cpuBefore) / (bytes / 1e9)),
                        "%,d".formatted(s3.traffic().requests(Operation.GET_OBJECT)),
                        "%.3f".formatted((double) s3.traffic().objectBytes() / dataset.length()));
                table.remark(
                        "Dataset %,d bytes in %,d objects.",
                        dataset.length(), dataset.objectCount());
            }
        }
        return table;
    }

    /** Bytes that all of them read. */
    private static long train(Workbench bench, String bootstrapServer, Dataset dataset)
            throws Exception {
        CountDownLatch firstEpoch = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(TRAINERS);
        try {
            List<Future<Long>> trainers = new ArrayList<>();
            for (int i = 0; i < TRAINERS; i++) {
                Trainer trainer = new Trainer(bench, bootstrapServer, dataset, i % 4, firstEpoch);
                trainers.add(threads.submit(trainer::train));
            }
            long bytes = 0;
            for (Future<Long> trainer : trainers) {
                bytes += trainer.get();
            }
            return bytes;
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * One of them.
     *
     * @param kind 0 is nothing special, 1 joins late, 2 is slow, 3 is lost in every epoch
     */
    private record Trainer(
            Workbench bench,
            String bootstrapServer,
            Dataset dataset,
            int kind,
            CountDownLatch firstEpoch) {

        long train() throws InterruptedException {
            if (kind == 1) {
                firstEpoch.await();
            }
            long bytes = 0;
            try {
                for (int epoch = 0; epoch < EPOCHS; epoch++) {
                    if (kind == 3) {
                        bytes += read(dataset.recordCount() / 2);
                    }
                    bytes += read(dataset.recordCount());
                    firstEpoch.countDown();
                }
            } finally {
                firstEpoch.countDown(); // nobody waits for one that failed
            }
            return bytes;
        }

        private long read(long recordCount) {
            try (EpochReader reader = bench.reader(bootstrapServer, FOLDER, PARTITIONS)) {
                long pace = kind == 2 ? bench.options.pace() : Long.MAX_VALUE;
                return reader.epoch(recordCount, pace, record -> {}).bytes();
            }
        }
    }
}
