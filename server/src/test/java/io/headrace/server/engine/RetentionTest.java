package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.PartitionLog;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Retention by time, whatever the producers' clocks say. */
class RetentionTest {
    private static final long HOUR_MS = 3_600_000;
    private static final long NO_TIMESTAMP = -1;

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aRecordDatedInTheFutureGoesWhenItsTimeSinceTheAppendIsOver(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog log = log(engine, "t", mode, 1000);
            append(log, batch(System.currentTimeMillis() + 1000 * HOUR_MS, "future"));
            append(log, batch("now"));
            await("retention", () -> log.logStartOffset() == 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aRecordWithoutTimestampIsKeptAsLongAsAnyOther(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog undated = log(engine, "undated", mode, HOUR_MS);
            append(undated, batch(NO_TIMESTAMP, "undated"));
            PartitionLog old = log(engine, "old", mode, HOUR_MS);
            for (int pass = 1; pass <= 3; pass++) {
                append(old, batch(System.currentTimeMillis() - 2 * HOUR_MS, "old"));
                int end = pass;
                await("a pass of retention", () -> old.logStartOffset() == end);
            }
            assertEquals(0, undated.logStartOffset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aRecordDatedInThePastGoesByItsDate(String mode) {
        try (TestEngine engine = engine()) {
            PartitionLog log = log(engine, "t", mode, HOUR_MS);
            append(log, batch(System.currentTimeMillis() - 2 * HOUR_MS, "old"));
            await("retention", () -> log.logStartOffset() == 1);
        }
    }

    private TestEngine engine() {
        return new TestEngine(folder, context -> context.retentionCheckIntervalMs(50));
    }

    private static PartitionLog log(
            TestEngine engine, String topic, String mode, long retentionMs) {
        engine.create(
                topic,
                1,
                Map.of("headrace.storage.mode", mode, "retention.ms", String.valueOf(retentionMs)));
        return engine.log(topic, 0);
    }
}
