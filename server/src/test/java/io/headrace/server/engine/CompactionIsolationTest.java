package io.headrace.server.engine;

import static io.headrace.server.engine.KeyedRecord.readAll;
import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What goes wrong with one partition is no other's concern. */
class CompactionIsolationTest {
    private static final long DAY_MS = 24 * 3_600_000L;
    private static final String BAD = "bad";
    private static final List<String> TOPICS = List.of(BAD, "first", "second");

    @TempDir Path folder;
    @TempDir Path afterCut;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    private final long beganMs = System.currentTimeMillis();
    private final AtomicLong elapsedMs = new AtomicLong();
    private final ThrowingFilter filter = new ThrowingFilter(BAD);

    private TestEngine engine() {
        return engine(folder, "boot", 16 << 20);
    }

    private TestEngine engine(Path at, String bootId, long memoryBytes) {
        return new TestEngine(at, context -> settings(context, bootId, memoryBytes));
    }

    private EngineContext settings(EngineContext context, String bootId, long memoryBytes) {
        return context.journalCount(1)
                .retentionCheckIntervalMs(20)
                .recordFilter(filter)
                .compactionMemoryBytes(memoryBytes)
                .bootId(bootId)
                .uptimeMs(() -> nowMs() - beganMs + 1_000_000)
                .clockMs(this::nowMs);
    }

    private long nowMs() {
        return System.currentTimeMillis() + elapsedMs.get();
    }

    /** Nothing is due before a day has passed: then everything is, in one pass. */
    private static Map<String, String> compactedDaily() {
        String day = Long.toString(DAY_MS);
        return Map.of(
                "cleanup.policy",
                "compact",
                "min.compaction.lag.ms",
                day,
                "max.compaction.lag.ms",
                day);
    }

    private void appendOne(PartitionLog log, String value) {
        KeyedRecord record = new KeyedRecord(log.topic().name(), value);
        assertTrue(append(log, KeyedRecord.batch(CompressionType.NONE, nowMs(), record)) >= 0);
    }

    private void fill(TestEngine engine) {
        for (String topic : TOPICS) {
            engine.create(topic, 1, compactedDaily());
            appendOne(engine.log(topic, 0), "superseded");
            appendOne(engine.log(topic, 0), "newest");
            appendOne(engine.log(topic, 0), "last");
        }
        // What comes to the index behind a pass is compacted by one more.
        await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
    }

    private static void awaitCompacted(TestEngine engine, String topic) {
        await(topic + " is compacted", () -> readAll(engine.log(topic, 0), 0).firstKey() == 1);
    }

    @ParameterizedTest
    @EnumSource(ThrowingFilter.Call.class)
    void onePartitionThatThrowsIsSetAsideAndTheOthersOfItsPassAreCompacted(
            ThrowingFilter.Call call) {
        try (TestEngine engine = engine()) {
            fill(engine);
            filter.throwIn(call, () -> new IllegalStateException("planted"));
            elapsedMs.addAndGet(DAY_MS + 60_000);
            awaitCompacted(engine, "first");
            awaitCompacted(engine, "second");
            assertEquals(1, engine.metric("headrace_compaction_damaged_partitions_total"));
            assertEquals(2, engine.metric("headrace_compaction_partitions_total"));
            assertEquals(3, readAll(engine.log(BAD, 0), 0).size());
            assertEquals(1, filter.thrown(), "tried again");
        }
    }

    @Test
    void onePartitionThatFailsInPassingIsTriedAgainAndTheOthersAreCompactedMeanwhile() {
        try (TestEngine engine = engine()) {
            fill(engine);
            filter.throwIn(ThrowingFilter.Call.FOR_EACH, () -> new EngineException("planted"));
            elapsedMs.addAndGet(DAY_MS + 60_000);
            awaitCompacted(engine, "first");
            awaitCompacted(engine, "second");
            await("tried again", () -> filter.thrown() >= 2);
            filter.throwNoMore();
            awaitCompacted(engine, BAD);
            assertEquals(0, engine.metric("headrace_compaction_damaged_partitions_total"));
        }
    }

    /** What is counted as removed is. */
    @Test
    void recordsCountAsRemovedOnceTheJournalSaysSo() {
        try (TestEngine engine = engine()) {
            fill(engine);
            filter.throwIn(ThrowingFilter.Call.FILTER, () -> new EngineException("planted"));
            elapsedMs.addAndGet(DAY_MS + 60_000);
            awaitCompacted(engine, "first");
            awaitCompacted(engine, "second");
            await("tried again", () -> filter.thrown() >= 3);
            assertEquals(2, engine.metric("headrace_compaction_removed_records_total"));
        }
    }

    /** As a restore, a repair or a crash leaves them: no key is in a gap, and none needs memory. */
    @Test
    void aGapInTheOffsetsNeedsNoMemory() throws IOException {
        Map<String, String> configs =
                Map.of(
                        "cleanup.policy",
                        "compact",
                        "max.compaction.lag.ms",
                        Long.toString(DAY_MS),
                        "flush.messages",
                        Long.toString(Long.MAX_VALUE));
        try (TestEngine engine = engine()) {
            engine.create("gap", 1, configs);
            appendOne(engine.log("gap", 0), "superseded");
            get(engine.log("gap", 0).maxTimestamp()); // answered when it is synced
            copy(folder.resolve("journal"), Files.createDirectories(afterCut.resolve("journal")));
        }
        try (TestEngine engine = engine(afterCut, "another boot", 16 << 20)) {
            appendOne(engine.log("gap", 0), "newest");
            appendOne(engine.log("gap", 0), "last");
            long offset = engine.log("gap", 0).highWatermark() - 2;
            assertTrue(offset > 1 << 15, "no gap: " + offset);
            List<Slab> others = holdAllBut4MiB(engine);
            try {
                elapsedMs.addAndGet(DAY_MS + 60_000);
                await(
                        "compacted",
                        () -> engine.metric("headrace_compaction_partitions_total") == 1);
            } finally {
                others.forEach(Slab::release);
            }
            await("applied", () -> readAll(engine.log("gap", 0), 0).firstKey() == offset);
        }
    }

    /** Fewer keys at a time, and more passes. */
    @Test
    void whereMemoryIsShortItTakesWhatThereIs() {
        int keys = 100_000; // 3.2 MB
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compactedDaily());
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 2 * keys; i += 10_000) {
                appendKeys(log, i % keys, 10_000);
            }
            appendOne(log, "last");
            List<Slab> others = holdAllBut4MiB(engine);
            try {
                elapsedMs.addAndGet(DAY_MS + 60_000);
                await(
                        "compacted",
                        () -> engine.metric("headrace_compaction_removed_records_total") == keys);
                assertTrue(engine.metric("headrace_compaction_partitions_total") > 1);
            } finally {
                others.forEach(Slab::release);
            }
            await("applied", () -> readAll(log, 0).size() == keys + 1);
        }
    }

    /** A pass has all the memory that it writes with before it reads anything. */
    @Test
    void memoryThatGoesMeanwhileTakesNoPassWithIt() {
        List<Slab> others = Collections.synchronizedList(new ArrayList<>());
        try (TestEngine engine = engine()) {
            for (String topic : TOPICS) {
                engine.create(topic, 1, compactedDaily());
                KeyedRecord superseded = new KeyedRecord(topic, "superseded");
                KeyedRecord kept = new KeyedRecord("kept", "v");
                append(
                        engine.log(topic, 0),
                        KeyedRecord.batch(CompressionType.NONE, nowMs(), superseded, kept));
                appendOne(engine.log(topic, 0), "newest");
                appendOne(engine.log(topic, 0), "last");
            }
            await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
            filter.runIn(ThrowingFilter.Call.FILTER, () -> holdAll(engine, others));
            elapsedMs.addAndGet(DAY_MS + 60_000);
            try {
                await("all are compacted", () -> isCompacted(engine));
                assertEquals(0, engine.metric("headrace_compaction_failures_total"));
                assertTrue(engine.metric("headrace_compaction_written_bytes_total") > 0);
            } finally {
                others.forEach(Slab::release);
            }
        }
    }

    /** What it has noted may have been gigabytes to read, and memory is short for a moment. */
    @Test
    void whatIsUnfinishedIsGoneOnWithOnceThereIsMemoryForAPass() {
        int batches = 100;
        List<Slab> others = Collections.synchronizedList(new ArrayList<>());
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> settings(context, "boot", 16 << 20).compactionPassBytes(1))) {
            engine.create(BAD, 1, compactedDaily());
            for (int i = 0; i < batches; i++) {
                appendOne(engine.log(BAD, 0), "value " + i);
            }
            await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
            filter.runIn(ThrowingFilter.Call.FOR_EACH, () -> {});
            elapsedMs.addAndGet(DAY_MS + 60_000);
            try {
                await("begun", () -> filter.thrown() > 0);
                await(
                        "no memory",
                        () -> {
                            holdAll(engine, others);
                            return engine.metric("headrace_compaction_failures_total") > 0;
                        });
                assertTrue(filter.thrown() < batches - 1, "all were noted before");
            } finally {
                others.forEach(Slab::release);
            }
            await("compacted", () -> engine.metric("headrace_compaction_partitions_total") == 1);
            assertEquals(batches - 1, filter.thrown(), "noted again");
        }
    }

    private static boolean isCompacted(TestEngine engine) {
        return engine.metric("headrace_compaction_partitions_total") == TOPICS.size();
    }

    private static void holdAll(TestEngine engine, List<Slab> held) {
        for (Slab slab = next(engine); slab != null; slab = next(engine)) {
            held.add(slab);
        }
    }

    private static @Nullable Slab next(TestEngine engine) {
        return engine.memory.allocate(1 << 20, "others");
    }

    /** Takes memory, of the 32 MiB that others than logs may have. */
    private static List<Slab> holdAllBut4MiB(TestEngine engine) {
        List<Slab> held = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            held.add(Objects.requireNonNull(engine.memory.allocate(4 << 20, "others")));
        }
        return held;
    }

    private void appendKeys(PartitionLog log, int first, int count) {
        List<KeyedRecord> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            records.add(new KeyedRecord("key-" + (first + i), "v"));
        }
        assertTrue(append(log, KeyedRecord.batch(CompressionType.NONE, nowMs(), records)) >= 0);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(each -> !each.equals(from)).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }
}
