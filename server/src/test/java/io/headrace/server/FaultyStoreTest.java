package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import io.headrace.testing.s3.Fault;
import io.headrace.testing.s3.Faults;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store that fails in passing: the consumers see neither an error nor a wrong byte. The cache is
 * too small for the data, so that the store is asked all the time.
 */
final class FaultyStoreTest {
    private static final Map<String, String> SMALL_MEMORY =
            Map.of(
                    "headrace.memory.budget.bytes",
                    Integer.toString(16 << 20),
                    "headrace.cache.disk.bytes",
                    "0");

    /** The S3 client ends a connection that nobody reads from after a minute. */
    private static final long PATIENCE_MS = TimeUnit.SECONDS.toMillis(75);

    /** Long enough for a request that is on its way to arrive. */
    private static final long REST_MS = 1_000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck(PATIENCE_MS);

    @TempDir Path data;

    @Test
    void everyFaultThatPassesStaysUnseen() throws Exception {
        long seed = System.nanoTime();
        Map<String, String> store = Map.of("stall.timeout.ms", "500");
        try (SourceServer server = new SourceServer(data, SMALL_MEMORY, store)) {
            SourceDataset files = SourceDataset.files(server.s3, "images", 2, 600, 20_000);
            SourceDataset lines = SourceDataset.lines(server.s3, "text", 2, 12, 10_000);
            Faults faults = server.proxy.faults().seed(seed);
            for (Fault fault : Fault.values()) {
                faults.rate(fault, fault == Fault.STALL ? 0.01 : 0.04);
            }
            train(server, List.of(files, lines, files, lines), 2);
            for (Fault fault : Fault.values()) {
                assertTrue(
                        fault == Fault.NONE || server.proxy.traffic().faults(fault) > 0,
                        "not one " + fault);
            }
            String metrics = metricsAtRest(server);
            assertEquals(0, value(metrics, "headrace_store_errors_total"));
            assertTrue(value(metrics, "headrace_store_retries_total") > 0);
            assertTrue(value(metrics, "headrace_store_throttled_total") > 0);
            assertEquals(
                    server.proxy.traffic().requests(),
                    value(metrics, "headrace_store_requests_total"));
        } catch (Exception | AssertionError failed) {
            throw new AssertionError("seed=" + seed, failed);
        }
    }

    @Test
    void storeThatIsDownForAWhileDelaysItsReadersAndDoesNothingElse() throws Exception {
        Map<String, String> store = Map.of("attempts.max", "2");
        try (SourceServer server = new SourceServer(data, SMALL_MEMORY, store)) {
            SourceDataset files = SourceDataset.files(server.s3, "images", 1, 600, 20_000);
            server.proxy.faults().rate(Fault.INTERNAL_ERROR, 1);
            ExecutorService repair = Executors.newSingleThreadExecutor();
            try {
                Future<?> repaired = repair.submit(() -> repairAfterErrors(server));
                train(server, List.of(files), 1);
                repaired.get(60, TimeUnit.SECONDS);
            } finally {
                repair.shutdownNow();
            }
        }
    }

    /** Waits until readers have met the fault often enough for several calls to have failed. */
    private static void repairAfterErrors(SourceServer server) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (server.proxy.traffic().faults(Fault.INTERNAL_ERROR) < 6
                && System.nanoTime() - deadline < 0) {
            Thread.onSpinWait();
        }
        server.proxy.faults().clear();
    }

    private static void train(SourceServer server, List<SourceDataset> each, int epochs)
            throws Exception {
        for (SourceDataset dataset : each.stream().distinct().toList()) {
            server.create(dataset);
        }
        ExecutorService threads = Executors.newFixedThreadPool(each.size());
        try {
            List<Future<?>> trainers = new ArrayList<>();
            for (SourceDataset dataset : each) {
                trainers.add(threads.submit(() -> train(server, dataset, epochs)));
            }
            for (Future<?> trainer : trainers) {
                trainer.get(240, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void train(SourceServer server, SourceDataset dataset, int epochs) {
        try (Trainer trainer = new Trainer(server.bootstrap(), dataset, 500, 0)) {
            for (int epoch = 0; epoch < epochs; epoch++) {
                trainer.epoch();
            }
        }
    }

    /** The metrics when nothing is asked of the store any more: what lies ahead goes on a while. */
    private static String metricsAtRest(SourceServer server) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            long requests = server.proxy.traffic().requests();
            boolean isAnswered = server.proxy.traffic().inFlight() == 0;
            Thread.sleep(REST_MS);
            String metrics = metrics(server);
            if (isAnswered && server.proxy.traffic().requests() == requests) {
                return metrics;
            }
            assertTrue(System.nanoTime() - deadline < 0, "the store is still being asked");
        }
    }

    private static String metrics(SourceServer server) throws Exception {
        URI metrics = URI.create("http://127.0.0.1:" + server.adminPort() + "/metrics");
        try (InputStream in = metrics.toURL().openStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static long value(String metrics, String name) {
        String series = name + "{store=\"s3\"} ";
        int at = metrics.indexOf("\n" + series) + 1 + series.length();
        assertTrue(at > series.length(), name + " is not among:\n" + metrics);
        return Long.parseLong(metrics.substring(at, metrics.indexOf('\n', at)));
    }
}
