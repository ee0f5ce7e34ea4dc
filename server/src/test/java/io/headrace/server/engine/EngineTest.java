package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EngineTest {
    private static final Map<String, String> MEMORY = Map.of("headrace.storage.mode", "memory");

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void whatIsAppendedIsRead(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 2, Map.of("headrace.storage.mode", mode));
            PartitionLog log = engine.log("t", 1);
            assertEquals(0, append(log, batch("a", "b")));
            assertEquals(2, append(log, batch("c")));
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
            assertEquals(List.of("1:b", "2:c"), readAll(log, 1));
            assertEquals(Unavailable.CAUGHT_UP, log.read(3, 100));
            assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(4, 100));
            assertEquals(0, engine.log("t", 0).logEndOffset());
            assertNull(engine.engine.partitionLog(log.topic(), 2));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aBatchWithAFlippedBitIsRefused(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of("headrace.storage.mode", mode));
            ByteBuffer batch = batch("a");
            batch.put(62, (byte) (batch.get(62) ^ 1));
            assertEquals(PartitionLog.CORRUPT_BATCH, engine.log("t", 0).append(batch));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"memory", "hybrid", "persistent"})
    void aBatchWhoseOffsetCountOverflowsIsRefused(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of("headrace.storage.mode", mode));
            ByteBuffer batch = batch("a");
            batch.putInt(23, Integer.MAX_VALUE).putInt(57, Integer.MIN_VALUE);
            batch.putInt(17, RecordBatch.computeCrc(batch, 0));
            assertEquals(PartitionLog.CORRUPT_BATCH, engine.log("t", 0).append(batch));
            assertEquals(0, engine.log("t", 0).logEndOffset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void aBatchLongerThanTheJournalTakesIsRefused(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode, "max.message.bytes", "100000000"));
            PartitionLog log = engine.log("t", 0);
            assertEquals(PartitionLog.BATCH_TOO_LARGE, log.append(batch("x".repeat(300 * 1024))));
            assertEquals(0, append(log, batch("y".repeat(200 * 1024))));
        }
    }

    @Test
    void journalsStayWhenFewerAreAskedFor() {
        try (TestEngine engine = new TestEngine(folder)) {
            for (String name : List.of("a", "b", "c", "d")) {
                engine.create(name, 1, Map.of());
                append(engine.log(name, 0), batch(name));
            }
        }
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            for (String name : List.of("a", "b", "c", "d")) {
                assertEquals(List.of("0:" + name), readAll(engine.log(name, 0), 0));
                append(engine.log(name, 0), batch("more"));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void anEmptyFolderOfTheMetadataStoreIsRestoredLikeAnAbsentOne(String mode) throws Exception {
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            engine.create("kept", 1, in(mode));
            append(engine.log("kept", 0), batch("a"));
            get(engine.log("kept", 0).deleteRecords(1));
            Topic gone = engine.create("gone", 1, in(mode));
            fill(engine.log("gone", 0), 6 << 20);
            get(engine.engine.catalog().delete(List.of(gone.id())));
            awaitJournalFiles(3);
        }
        deleteFolder(folder.resolve("rocksdb"));
        Files.createDirectory(folder.resolve("rocksdb"));
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            assertEquals(1, engine.log("kept", 0).logStartOffset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void whatIsOnDiskOutlivesARestart(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode));
            append(engine.log("t", 0), batch("a", "b"));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:a", "1:b"), readAll(log, 0));
            assertEquals(2, append(log, batch("c")));
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void theJournalAloneBringsEverythingBack(String mode) throws IOException {
        List<String> expected = new ArrayList<>();
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode, "retention.ms", "-1"));
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 5000; i++) {
                append(log, ofProducer(batch("value-" + i + "x".repeat(400)), 7, 0, i));
                expected.add(i + ":value-" + i + "x".repeat(400));
            }
        }
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(expected, readAll(log, 0));
            ByteBuffer sentAgain = ofProducer(batch("value-4999" + "x".repeat(400)), 7, 0, 4999);
            assertEquals(4999, append(log, sentAgain));
            assertEquals(5000, log.logEndOffset());
        }
    }

    @Test
    void theJournalOfManyTopicsIsReplayedInPieces() throws IOException {
        int count = 10_000;
        List<TopicSpec> specs =
                IntStream.range(0, count)
                        .mapToObj(i -> new TopicSpec("t" + i, 1, Map.of()))
                        .toList();
        try (TestEngine engine = new TestEngine(folder)) {
            TopicCatalog catalog = engine.engine.catalog();
            get(catalog.create(specs, false));
            get(catalog.delete(List.of(catalog.find("t1").id(), catalog.find("t9999").id())));
        }
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = new TestEngine(folder)) {
            TopicCatalog catalog = engine.engine.catalog();
            assertEquals(count - 2, catalog.topicCount());
            assertEquals(count - 2, catalog.list("", count).size());
            assertNull(catalog.find("t9999"));
            engine.create("t1", 1, Map.of());
            assertEquals(0, append(engine.log("t1", 0), batch("a")));
        }
    }

    /** Few rows are deleted one by one, many as a range. */
    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void deletedRecordsHaveNoRowsInTheIndex(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode, "flush.messages", String.valueOf(Long.MAX_VALUE)));
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 600; i++) {
                log.append(batch("v" + i));
            }
            TestEngine.awaitHighWatermark(log, 600);
            get(log.deleteRecords(100));
            get(log.deleteRecords(590));
            assertEquals(10, readAll(log, 590).size());
        }
        try (MetadataStore rows = RocksMetadataStore.open(folder.resolve("rocksdb"));
                MetadataStore.Cursor index = rows.cursor(new byte[] {'i'})) {
            int count = 0;
            for (boolean at = index.seek(new byte[] {'i'}); at; at = index.next()) {
                count++;
            }
            assertEquals(10, count);
        }
    }

    @Test
    void aMemoryTopicReusesNoOffsetAfterARestartAndAnnouncesTheLoss() {
        int epoch;
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, MEMORY);
            engine.create("untouched", 1, MEMORY);
            append(engine.log("t", 0), batch("a", "b"));
            epoch = engine.engine.leaderEpoch();
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertTrue(engine.engine.leaderEpoch() > epoch);
            assertEquals(2, log.logStartOffset());
            assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(1, 100));
            assertEquals(2, append(log, batch("c")));
            assertEquals(List.of("2:c"), readAll(log, 2));
            assertEquals(0, engine.log("untouched", 0).logEndOffset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void aProducersBatchSentAgainIsAppendedOnce(String mode) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode));
            PartitionLog log = engine.log("t", 0);
            assertEquals(0, append(log, ofProducer(batch("a", "b"), 9, 0, 0)));
            assertEquals(2, append(log, ofProducer(batch("c"), 9, 0, 2)));
            assertEquals(0, append(log, ofProducer(batch("a", "b"), 9, 0, 0)));
            assertEquals(
                    PartitionLog.OUT_OF_ORDER_SEQUENCE,
                    log.append(ofProducer(batch("e"), 9, 0, 4)));
            assertEquals(3, append(log, ofProducer(batch("d"), 9, 1, 0)));
            assertEquals(
                    PartitionLog.INVALID_PRODUCER_EPOCH,
                    log.append(ofProducer(batch("x"), 9, 0, 3)));
            assertEquals(List.of("0:a", "1:b", "2:c", "3:d"), readAll(log, 0));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(3, append(log, ofProducer(batch("d"), 9, 1, 0)));
            assertEquals(4, log.logEndOffset());
        }
    }

    @Test
    void deletedRecordsStayDeletedAndTheirSpaceComesBack() throws Exception {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            fill(log, 6 << 20);
            long cycles = journalFiles();
            assertTrue(cycles >= 5, "cycles=" + cycles);
            long end = log.highWatermark();
            assertEquals(end, get(log.deleteRecords(-1)));
            awaitJournalFiles(3);
            append(log, batch("last"));
            assertEquals(List.of(end + ":last"), readAll(log, end));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(log.logEndOffset() - 1, log.logStartOffset());
            assertEquals(1, readAll(log, log.logStartOffset()).size());
        }
    }

    @Test
    void aDeletedTopicsSpaceComesBackAndItsNameIsFree() throws Exception {
        try (TestEngine engine = new TestEngine(folder)) {
            Topic first = engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            fill(log, 6 << 20);
            assertNull(get(engine.engine.catalog().delete(List.of(first.id()))).get(0).error());
            assertEquals(PartitionLog.CLOSED, log.append(batch("late")));
            assertEquals(Unavailable.CLOSED, log.read(0, 100));
            assertNull(engine.engine.catalog().find("t"));
            Topic second = engine.create("t", 1, Map.of());
            assertTrue(second.id() > first.id());
            assertEquals(0, engine.log("t", 0).logEndOffset());
            awaitJournalFiles(3);
        }
    }

    /** Two topics go at once; what is appended to the second before its turn must go with it. */
    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void whatIsAppendedToATopicWhileItGoesLeavesNoTrace(String mode) throws Exception {
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            Topic first = engine.create("first", 1, in(mode));
            Topic second = engine.create("second", 1, in(mode));
            fill(engine.log("first", 0), 6 << 20);
            PartitionLog log = engine.log("second", 0);
            append(log, batch("a"));
            CountDownLatch appended = new CountDownLatch(1);
            engine.engine.catalog().listen(change -> awaitBetween(change, first, appended));
            CompletableFuture<?> deleted =
                    engine.engine.catalog().delete(List.of(first.id(), second.id()));
            awaitJournalFiles(3);
            assertEquals(1, append(log, batch("late")));
            appended.countDown();
            get(deleted);
            Topic last = engine.create("last", 1, in(mode));
            fill(engine.log("last", 0), 6 << 20);
            get(engine.engine.catalog().delete(List.of(last.id())));
            awaitJournalFiles(1);
        }
    }

    /** Holds the catalog's thread after one topic's logs were closed. */
    private static void awaitBetween(CatalogChange change, Topic topic, CountDownLatch latch) {
        if (change.topic().id() == topic.id()) {
            try {
                assertTrue(latch.await(20, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void aCheckpointBringsBackWhatDeletedCyclesSaid(String mode) throws Exception {
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            engine.create("kept", 1, in(mode));
            append(engine.log("kept", 0), batch("a"));
            get(engine.log("kept", 0).deleteRecords(1));
            Topic gone = engine.create("gone", 1, in(mode));
            fill(engine.log("gone", 0), 6 << 20);
            get(engine.engine.catalog().delete(List.of(gone.id())));
            awaitJournalFiles(3);
        }
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            assertNotNull(engine.engine.catalog().find("kept"));
            assertEquals(1, engine.log("kept", 0).logStartOffset());
            assertEquals(1, append(engine.log("kept", 0), batch("b")));
            assertNull(engine.engine.catalog().find("gone"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void retentionDropsWhatIsTooOldAndWhatIsTooMuch(String mode) throws Exception {
        try (TestEngine engine =
                new TestEngine(folder, context -> context.retentionCheckIntervalMs(50))) {
            engine.create("old", 1, in(mode, "retention.ms", "60000"));
            engine.create("big", 1, in(mode, "retention.bytes", "3000", "retention.ms", "-1"));
            PartitionLog old = engine.log("old", 0);
            append(old, batch(System.currentTimeMillis() - 3_600_000, "a"));
            append(old, batch(System.currentTimeMillis(), "b"));
            PartitionLog big = engine.log("big", 0);
            for (int i = 0; i < 10; i++) {
                append(big, batch("x".repeat(900)));
            }
            await("old", () -> old.logStartOffset() == 1);
            await("big", () -> big.logStartOffset() >= 6);
            assertEquals(List.of("1:b"), readAll(old, 1));
            assertTrue(big.logStartOffset() <= 8, "start=" + big.logStartOffset());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void aLogThatIsLetGoOfComesBackWhole(String mode) {
        int appendedCount = 0;
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.partitionIdleMs(0).retentionCheckIntervalMs(1))) {
            // Left to the operating system, so that the projection lags behind the appends.
            engine.create("t", 1, in(mode, "flush.messages", String.valueOf(Long.MAX_VALUE)));
            PartitionLog first = engine.log("t", 0);
            long deadline = System.nanoTime() + 3_000_000_000L;
            for (int i = 0; System.nanoTime() < deadline; i++) {
                long appended = engine.log("t", 0).append(ofProducer(batch("v"), 5, 0, i));
                while (appended == PartitionLog.CLOSED) {
                    appended = engine.log("t", 0).append(ofProducer(batch("v"), 5, 0, i));
                }
                assertEquals(i, appended);
                appendedCount++;
                java.util.concurrent.locks.LockSupport.parkNanos(1_500_000);
            }
            await("deactivation", () -> engine.log("t", 0) != first);
        }
        try (TestEngine engine = new TestEngine(folder)) {
            assertEquals(appendedCount, readAll(engine.log("t", 0), 0).size());
        }
    }

    /** Each by one of the things that a client does with a log it has at hand. */
    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void aLogInUseIsNotLetGoOf(String mode) {
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.partitionIdleMs(3000).retentionCheckIntervalMs(50))) {
            engine.create("t", 4, in(mode));
            PartitionLog appended = engine.log("t", 0);
            PartitionLog read = engine.log("t", 1);
            PartitionLog waitedFor = engine.log("t", 2);
            append(appended, batch("v"));
            append(read, batch("v"));
            PartitionLog unused = engine.log("t", 3);
            Runnable wake = () -> {};
            await(
                    "deactivation",
                    () -> {
                        appended.append(batch("v"));
                        read.read(0, 100).close();
                        waitedFor.onHighWatermark(1, wake);
                        waitedFor.cancel(wake);
                        return engine.metric("headrace_active_partitions") < 4;
                    });
            assertSame(appended, engine.log("t", 0));
            assertSame(read, engine.log("t", 1));
            assertSame(waitedFor, engine.log("t", 2));
        }
    }

    /** At the server's own pace, the rounds would take twice the time that is allowed. */
    @Test
    void whatATopicSaysAboutFlushingIsHeeded() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of("flush.messages", "1000000", "flush.ms", "10"));
            PartitionLog log = engine.log("t", 0);
            long deadline = System.nanoTime() + 20_000_000_000L;
            for (int round = 0; round < 40; round++) {
                append(log, batch("v"));
                await("sync", () -> engine.metric("headrace_journal_unsynced_bytes") == 0);
                assertTrue(System.nanoTime() < deadline, "round=" + round);
            }
        }
    }

    @Test
    void offsetsAreFoundByTimestamp() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("p", 1, Map.of("retention.ms", "-1"));
            engine.create("m", 1, MEMORY);
            engine.create("h", 1, in("hybrid", "retention.ms", "-1"));
            for (String topic : List.of("p", "m", "h")) {
                PartitionLog log = engine.log(topic, 0);
                IntStream.range(0, 100).forEach(i -> append(log, batch(1000 + 10 * i, "v" + i)));
                assertEquals(50, get(log.offsetForTimestamp(1500)).offset());
                assertEquals(51, get(log.offsetForTimestamp(1501)).offset());
                assertEquals(0, get(log.offsetForTimestamp(0)).offset());
                assertNull(get(log.offsetForTimestamp(5000)));
                assertEquals(99, get(log.maxTimestamp()).offset());
                assertEquals(1990, get(log.maxTimestamp()).timestampMs());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void epochsEndWhereTheNextBegan(String mode) {
        int first;
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(mode));
            append(engine.log("t", 0), batch("a", "b"));
            first = engine.engine.leaderEpoch();
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            append(log, batch("c"));
            assertEquals(2, log.endOffsetForEpoch(first).endOffset());
            assertEquals(3, log.endOffsetForEpoch(first + 1).endOffset());
            assertNull(log.endOffsetForEpoch(first + 2));
        }
    }

    @Test
    void aSecondEngineOnTheSameFolderIsRefused() {
        try (TestEngine engine = new TestEngine(folder)) {
            EngineException refused =
                    assertThrows(EngineException.class, () -> new TestEngine(folder));
            assertTrue(refused.getMessage().contains(folder.toString()), refused.getMessage());
            assertEquals(0, engine.engine.catalog().topicCount());
        }
    }

    @Test
    void badTopicsAreRefusedByNameAndValue() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, Map.of());
            assertRefused(engine, "t", 1, Map.of(), TopicCatalog.Error.EXISTS, "t");
            assertRefused(engine, "a b", 1, Map.of(), TopicCatalog.Error.INVALID_NAME, "a b");
            assertRefused(engine, "..", 1, Map.of(), TopicCatalog.Error.INVALID_NAME, "..");
            assertRefused(engine, "u", 0, Map.of(), TopicCatalog.Error.INVALID_PARTITIONS, "0");
            assertRefused(
                    engine,
                    "u",
                    1,
                    Map.of("headrace.storage.mode", "tape"),
                    TopicCatalog.Error.INVALID_CONFIG,
                    "tape");
            assertRefused(
                    engine,
                    "u",
                    1,
                    Map.of("retention.ms", "soon"),
                    TopicCatalog.Error.INVALID_CONFIG,
                    "soon");
            assertNull(engine.engine.catalog().find("u"));
        }
    }

    private static void assertRefused(
            TestEngine engine,
            String name,
            int partitions,
            Map<String, String> configs,
            TopicCatalog.Error error,
            String named) {
        var result =
                get(engine.engine
                                .catalog()
                                .create(List.of(new TopicSpec(name, partitions, configs)), false))
                        .get(0);
        assertEquals(error, result.error());
        assertTrue(result.message().contains(named), result.message());
    }

    @Test
    void theModeOfAnEmptyTopicCanBeSet() {
        try (TestEngine engine = new TestEngine(folder)) {
            Topic topic = engine.create("t", 1, Map.of());
            engine.log("t", 0);
            assertNull(
                    get(engine.engine.catalog().alterConfigs(topic.id(), MEMORY, false)).error());
            append(engine.log("t", 0), batch("a"));
        }
    }

    private static Map<String, String> in(String mode, String... more) {
        Map<String, String> configs = new HashMap<>(Map.of("headrace.storage.mode", mode));
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return configs;
    }

    private static void fill(PartitionLog log, long bytes) {
        ByteBuffer batch = batch("x".repeat(60_000));
        long offset = 0;
        for (long sent = 0; sent < bytes; sent += batch.remaining()) {
            offset = log.append(batch);
        }
        TestEngine.awaitHighWatermark(log, offset + 1);
    }

    private void awaitJournalFiles(int atMost) throws Exception {
        await("journal files", () -> journalFiles() <= atMost);
    }

    private long journalFiles() {
        try (Stream<Path> files = Files.walk(folder.resolve("journal"))) {
            return files.filter(
                            file ->
                                    file.toString().contains("data-")
                                            && file.toString().endsWith(".cq4"))
                    .count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
