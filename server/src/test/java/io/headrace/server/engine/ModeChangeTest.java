package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.log.OnDisk;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The storage mode of a topic that is in use, changed from the next offset on. */
class ModeChangeTest {
    private static final String LATE = "60000";

    @TempDir Path folder;
    @TempDir Path crashed;

    private static Map<String, String> in(String mode, String... more) {
        Map<String, String> configs = new HashMap<>(Map.of(StorageMode.CONFIG, mode));
        configs.put("headrace.spill.ms", LATE);
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return configs;
    }

    private static void change(TestEngine engine, String mode) {
        CatalogResult result = tryChange(engine, mode);
        assertNull(result.error(), result.message());
    }

    private static CatalogResult tryChange(TestEngine engine, String mode) {
        return tryChange(engine, Map.of(StorageMode.CONFIG, mode));
    }

    private static CatalogResult tryChange(
            TestEngine engine, Map<String, @Nullable String> changed) {
        Topic topic = engine.engine.catalog().find("t");
        return get(engine.engine.catalog().alterConfigs(topic.id(), changed, false));
    }

    @ParameterizedTest
    @CsvSource({
        "memory, hybrid",
        "memory, persistent",
        "hybrid, memory",
        "hybrid, persistent",
        "persistent, memory",
        "persistent, hybrid"
    })
    void nothingIsLostAndTheNextOffsetIsInTheNewMode(String from, String to) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 2, in(from));
            PartitionLog before = engine.log("t", 0);
            append(before, ofProducer(batch("a", "b"), 9, 0, 0));
            append(before, ofProducer(batch("c"), 9, 0, 2));
            change(engine, to);
            assertEquals(PartitionLog.CLOSED, before.append(batch("late")));
            PartitionLog log = engine.log("t", 0);
            assertEquals(to, log.topic().storageMode().configValue());
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
            assertEquals(2, append(log, ofProducer(batch("c"), 9, 0, 2)), "sent again");
            assertEquals(3, append(log, ofProducer(batch("d"), 9, 0, 3)));
            assertEquals(List.of("0:a", "1:b", "2:c", "3:d"), readAll(log, 0));
            assertEquals(List.of("2:c", "3:d"), readAll(log, 2));
            assertEquals(0, engine.log("t", 1).logEndOffset());
            assertEquals(0, append(engine.log("t", 1), batch("first")));
        }
        boolean isKept = !to.equals("memory");
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            List<String> expected = new ArrayList<>(List.of("0:a", "1:b", "2:c"));
            if (isKept) {
                expected.add("3:d");
            }
            assertEquals(expected, readAll(log, 0));
            assertEquals(4, append(log, batch("e")));
            expected.add("4:e");
            assertEquals(expected, readAll(log, 0));
            change(engine, from);
            assertEquals(expected, readAll(engine.log("t", 0), 0));
            assertEquals(5, append(engine.log("t", 0), batch("f")));
        }
    }

    @ParameterizedTest
    @CsvSource({"persistent, memory", "hybrid, memory", "persistent, hybrid"})
    void aCrashAfterTheChangeTakesNothingFromBeforeIt(String from, String to) throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(from));
            append(engine.log("t", 0), batch("a", "b"));
            change(engine, to);
            assertEquals(2, append(engine.log("t", 0), batch("lost")));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:a", "1:b"), readAll(log, 0));
            assertEquals(2, log.highWatermark());
            assertEquals(new EpochEnd(1, 2), log.endOffsetForEpoch(1));
            long offset = append(log, batch("later"));
            assertTrue(offset > 2, "offset used again: " + offset);
            assertEquals(List.of("0:a", "1:b", offset + ":later"), readAll(log, 0));
            change(engine, "persistent");
            assertEquals(List.of("1:b", offset + ":later"), readAll(engine.log("t", 0), 1));
            assertEquals(offset + 1, append(engine.log("t", 0), batch("last")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void offsetsThatACrashLeftOpenAreSkippedInTheNewModeToo(String to) throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("memory"));
            append(engine.log("t", 0), batch("lost"));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = new TestEngine(crashed)) {
                change(engine, to);
                assertTrue(engine.log("t", 0).logEndOffset() > 0);
            }
            to = "memory";
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            assertTrue(append(engine.log("t", 0), batch("later")) > 0);
        }
    }

    /** What was acknowledged unsynced is told to the disk before the promise is a stronger one. */
    @Test
    void noOffsetIsUsedTwiceAfterATopicBecameSynced() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        String never = String.valueOf(Long.MAX_VALUE);
        try (TestEngine engine = new TestEngine(folder, on(disk, "first boot"))) {
            engine.create("t", 1, Map.of("flush.messages", never, "flush.ms", never));
            append(engine.log("t", 0), batch("a", "b"));
            Map<String, String> synced = Map.of("flush.messages", "1");
            assertNull(tryChange(engine, synced).error());
            assertEquals(2, engine.log("t", 0).highWatermark());
            disk.afterPowerCut(crashed, new Random(1));
        }
        FaultyDisk left = new FaultyDisk(crashed, 1);
        try (TestEngine engine = new TestEngine(crashed, on(left, "second boot"))) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(2, append(log, batch("c")));
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "persistent, persistent, true",
        "persistent, hybrid, false",
        "hybrid, persistent, false",
        "hybrid, hybrid, true"
    })
    void offsetsOfARingAreNotUsedTwiceAfterACleanStop(String from, String to, boolean inUse) {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in(from));
            append(engine.log("t", 0), batch("a", "b"));
            change(engine, "memory");
            append(engine.log("t", 0), batch("c", "d", "e"));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            if (inUse) {
                assertEquals(5, engine.log("t", 0).logEndOffset());
            }
            change(engine, to);
            assertEquals(5, append(engine.log("t", 0), batch("f")));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            assertEquals(6, append(engine.log("t", 0), batch("g")));
        }
    }

    /** The topic says nothing of its own, so that its promise changes with the server's default. */
    @Test
    void noOffsetIsUsedTwiceAfterTheServersDefaultBecameSynced() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine = new TestEngine(folder, unsynced(on(disk, "first boot")))) {
            engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            append(log, batch("a", "b"));
            await("reserve", () -> log.highWatermark() == 2);
            disk.afterPowerCut(crashed, new Random(1));
        }
        FaultyDisk left = new FaultyDisk(crashed, 1);
        try (TestEngine engine = new TestEngine(crashed, on(left, "second boot"))) {
            long offset = append(engine.log("t", 0), batch("c"));
            assertTrue(offset >= 2, "offset used again: " + offset);
        }
    }

    /**
     * Unsynced before and after; but as long as the topic says so itself, its first offsets are
     * reserved without an entry.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void noOffsetIsUsedTwiceAfterATopicLeftItsPromiseToTheServersDefault(boolean beforeTheCut)
            throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine = new TestEngine(folder, unsynced(on(disk, "first boot")))) {
            engine.create("t", 1, Map.of("flush.messages", "1000"));
            append(engine.log("t", 0), batch("a", "b"));
            if (beforeTheCut) {
                leavePromise(engine);
                append(engine.log("t", 0), batch("c"));
            }
            checkNoneUsedTwice(disk, engine.log("t", 0), !beforeTheCut);
        }
    }

    private static void leavePromise(TestEngine engine) {
        Map<String, @Nullable String> removed = new HashMap<>();
        removed.put("flush.messages", null);
        assertNull(tryChange(engine, removed).error());
    }

    /** The other way round: what an entry reserves stays so. */
    @Test
    void noOffsetIsUsedTwiceAfterATopicTookItsPromiseFromTheServersDefault() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine = new TestEngine(folder, unsynced(on(disk, "first boot")))) {
            engine.create("t", 1, Map.of());
            append(engine.log("t", 0), batch("a", "b"));
            assertNull(tryChange(engine, Map.of("flush.messages", "1000")).error());
            append(engine.log("t", 0), batch("c"));
            checkNoneUsedTwice(disk, engine.log("t", 0), false);
        }
    }

    /** Cuts the power when all is acknowledged, whatever that leaves of what was not synced. */
    private void checkNoneUsedTwice(FaultyDisk disk, PartitionLog log, boolean leavesPromise)
            throws IOException {
        long used = log.logEndOffset();
        await("acknowledged", () -> log.highWatermark() == used);
        for (int coin = 0; coin < 5; coin++) {
            Path cut = crashed.resolve("cut-" + coin);
            disk.afterPowerCut(cut, new Random(coin));
            FaultyDisk left = new FaultyDisk(cut, 1);
            try (TestEngine engine = new TestEngine(cut, unsynced(on(left, "second boot")))) {
                if (leavesPromise) {
                    leavePromise(engine);
                }
                long offset = append(engine.log("t", 0), batch("d"));
                assertTrue(offset >= used, "offset used again: " + offset);
            }
        }
    }

    /** An engine whose topics do not sync, unless they say otherwise. */
    private static UnaryOperator<EngineContext> unsynced(UnaryOperator<EngineContext> other) {
        String never = String.valueOf(Long.MAX_VALUE);
        TopicConfig defaults =
                TopicConfig.DEFAULTS.with(Map.of("flush.messages", never, "flush.ms", never));
        return context -> other.apply(context).topicDefaults(defaults);
    }

    @RepeatedTest(3)
    void aChangeThatIsRefusedBehindAnotherDoesNotEndThat() throws Exception {
        DirectoryObjectStore store = new DirectoryObjectStore("s", crashed);
        String uri = crashed.toUri().toString();
        try (TestEngine engine =
                new TestEngine(folder, context -> context.objectStore(uri, store))) {
            Topic first = engine.create("first", 1, in("memory"));
            Topic topic = engine.create("t", 1, in("memory"));
            append(engine.log("t", 0), batch("begin"));
            CountDownLatch queued = new CountDownLatch(1);
            engine.engine.catalog().listen(change -> awaitUninterruptibly(queued));
            TopicCatalog catalog = engine.engine.catalog();
            // Both wait for this one, so that they are of one group.
            var before = catalog.alterConfigs(first.id(), Map.of("retention.ms", "1000"), false);
            var persistent = catalog.alterConfigs(topic.id(), in("persistent"), false);
            var source =
                    catalog.alterConfigs(
                            topic.id(),
                            Map.of(StorageMode.CONFIG, "source", "headrace.source.uri", uri),
                            false);
            Map<Long, String> appended = new ConcurrentHashMap<>();
            AtomicBoolean done = new AtomicBoolean();
            CompletableFuture<Void> producer =
                    CompletableFuture.runAsync(() -> appendUntil(done, engine, appended));
            queued.countDown();
            get(before);
            assertNull(get(persistent).error());
            assertNotNull(get(source).error());
            done.set(true);
            get(producer);
            PartitionLog log = engine.log("t", 0);
            await("shown", () -> log.highWatermark() == log.logEndOffset());
            List<String> records = readAll(log, 0);
            appended.forEach(
                    (offset, value) ->
                            assertEquals(offset + ":" + value, records.get(offset.intValue())));
        }
    }

    private static void appendUntil(
            AtomicBoolean done, TestEngine engine, Map<Long, String> appended) {
        for (int i = 0; !done.get(); i++) {
            PartitionLog log = engine.engine.partitionLog(engine.engine.catalog().find("t"), 0);
            long offset = log == null ? PartitionLog.CLOSED : log.append(batch("v" + i));
            if (offset >= 0) {
                assertNull(appended.put(offset, "v" + i), "offset used twice");
            }
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            assertTrue(latch.await(20, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aBatchThatTheJournalCannotTakeRefusesTheChangeAndNothingElse() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("memory", "max.message.bytes", "4000000"));
            append(engine.log("t", 0), batch("x".repeat(600_000)));
            CatalogResult result = tryChange(engine, "hybrid");
            assertEquals(Error.REFUSED, result.error());
            assertTrue(result.message().contains("length=600"), result.message());
            assertEquals(1, append(engine.log("t", 0), batch("y")));
        }
    }

    /** It takes as long as the ring is: the stop does not wait for more than a piece. */
    @Test
    void aStopDoesNotWaitUntilARingIsMovedAndIsACleanOne() throws Exception {
        CountDownLatch moving = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Disk disk = holdingMoves(moving, goOn);
        TestEngine engine = new TestEngine(folder, context -> context.journalCount(1).disk(disk));
        Topic topic =
                engine.create(
                        "t", 1, in("memory", "headrace.memory.topic.budget.bytes", "50000000"));
        PartitionLog log = engine.log("t", 0);
        appendTimes(2000, log, batch("x".repeat(16_000)));
        engine.engine.catalog().alterConfigs(topic.id(), in("persistent"), false);
        awaitUninterruptibly(moving);
        Thread closing = new Thread(engine::close);
        closing.start();
        await("stopping", () -> isRefusingChanges(engine));
        goOn.countDown();
        closing.join(20_000);
        assertFalse(closing.isAlive());
        assertTrue(journalFiles() < 5, "all " + journalFiles() + " files");
        try (TestEngine again = new TestEngine(folder, context -> context.journalCount(1))) {
            PartitionLog same = again.log("t", 0);
            assertEquals(StorageMode.MEMORY, same.topic().storageMode());
            assertEquals(2000, append(same, batch("z")));
        }
    }

    /** The catalog's thread, which moves the ring, looks at it when it begins a journal file. */
    private static Disk holdingMoves(CountDownLatch moving, CountDownLatch goOn) {
        return HousekeepingTest.proxy(
                Disk.class,
                Disk.SYSTEM,
                (method, arguments) -> {
                    boolean isRolling = String.valueOf(arguments[0]).contains("data-1");
                    if (method.equals("usableBytes")
                            && isRolling
                            && HousekeepingTest.isOn("headrace-catalog")) {
                        moving.countDown();
                        goOn.await();
                    }
                });
    }

    private static boolean isRefusingChanges(TestEngine engine) {
        List<TopicSpec> more = List.of(new TopicSpec("more", 1, Map.of()));
        return engine.engine
                .catalog()
                .create(more, true)
                .handle((created, e) -> e != null && e.getMessage().contains("closed=true"))
                .getNow(false);
    }

    @Test
    void journalFilesGoAfterAChangeThatTheDiskHadNoRoomFor() {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.disk(disk)
                                        .journalCount(1)
                                        .diskReserveBytes(100 << 20)
                                        .retentionCheckIntervalMs(20))) {
            engine.create("t", 1, in("memory", "headrace.memory.topic.budget.bytes", "4194304"));
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 60; i++) {
                append(log, batch("x".repeat(60_000)));
            }
            disk.usableBytes(50L << 20);
            assertEquals(Error.OUT_OF_SPACE, tryChange(engine, "hybrid").error());
            disk.usableBytes(Long.MAX_VALUE);
            while (log.logStartOffset() < 3) {
                append(log, batch("x".repeat(60_000)));
            }
            LockSupport.parkNanos(1_000_000_000); // some turns of the housekeeping
            change(engine, "persistent");
            engine.create("u", 1, in("persistent"));
            for (String name : List.of("t", "u")) {
                long id = engine.engine.catalog().find(name).id();
                for (int i = 0; i < 30 && name.equals("u"); i++) {
                    append(engine.log("u", 0), batch("x".repeat(60_000)));
                }
                get(engine.engine.catalog().delete(List.of(id)));
            }
            await("one file", () -> journalFiles() == 1);
        }
    }

    /** Some of the ring is in the journal then, and overwritten in the ring later. */
    @Test
    void whatARingOverwritesStaysGoneAfterAChangeThatTheDiskHadNoRoomFor() {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        UnaryOperator<EngineContext> small =
                context ->
                        context.disk(disk)
                                .journalCount(1)
                                .diskReserveBytes(100 << 20)
                                .retentionCheckIntervalMs(20);
        long start;
        try (TestEngine engine = new TestEngine(folder, small)) {
            engine.create("t", 1, in("memory", "headrace.memory.topic.budget.bytes", "4194304"));
            PartitionLog log = engine.log("t", 0);
            appendTimes(60, log, batch("x".repeat(60_000)));
            disk.usableBytes(50L << 20);
            assertEquals(Error.OUT_OF_SPACE, tryChange(engine, "hybrid").error());
            disk.usableBytes(Long.MAX_VALUE);
            while (log.logStartOffset() < 3) {
                append(log, batch("x".repeat(60_000)));
            }
            start = log.logStartOffset();
        }
        try (TestEngine engine = new TestEngine(folder, small)) {
            assertTrue(engine.log("t", 0).logStartOffset() >= start);
        }
    }

    /** What a stop took of a ring is gone, however often the change is tried. */
    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void whereALogBeginsIsKnownAfterAChangeThatTheDiskHadNoRoomFor(String to) {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        UnaryOperator<EngineContext> small = context -> context.disk(disk).journalCount(1);
        try (TestEngine engine = new TestEngine(folder, small)) {
            engine.create("t", 1, in("memory"));
            append(engine.log("t", 0), batch("a", "b"));
        }
        try (TestEngine engine = new TestEngine(folder, small)) {
            append(engine.log("t", 0), batch("c"));
            engine.create("u", 1, in("persistent"));
            disk.usableBytes(0);
            fillJournal(engine.log("u", 0));
            assertEquals(Error.OUT_OF_SPACE, tryChange(engine, to).error());
            disk.usableBytes(Long.MAX_VALUE);
            change(engine, to);
            assertEquals(2, engine.log("t", 0).logStartOffset());
            assertEquals(List.of("2:c"), readAll(engine.log("t", 0), 2));
        }
        try (TestEngine engine = new TestEngine(folder, small)) {
            assertEquals(2, engine.log("t", 0).logStartOffset());
            assertEquals(List.of("2:c"), readAll(engine.log("t", 0), 2));
        }
    }

    /** With records of a topic, and then with marks, until not even one of these fits in. */
    private static void fillJournal(PartitionLog log) {
        for (int length = 60_000; length > 0; length /= 100) {
            while (log.append(batch("x".repeat(length))) >= 0) {
                // Until it is full.
            }
        }
        long end = log.logEndOffset();
        await("all acknowledged", () -> log.highWatermark() == end);
        CompletableFuture<Long> deleted = CompletableFuture.completedFuture(0L);
        for (long start = 1; !deleted.isCompletedExceptionally(); start++) {
            get(deleted);
            deleted = log.deleteRecords(start);
        }
    }

    /** Another producer's batch, and another start, do not make the loss forgotten. */
    @Test
    void aProducerThatLostBatchesIsTakenWheneverItComesBack() throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("hybrid"));
            append(engine.log("t", 0), ofProducer(batch("a"), 9, 0, 0));
            OnDisk.await(engine.log("t", 0));
            append(engine.log("t", 0), ofProducer(batch("lost"), 9, 0, 1));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            append(engine.log("t", 0), ofProducer(batch("other"), 10, 0, 0));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            PartitionLog log = engine.log("t", 0);
            long offset = log.append(ofProducer(batch("next"), 9, 0, 2));
            assertTrue(offset > 2, "refused: " + offset);
            assertEquals(
                    PartitionLog.OUT_OF_ORDER_SEQUENCE,
                    log.append(ofProducer(batch("gap"), 9, 0, 4)));
        }
    }

    private static UnaryOperator<EngineContext> on(FaultyDisk disk, String bootId) {
        return context ->
                context.disk(disk)
                        .bootId(bootId)
                        .metadataStoreFactory(path -> HeapMetadataStore.open(path, disk));
    }

    /** Nobody uses the topic between the crash and the change. */
    @ParameterizedTest
    @ValueSource(strings = {"memory", "persistent"})
    void offsetsThatACrashLeftOpenBehindRecordsAreSkippedInTheNewModeToo(String to)
            throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("hybrid", "headrace.spill.ms", "60000"));
            append(engine.log("t", 0), batch("a"));
            OnDisk.await(engine.log("t", 0));
            append(engine.log("t", 0), batch("lost"));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            change(engine, to);
            PartitionLog log = engine.log("t", 0);
            long offset = append(log, batch("later"));
            assertTrue(offset > 1, "offset used again: " + offset);
            assertEquals(List.of("0:a", offset + ":later"), readAll(log, 0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hybrid", "persistent"})
    void whatARingHasOverwrittenStaysGone(String to) {
        long start;
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("memory", "headrace.memory.topic.budget.bytes", "65536"));
            PartitionLog before = engine.log("t", 0);
            for (int i = 0; i < 1000; i++) {
                append(before, batch("x".repeat(500)));
            }
            start = before.logStartOffset();
            assertTrue(start > 0);
            change(engine, to);
            checkBeginsAt(start, engine.log("t", 0));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            checkBeginsAt(start, engine.log("t", 0));
        }
    }

    private static void checkBeginsAt(long start, PartitionLog log) {
        assertEquals(start, log.logStartOffset());
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(start - 1, 100));
        assertEquals(1000 - start, readAll(log, start).size());
        assertEquals(1000, log.logEndOffset());
    }

    /** The oldest go first, wherever they are. */
    @Test
    void whenTheRingOverwritesWhatIsInTheJournalGoesBeforeIt() {
        try (TestEngine engine =
                new TestEngine(
                        folder, context -> context.journalCount(1).retentionCheckIntervalMs(50))) {
            engine.create("t", 1, in("persistent", "headrace.memory.topic.budget.bytes", "65536"));
            PartitionLog before = engine.log("t", 0);
            for (int i = 0; i < 100; i++) {
                append(before, batch("x".repeat(60_000)));
            }
            change(engine, "memory");
            PartitionLog log = engine.log("t", 0);
            append(log, batch("y"));
            assertEquals(0, log.logStartOffset());
            assertEquals(101, readAll(log, 0).size());
            for (int i = 0; i < 200; i++) {
                append(log, batch("y".repeat(1000)));
            }
            assertTrue(log.logStartOffset() > 100);
            assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(0, 100));
            await("space", () -> journalFiles() <= 2);
            assertTrue(readAll(log, log.logStartOffset()).size() > 10);
        }
    }

    /** Housekeeping has not looked since. */
    @ParameterizedTest
    @ValueSource(strings = {"its own appends", "a smaller budget", "the appends of others"})
    void whatWentFromTheJournalStaysGoneWhoeverOverwroteTheRing(String cause) throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("persistent"));
            append(engine.log("t", 0), batch("a", "b"));
            change(engine, "memory");
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 10; i++) {
                append(log, batch("x".repeat(60_000)));
            }
            assertEquals(0, log.logStartOffset());
            switch (cause) {
                case "its own appends" -> {
                    tryChange(
                            engine, in("memory", "headrace.memory.topic.budget.bytes", "2000000"));
                    assertEquals(0, log.logStartOffset());
                    appendTimes(40, log, batch("y".repeat(60_000)));
                }
                case "a smaller budget" ->
                        tryChange(
                                engine,
                                in("memory", "headrace.memory.topic.budget.bytes", "65536"));
                default -> {
                    engine.create(
                            "u", 1, in("memory", "headrace.memory.topic.budget.bytes", "90000000"));
                    appendTimes(1300, engine.log("u", 0), batch("y".repeat(60_000)));
                }
            }
            assertTrue(log.logStartOffset() > 2, "" + log.logStartOffset());
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            assertTrue(engine.log("t", 0).logStartOffset() > 2);
        }
        if (!cause.equals("the appends of others")) {
            try (TestEngine engine = new TestEngine(crashed)) {
                assertTrue(engine.log("t", 0).logStartOffset() > 2);
            }
        }
    }

    private static void appendTimes(int times, PartitionLog log, ByteBuffer batch) {
        for (int i = 0; i < times; i++) {
            append(log, batch.duplicate());
        }
    }

    @Test
    void offsetsAreFoundByTimestampOnBothSidesOfTheChange() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("persistent", "retention.ms", "-1"));
            IntStream.range(0, 10).forEach(i -> append(engine.log("t", 0), batch(1000 + i, "v")));
            change(engine, "memory");
            IntStream.range(10, 20).forEach(i -> append(engine.log("t", 0), batch(1000 + i, "v")));
            PartitionLog log = engine.log("t", 0);
            assertEquals(5, get(log.offsetForTimestamp(1005)).offset());
            assertEquals(15, get(log.offsetForTimestamp(1015)).offset());
            assertNull(get(log.offsetForTimestamp(1020)));
            assertEquals(19, get(log.maxTimestamp()).offset());
            assertEquals(7, get(log.deleteRecords(7)));
            assertEquals(7, get(log.offsetForTimestamp(0)).offset());
            assertEquals(13, readAll(log, 7).size());
            assertEquals(12, get(log.deleteRecords(12)));
            assertEquals(8, readAll(log, 12).size());
        }
    }

    @Test
    void aModeThatIsOnlyValidatedChangesNothing() {
        try (TestEngine engine = new TestEngine(folder)) {
            Topic topic = engine.create("t", 1, in("memory"));
            PartitionLog log = engine.log("t", 0);
            append(log, batch("a"));
            Map<String, String> hybrid = Map.of(StorageMode.CONFIG, "hybrid");
            assertNull(get(engine.engine.catalog().alterConfigs(topic.id(), hybrid, true)).error());
            assertEquals(1, append(log, batch("b")));
        }
    }

    @Test
    void aTopicWithRecordsBecomesNoSource() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("memory"));
            append(engine.log("t", 0), batch("a"));
            assertTrue(
                    List.of(Error.REFUSED, Error.INVALID_CONFIG)
                            .contains(tryChange(engine, "source").error()));
            assertEquals(1, append(engine.log("t", 0), batch("b")));
        }
    }

    /** A producer and a reader go on while the mode changes again and again. */
    @Test
    void clientsDoNotNotice() throws Exception {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, in("persistent", "retention.ms", "-1"));
            AtomicBoolean isOver = new AtomicBoolean();
            AtomicInteger count = new AtomicInteger();
            CompletableFuture<Void> producer =
                    CompletableFuture.runAsync(
                            () -> {
                                while (!isOver.get()) {
                                    appendNext(engine, count.getAndIncrement());
                                }
                            });
            CompletableFuture<Void> reader =
                    CompletableFuture.runAsync(
                            () -> {
                                while (!isOver.get()) {
                                    checkAll(engine);
                                }
                            });
            for (String mode :
                    List.of("hybrid", "memory", "persistent", "memory", "hybrid", "persistent")) {
                int seen = count.get();
                await("records", () -> count.get() > seen + 200 || producer.isDone());
                change(engine, mode);
            }
            isOver.set(true);
            get(producer);
            get(reader);
            await("the last one", () -> engine.log("t", 0).highWatermark() == count.get());
            assertEquals(count.get(), checkAll(engine));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            checkAll(engine);
        }
    }

    private static void appendNext(TestEngine engine, int offset) {
        ByteBuffer batch = ofProducer(batch("v" + offset), 5, 0, offset);
        await(
                "room",
                () -> {
                    PartitionLog log =
                            engine.engine.partitionLog(engine.engine.catalog().find("t"), 0);
                    long appended = log == null ? PartitionLog.CLOSED : log.append(batch);
                    assertTrue(
                            appended == offset
                                    || appended == PartitionLog.CLOSED
                                    || appended == PartitionLog.BACK_PRESSURED);
                    return appended == offset;
                });
    }

    private static int checkAll(TestEngine engine) {
        PartitionLog log = engine.engine.partitionLog(engine.engine.catalog().find("t"), 0);
        if (log == null) {
            return 0;
        }
        try {
            List<String> records = readAll(log, 0);
            for (int i = 0; i < records.size(); i++) {
                assertEquals(i + ":v" + i, records.get(i));
            }
            return records.size();
        } catch (AssertionError e) {
            // Closed in the middle of it; then the next one is asked.
            if (log.read(0, 1) != Unavailable.CLOSED) {
                throw e;
            }
            return 0;
        }
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

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(each -> !each.equals(from)).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }
}
