package io.headrace.server.engine;

import static io.headrace.server.engine.KeyedRecord.readAll;
import static io.headrace.server.engine.KeyedRecord.state;
import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.kafka.KafkaRecordFilter;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Of each key the newest record stays, with its offset, whatever happens meanwhile. */
class CompactionTest {
    private static final CompressionType[] CODECS = CompressionType.values();
    private static final long DAY_MS = 24 * 3_600_000L;

    @TempDir Path folder;
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    private final long beganMs = System.currentTimeMillis();
    private final AtomicLong elapsedMs = new AtomicLong();

    /** What was appended, by offset. */
    private final TreeMap<Long, KeyedRecord> appended = new TreeMap<>();

    private long lastBatchOffset;

    /** Bytes of a pass. */
    private long passBytes = 256 << 20;

    private TestEngine engine() {
        return engine(16 << 20);
    }

    private TestEngine engine(long memoryBytes) {
        return new TestEngine(folder, context -> settings(context, memoryBytes));
    }

    private EngineContext settings(EngineContext context, long memoryBytes) {
        return context.journalCount(1)
                .retentionCheckIntervalMs(20)
                .compactionMemoryBytes(memoryBytes)
                .compactionPassBytes(passBytes)
                .bootId("boot")
                .uptimeMs(() -> nowMs() - beganMs + 1_000_000)
                .clockMs(this::nowMs);
    }

    /** Compacted soon after each append. */
    private static Map<String, String> compacted(String... more) {
        Map<String, String> configs = new HashMap<>();
        configs.put("cleanup.policy", "compact");
        configs.put("max.compaction.lag.ms", "1");
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return configs;
    }

    private void appendBatch(PartitionLog log, CompressionType codec, List<KeyedRecord> records) {
        long offset = append(log, KeyedRecord.batch(codec, nowMs() - 1000, records));
        assertTrue(offset >= 0, "refused: " + offset);
        lastBatchOffset = offset;
        for (KeyedRecord record : records) {
            appended.put(offset++, record);
        }
    }

    private void appendOne(PartitionLog log, String key, String value) {
        appendBatch(log, CompressionType.NONE, List.of(new KeyedRecord(key, value)));
    }

    private long nowMs() {
        return System.currentTimeMillis() + elapsedMs.get();
    }

    private void awaitCompacted(PartitionLog log) {
        TreeMap<Long, KeyedRecord> expected = KeyedRecord.compacted(appended, lastBatchOffset);
        await("compacted", () -> readAll(log, log.logStartOffset()).equals(expected));
    }

    private void fill(PartitionLog log, int batches, int keys, Random random) {
        for (int i = 0; i < batches; i++) {
            List<KeyedRecord> records = new ArrayList<>();
            for (int j = random.nextInt(12); j >= 0; j--) {
                String key = "key-" + random.nextInt(keys);
                boolean isTombstone = random.nextInt(8) == 0;
                String value = i + "-" + j + "-" + "v".repeat(random.nextInt(300));
                records.add(new KeyedRecord(key, isTombstone ? null : value));
            }
            appendBatch(log, CODECS[random.nextInt(CODECS.length)], records);
        }
    }

    @Test
    void whatItTookIsNotPassedOverByAReplay() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            KeyedRecord other = new KeyedRecord("other", "v");
            appendBatch(log, CompressionType.LZ4, List.of(new KeyedRecord("k", "old"), other));
            appendOne(log, "k", "new");
            appendOne(log, "last", "v");
            engine.create(
                    "again",
                    1,
                    Map.of("headrace.view.type", "replay", "headrace.view.ranges", "t=0:0-4"));
            awaitCompacted(log);
            assertEquals(Unavailable.CORRUPT, TestEngine.read(engine.log("again", 0), 0, 1024));
            assertEquals(2, readAll(engine.log("again", 0), 2).size());
        }
    }

    @Test
    void ofEachKeyTheNewestStaysWithItsOffsetInBatchesOfAnyCodec() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            fill(engine.log("t", 0), 300, 40, new Random(1));
            awaitCompacted(engine.log("t", 0));
            assertEquals(state(appended), state(readAll(engine.log("t", 0), 0)));
            assertTrue(engine.metric("headrace_compaction_removed_records_total") > 0);
            assertTrue(engine.metric("headrace_compaction_written_bytes_total") > 0);
        }
        TreeMap<Long, KeyedRecord> expected = KeyedRecord.compacted(appended, lastBatchOffset);
        try (TestEngine engine = engine()) {
            assertEquals(expected, readAll(engine.log("t", 0), 0));
        }
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = engine()) {
            assertEquals(expected, readAll(engine.log("t", 0), 0));
            appendOne(engine.log("t", 0), "key-0", "more");
            assertEquals(lastBatchOffset + 1, engine.log("t", 0).highWatermark());
            awaitCompacted(engine.log("t", 0));
        }
    }

    @Test
    void moreKeysThanThereIsMemoryForTakeMorePasses() {
        try (TestEngine engine = engine(1024)) { // 32 keys
            engine.create("t", 1, compacted());
            fill(engine.log("t", 0), 200, 500, new Random(2));
            awaitCompacted(engine.log("t", 0));
            assertTrue(engine.metric("headrace_compaction_partitions_total") > 10);
        }
    }

    @Test
    void aPartitionIsCompactedInManyPassesBetweenWhichItsFilesAreSealed() {
        passBytes = 20_000;
        HeldFilter filter = new HeldFilter();
        try (TestEngine engine =
                new TestEngine(
                        folder, context -> settings(context, 16 << 20).recordFilter(filter))) {
            filter.sealedFiles = () -> engine.metric("headrace_sealing_files_total");
            Topic topic = engine.create("t", 1, Map.of("cleanup.policy", "compact"));
            engine.create("filling", 1, Map.of());
            PartitionLog filling = engine.log("filling", 0);
            Random random = new Random(8);
            for (int i = 0; i < 60; i++) {
                fill(engine.log("t", 0), 5, 40, random);
                append(filling, TestEngine.batch("x".repeat(60_000), "x".repeat(60_000)));
            }
            get(engine.engine.catalog().alterConfigs(topic.id(), compacted(), false));
            filter.awaitHeld();
            get(filling.deleteRecords(filling.highWatermark()));
            filter.release();
            awaitCompacted(engine.log("t", 0));
            assertTrue(filter.sealedFilesSeen > 0, "sealing has waited for all of the partition");
        }
    }

    @Test
    void whatIsUnfinishedAtAStopIsBegunAnew() {
        passBytes = 1;
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            fill(engine.log("t", 0), 100, 20, new Random(9));
            await("begun", () -> engine.metric("headrace_compaction_read_bytes_total") > 0);
        }
        passBytes = 256 << 20;
        try (TestEngine engine = engine()) {
            awaitCompacted(engine.log("t", 0));
        }
    }

    @Test
    void aTopicThatIsChangedOrDeletedMeanwhileHoldsUpNobody() {
        passBytes = 1;
        try (TestEngine engine = engine()) {
            Topic deleted = engine.create("deleted", 1, compacted());
            fill(engine.log("deleted", 0), 100, 20, new Random(10));
            await("begun", () -> engine.metric("headrace_compaction_read_bytes_total") > 0);
            get(engine.engine.catalog().delete(List.of(deleted.id())));
            appended.clear();
            Topic changed = engine.create("t", 1, compacted());
            fill(engine.log("t", 0), 100, 20, new Random(11));
            long readBytes = engine.metric("headrace_compaction_read_bytes_total");
            await("begun", () -> engine.metric("headrace_compaction_read_bytes_total") > readBytes);
            Map<String, String> configs = compacted("retention.ms", "-1");
            get(engine.engine.catalog().alterConfigs(changed.id(), configs, false));
            awaitCompacted(engine.log("t", 0));
        }
    }

    /** Its header and footer are longer than what lives in it. */
    @Test
    void aShortSegmentIsNotSealedAgainAndAgain() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            appendBatch(log, CompressionType.NONE, numbered(2));
            appendOne(log, "key-0", "value");
            appendOne(log, "key-0", "value");
            awaitCompacted(log);
            long passes = engine.metric("headrace_retention_passes_total");
            await(
                    "twenty looks",
                    () -> engine.metric("headrace_retention_passes_total") > passes + 20);
            assertEquals(0, engine.metric("headrace_sealing_files_total"));
        }
    }

    /**
     * What is to be written of it is longer than what is free, and it goes on meanwhile; also where
     * the reserve is shorter than a journal file, or there is none, however many batches there are
     * of which something is to be said.
     */
    @ParameterizedTest
    @CsvSource({"60, 1, 4, 15000", "100, 8, 1, 15000", "100, 8, 0, 15000", "150, 32, 0, 240"})
    void aDiskFullOfSupersededRecordsHasSpaceAgainByItself(
            int diskMiB, int cycleMiB, int reserveMiB, int keptBytes) throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        disk.capacityBytes((long) diskMiB << 20);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context, 16 << 20)
                                        .disk(disk)
                                        .journalCycleBytes(cycleMiB << 20)
                                        .diskReserveBytes(reserveMiB << 20))) {
            String day = Long.toString(DAY_MS);
            engine.create(
                    "t", 1, Map.of("cleanup.policy", "compact", "min.compaction.lag.ms", day));
            PartitionLog log = engine.log("t", 0);
            int count = 0;
            while (isAppended(log, count, keptBytes)) {
                count++;
            }
            TestEngine.awaitHighWatermark(log, log.logEndOffset());
            assertTrue(count > 300, "refused after " + count);
            assertEquals(0, engine.metric("headrace_compaction_read_bytes_total"));

            elapsedMs.addAndGet(DAY_MS + 2000);
            int next = count;
            await("accepted again", () -> isAppended(log, next, keptBytes));
            await("compacted", () -> engine.metric("headrace_compaction_partitions_total") > 0);
            assertEquals(0, engine.metric("headrace_compaction_failures_total"));
            assertEquals(state(appended), state(readAll(log, 0)));
            // Many segments ended with a batch of which a record was taken.
            await(
                    "all counted",
                    () ->
                            engine.metric("headrace_compaction_removed_records_total")
                                    == appended.size() - readAll(log, 0).size());
        }
    }

    /**
     * One has to be written and cannot be, whether it has begun before or not; the other is
     * superseded altogether, and needs no room.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPartitionThatWaitsForRoomHoldsUpNoOther(boolean isBegun) {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        HeldFilter filter = new HeldFilter();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context, 16 << 20)
                                        .journalCycleBytes(8 << 20)
                                        .disk(disk)
                                        .recordFilter(filter))) {
            String lagMs = Long.toString(isBegun ? 1 : DAY_MS);
            Map<String, String> configs =
                    compacted("min.compaction.lag.ms", lagMs, "max.compaction.lag.ms", lagMs);
            engine.create("mixed", 1, configs);
            engine.create("superseded", 1, configs);
            PartitionLog mixed = engine.log("mixed", 0);
            PartitionLog superseded = engine.log("superseded", 0);
            for (int i = 0; i < 20; i++) {
                appendOne(mixed, "superseded", "v" + i);
            }
            for (int i = 0; i < 20; i++) {
                assertTrue(isAppended(mixed, i, 15_000));
                appendOne(superseded, "superseded", "v" + i);
            }
            if (isBegun) {
                filter.awaitHeld();
            }
            disk.usableBytes(1);
            elapsedMs.addAndGet(DAY_MS + 2000);
            filter.release();
            await("compacted", () -> readAll(superseded, 0).size() == 2);
            await(
                    "as far as it goes without room",
                    () -> engine.metric("headrace_compaction_removed_records_total") == 38);
            disk.usableBytes(Long.MAX_VALUE);
            await("compacted, too", () -> readAll(mixed, 0).size() == 22);
        }
    }

    /** Nor is anything waited for where what was said of it frees no file. */
    @Test
    void wherePassesFreeNothingOthersHaveTheirTurnAtOnce() {
        String day = Long.toString(DAY_MS);
        try (TestEngine engine = engine()) {
            Map<String, String> configs =
                    compacted("min.compaction.lag.ms", day, "max.compaction.lag.ms", day);
            engine.create("mixed", 1, configs);
            engine.create("superseded", 1, configs);
            for (int i = 0; i < 20; i++) {
                appendOne(engine.log("mixed", 0), "superseded", "v" + i);
                appendOne(engine.log("superseded", 0), "superseded", "v" + i);
            }
            for (int i = 0; i < 20; i++) {
                assertTrue(isAppended(engine.log("mixed", 0), i, 15_000));
            }
        }
        elapsedMs.addAndGet(DAY_MS + 60_000);
        FaultyDisk disk = new FaultyDisk(folder, 1);
        HeldFilter filter = new HeldFilter();
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context, 16 << 20)
                                        .retentionCheckIntervalMs(3_600_000)
                                        .disk(disk)
                                        .recordFilter(filter))) {
            filter.awaitHeld();
            disk.usableBytes(1);
            filter.release();
            await("compacted", () -> readAll(engine.log("superseded", 0), 0).size() == 2);
        }
    }

    /** What is read in vain is not read again in each pass. */
    @Test
    void wherePassesHaveNoRoomEachPartitionIsTriedOnce() {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        RoomlessFilter filter = new RoomlessFilter(disk);
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                settings(context, 16 << 20)
                                        .recordFilter(filter)
                                        .disk(filter.watched()))) {
            List.of("one", "two").forEach(name -> fillDaily(engine, name));
            await("indexed", () -> engine.metric("headrace_journal_unindexed_bytes") == 0);
            elapsedMs.addAndGet(DAY_MS + 60_000);
            await("both tried", () -> filter.notedBatches.get() == 4);
            int looks = filter.looks.get();
            await("looked for room in vain, and again", () -> filter.looks.get() > looks + 8);
            assertEquals(4, filter.notedBatches.get());
            disk.usableBytes(Long.MAX_VALUE);
            await("compacted", () -> engine.metric("headrace_compaction_partitions_total") == 2);
            assertEquals(8, filter.notedBatches.get());
        }
    }

    /** Two batches to be noted, of which one is to be written once more, a day from now. */
    private void fillDaily(TestEngine engine, String name) {
        String day = Long.toString(DAY_MS);
        engine.create(
                name, 1, compacted("min.compaction.lag.ms", day, "max.compaction.lag.ms", day));
        KeyedRecord superseded = new KeyedRecord("superseded", "v");
        KeyedRecord kept = new KeyedRecord("kept", "v");
        for (List<KeyedRecord> records :
                List.of(List.of(superseded, kept), List.of(superseded), List.of(kept))) {
            appendBatch(engine.log(name, 0), CompressionType.NONE, records);
        }
    }

    /** From the first batch on of which something is to be left out, the disk has no room. */
    private static final class RoomlessFilter implements RecordFilter {
        final AtomicInteger notedBatches = new AtomicInteger();

        /** For room, by the thread that compacts, since then. */
        final AtomicInteger looks = new AtomicInteger();

        private final RecordFilter filter = new KafkaRecordFilter();
        private final FaultyDisk disk;
        private volatile Thread compacting;

        RoomlessFilter(FaultyDisk disk) {
            this.disk = disk;
        }

        /** The disk, by which looks are counted. */
        Disk watched() {
            return (Disk)
                    Proxy.newProxyInstance(
                            Disk.class.getClassLoader(),
                            new Class<?>[] {Disk.class},
                            (proxy, method, arguments) -> {
                                if (method.getName().equals("usableBytes")
                                        && Thread.currentThread() == compacting) {
                                    looks.incrementAndGet();
                                }
                                return call(method, arguments);
                            });
        }

        private Object call(Method method, Object[] arguments) throws Throwable {
            try {
                return method.invoke(disk, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }

        @Override
        public boolean isCompactable(ByteBuffer batch) {
            return filter.isCompactable(batch);
        }

        @Override
        public void forEach(ByteBuffer batch, Visitor visitor) {
            notedBatches.incrementAndGet();
            filter.forEach(batch, visitor);
        }

        @Override
        public ByteBuffer filter(ByteBuffer batch, Selection selection, long deleteHorizonMs) {
            if (compacting == null) {
                compacting = Thread.currentThread();
                disk.usableBytes(0);
            }
            return filter.filter(batch, selection, deleteHorizonMs);
        }
    }

    /** One record in a batch that stays, and one that is three times as long and does not. */
    private boolean isAppended(PartitionLog log, int number, int keptBytes) {
        List<KeyedRecord> records =
                List.of(
                        new KeyedRecord("kept " + number, "v".repeat(keptBytes)),
                        new KeyedRecord("superseded", number + "v".repeat(3 * keptBytes)));
        long offset = log.append(KeyedRecord.batch(CompressionType.NONE, nowMs() - 1000, records));
        for (int i = 0; offset >= 0 && i < records.size(); i++) {
            appended.put(offset + i, records.get(i));
        }
        return offset >= 0;
    }

    @Test
    void aBatchOfMoreRecordsThanThereIsMemoryForStays() {
        try (TestEngine engine = engine(1024)) {
            engine.create("t", 1, compacted());
            List<KeyedRecord> many = new ArrayList<>();
            for (int i = 0; i < 33; i++) {
                many.add(new KeyedRecord("key", "value " + i));
            }
            appendBatch(engine.log("t", 0), CompressionType.NONE, many);
            appendOne(engine.log("t", 0), "key", "last");
            await(
                    "noticed",
                    () -> engine.metric("headrace_compaction_damaged_partitions_total") > 0);
            assertEquals(appended, readAll(engine.log("t", 0), 0));
        }
    }

    @Test
    void aReadThatBeginsInAHoleGetsWhatComesBehindIt() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 100; i++) {
                appendOne(log, "same", "value " + i);
            }
            awaitCompacted(log);
            for (long offset = 0; offset < 100; offset++) {
                TreeMap<Long, KeyedRecord> found = readAll(log, offset);
                assertEquals(Math.max(98, offset), found.firstKey());
                assertEquals(99, found.lastKey());
            }
            assertEquals(0, log.logStartOffset());
            assertEquals(100, log.logEndOffset());
            assertEquals(98, get(log.offsetForTimestamp(0)).offset());
        }
    }

    @Test
    void theEndOfALogIsNoHole() {
        try (TestEngine engine = engine()) {
            engine.create("ends", 1, compacted("delete.retention.ms", "1"));
            engine.create("t", 1, compacted());
            PartitionLog log = engine.log("ends", 0);
            append(log, KeyedRecord.batch(CompressionType.NONE, 1000, new KeyedRecord("k", "v")));
            append(log, KeyedRecord.batch(CompressionType.NONE, 1000, new KeyedRecord("k", null)));
            for (int i = 0; i < 5; i++) {
                appendOne(engine.log("t", 0), "key", "first " + i);
                appendOne(engine.log("t", 0), "key", "second " + i);
                awaitCompacted(engine.log("t", 0));
            }
            assertEquals(new KeyedRecord("k", null), readAll(log, 0).get(1L));
        }
    }

    @Test
    void tombstonesGoAfterTheirTimeAndNotBefore() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted("delete.retention.ms", Long.toString(DAY_MS)));
            PartitionLog log = engine.log("t", 0);
            appendOne(log, "gone", "value");
            appendOne(log, "stays", "value");
            appendOne(log, "gone", null);
            appendOne(log, "other", "value");
            awaitCompacted(log);
            long goMs = horizon(log, 2);
            assertTrue(goMs > nowMs() + DAY_MS / 2 && goMs <= nowMs() + DAY_MS, "at " + goMs);

            elapsedMs.addAndGet(DAY_MS / 2);
            appendOne(log, "other", "again");
            appendOne(log, "last", "value");
            awaitCompacted(log);
            assertEquals(goMs, horizon(log, 2));

            elapsedMs.addAndGet(DAY_MS / 2 + 1);
            await("gone", () -> !readAll(log, 0).containsKey(2L));
            appended.remove(2L);
            appended.remove(0L);
            awaitCompacted(log);
        }
    }

    /** One tombstone goes when its time has come, the other is superseded before. */
    @Test
    void batchesThatHeldTombstonesAreNotReadAgainAndAgain() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted("delete.retention.ms", Long.toString(DAY_MS)));
            engine.create("marker", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            KeyedRecord live = new KeyedRecord("live", "v".repeat(100_000));
            KeyedRecord alive = new KeyedRecord("alive", "v".repeat(100_000));
            appendOne(log, "gone", "value");
            appendBatch(log, CompressionType.NONE, List.of(live, new KeyedRecord("gone", null)));
            appendBatch(log, CompressionType.NONE, List.of(alive, new KeyedRecord("back", null)));
            appendOne(log, "other", "value");
            awaitCompacted(log);
            appendOne(log, "back", "value");
            appendOne(log, "other", "again");
            awaitCompacted(log);

            elapsedMs.addAndGet(DAY_MS + 1);
            await("gone", () -> !readAll(log, 0).containsKey(2L));
            appended.remove(2L);
            appended.remove(0L);
            awaitCompacted(log);

            long readBytes = engine.metric("headrace_compaction_read_bytes_total");
            for (int i = 0; i < 5; i++) {
                await("another pass", passesOf(engine));
            }
            long more = engine.metric("headrace_compaction_read_bytes_total") - readBytes;
            assertTrue(more < 100_000, "read again: " + more);
        }
    }

    /** Lets another topic be compacted, and says when it has been. */
    private static TestEngine.Condition passesOf(TestEngine engine) {
        PartitionLog marker = engine.log("marker", 0);
        append(marker, KeyedRecord.batch(CompressionType.NONE, 1000, new KeyedRecord("k", "v")));
        append(marker, KeyedRecord.batch(CompressionType.NONE, 1000, new KeyedRecord("k", "v")));
        long last = marker.logEndOffset() - 1;
        return () -> readAll(marker, 0).keySet().equals(Set.of(last - 1, last));
    }

    /** When the tombstone at an offset may go. */
    private static long horizon(PartitionLog log, long offset) {
        MutableRecordBatch batch = KeyedRecord.batches(log, offset).get(0);
        assertEquals(offset, batch.lastOffset());
        return batch.deleteHorizonMs().orElse(-1);
    }

    @Test
    void recordsStayAsLongAsTheyAreTooYoung() {
        try (TestEngine engine = engine()) {
            engine.create(
                    "t",
                    1,
                    compacted(
                            "min.compaction.lag.ms",
                            Long.toString(DAY_MS),
                            "max.compaction.lag.ms",
                            Long.toString(DAY_MS)));
            engine.create("marker", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            for (int i = 0; i < 10; i++) {
                appendOne(log, "key", "old " + i);
            }
            elapsedMs.addAndGet(DAY_MS / 2);
            for (int i = 0; i < 10; i++) {
                appendOne(log, "key", "young " + i);
            }
            elapsedMs.addAndGet(DAY_MS / 2 + 2000);
            await("the old ones are compacted", () -> readAll(log, 0).size() == 11);
            assertEquals(9, readAll(log, 0).firstKey());
        }
    }

    @Test
    void littleIsLeftAloneUntilItIsHalfOfAll() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, Map.of("cleanup.policy", "compact"));
            PartitionLog log = engine.log("t", 0);
            String value = "v".repeat(10_000);
            for (int i = 0; i < 100; i++) {
                appendOne(log, "key", value);
            }
            assertEquals(appended, readAll(log, 0));
            for (int i = 0; i < 20; i++) {
                appendOne(log, "key", value);
            }
            await("compacted", () -> readAll(log, 0).size() < 120);
        }
    }

    @Test
    void retentionAndDeletedRecordsTakeWhatIsCompacted() {
        try (TestEngine engine = engine()) {
            engine.create(
                    "t", 1, compacted("cleanup.policy", "compact,delete", "retention.ms", "-1"));
            PartitionLog log = engine.log("t", 0);
            fill(log, 100, 30, new Random(3));
            awaitCompacted(log);
            long start = lastBatchOffset - 20;
            get(log.deleteRecords(start));
            appended.headMap(start).clear();
            awaitCompacted(log);
            assertEquals(start, log.logStartOffset());
            fill(log, 100, 30, new Random(4));
            awaitCompacted(log);

            Topic topic = log.topic();
            get(
                    engine.engine
                            .catalog()
                            .alterConfigs(topic.id(), Map.of("retention.ms", "3600000"), false));
            elapsedMs.addAndGet(DAY_MS);
            await("all too old", () -> log.logStartOffset() == log.highWatermark());
            appended.clear();
            fill(log, 10, 3, new Random(5));
            awaitCompacted(log);
        }
    }

    @Test
    void aLogThatBeginsWithinALongBatchIsCompacted() {
        try (TestEngine engine = engine()) {
            Topic topic = engine.create("t", 1, Map.of());
            PartitionLog log = engine.log("t", 0);
            appendBatch(log, CompressionType.NONE, numbered(8000));
            appendBatch(log, CompressionType.NONE, numbered(100));
            appendOne(log, "last", "value");
            get(log.deleteRecords(7950));
            appended.headMap(7950L).clear();
            get(
                    engine.engine
                            .catalog()
                            .alterConfigs(
                                    topic.id(),
                                    compacted("cleanup.policy", "compact,delete"),
                                    false));
            awaitCompacted(log);
            assertEquals(0, engine.metric("headrace_compaction_damaged_partitions_total"));
        }
    }

    /** Records of 100 keys. */
    private static List<KeyedRecord> numbered(int count) {
        List<KeyedRecord> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            records.add(new KeyedRecord("key-" + i % 100, "value-" + i));
        }
        return records;
    }

    @Test
    void whatIsInAHybridTopicsMemoryIsServedWholeAndCompactedLater() {
        try (TestEngine engine = engine()) {
            engine.create(
                    "t",
                    1,
                    compacted(
                            "headrace.storage.mode",
                            "hybrid",
                            "headrace.memory.topic.budget.bytes",
                            "65536"));
            PartitionLog log = engine.log("t", 0);
            fill(log, 300, 20, new Random(6));
            await("compacted", () -> readAll(log, 0).size() < appended.size() * 9 / 10);
            assertEquals(state(appended), state(readAll(log, 0)));
            Topic topic = log.topic();
            get(
                    engine.engine
                            .catalog()
                            .alterConfigs(
                                    topic.id(),
                                    Map.of("headrace.storage.mode", "persistent"),
                                    false));
            awaitCompacted(engine.log("t", 0));
        }
    }

    @Test
    void recordsWithoutAKeyAreRefused() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            PartitionLog log = engine.log("t", 0);
            assertEquals(PartitionLog.INVALID_RECORD, log.append(TestEngine.batch("no key")));
            for (CompressionType codec : CODECS) {
                ByteBuffer mixed =
                        KeyedRecord.batch(
                                codec,
                                nowMs(),
                                new KeyedRecord("key", "value"),
                                new KeyedRecord(null, "value"));
                assertEquals(PartitionLog.INVALID_RECORD, log.append(mixed));
            }
            appendOne(log, "", "an empty key is one");
            assertEquals(1, log.logEndOffset());
        }
    }

    @Test
    void keylessRecordsFromBeforeGoWithTheFirstPass() {
        try (TestEngine engine = engine()) {
            Topic topic = engine.create("t", 1, Map.of());
            append(engine.log("t", 0), TestEngine.batch("no key"));
            lastBatchOffset = 1;
            appendOne(engine.log("t", 0), "key", "value");
            appendOne(engine.log("t", 0), "key", "value");
            get(engine.engine.catalog().alterConfigs(topic.id(), compacted(), false));
            awaitCompacted(engine.log("t", 0));
        }
    }

    @Test
    void aMemoryTopicCannotBeCompacted() {
        try (TestEngine engine = engine()) {
            Topic memory = engine.create("m", 1, Map.of("headrace.storage.mode", "memory"));
            Topic kept = engine.create("t", 1, compacted());
            assertRefused(
                    get(engine.engine.catalog().alterConfigs(memory.id(), compacted(), false)));
            assertRefused(
                    get(
                            engine.engine
                                    .catalog()
                                    .alterConfigs(
                                            kept.id(),
                                            Map.of("headrace.storage.mode", "memory"),
                                            false)));
        }
    }

    @Test
    void anEngineThatCannotLookForKeysRefusesCompactedTopics() {
        try (TestEngine engine = engine()) {
            engine.create("old", 1, compacted());
        }
        try (TestEngine engine =
                new TestEngine(folder, context -> context.journalCount(1).recordFilter(null))) {
            TopicSpec spec = new TopicSpec("t", 1, compacted());
            assertRefused(get(engine.engine.catalog().create(List.of(spec), false)).get(0));
            ByteBuffer batch =
                    KeyedRecord.batch(
                            CompressionType.NONE, nowMs(), new KeyedRecord("key", "value"));
            assertEquals(PartitionLog.READ_ONLY, engine.log("old", 0).append(batch));
        }
    }

    private static void assertRefused(CatalogResult result) {
        assertTrue(result.message().contains("key=cleanup.policy value=compact"), "" + result);
    }

    /** Of two in one pass, the one that can be read is compacted meanwhile. */
    @Test
    void whatCannotBeReadNowIsCompactedLater() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, Map.of("cleanup.policy", "compact"));
            appendOne(engine.log("t", 0), "key", "first");
            appendOne(engine.log("t", 0), "key", "second");
            appendOne(engine.log("t", 0), "key", "third");
        }
        UnreadableDisk disk = new UnreadableDisk(cycles());
        try (TestEngine engine =
                new TestEngine(folder, context -> settings(context, 16 << 20).disk(disk))) {
            engine.create("marker", 1, compacted());
            disk.failing.set(true);
            PartitionLog log = engine.log("t", 0);
            get(engine.engine.catalog().alterConfigs(log.topic().id(), compacted(), false));
            await("failed", () -> disk.failures.get() >= 3);
            await("another pass", passesOf(engine));
            assertEquals(appended, readAll(log, 0));
            disk.failing.set(false);
            awaitCompacted(log);
            assertEquals(0, engine.metric("headrace_compaction_damaged_partitions_total"));
        }
    }

    @Test
    void aDamagedBatchStaysAndSoDoesAllBehindIt() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, Map.of("cleanup.policy", "compact"));
            appendOne(engine.log("t", 0), "key", "first");
            appendOne(engine.log("t", 0), "key", "damage me");
            appendOne(engine.log("t", 0), "key", "third");
            appendOne(engine.log("t", 0), "key", "fourth");
        }
        flip("damage me");
        try (TestEngine engine = engine()) {
            Topic topic = engine.log("t", 0).topic();
            get(engine.engine.catalog().alterConfigs(topic.id(), compacted(), false));
            await(
                    "noticed",
                    () -> engine.metric("headrace_compaction_damaged_partitions_total") > 0);
            assertEquals("0:first", valueAt(engine.log("t", 0), 0));
            assertEquals(Unavailable.CORRUPT, TestEngine.read(engine.log("t", 0), 1, 1000));
            assertEquals("2:third", valueAt(engine.log("t", 0), 2));
        }
    }

    /** Flips a bit of the text where it stands in a file of the journal. */
    private void flip(String text) throws IOException {
        for (Path file : cycles()) {
            int at = Files.readString(file, StandardCharsets.ISO_8859_1).indexOf(text);
            if (at >= 0) {
                FaultyDisk.flip(file, 8L * at);
                return;
            }
        }
        throw new AssertionError("not found: " + text);
    }

    private List<Path> cycles() throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve("journal/data-1"))) {
            return files.filter(path -> path.toString().endsWith(".cq4")).toList();
        }
    }

    private static String valueAt(PartitionLog log, long offset) {
        try (ReadResult result = TestEngine.read(log, offset, 1)) {
            return TestEngine.records((RecordsLease) result, offset).get(0);
        }
    }

    @Test
    void whatIsCompactedOutlivesItsJournalFiles() {
        try (TestEngine engine = engine()) {
            engine.create("t", 1, compacted());
            engine.create("filling", 1, Map.of("retention.ms", "3600000"));
            engine.create("kept", 1, Map.of("retention.ms", "-1")); // so that no file dies whole
            Random random = new Random(7);
            for (int i = 0; i < 60; i++) {
                fill(engine.log("t", 0), 5, 40, random);
                append(engine.log("kept", 0), TestEngine.batch(1000, "kept"));
                String dead = "x".repeat(60_000);
                append(engine.log("filling", 0), TestEngine.batch(1000, dead, dead));
            }
            awaitCompacted(engine.log("t", 0));
            await("sealed", () -> engine.metric("headrace_sealing_files_total") > 0);
            awaitCompacted(engine.log("t", 0));
        }
        TreeMap<Long, KeyedRecord> expected = KeyedRecord.compacted(appended, lastBatchOffset);
        try (TestEngine engine = engine()) {
            assertEquals(expected, readAll(engine.log("t", 0), 0));
        }
    }

    @Test
    void anythingInAnyOrderLeavesWhatTheModelSays() throws IOException {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        passBytes = 1024L << random.nextInt(10);
        TestEngine engine = engine(1024 << random.nextInt(4));
        try {
            engine.create("t", 1, compacted("cleanup.policy", "compact,delete"));
            for (int step = 0; step < 60; step++) {
                PartitionLog log = engine.log("t", 0);
                switch (random.nextInt(8)) {
                    case 0 -> {
                        engine.close();
                        if (random.nextBoolean()) {
                            deleteFolder(folder.resolve("rocksdb"));
                        }
                        passBytes = 1024L << random.nextInt(10);
                        engine = engine(1024 << random.nextInt(4));
                    }
                    case 1 -> trim(log, random);
                    case 2 -> awaitCompacted(log);
                    case 3 -> check(log, random.nextInt((int) log.highWatermark() + 1));
                    default -> fill(log, 1 + random.nextInt(20), 60, random);
                }
                check(engine.log("t", 0), engine.log("t", 0).logStartOffset());
            }
            awaitCompacted(engine.log("t", 0));
        } finally {
            engine.close();
        }
    }

    private void trim(PartitionLog log, Random random) {
        long end = Math.max(log.logStartOffset(), lastBatchOffset);
        long start = log.logStartOffset() + (end - log.logStartOffset()) * random.nextInt(30) / 100;
        get(log.deleteRecords(start));
        appended.headMap(start).clear();
    }

    /** What is read was appended there, and nothing is missing that has nothing newer. */
    private void check(PartitionLog log, long fromOffset) {
        long from = Math.max(fromOffset, log.logStartOffset());
        TreeMap<Long, KeyedRecord> found = readAll(log, from);
        found.forEach((offset, record) -> assertEquals(appended.get(offset), record));
        Map<String, Long> newest = new HashMap<>();
        appended.forEach((offset, record) -> newest.put(record.key(), offset));
        newest.forEach(
                (key, offset) ->
                        assertTrue(
                                offset < from || found.containsKey(offset),
                                "lost: " + offset + " " + key));
    }
}
