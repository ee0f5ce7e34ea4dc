package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever goes wrong in the background once does not end it for good. */
class HousekeepingTest {
    private static final long HOUR_MS = 3_600_000;

    @TempDir Path folder;

    @Test
    void anErrorDoesNotEndMaintenance() {
        AtomicInteger failures = new AtomicInteger();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.retentionCheckIntervalMs(5)
                                        .clockMs(() -> clockOf(failures)))) {
            await("error", () -> failures.get() > 0);
            long passes = engine.metric("headrace_retention_passes_total");
            await("pass", () -> engine.metric("headrace_retention_passes_total") > passes);
        }
    }

    private static long clockOf(AtomicInteger failures) {
        boolean isMaintenance = Thread.currentThread().getName().equals("headrace-maintenance");
        if (isMaintenance && failures.getAndIncrement() == 0) {
            throw new LinkageError("on purpose");
        }
        return System.currentTimeMillis();
    }

    @Test
    void anErrorDoesNotEndSealing() {
        AtomicInteger segments = new AtomicInteger();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.journalCount(1).retentionCheckIntervalMs(5),
                        WatchedFiles.of(
                                call -> {
                                    if (call.equals("create") && segments.incrementAndGet() == 2) {
                                        throw new LinkageError("on purpose");
                                    }
                                }))) {
            fill(engine);
            await("sealed", () -> engine.metric("headrace_segments") > 1);
            assertEquals(1, engine.metric("headrace_sealing_failures_total"));
        }
    }

    /** Several journal files that are mostly dead, and will be two segments. */
    static void fill(TestEngine engine) {
        engine.create("kept", 1, Map.of("retention.ms", "-1"));
        engine.create("month", 1, Map.of("retention.ms", String.valueOf(30 * 24 * HOUR_MS)));
        engine.create("hour", 1, Map.of("retention.ms", String.valueOf(HOUR_MS)));
        long old = System.currentTimeMillis() - 2 * HOUR_MS;
        for (int i = 0; i < 100; i++) {
            append(engine.log("hour", 0), batch(old, "x".repeat(60_000)));
            append(engine.log("kept", 0), batch("kept " + i));
            append(engine.log("month", 0), batch("month " + i));
        }
    }
}
