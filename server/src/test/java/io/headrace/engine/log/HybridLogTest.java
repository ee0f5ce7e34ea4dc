package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.journal.JournalContext;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A hybrid log over a ring and a journal that is full, slow or held where a test wants it. */
final class HybridLogTest {
    private static final int KIB = 1 << 10;
    private static final long FOR_EVER_MS = 60_000;
    private static final int VALUE_LENGTH = 500;
    private static final int APPEND_COUNT = 20_000;
    private static final int WARM_UP_MAX = 20;

    @TempDir Path folder;

    private final Consumer<Throwable> failures =
            cause -> {
                throw new AssertionError(cause);
            };
    private final OffHeapMemoryStore memory =
            new OffHeapMemoryStore(new OffHeapContext().budgetBytes(16 << 20));
    private volatile boolean isDiskFull;
    private volatile CountDownLatch syncGate = new CountDownLatch(0);
    private final AtomicInteger syncs = new AtomicInteger();
    private volatile CountDownLatch refused = new CountDownLatch(0);
    private volatile CountDownLatch refusalGate = new CountDownLatch(0);
    private MetadataStore store;
    private Journal journal;
    private Projector projector;
    private Shard shard;
    private ColdReader coldReader;
    private HybridLog log;

    @BeforeEach
    void open() throws IOException {
        store = HeapMetadataStore.open(folder.resolve("store"));
        Journal opened =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(folder.resolve("journal"))
                                .cycleBytes(8 << 20)
                                .diskReserveBytes(0));
        journal = troubled(opened);
        projector = new Projector(store, Set.of(), Background.THREADS, failures);
        projector.recover(1, journal);
        shard =
                new Shard(
                        1,
                        journal,
                        SegmentFolder.open(folder.resolve("segments"), 1, SegmentFiles.SYSTEM),
                        1 << 20,
                        null,
                        System::currentTimeMillis,
                        projector,
                        Background.THREADS,
                        failures);
        projector.attach(shard);
        coldReader = new ColdReader(store, memory, 1, List.of(shard), Background.THREADS);
        projector.start();
        shard.start();
    }

    @AfterEach
    void close() {
        isDiskFull = false;
        syncGate.countDown();
        shard.endSpiller();
        shard.endSyncer();
        projector.close();
        coldReader.close();
        log.close();
        journal.close();
        store.close();
        memory.close();
    }

    /**
     * The journal, that takes no batch while the disk is full, and whose syncs wait at the gate.
     */
    private Journal troubled(Journal opened) {
        return (Journal)
                Proxy.newProxyInstance(
                        Journal.class.getClassLoader(),
                        new Class<?>[] {Journal.class},
                        (proxy, method, arguments) -> {
                            if (isDiskFull
                                    && method.getName().equals("append")
                                    && arguments[0] == EntryType.BATCH) {
                                refused.countDown();
                                refusalGate.await();
                                return Journal.OUT_OF_SPACE;
                            }
                            if (method.getName().equals("sync")) {
                                syncs.incrementAndGet();
                                syncGate.await();
                            }
                            try {
                                return method.invoke(opened, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }

    private void openLog(long spillMs, long budgetBytes) {
        openLog(spillMs, budgetBytes, created());
    }

    private void openLog(long spillMs, long budgetBytes, PartitionState state) {
        Topic topic = topic(spillMs, budgetBytes);
        log =
                new HybridLog(
                        topic,
                        0,
                        shard,
                        1,
                        state,
                        new ProducerStates(store, 1, 0, () -> 0),
                        memory.openLog(state.logEndOffset, budgetBytes),
                        () -> budgetBytes,
                        coldReader,
                        projector);
    }

    private static Topic topic(long spillMs, long budgetBytes) {
        TopicConfig config =
                TopicConfig.DEFAULTS
                        .withStorageMode(StorageMode.HYBRID)
                        .withSpillMs(spillMs)
                        .withMemoryBudgetBytes(budgetBytes);
        return new Topic(1, "t", 1, Map.of(), config, 1);
    }

    @Test
    void anAcknowledgementWaitsForNoDisk() throws Exception {
        syncGate = new CountDownLatch(1);
        openLog(FOR_EVER_MS, 1 << 20);
        for (int i = 0; i < 10; i++) {
            assertEquals(i, log.append(batch(i)));
            assertEquals(i + 1, log.highWatermark());
        }
        assertEquals(0, shard.appendedBytes());
        checkReadable(0, 10);
    }

    @Test
    void whatIsAppendedIsOnDiskAfterItsWindow() throws Exception {
        openLog(1, 1 << 20);
        append(0, 100);
        await("spill and sync", () -> log.syncedEndOffset() == 100);
        checkOnDisk(100);
    }

    /** Whatever is acknowledged while the disk hangs was appended within one window. */
    @Test
    void whenItsWindowIsOverTheHighWatermarkWaitsForTheDisk() throws Exception {
        syncGate = new CountDownLatch(1);
        openLog(1, 1 << 20);
        append(0, 1);
        await("the end of the window", () -> isAppendedAndNotAcknowledged());
        long acknowledged = log.highWatermark();
        append(log.logEndOffset(), 10);
        assertEquals(acknowledged, log.highWatermark());
        assertEquals(Unavailable.CAUGHT_UP, log.read(acknowledged, 1 << 20));
        checkReadable(0, acknowledged);
        syncGate.countDown();
        awaitHighWatermark(log.logEndOffset());
        checkReadable(0, log.logEndOffset());
    }

    private boolean isAppendedAndNotAcknowledged() {
        append(log.logEndOffset(), 1);
        return log.highWatermark() < log.logEndOffset();
    }

    @Test
    void aFullDiskRefusesAppendsUntilThereIsSpaceAndLosesNothing() throws Exception {
        isDiskFull = true;
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        ExecutionException refused =
                assertThrows(ExecutionException.class, () -> get(log.whenSpilled()));
        assertInstanceOf(OutOfSpaceException.class, refused.getCause());
        assertEquals(PartitionLog.OUT_OF_SPACE, log.append(batch(10)));
        checkReadable(0, 10);
        assertFalse(log.releaseReserve());
        isDiskFull = false;
        await("space", () -> log.append(batch(10)) == 10);
        awaitHighWatermark(11);
        get(log.whenSpilled());
        checkOnDisk(11);
        assertTrue(log.releaseReserve());
    }

    @Test
    void aFullDiskKeepsNobodyFromFindingTimestamps() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        checkOnDisk(10);
        isDiskFull = true;
        append(10, 10);
        fillTheDisk();
        checkTimestamps(0, log.logEndOffset());
        assertEquals(5, get(log.deleteRecords(5)));
        checkTimestamps(5, log.logEndOffset());
        assertEquals(15, get(log.deleteRecords(15)));
        checkTimestamps(15, log.logEndOffset());
    }

    /** On disk and in the index, in the journal alone, and in memory alone. */
    @Test
    void aDiskThatHangsKeepsNobodyFromFindingTimestamps() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        checkOnDisk(10);
        syncGate = new CountDownLatch(1);
        append(10, 10);
        shard.spiller().request();
        await("spill", () -> log.journaledEndOffset() == 20);
        append(20, 10);
        checkTimestamps(0, log.highWatermark());
    }

    /** What is in the journal may have left memory, and the index may have it meanwhile. */
    @Test
    void timestampsAreFoundWhileTheRingOverwritesAndTheIndexFollows() throws Exception {
        openLog(1, 64 * KIB);
        for (int round = 0; round < 20; round++) {
            append(log.logEndOffset(), 200);
            awaitHighWatermark(log.logEndOffset());
            checkTimestamps(0, log.highWatermark());
        }
    }

    /** Of records whose timestamp is their offset. */
    private void checkTimestamps(long start, long end) throws Exception {
        for (long offset = start; offset < end; offset += 1 + end / 40) {
            assertEquals(offset, get(log.offsetForTimestamp(offset)).offset());
        }
        assertEquals(start, get(log.offsetForTimestamp(start - 1)).offset());
        assertEquals(end - 1, get(log.offsetForTimestamp(end - 1)).offset());
        assertNull(get(log.offsetForTimestamp(end)));
        assertEquals(end - 1, get(log.maxTimestamp()).offset());
        assertEquals(end - 1, get(log.maxTimestamp()).timestampMs());
    }

    @Test
    void aFullDiskKeepsNobodyFromDeletingWhatIsInMemoryAlone() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        checkOnDisk(10);
        isDiskFull = true;
        append(10, 10);
        fillTheDisk();
        long end = log.logEndOffset();
        assertEquals(5, get(log.deleteRecords(5)));
        assertEquals(end - 2, get(log.deleteRecords(end - 2)));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(end - 3, 100));
        checkReadable(end - 2, end);
        assertEquals(PartitionLog.OUT_OF_SPACE, log.append(batch(end)));
        isDiskFull = false;
        await("space", () -> log.append(batch(end)) == end);
        checkReadable(end - 2, end + 1);
        checkOnDisk(end - 2, end + 1);
        assertEquals(3L * batch(0).remaining(), projected().liveBytes);
    }

    /** Has the log find out that it is full. */
    private void fillTheDisk() {
        shard.spiller().request();
        await("refusal", () -> log.append(batch(log.logEndOffset())) == PartitionLog.OUT_OF_SPACE);
    }

    @Test
    void whatIsAppendedAfterAllWasDeletedOnAFullDiskIsTaken() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        isDiskFull = true;
        append(0, 10);
        fillTheDisk();
        long end = log.logEndOffset();
        assertEquals(end, get(log.deleteRecords(end)));
        await("room", () -> log.append(batch(end)) == end);
        assertEquals(end, log.logStartOffset());
        checkReadable(end, end + 1);
        isDiskFull = false;
        checkOnDisk(end, end + 1);
    }

    /** What was appended has time for ever, and what was refused before has not. */
    @Test
    void whatIsAppendedWhileTheDiskRefusesIsTriedAgainSoon() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        refused = new CountDownLatch(1);
        refusalGate = new CountDownLatch(1);
        isDiskFull = true;
        append(0, 10);
        shard.spiller().request();
        assertTrue(refused.await(20, TimeUnit.SECONDS));
        append(10, 1);
        refusalGate.countDown();
        // The refusal may take a moment to be known, and what comes before is taken.
        await("refusal", () -> log.append(batch(log.logEndOffset())) == PartitionLog.OUT_OF_SPACE);
        isDiskFull = false;
        long end = log.logEndOffset();
        await("space", () -> log.append(batch(end)) == end);
    }

    /** Nobody could read up to a high watermark among offsets that no record has. */
    @Test
    void theHighWatermarkPassesSkippedOffsetsWithTheFirstRecordBehindThem() throws Exception {
        syncGate = new CountDownLatch(1);
        PartitionState afterCrash = created();
        afterCrash.recordsEndOffset = 4;
        afterCrash.logEndOffset = afterCrash.reserved();
        openLog(FOR_EVER_MS, 1 << 20, afterCrash);
        append(afterCrash.logEndOffset, 1); // and what reserves its offset is not on disk
        assertEquals(4, log.highWatermark());
        syncGate.countDown();
        await("its reserve", () -> log.highWatermark() == log.logEndOffset());
    }

    @Test
    void theRingKeepsWhatIsInMemoryAloneAndRefusesMoreThanItsBudget() throws Exception {
        openLog(FOR_EVER_MS, 64 * KIB);
        append(0, 5);
        long end;
        synchronized (shard.lock) { // the spiller waits for it
            while (log.append(batch(log.logEndOffset())) >= 0) {
                assertTrue(log.logEndOffset() < 1000);
            }
            end = log.logEndOffset();
            assertEquals(PartitionLog.BACK_PRESSURED, log.append(batch(end)));
            checkReadable(0, end);
        }
        await("room", () -> log.append(batch(end)) == end);
        append(end + 1, 1000);
        checkReadable(0, log.logEndOffset());
        checkOnDisk(log.logEndOffset());
    }

    @Test
    void whileTheIndexLagsALogInMemoryGoesOnAndOneThatIsJournaledWaits() {
        openLog(FOR_EVER_MS, 1 << 20);
        PartitionLog inMemory =
                new InMemoryLog(
                        topic(1, 1),
                        0,
                        shard,
                        1,
                        created(),
                        new ProducerStates(store, 1, 0, () -> 0),
                        memory.openLog(0, 1 << 20),
                        () -> 1 << 20,
                        coldReader,
                        projector);
        shard.onIndexed(-2L << 30);
        assertEquals(PartitionLog.BACK_PRESSURED, log.append(batch(0)));
        assertEquals(0, inMemory.append(batch(0)));
        assertEquals(1, inMemory.highWatermark());
    }

    @Test
    void recordsThatWereJustAppendedAreDeletedBehindTheirEntries() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 50);
        assertEquals(30, get(log.deleteRecords(30)));
        assertEquals(30, log.logStartOffset());
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(29, 100));
        checkReadable(30, 50);
        PartitionState state = projected();
        assertEquals(30, state.logStartOffset);
        assertEquals(50, state.logEndOffset);
        assertEquals(20L * batch(0).remaining(), state.liveBytes);
    }

    /**
     * By a sync that had begun before: what is told until the next one is durable might be used
     * again.
     */
    @Test
    void aReserveThatIsTakenBackWhileItIsBeingSyncedDoesNotComeBack() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch second = new CountDownLatch(1);
        syncGate = first;
        try {
            int before = syncs.get();
            log.whenSpilled();
            await("a sync", () -> syncs.get() > before);
            assertTrue(log.appendEnd());
            append(10, 1);
            assertEquals(10, log.highWatermark());
            int during = syncs.get();
            syncGate = second;
            first.countDown();
            await("another sync", () -> syncs.get() > during);
            assertEquals(10, log.highWatermark());
        } finally {
            first.countDown();
            second.countDown();
        }
        awaitHighWatermark(11);
    }

    @Test
    void nothingFollowsTheEndOfALogInTheJournal() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 50);
        log.close();
        long position = journal.appendedPosition();
        shard.spiller().request();
        await("a turn", () -> shard.spiller().turnCount() > 0);
        assertEquals(position, journal.appendedPosition());
    }

    @Test
    void aLogWithSomethingInMemoryAloneIsNotLetGoOf() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 1);
        log.noteUse(0);
        assertFalse(log.closeIfIdle(1, Long.MAX_VALUE));
        get(log.whenSpilled());
        log.noteUse(0);
        assertTrue(log.closeIfIdle(1, Long.MAX_VALUE));
        assertEquals(PartitionLog.CLOSED, log.append(batch(1)));
    }

    @Test
    void whetherALogIsIdleIsAskedWithoutItsLockWhileItIsInUse() throws Exception {
        openLog(FOR_EVER_MS, 1 << 20);
        synchronized (log.appendLock()) {
            CompletableFuture<Boolean> closed =
                    CompletableFuture.supplyAsync(() -> log.closeIfIdle(1, Long.MAX_VALUE));
            assertFalse(closed.get(20, TimeUnit.SECONDS));
        }
        log.noteUse(0);
        assertTrue(log.closeIfIdle(1, Long.MAX_VALUE));
    }

    @Test
    void aDiskThatIsFullKeepsTheLogInItsMode() throws Exception {
        isDiskFull = true;
        openLog(FOR_EVER_MS, 1 << 20);
        append(0, 10);
        assertFalse(log.moveToJournal(HybridLogTest::isDone, () -> false));
        isDiskFull = false;
        await("space", () -> log.append(batch(10)) == 10);
        assertTrue(log.moveToJournal(HybridLogTest::isDone, () -> false));
        checkOnDisk(11);
    }

    /** Once it is compiled; the compiler may be kept from its work for a while. */
    @Test
    void appendingAllocatesNothing() {
        openLog(1, 1 << 20);
        checkAllocatesNothing();
    }

    @Test
    void appendingWithTheTimeOfTheAppendAllocatesNothing() {
        openLog(1, 1 << 20);
        log.topic(stamping(log.topic()));
        checkAllocatesNothing();
    }

    private static Topic stamping(Topic topic) {
        TopicConfig config = topic.config().with(Map.of("message.timestamp.type", "LogAppendTime"));
        return new Topic(1, "t", 1, Map.of(), config, 1);
    }

    private void checkAllocatesNothing() {
        ByteBuffer batch = batch(0);
        long allocated = Long.MAX_VALUE;
        // Not per append: whatever the JVM itself does on this thread now and then.
        for (int pass = 0; pass < WARM_UP_MAX && allocated >= APPEND_COUNT; pass++) {
            allocated = allocatedByAppends(batch);
        }
        assertTrue(allocated < APPEND_COUNT, "allocated bytes " + allocated);
    }

    private long allocatedByAppends(ByteBuffer batch) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        appendAll(batch);
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    private void appendAll(ByteBuffer batch) {
        for (int i = 0; i < APPEND_COUNT; i++) {
            while (log.append(batch) < 0) {
                LockSupport.parkNanos(100_000);
            }
        }
    }

    /** Appends batches of one record each, whose timestamp is their offset. */
    private void append(long firstOffset, int count) {
        for (long offset = firstOffset; offset < firstOffset + count; offset++) {
            long due = offset;
            await("room", () -> log.append(batch(due)) == due);
        }
    }

    private void awaitHighWatermark(long offset) throws InterruptedException {
        CountDownLatch reached = new CountDownLatch(1);
        log.onHighWatermark(offset, reached::countDown);
        assertTrue(reached.await(20, TimeUnit.SECONDS), "highWatermark=" + log.highWatermark());
    }

    private void checkReadable(long from, long to) throws Exception {
        check(log, from, to);
    }

    /** Reads the records with a log that knows no more than the projection. */
    private void checkOnDisk(long end) throws Exception {
        checkOnDisk(0, end);
    }

    private void checkOnDisk(long start, long end) throws Exception {
        await("spill", () -> isDone(log.whenSpilled()));
        awaitIndex();
        PartitionState state = projected();
        assertEquals(end, state.logEndOffset);
        PartitionLog onDisk =
                new JournaledLog(
                        topic(1, 1),
                        0,
                        shard,
                        1,
                        state,
                        new ProducerStates(store, 1, 0, () -> 0),
                        coldReader,
                        projector);
        check(onDisk, start, end);
    }

    private void awaitIndex() throws Exception {
        CompletableFuture<Void> indexed = new CompletableFuture<>();
        shard.requestSync();
        projector.whenApplied(1, log.lastPosition, () -> indexed.complete(null));
        get(indexed);
    }

    private static PartitionState created() {
        PartitionState state = PartitionState.decode(null);
        state.firstReserve = PartitionLogBase.FIRST_RESERVE;
        return state;
    }

    private PartitionState projected() {
        return PartitionState.decode(store.get(Rows.partitionKey(1, 0)));
    }

    private static void check(PartitionLog log, long from, long to) throws Exception {
        long offset = from;
        while (offset < to) {
            try (ReadResult result = read(log, offset)) {
                RecordsLease lease = assertInstanceOf(RecordsLease.class, result, "at " + offset);
                for (int i = 0; i < lease.sliceCount(); i++) {
                    offset = check(lease.slice(i), offset);
                }
                assertEquals(lease.nextOffset(), offset);
            }
        }
        assertEquals(to, offset);
    }

    private static ReadResult read(PartitionLog log, long offset) throws Exception {
        ReadResult result = log.read(offset, 16 * KIB);
        if (result != Unavailable.COLD) {
            return result;
        }
        CompletableFuture<ReadResult> loaded = new CompletableFuture<>();
        log.readCold(offset, 16 * KIB, loaded::complete);
        return get(loaded);
    }

    private static long check(ByteBuffer slice, long firstOffset) {
        long offset = firstOffset;
        int at = slice.position();
        while (at < slice.limit()) {
            int next = at + RecordBatch.length(slice, at);
            assertTrue(RecordBatch.isSound(slice.duplicate().limit(next).position(at)));
            assertEquals(offset, RecordBatch.baseOffset(slice, at));
            assertEquals(offset, RecordBatch.baseTimestamp(slice, at));
            offset++;
            at = next;
        }
        return offset;
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "not within 20 s: " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static ByteBuffer batch(long offset) {
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(
                        RecordBatch.HEADER_LENGTH + RecordBatchWriter.lengthMax(0, VALUE_LENGTH));
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, offset);
        writer.append(offset, null, ByteBuffer.allocate(VALUE_LENGTH));
        writer.end();
        return buffer.flip();
    }

    private static boolean isDone(CompletableFuture<?> future) {
        try {
            future.get(20, TimeUnit.SECONDS);
            return true;
        } catch (ExecutionException e) {
            return false;
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }
}
