package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import io.headrace.testing.s3.Operation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many trainers over one dataset in S3, each a stock consumer: late ones, slow ones, and some that
 * die and come back. Every byte is downloaded once, which is counted before the S3 server.
 */
final class ManyTrainersTest {
    private static final int TRAINERS = 16;
    private static final int EPOCHS = 3;
    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path data;

    @Test
    void filesAreDownloadedOnce() throws Exception {
        try (SourceServer server = server()) {
            train(server, SourceDataset.files(server.s3, "images", 2, 400, 10_000));
        }
    }

    @Test
    void linesAreDownloadedOnce() throws Exception {
        try (SourceServer server = server()) {
            train(server, SourceDataset.lines(server.s3, "text", 2, 8, 5_000));
        }
    }

    private SourceServer server() throws Exception {
        SourceServer server = new SourceServer(data, Map.of(), Map.of());
        server.proxy.shape().latency(Duration.ofMillis(5), Duration.ofMillis(20));
        return server;
    }

    private static void train(SourceServer server, SourceDataset dataset) throws Exception {
        server.create(dataset);
        CountDownLatch firstEpoch = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(TRAINERS);
        try {
            List<Future<?>> trainers = new ArrayList<>();
            for (int i = 0; i < TRAINERS; i++) {
                int number = i;
                trainers.add(threads.submit(() -> train(server, dataset, number, firstEpoch)));
            }
            for (Future<?> trainer : trainers) {
                trainer.get(240, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        long fetched = server.proxy.traffic().objectBytes();
        assertTrue(
                fetched >= dataset.length() && fetched <= dataset.length() * 1.01,
                "fetched=" + fetched + " dataset=" + dataset.length());
        lateJoinerAsksTheStoreNothing(server, dataset);
    }

    private static Void train(
            SourceServer server, SourceDataset dataset, int number, CountDownLatch firstEpoch)
            throws InterruptedException {
        if (number % 4 == 3) {
            firstEpoch.await(); // joins late
        }
        int pollRecordsMax = number % 2 == 0 ? 500 : 37;
        try (Trainer trainer =
                new Trainer(server.bootstrap(), dataset, pollRecordsMax, number % 5 * STEP_NANOS)) {
            for (int epoch = 0; epoch < EPOCHS; epoch++) {
                if (number % 4 == 1) {
                    trainer.epochWithADeath(dataset.recordCount() / (2 + epoch));
                } else {
                    trainer.epoch();
                }
                firstEpoch.countDown();
            }
        } finally {
            firstEpoch.countDown();
        }
        return null;
    }

    private static void lateJoinerAsksTheStoreNothing(SourceServer server, SourceDataset dataset) {
        server.proxy.traffic().reset();
        try (Trainer late = new Trainer(server.bootstrap(), dataset, 500, 0)) {
            late.epoch();
        }
        assertEquals(0, server.proxy.traffic().requests(Operation.GET_OBJECT));
    }
}
