package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.LogClosedException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.Unavailable;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Offsets by timestamp where timestamps do not grow with the offset. */
class TimestampLookupTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void theFirstBatchThatReachesTheTimestampItselfIsNamed(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = logOf(engine, mode, 1000, 5000, 2000, 3000, 6000);
            assertFound(log, 500, 0, 1000);
            assertFound(log, 1500, 1, 5000);
            assertFound(log, 5000, 1, 5000);
            assertFound(log, 5001, 4, 6000);
            assertNull(get(log.offsetForTimestamp(6001)));
            assertEquals(4, get(log.maxTimestamp()).offset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void whatDeletedRecordsWereDatedDoesNotCount(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = logOf(engine, mode, 9000, 1000, 3000, 2000);
            get(log.deleteRecords(1));
            assertFound(log, 500, 1, 1000);
            assertFound(log, 1500, 2, 3000);
            assertNull(get(log.offsetForTimestamp(3001)));
            assertEquals(2, get(log.maxTimestamp()).offset());
            assertEquals(3000, get(log.maxTimestamp()).timestampMs());
            get(log.deleteRecords(-1));
            assertNull(get(log.maxTimestamp()));
            assertNull(get(log.offsetForTimestamp(0)));
        }
    }

    /** The caller may be an event loop, and a ring long. */
    @Test
    void nothingIsLookedAtOnTheCallersThread() {
        HeldPool cold = new HeldPool("headrace-cold");
        try (TestEngine engine = new TestEngine(folder, context -> context, cold)) {
            PartitionLog log = logOf(engine, "memory", 1000, 5000, 2000, 3000, 6000);
            cold.hold();
            CompletableFuture<TimestampedOffset> first = log.offsetForTimestamp(1500);
            CompletableFuture<TimestampedOffset> highest = log.maxTimestamp();
            boolean isAnswered = first.isDone() || highest.isDone();
            cold.release();
            assertFalse(isAnswered);
            assertEquals(1, get(first).offset());
            assertEquals(4, get(highest).offset());
        }
    }

    /** "None" would send the consumer to the end: it has to ask again, of the log that is new. */
    @Test
    void aLogThatIsClosedMeanwhileIsNoLogWithoutTheTimestamp() {
        HeldPool cold = new HeldPool("headrace-cold");
        try (TestEngine engine = new TestEngine(folder, context -> context, cold)) {
            PartitionLog log = logOf(engine, "memory", 1000, 5000);
            cold.hold();
            CompletableFuture<TimestampedOffset> first = log.offsetForTimestamp(1500);
            CompletableFuture<TimestampedOffset> highest = log.maxTimestamp();
            try {
                get(engine.engine.catalog().delete(List.of(log.topic().id())));
                await("closed", () -> log.read(0, 0) == Unavailable.CLOSED);
            } finally {
                cold.release();
            }
            assertClosed(first);
            assertClosed(highest);
        }
    }

    private static void assertClosed(CompletableFuture<?> lookup) {
        ExecutionException failure =
                assertThrows(ExecutionException.class, () -> lookup.get(20, TimeUnit.SECONDS));
        assertInstanceOf(LogClosedException.class, failure.getCause());
    }

    private static PartitionLog logOf(TestEngine engine, String mode, long... timestampsMs) {
        engine.create("t", 1, Map.of("headrace.storage.mode", mode, "retention.ms", "-1"));
        PartitionLog log = engine.log("t", 0);
        for (long timestampMs : timestampsMs) {
            append(log, batch(timestampMs, "v" + timestampMs));
        }
        return log;
    }

    private static void assertFound(PartitionLog log, long target, long offset, long timestampMs) {
        PartitionLog.TimestampedOffset found = get(log.offsetForTimestamp(target));
        assertEquals(offset, found.offset());
        assertEquals(timestampMs, found.timestampMs());
    }
}
