package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The wall clock is set by an hour, while the engine runs or while it does not. A topic keeps forty
 * minutes: what is younger stays, and nothing stays for ever.
 */
class ClockJumpTest {
    private static final long MINUTE_MS = 60_000;
    private static final long HOUR_MS = 60 * MINUTE_MS;
    private static final long KEPT_MS = 40 * MINUTE_MS;

    @TempDir Path folder;

    /** As the batches are dated by it: the tests' producers have the server's clock. */
    private final AtomicLong clockMs = new AtomicLong(2_000_000_000_000L);

    private final AtomicLong uptimeMs = new AtomicLong(5 * HOUR_MS);
    private String bootId = "one boot";

    private void pass(long ms) {
        clockMs.addAndGet(ms);
        uptimeMs.addAndGet(ms);
    }

    private TestEngine engine() {
        return new TestEngine(
                folder,
                context ->
                        context.retentionCheckIntervalMs(10)
                                .bootId(bootId)
                                .clockMs(clockMs::get)
                                .uptimeMs(uptimeMs::get));
    }

    private PartitionLog create(TestEngine engine, String mode) {
        engine.create(
                "t",
                1,
                Map.of("headrace.storage.mode", mode, "retention.ms", String.valueOf(KEPT_MS)));
        return engine.log("t", 0);
    }

    private void appendNow(PartitionLog log) {
        append(log, batch(clockMs.get(), "now"));
    }

    /** Waits for passes of housekeeping that began after this call. */
    private static void awaitRetention(TestEngine engine) {
        String passes = "headrace_retention_passes_total";
        long before = engine.metric(passes);
        await("retention", () -> engine.metric(passes) > before + 1);
    }

    private static void assertStart(TestEngine engine, long expected) {
        awaitRetention(engine);
        assertEquals(expected, engine.log("t", 0).logStartOffset());
    }

    private static void awaitStart(TestEngine engine, long expected) {
        await("log start", () -> engine.log("t", 0).logStartOffset() == expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "persistent"})
    void aClockSetForwardTakesNothing(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog log = create(engine, mode);
            appendNow(log);
            clockMs.addAndGet(HOUR_MS);
            assertStart(engine, 0);
            assertEquals(HOUR_MS, engine.metric("headrace_retention_clock_lag_milliseconds"));
            pass(30 * MINUTE_MS);
            assertStart(engine, 0);
            pass(9 * MINUTE_MS); // and two more by which it catches up
            awaitStart(engine, 1);
        }
    }

    @Test
    void aClockSetForwardAndBackTakesNothing() {
        try (TestEngine engine = engine()) {
            PartitionLog log = create(engine, "persistent");
            appendNow(log);
            clockMs.addAndGet(HOUR_MS);
            awaitRetention(engine);
            appendNow(log);
            clockMs.addAndGet(-HOUR_MS);
            pass(30 * MINUTE_MS);
            assertStart(engine, 0);
            pass(11 * MINUTE_MS);
            awaitStart(engine, 1);
            pass(HOUR_MS); // which the second was dated ahead
            awaitStart(engine, 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "persistent"})
    void aClockSetBackKeepsNothingForLongerThanThat(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog log = create(engine, mode);
            appendNow(log);
            clockMs.addAndGet(-HOUR_MS);
            assertStart(engine, 0);
            appendNow(log);
            pass(39 * MINUTE_MS);
            assertStart(engine, 0);
            pass(HOUR_MS + 2 * MINUTE_MS);
            awaitStart(engine, 2);
        }
    }

    /** What is dated by the earlier time is not judged by the later one. */
    @ParameterizedTest
    @ValueSource(strings = {"memory", "persistent"})
    void aClockSetBackTakesNothing(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog log = create(engine, mode);
            awaitRetention(engine);
            clockMs.addAndGet(-HOUR_MS);
            awaitRetention(engine);
            appendNow(log);
            assertStart(engine, 0);
            pass(39 * MINUTE_MS);
            assertStart(engine, 0);
            pass(2 * MINUTE_MS);
            awaitStart(engine, 1);
        }
    }

    @Test
    void aClockSetForwardBetweenTwoStartsTakesNothing() {
        try (TestEngine engine = engine()) {
            appendNow(create(engine, "persistent"));
        }
        pass(MINUTE_MS);
        clockMs.addAndGet(HOUR_MS);
        try (TestEngine engine = engine()) {
            assertStart(engine, 0);
            pass(30 * MINUTE_MS);
            assertStart(engine, 0);
        }
        try (TestEngine engine = engine()) {
            pass(9 * MINUTE_MS);
            awaitStart(engine, 1);
        }
    }

    @Test
    void aClockSetBackBetweenTwoStartsKeepsNothingForLongerThanThat() {
        try (TestEngine engine = engine()) {
            appendNow(create(engine, "persistent"));
        }
        clockMs.addAndGet(-HOUR_MS);
        try (TestEngine engine = engine()) {
            assertStart(engine, 0);
            pass(HOUR_MS + 41 * MINUTE_MS);
            awaitStart(engine, 1);
        }
    }

    @Test
    void timeThatPassedWhileTheServerWasDownCounts() {
        try (TestEngine engine = engine()) {
            appendNow(create(engine, "persistent"));
        }
        pass(41 * MINUTE_MS);
        try (TestEngine engine = engine()) {
            awaitStart(engine, 1);
            appendNow(engine.log("t", 0));
        }
        bootId = "another boot";
        clockMs.addAndGet(41 * MINUTE_MS);
        uptimeMs.set(MINUTE_MS);
        try (TestEngine engine = engine()) {
            awaitStart(engine, 2);
        }
    }

    /** As after a flat battery: until a time server is asked, the clock says the year 2000. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatAClockSaidBeforeItWasSetIsNotHeldAgainstIt(boolean isStartedAgain) {
        long rightMs = clockMs.get();
        clockMs.set(946_684_800_000L);
        TestEngine engine = engine();
        create(engine, "persistent");
        if (isStartedAgain) {
            engine.close();
        }
        clockMs.set(rightMs);
        try (TestEngine now = isStartedAgain ? engine() : engine) {
            appendNow(now.log("t", 0));
            assertStart(now, 0);
            pass(41 * MINUTE_MS);
            awaitStart(now, 1);
        }
    }

    @Test
    void aClockThatIsBehindTheTimeSinceTheBootIsNoHindrance() {
        clockMs.set(0);
        engine().close();
        engine().close();
    }

    /** Its uptime begins anew, and the boot id is the host's. */
    @Test
    void anotherContainerIsAnotherBoot() {
        try (TestEngine engine = engine()) {
            appendNow(create(engine, "persistent"));
        }
        clockMs.addAndGet(41 * MINUTE_MS);
        uptimeMs.set(MINUTE_MS);
        try (TestEngine engine = engine()) {
            awaitStart(engine, 1);
        }
    }

    @Test
    void aFileOfAnotherVersionIsRefused() throws IOException {
        engine().close();
        Path file = folder.resolve("clock.properties");
        Files.writeString(file, Files.readString(file).replace("version=1", "version=2"));
        EngineException refused = assertThrows(EngineException.class, this::engine);
        assertTrue(refused.getMessage().contains("file=" + file), refused.getMessage());
        assertTrue(refused.getMessage().contains("version=2"), refused.getMessage());
    }
}
