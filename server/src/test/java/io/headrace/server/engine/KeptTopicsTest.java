package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.RecordsKeptException;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.apache.kafka.common.record.internal.CompressionType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A topic comes to keep all its records while somebody is about to take some away: what can be read
 * once that is answered can be read for good. Whoever takes records away is held at the last point
 * before it takes effect.
 */
final class KeptTopicsTest {
    private static final String TOPIC = "pairs.v1";
    private static final int RECORDS = 40;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir Path folder;

    private final TreeMap<Long, KeyedRecord> appended = new TreeMap<>();

    private static EngineContext settings(EngineContext context, Consumer<String> watcher) {
        return context.journalCount(1)
                .retentionCheckIntervalMs(20)
                .metadataStoreFactory(
                        path -> WatchedStore.of(RocksMetadataStore.open(path), watcher));
    }

    private TestEngine engine(Consumer<String> storeWatcher) {
        return new TestEngine(folder, context -> settings(context, storeWatcher));
    }

    private static Consumer<String> at(String call, Gate gate) {
        return called -> {
            if (called.equals(call)) {
                gate.pass();
            }
        };
    }

    /** Batches of two records, of which one is superseded by the next batch. */
    private void fill(TestEngine engine) {
        for (int i = 0; i < RECORDS / 2; i++) {
            appendBatch(engine, new KeyedRecord("k", "v" + i), new KeyedRecord("own" + i, "v"));
        }
    }

    private void appendBatch(TestEngine engine, KeyedRecord... records) {
        long now = System.currentTimeMillis() - 1000;
        long offset =
                append(engine.log(TOPIC, 0), KeyedRecord.batch(CompressionType.NONE, now, records));
        for (KeyedRecord record : records) {
            appended.put(offset++, record);
        }
    }

    private static CompletableFuture<CatalogResult> alter(
            TestEngine engine, Map<String, @Nullable String> configs) {
        Topic topic = engine.engine.catalog().find(TOPIC);
        assertNotNull(topic);
        return engine.engine.catalog().alterConfigs(topic.id(), configs, false);
    }

    /** With what is set otherwise taken back. */
    private static Map<String, @Nullable String> published(String... unset) {
        Map<String, @Nullable String> configs = new HashMap<>();
        configs.put("headrace.version.of", "pairs");
        configs.put("headrace.version.name", "v1");
        for (String key : unset) {
            configs.put(key, null);
        }
        return configs;
    }

    private static void assertDone(CatalogResult result) {
        assertNull(result.error(), result::toString);
    }

    /** All that is compacted or trimmed now is through: another topic has had its turn. */
    private static void awaitAnotherTopicsTurn(TestEngine engine) {
        engine.create("trimmed", 1, Map.of("retention.bytes", "0"));
        engine.create(
                "compacted", 1, Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1"));
        long now = System.currentTimeMillis() - 1000;
        for (String topic : List.of("trimmed", "compacted")) {
            for (String value : List.of("old", "new", "last")) {
                append(
                        engine.log(topic, 0),
                        KeyedRecord.batch(CompressionType.NONE, now, new KeyedRecord("k", value)));
            }
        }
        await("trimmed", () -> engine.log("trimmed", 0).logStartOffset() == 3);
        await("compacted", () -> KeyedRecord.readAll(engine.log("compacted", 0), 0).size() == 2);
    }

    private static TreeMap<Long, KeyedRecord> readAll(TestEngine engine) {
        PartitionLog log = engine.log(TOPIC, 0);
        assertEquals(0, log.logStartOffset());
        return KeyedRecord.readAll(log, 0);
    }

    private void assertStays(TreeMap<Long, KeyedRecord> expected) {
        try (TestEngine engine = engine(called -> {})) {
            assertEquals(expected, readAll(engine));
        }
    }

    /**
     * @param isInSteps whether the topic is compacted no more before it is published
     */
    @ParameterizedTest
    @CsvSource({"0, false", "1, false", "1, true"})
    void whatAPassOfCompactionHadDecidedIsDropped(int piecesBefore, boolean isInSteps) {
        Gate gate = new Gate(piecesBefore);
        Consumer<String> finished =
                method -> {
                    boolean isSealer =
                            Thread.currentThread().getName().startsWith("headrace-sealer");
                    if (isSealer && method.equals("forceDirectory")) {
                        gate.pass();
                    }
                };
        TreeMap<Long, KeyedRecord> found;
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> settings(context, called -> {}).compactionPassBytes(1 << 11),
                        WatchedFiles.of(finished))) {
            engine.create(TOPIC, 1, Map.of("cleanup.policy", "compact"));
            fill(engine);
            assertDone(get(alter(engine, Map.of("max.compaction.lag.ms", "1"))));
            gate.awaitReached();
            if (isInSteps) {
                Map<String, String> kept = new HashMap<>();
                kept.put("cleanup.policy", null);
                kept.put("max.compaction.lag.ms", null);
                assertDone(get(alter(engine, kept)));
                assertDone(get(alter(engine, published())));
            } else {
                assertDone(
                        get(alter(engine, published("cleanup.policy", "max.compaction.lag.ms"))));
            }
            found = readAll(engine);
            gate.open();
            awaitAnotherTopicsTurn(engine);
            assertEquals(found, readAll(engine));
        }
        if (piecesBefore == 0) {
            assertEquals(appended, found);
        } else {
            assertTrue(found.size() < RECORDS, found::toString);
        }
        assertStays(found);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatRetentionHadDecidedIsDropped(boolean isPublished) {
        Gate gate = new Gate(0);
        try (TestEngine engine = engine(at("headrace-maintenance cursor(i) seek", gate))) {
            engine.create(TOPIC, 1, Map.of("retention.bytes", "0"));
            fill(engine);
            gate.awaitReached();
            assertDone(
                    get(
                            alter(
                                    engine,
                                    isPublished
                                            ? published("retention.bytes")
                                            : Map.of(
                                                    "retention.bytes", "-1",
                                                    "retention.ms", "-1"))));
            gate.open();
            awaitAnotherTopicsTurn(engine);
            assertEquals(appended, readAll(engine));
        }
        assertStays(appended);
    }

    private static void assertKept(CompletableFuture<Long> deletion) {
        ExecutionException refused = assertThrows(ExecutionException.class, deletion::get);
        assertInstanceOf(RecordsKeptException.class, refused.getCause());
    }

    @Test
    void whatIsDeletedWhileATopicIsPublishedIsRefused() {
        Gate gate = new Gate(0);
        AtomicBoolean isArmed = new AtomicBoolean();
        Consumer<String> committing =
                called -> {
                    if (isArmed.get() && called.equals("headrace-catalog write")) {
                        gate.pass();
                    }
                };
        try (TestEngine engine = engine(committing)) {
            engine.create(TOPIC, 1, Map.of());
            fill(engine);
            isArmed.set(true);
            CompletableFuture<CatalogResult> published = alter(engine, published());
            gate.awaitReached();
            assertKept(engine.log(TOPIC, 0).deleteRecords(10));
            gate.open();
            assertDone(get(published));
            assertKept(engine.log(TOPIC, 0).deleteRecords(10));
            assertEquals(appended, readAll(engine));
        }
        assertStays(appended);
    }

    @Test
    void whatWasDeletedBeforeIsGoneOnceATopicIsPublished() {
        Gate gate = new Gate(0);
        AtomicBoolean isArmed = new AtomicBoolean();
        Consumer<String> projecting =
                called -> {
                    if (isArmed.get() && called.equals("headrace-projector write")) {
                        gate.pass();
                    }
                };
        try (TestEngine engine = engine(projecting)) {
            engine.create(TOPIC, 1, Map.of());
            fill(engine);
            PartitionLog log = engine.log(TOPIC, 0);
            await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
            isArmed.set(true);
            CompletableFuture<Long> deleted = log.deleteRecords(10);
            gate.awaitReached();
            List<Long> starts = new ArrayList<>();
            CompletableFuture<CatalogResult> published =
                    alter(engine, published())
                            .whenComplete((done, failure) -> starts.add(log.logStartOffset()));
            await("kept", () -> log.deleteRecords(10).isCompletedExceptionally());
            await("waiting for the index, or done", KeptTopicsTest::isCatalogWaiting);
            gate.open();
            assertEquals(10, get(deleted));
            assertDone(get(published));
            assertEquals(List.of(10L), starts);
        }
    }

    private static boolean isCatalogWaiting() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("headrace-catalog"))
                .allMatch(thread -> thread.getState() == Thread.State.TIMED_WAITING);
    }
}
