package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a share view hands out, to whom, and what of it a restart finds. */
final class ShareViewTest {
    private static final int LENGTH_MAX = 1 << 20;

    /** Together longer than what is waited before a lane is taken back, each much shorter. */
    private static final int COMMITS = 45;

    private static final int COMMIT_EVERY_MS = 100;

    /** Where a reference says what kind it is: behind the header of its batch and of its record. */
    private static final int KIND_AT = 70;

    @TempDir Path folder;
    private TestEngine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    private void start() {
        engine = new TestEngine(folder, context -> context.retentionCheckIntervalMs(50));
    }

    private void restart() {
        engine.close();
        start();
    }

    private Topic view(int lanes, Map<String, String> more) {
        Map<String, String> configs = new HashMap<>(more);
        configs.putIfAbsent("headrace.view.topics", "orders");
        configs.put("headrace.view.type", "share");
        configs.put("headrace.view.group", "workers");
        return engine.create("shared", lanes, configs);
    }

    private Share share() {
        Topic topic = engine.engine.catalog().find("shared");
        assertNotNull(topic);
        Share share = engine.engine.views().share(topic);
        assertNotNull(share);
        return share;
    }

    private PartitionLog lane(int number) {
        return engine.log("shared", number);
    }

    private void produce(String topic, int partition, String... values) {
        append(engine.log(topic, partition), batch(values));
    }

    private static void appendOfKey(PartitionLog log, String key, String value) {
        append(
                log,
                KeyedRecord.batch(
                        CompressionType.NONE,
                        System.currentTimeMillis() - 1000,
                        new KeyedRecord(key, value)));
    }

    private void committed(int number, long offset) {
        share().committed(new int[] {number}, new long[] {offset}, new int[] {number});
    }

    /** Wishes at the end of a lane, waits for what comes, and returns its offset and values. */
    private List<String> take(int number) {
        PartitionLog lane = lane(number);
        long from = lane.highWatermark();
        share().wish(new Wish(new int[] {number}, LENGTH_MAX));
        awaitHighWatermark(lane, from + 1);
        return readLane(number, from);
    }

    /** Reads a lane until there is nothing more; from an offset on, as clients do. */
    private List<String> readLane(int number, long fromOffset) {
        List<String> records = new ArrayList<>();
        long offset = fromOffset;
        while (true) {
            try (ReadResult result = TestEngine.read(lane(number), offset, LENGTH_MAX)) {
                if (!(result instanceof RecordsLease lease)) {
                    assertEquals(Unavailable.CAUGHT_UP, result);
                    return records;
                }
                records.addAll(TestEngine.records(lease, offset));
                offset = lease.nextOffset();
            }
        }
    }

    private static List<String> values(List<String> records) {
        return records.stream().map(record -> record.substring(record.indexOf(':') + 1)).toList();
    }

    @Test
    void eachStretchGoesToOneLaneInTheOrderOfWishes() {
        start();
        engine.create("orders", 1, Map.of());
        view(3, Map.of());
        produce("orders", 0, "a", "b");
        assertEquals(List.of("0:a", "1:b"), take(2));
        produce("orders", 0, "c");
        assertEquals(List.of("0:c"), take(0));
        produce("orders", 0, "d");
        produce("orders", 0, "e", "f");
        assertEquals(List.of("2:d", "3:e", "4:f"), take(2));
        assertEquals(0, lane(1).highWatermark());
        assertEquals(List.of("0:a", "1:b", "2:d", "3:e", "4:f"), readLane(2, 0));
        assertEquals(List.of("4:f"), readLane(2, 4));
    }

    @Test
    void aheadIsGivenOnlyOfPlenty() {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of());
        String longValue = "x".repeat(200_000);
        produce("orders", 0, longValue);
        share().wishAhead(new Wish(new int[] {1}, LENGTH_MAX));
        assertEquals(1, take(0).size());
        assertEquals(0, lane(1).highWatermark());
        for (int i = 0; i < 170; i++) {
            produce("orders", 0, longValue);
        }
        share().wishAhead(new Wish(new int[] {1}, LENGTH_MAX));
        awaitHighWatermark(lane(1), 1);
        assertTrue(readLane(1, 0).size() >= 3);
    }

    @Test
    void nothingIsHandedOutUnlessSomebodyWishes() {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of());
        Wish wish = new Wish(new int[] {0}, LENGTH_MAX);
        share().wish(wish);
        share().withdraw(wish);
        produce("orders", 0, "a");
        assertEquals(List.of("0:a"), take(1));
        assertEquals(0, lane(0).highWatermark());
        assertEquals(Unavailable.CAUGHT_UP, lane(1).read(1, LENGTH_MAX));
    }

    @Test
    void whoWaitsIsGivenWhatComes() {
        start();
        engine.create("orders", 2, Map.of());
        view(2, Map.of());
        share().wish(new Wish(new int[] {0}, LENGTH_MAX));
        share().wish(new Wish(new int[] {1}, LENGTH_MAX));
        produce("orders", 1, "a");
        awaitHighWatermark(lane(0), 1);
        produce("orders", 0, "b");
        awaitHighWatermark(lane(1), 1);
        assertEquals(List.of("0:a"), readLane(0, 0));
        assertEquals(List.of("0:b"), readLane(1, 0));
    }

    @Test
    void aRestartGoesOnBehindWhatWasHandedOut() {
        start();
        engine.create("orders", 2, Map.of());
        engine.create("returns", 1, Map.of());
        view(4, Map.of("headrace.view.topics", "orders, returns"));
        List<String> all = new ArrayList<>();
        for (int round = 0; round < 5; round++) {
            produce("orders", round % 2, "o" + round);
            produce("returns", 0, "r" + round);
            all.addAll(values(take(round % 4)));
            restart();
            List<String> found = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                found.addAll(values(readLane(i, 0)));
            }
            assertEquals(all.stream().sorted().toList(), found.stream().sorted().toList());
        }
        while (all.size() < 10) {
            all.addAll(values(take(3)));
        }
        assertEquals(
                List.of("o0", "o1", "o2", "o3", "o4", "r0", "r1", "r2", "r3", "r4"),
                all.stream().sorted().toList());
    }

    @Test
    void aLaneIsGivenNoMoreThanTheWindow() {
        start();
        engine.create("orders", 1, Map.of());
        view(1, Map.of("headrace.view.window.records", "2"));
        produce("orders", 0, "a", "b");
        assertEquals(List.of("0:a", "1:b"), take(0));
        produce("orders", 0, "c");
        share().wish(new Wish(new int[] {0}, LENGTH_MAX));
        committed(0, 0);
        await("one to be undispatched", () -> new Backlog(2, 1).equals(get(share().backlog())));
        assertEquals(2, lane(0).highWatermark());
        committed(0, 1);
        awaitHighWatermark(lane(0), 3);
        assertEquals(List.of("2:c"), readLane(0, 2));
    }

    @Test
    void whatNobodyGetsOnWithIsGivenToAnother() {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of("headrace.view.takeback.ms", "300"));
        produce("orders", 0, "x", "y");
        take(1);
        committed(1, 2);
        produce("orders", 0, "a", "b", "c");
        produce("orders", 0, "d");
        committed(0, 0);
        assertEquals(List.of("0:a", "1:b", "2:c", "3:d"), take(0));
        committed(0, 1); // in the middle of a batch
        List<String> others = new ArrayList<>();
        while (others.size() < 3) {
            others.addAll(take(1));
        }
        assertEquals(List.of("2:b", "3:c", "4:d"), others);
        produce("orders", 0, "e");
        assertEquals("e", values(take(0)).get(0));
        for (int i = 0; i < 2; i++) {
            assertEquals(List.of("e"), values(readLane(0, 1)), "what was taken back is passed");
            assertEquals(
                    List.of("a", "b", "c", "e"),
                    values(readLane(0, 0)),
                    "who comes from before has the batch that it begins in, and no more");
            assertEquals(others, readLane(1, 2));
            assertEquals(List.of("0:x", "1:y", "2:b", "3:c", "4:d"), readLane(1, 0));
            restart();
        }
    }

    /** Compaction has left nothing of it: that ends it, and nobody looks for it again. */
    @Test
    void whatWasTakenBackAndIsSupersededIsDone() {
        start();
        engine.create(
                "orders", 1, Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1"));
        view(2, Map.of("headrace.view.takeback.ms", "300"));
        PartitionLog orders = engine.log("orders", 0);
        committed(0, 0);
        appendOfKey(orders, "key", "1");
        take(0);
        await("taken back", () -> lane(0).highWatermark() == 2);
        for (int i = 2; i < 5; i++) {
            appendOfKey(orders, "key", String.valueOf(i));
        }
        await("compacted", () -> KeyedRecord.readAll(orders, 0).firstKey() >= 2);
        List<String> given = values(take(1));
        assertEquals("4", given.get(given.size() - 1));
        assertFalse(given.contains("1"));
        share().wish(new Wish(new int[] {0, 1}, LENGTH_MAX));
        await("nothing to be left", () -> get(share().backlog()).undispatched() == 0);
        long before = lane(0).highWatermark() + lane(1).highWatermark();
        appendOfKey(orders, "other", "5");
        await("5 to be given", () -> lane(0).highWatermark() + lane(1).highWatermark() > before);
    }

    /** What one poll returns is done lane after lane. */
    @Test
    void anOwnerWhoGetsOnInOneLaneKeepsTheOthers() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of("headrace.view.takeback.ms", "3000"));
        committed(0, 0);
        committed(1, 0);
        for (int lane = 0; lane < 2; lane++) {
            for (int i = 0; i < COMMITS; i++) {
                produce("orders", 0, "lane " + lane);
            }
            take(lane);
        }
        long end = lane(1).highWatermark();
        for (int i = 1; i <= COMMITS; i++) {
            Thread.sleep(COMMIT_EVERY_MS);
            share().committed(new int[] {0}, new long[] {i}, new int[] {0, 1});
        }
        assertEquals(end, lane(1).highWatermark(), "lane 1 waits for its turn");
        await("taken back", () -> lane(1).highWatermark() > end);
    }

    @Test
    void aCommitOnItsWayIsNotTakenBack() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        view(1, Map.of("headrace.view.takeback.ms", "3000"));
        committed(0, 0);
        produce("orders", 0, "a");
        take(0);
        for (int i = 0; i < COMMITS; i++) {
            Thread.sleep(COMMIT_EVERY_MS);
            share().committing(new int[] {0}, new long[] {1});
        }
        assertEquals(1, lane(0).highWatermark());
        await("taken back", () -> lane(0).highWatermark() > 1);
    }

    /** There is nothing before whose offsets the first records of the batch could have. */
    @Test
    void aLaneThatIsEmptyIsGivenTheRestOfABatchBehindOffsetsWithoutRecords() {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of("headrace.view.takeback.ms", "300"));
        produce("orders", 0, "a", "b", "c");
        committed(0, 0);
        take(0);
        committed(0, 2);
        assertEquals(List.of("3:c"), take(1));
        restart();
        assertEquals(List.of("3:c"), readLane(1, 0));
        committed(1, 3);
        committed(0, 3);
        assertEquals(List.of("c"), values(take(0)));
    }

    /** What came before is gone, so that no record stands where the head of the batch would be. */
    @Test
    void theHeadOfABatchTakesNobodysPlace() {
        start();
        engine.create("orders", 1, Map.of());
        view(2, Map.of("headrace.view.takeback.ms", "300"));
        produce("orders", 0, "x", "y");
        take(1);
        committed(1, 2);
        produce("orders", 0, "a", "b", "c");
        committed(0, 0);
        take(0);
        committed(0, 1);
        assertEquals(List.of("2:b", "3:c"), take(1));
        get(engine.log("orders", 0).deleteRecords(2));
        assertEquals(List.of("2:b", "3:c"), readLane(1, 0));
        assertEquals(List.of("2:b", "3:c"), readLane(1, 1));
    }

    /** So that he commits behind it, and his lag goes to zero. */
    @Test
    void whoReadsWhatWasTakenBackMovesOn() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        view(1, Map.of("headrace.view.takeback.ms", "300"));
        produce("orders", 0, "a", "b");
        committed(0, 0);
        take(0);
        committed(0, 1);
        await("b to be taken back", () -> lane(0).highWatermark() == 3);
        try (ReadResult passed = TestEngine.read(lane(0), 1, LENGTH_MAX)) {
            RecordsLease lease = assertInstanceOf(RecordsLease.class, passed);
            assertEquals(List.of(), TestEngine.records(lease, 1));
            assertEquals(3, lease.nextOffset());
            assertIsCommitMarker(lease.slice(0), 1, 2);
        }
        assertEquals(Unavailable.CAUGHT_UP, lane(0).read(3, LENGTH_MAX));
        assertEquals(List.of("b"), values(take(0)));
    }

    /** As Kafka's own classes read it. */
    private static void assertIsCommitMarker(ByteBuffer bytes, long from, long last) {
        ByteBuffer copy = ByteBuffer.allocate(bytes.remaining()).put(bytes.duplicate()).flip();
        MutableRecordBatch batch = MemoryRecords.readableRecords(copy).batchIterator().next();
        batch.ensureValid();
        assertTrue(batch.isControlBatch());
        assertFalse(batch.isTransactional());
        assertEquals(from, batch.baseOffset());
        assertEquals(last, batch.lastOffset());
        Record marker = batch.iterator().next();
        assertEquals(last, marker.offset());
        assertEquals(ControlRecordType.COMMIT, ControlRecordType.parse(marker.key()));
        assertEquals(
                ControlRecordType.COMMIT, EndTransactionMarker.deserialize(marker).controlType());
    }

    @Test
    void aHoleBelowIsPassedAlsoWhereNothingIsInMemory() {
        start();
        engine.create(
                "orders", 1, Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1"));
        view(1, Map.of());
        PartitionLog orders = engine.log("orders", 0);
        for (String value : List.of("1", "2", "3", "4", "5")) {
            appendOfKey(orders, value.equals("3") ? "other" : "key", value);
            take(0);
        }
        await("compacted", () -> KeyedRecord.readAll(orders, 0).firstKey() == 2);
        assertEquals(List.of("2:3", "3:4", "4:5"), readLane(0, 0));
        restart();
        assertEquals(List.of("2:3", "3:4", "4:5"), readLane(0, 0));
        assertEquals(List.of("2:3", "3:4", "4:5"), readLane(0, 1));
    }

    /** With the window that makes it the worst: one stretch at a time. */
    @Test
    void whatHasGoneIsNobodysWork() {
        start();
        engine.create("orders", 1, Map.of("headrace.storage.mode", "memory"));
        view(1, Map.of("headrace.view.window.records", "1"));
        produce("orders", 0, "a", "b");
        take(0);
        committed(0, 1);
        restart();
        produce("orders", 0, "c");
        assertEquals(List.of(), readLane(0, 1));
        share().wish(new Wish(new int[] {0}, LENGTH_MAX));
        share().committedBefore(new int[] {0}, new long[] {1});
        awaitHighWatermark(lane(0), 3);
        assertEquals(List.of("2:c"), readLane(0, 0));
    }

    @Test
    void theModeOfATopicBelowMayChange() {
        start();
        Topic orders = engine.create("orders", 1, Map.of("headrace.storage.mode", "memory"));
        view(1, Map.of());
        produce("orders", 0, "a");
        take(0);
        produce("orders", 0, "b");
        for (String mode : List.of("hybrid", "persistent", "memory")) {
            Map<String, String> altered = new HashMap<>();
            altered.put("headrace.storage.mode", mode);
            get(engine.engine.catalog().alterConfigs(orders.id(), altered, false));
            produce("orders", 0, mode);
        }
        List<String> all = new ArrayList<>(List.of("a"));
        while (all.size() < 5) {
            all.addAll(values(take(0)));
        }
        assertEquals(List.of("a", "b", "hybrid", "persistent", "memory"), all);
        assertEquals(all, values(readLane(0, 0)));
    }

    /** The lane keeps what it has, and what was handed out is not handed out again. */
    @Test
    void aDamagedWordOfWhatWasTakenBackCostsItselfAlone() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        Topic view = view(2, Map.of("headrace.view.takeback.ms", "300"));
        for (String value : List.of("a", "b", "c")) {
            produce("orders", 0, value);
            long from = lane(0).highWatermark();
            committed(0, from);
            take(0);
            long taken = from + 2;
            await("taken back", () -> lane(0).highWatermark() == taken);
            take(1);
            committed(1, lane(1).highWatermark());
        }
        engine.close();
        damage(view, 0, 3); // the second of three
        start();
        produce("orders", 0, "d");
        assertEquals(List.of("3:d"), take(1));
        assertEquals(List.of(), readLane(0, 4));
        assertEquals(List.of("a", "b", "c", "d"), values(readLane(1, 0)));
        try (ReadResult result = TestEngine.read(lane(0), 0, LENGTH_MAX)) {
            assertEquals(2, assertInstanceOf(RecordsLease.class, result).nextOffset());
        }
        try (ReadResult result = TestEngine.read(lane(0), 2, LENGTH_MAX)) {
            RecordsLease lease = assertInstanceOf(RecordsLease.class, result);
            assertEquals(List.of("2:b"), TestEngine.records(lease, 2));
        }
    }

    @Test
    void aDamagedNewestReferenceOfALaneCostsWhatItSays() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        Topic view = view(2, Map.of());
        produce("orders", 0, "a");
        take(0);
        produce("orders", 0, "b");
        take(1);
        produce("orders", 0, "c");
        take(1);
        engine.close();
        damage(view, 1, 1);
        start();
        assertEquals(List.of("2:c"), take(1), "c is handed out again");
        assertEquals(List.of("0:a"), readLane(0, 0));
        produce("orders", 0, "d");
        assertEquals(List.of("1:d"), take(0));
    }

    private void damage(Topic view, int lane, long offset) throws IOException {
        overwrite(view, lane, offset, batch -> batch.put(KIND_AT, (byte) 77));
    }

    /** Changes the batch at an offset of a lane. */
    private void overwrite(Topic view, int lane, long offset, Consumer<ByteBuffer> change)
            throws IOException {
        for (int journal = 1; journal <= 2; journal++) {
            List<Long> positions = new ArrayList<>();
            List<JournalScan.ScannedCycle> cycles =
                    JournalScan.read(
                            folder.resolve("journal/data-" + journal),
                            (position, type, id, number, base, epoch, time, payload) -> {
                                if (type == EntryType.BATCH
                                        && id == view.id()
                                        && number == lane
                                        && base == offset) {
                                    positions.add(position);
                                }
                            });
            for (long position : positions) {
                try (FileChannel file =
                        FileChannel.open(
                                cycles.get(0).path(),
                                StandardOpenOption.READ,
                                StandardOpenOption.WRITE)) {
                    long at = Journal.fileOffset(position) + Journal.ENVELOPE_LENGTH;
                    ByteBuffer header = ByteBuffer.allocate(RecordBatch.HEADER_LENGTH);
                    file.read(header, at);
                    ByteBuffer batch = ByteBuffer.allocate(RecordBatch.length(header, 0));
                    file.read(batch, at);
                    change.accept(batch);
                    file.write(batch.clear(), at);
                }
            }
        }
    }

    /** Who does not know what was handed out must not hand it out again. */
    @Test
    void referencesOfALaterVersionAreNotTakenForDamaged() throws Exception {
        start();
        engine.create("orders", 1, Map.of());
        Topic view = view(2, Map.of());
        produce("orders", 0, "a");
        take(0);
        produce("orders", 0, "b");
        take(1);
        engine.close();
        overwrite(
                view,
                1,
                0,
                batch -> {
                    batch.put(KIND_AT - 1, (byte) 2);
                    RecordBatch.seal(batch, 0);
                });
        start();
        share().wish(new Wish(new int[] {0}, LENGTH_MAX));
        AssertionError failure = assertThrows(AssertionError.class, () -> get(share().backlog()));
        assertTrue(String.valueOf(failure).contains("view cannot be read now"), failure::toString);
        assertEquals(1, lane(0).highWatermark());
    }

    @Test
    void whatIsGoneBelowIsPassed() {
        start();
        engine.create("orders", 1, Map.of());
        view(1, Map.of());
        produce("orders", 0, "a", "b");
        take(0);
        produce("orders", 0, "c");
        take(0);
        get(engine.log("orders", 0).deleteRecords(2));
        assertEquals(List.of("2:c"), readLane(0, 0));
        produce("orders", 0, "d");
        produce("orders", 0, "e");
        get(engine.log("orders", 0).deleteRecords(4));
        assertEquals(List.of("3:e"), take(0));
    }

    @Test
    void memoryAndHybridTopicsAreShared() {
        start();
        engine.create("orders", 1, Map.of("headrace.storage.mode", "memory"));
        engine.create("returns", 1, Map.of("headrace.storage.mode", "hybrid"));
        view(1, Map.of("headrace.view.topics", "orders,returns"));
        produce("orders", 0, "a");
        produce("returns", 0, "b");
        List<String> all = new ArrayList<>(values(take(0)));
        all.addAll(values(take(0)));
        assertEquals(List.of("a", "b"), all);
        restart();
        assertEquals(List.of("b"), values(readLane(0, 0)));
        produce("orders", 0, "c");
        assertEquals(List.of("c"), values(take(0)));
    }

    @Test
    void partitionsAndLanesMayBeAdded() {
        start();
        Topic orders = engine.create("orders", 1, Map.of());
        Topic view = view(1, Map.of());
        produce("orders", 0, "a");
        take(0);
        get(engine.engine.catalog().grow(orders.id(), 2, false));
        get(engine.engine.catalog().grow(view.id(), 2, false));
        produce("orders", 1, "b");
        assertEquals(List.of("0:b"), take(1));
        restart();
        produce("orders", 1, "c");
        assertEquals(List.of("1:c"), take(1));
    }

    @Test
    void viewsAreReadOnlyAndFixed() {
        start();
        Topic orders = engine.create("orders", 1, Map.of());
        Topic view = view(1, Map.of());
        assertEquals(PartitionLog.READ_ONLY, lane(0).append(batch("a")));
        TopicCatalog catalog = engine.engine.catalog();
        assertRefused(get(catalog.delete(List.of(orders.id()))).get(0), "view=shared");
        Map<String, String> other = new HashMap<>();
        other.put("headrace.view.topics", "others");
        engine.create("others", 1, Map.of());
        assertRefused(get(catalog.alterConfigs(view.id(), other, false)), "name=shared");
        other.clear();
        other.put("headrace.view.type", null);
        other.put("headrace.view.topics", null);
        assertRefused(get(catalog.alterConfigs(view.id(), other, false)), "name=shared");
        restart();
        catalog = engine.engine.catalog();
        assertRefused(get(catalog.delete(List.of(orders.id()))).get(0), "view=shared");
        List<CatalogResult> deleted = get(catalog.delete(List.of(view.id(), orders.id())));
        assertNull(deleted.get(0).error());
        assertNull(deleted.get(1).error(), deleted.get(1).message());
        CatalogResult missing =
                get(catalog.create(
                                List.of(
                                        new TopicSpec(
                                                "shared",
                                                1,
                                                Map.of(
                                                        "headrace.view.type", "share",
                                                        "headrace.view.topics", "orders",
                                                        "headrace.view.group", "workers"))),
                                false))
                        .get(0);
        assertEquals(TopicCatalog.Error.INVALID_CONFIG, missing.error());
        assertTrue(missing.message().contains("orders"), missing.message());
    }

    private static void assertRefused(CatalogResult result, String named) {
        assertEquals(TopicCatalog.Error.REFUSED, result.error(), result.message());
        assertTrue(result.message().contains(named), result.message());
    }
}
