package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.testing.LeakCheck;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What a topic costs that keeps a year among topics that keep an hour. */
class WriteAmplificationTest {
    private static final long HOUR_MS = 3_600_000;
    private static final int HOURS = 24;
    private static final int SHORT_LIVED = 20;
    private static final int ROUNDS_PER_HOUR = 5;

    private static final long BOOTED_MS = 1_700_000_000_000L;

    @TempDir Path folder;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    private final AtomicLong nowMs = new AtomicLong(BOOTED_MS);

    @Test
    void aTopicThatKeepsAYearCostsItsOwnBytes() {
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .retentionCheckIntervalMs(20)
                                        .clockMs(nowMs::get)
                                        .uptimeMs(() -> nowMs.get() - BOOTED_MS))) {
            engine.create("year", 1, Map.of("retention.ms", String.valueOf(365 * 24 * HOUR_MS)));
            for (int i = 0; i < SHORT_LIVED; i++) {
                engine.create("hour-" + i, 1, Map.of("retention.ms", String.valueOf(HOUR_MS)));
            }
            long yearBytes = 0;
            for (int hour = 0; hour < HOURS; hour++) {
                yearBytes += liveAnHour(engine);
            }
            PartitionLog year = engine.log("year", 0);
            assertEquals(HOURS * ROUNDS_PER_HOUR, readAll(year, 0).size());
            // Moved once, merged about once, and footers; the journal's index entries are in it.
            long written =
                    engine.metric("headrace_sealing_written_bytes_total")
                            + engine.metric("headrace_sealing_index_bytes_total");
            assertTrue(written > yearBytes / 2, "written " + written);
            assertTrue(written < 5 * yearBytes, "written " + written + " of " + yearBytes);
            long appended = engine.metric("headrace_journal_appended_bytes_total");
            assertTrue(appended > 500 * yearBytes, "appended " + appended + " of " + yearBytes);
            assertTrue(engine.metric("headrace_segment_disk_bytes") < 2 * yearBytes);
            await(
                    "the others' bytes are gone",
                    () -> engine.metric("headrace_journal_disk_bytes") < 8 << 20);
        }
    }

    /** Appends, lets an hour pass, and waits until what is an hour old is gone. */
    private long liveAnHour(TestEngine engine) {
        String filling = "x".repeat(60_000);
        long yearBytes = 0;
        for (int round = 0; round < ROUNDS_PER_HOUR; round++) {
            for (int i = 0; i < SHORT_LIVED; i++) {
                append(engine.log("hour-" + i, 0), batch(nowMs.get(), filling));
            }
            var batch = batch(nowMs.get(), "y".repeat(1000));
            append(engine.log("year", 0), batch);
            yearBytes += batch.remaining();
        }
        nowMs.addAndGet(HOUR_MS + 1000);
        for (int i = 0; i < SHORT_LIVED; i++) {
            PartitionLog log = engine.log("hour-" + i, 0);
            await("retention", () -> log.logStartOffset() == log.logEndOffset());
        }
        await("sealed", () -> engine.metric("headrace_journal_disk_bytes") < 8 << 20);
        return yearBytes;
    }
}
