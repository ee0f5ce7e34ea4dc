package io.headrace.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RingLogTest {
    private static final long NOW_MS = 1_700_000_000_000L;

    private static final int KIB = 1024;
    private static final int MIB = KIB * KIB;

    private OffHeapMemoryStore store = store(64 * MIB);

    private static OffHeapMemoryStore store(long budgetBytes) {
        return new OffHeapMemoryStore(new OffHeapContext().budgetBytes(budgetBytes));
    }

    private void useBudget(long budgetBytes) {
        store.close();
        store = store(budgetBytes);
    }

    @AfterEach
    void nothingIsLeaked() {
        store.close();
        store.forEachTag((tag, bytes) -> assertEquals(0, bytes, tag));
        assertEquals(0, store.reservedBytes());
    }

    private Slab allocate(int length) {
        Slab slab = store.allocate(length, "test");
        assertNotNull(slab);
        return slab;
    }

    private static void fill(MemoryLog log, int batchCount, int valueLength) {
        for (int i = 0; i < batchCount; i++) {
            long offset = log.logEndOffset();
            assertEquals(offset, log.append(Batches.batch(offset, 1, valueLength), 3, NOW_MS));
        }
    }

    private static RecordsLease lease(MemoryLog log, long offset, int lengthMax) {
        return assertInstanceOf(RecordsLease.class, log.read(offset, lengthMax));
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    /** Within the slab that holds the first batch that reaches it, and never behind that batch. */
    @Test
    void whereALookForATimestampGoesOnIsInTheRightSlab() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 4000, 100);
        long slabBatches = MIB / 8 / 100;
        for (long targetMs = 0; targetMs < 4000; targetMs++) {
            long reaching = log.firstReaching(0, targetMs);
            assertTrue(reaching <= targetMs, targetMs + " is before " + reaching);
            assertTrue(targetMs - reaching < slabBatches, targetMs + " is far behind " + reaching);
            assertEquals(targetMs, log.firstReaching(targetMs, targetMs));
        }
        assertEquals(4000, log.firstReaching(0, 4000));
        log.dropBefore(1500);
        assertTrue(log.firstReaching(0, 0) <= 1500);
        log.close();
        assertEquals(4000, log.firstReaching(0, 0));
    }

    @Test
    void copiesTheBatchAndSetsOffsetAndEpochInTheCopyOnly() {
        MemoryLog log = store.openLog(100, MIB);
        ByteBuffer batch = Batches.batch(100, 5, 20);
        ByteBuffer before = ByteBuffer.allocate(batch.remaining()).put(batch.duplicate()).flip();
        assertEquals(100, log.append(batch, 7, NOW_MS));
        assertEquals(before, batch);
        assertEquals(105, log.logEndOffset());
        try (RecordsLease lease = lease(log, 100, MIB)) {
            ByteBuffer slice = lease.slice(0);
            assertEquals(100, RecordBatch.baseOffset(slice, 0));
            assertEquals(7, RecordBatch.leaderEpoch(slice, 0));
            assertEquals(
                    before.slice(16, before.remaining() - 16),
                    slice.slice(16, lease.length() - 16));
            assertEquals(105, lease.nextOffset());
        }
    }

    @Test
    void takesABatchInTheMiddleOfAHeapBufferOfAnyOrder() {
        MemoryLog log = store.openLog(0, MIB);
        ByteBuffer batch = Batches.batch(0, 2, 50);
        ByteBuffer heap = ByteBuffer.allocate(1000).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        heap.position(13).put(batch.duplicate()).flip().position(13);
        assertEquals(0, log.append(heap, 1, NOW_MS));
        assertEquals(13, heap.position());
        try (RecordsLease lease = lease(log, 1, MIB)) {
            assertEquals(List.of(0L), Batches.checkedBaseOffsets(lease));
        }
    }

    @Test
    void readsFromEveryOffsetAndEveryLength() {
        MemoryLog log = store.openLog(0, 16 * MIB);
        List<Long> bases = new ArrayList<>();
        long[] lengths = new long[400];
        for (int i = 0; i < 400; i++) {
            bases.add(log.logEndOffset());
            ByteBuffer batch = Batches.batch(log.logEndOffset(), 1 + i % 3, 10 + (i * 37) % 900);
            lengths[i] = batch.remaining();
            log.append(batch, 1, NOW_MS);
        }
        for (int i = 0; i < 400; i++) {
            long last = i < 399 ? bases.get(i + 1) - 1 : log.logEndOffset() - 1;
            for (int lengthMax : new int[] {1, 500, 1700, 4096, 10_000, 123_456}) {
                try (RecordsLease lease = lease(log, last, lengthMax)) {
                    List<Long> got = Batches.checkedBaseOffsets(lease);
                    assertEquals(bases.subList(i, i + got.size()), got);
                    assertTrue(lease.length() <= lengthMax || got.size() == 1);
                    boolean isComplete = i + got.size() == 400;
                    assertTrue(isComplete || lease.length() + lengths[i + got.size()] > lengthMax);
                }
            }
        }
    }

    @Test
    void answersWhatIsNotThere() {
        MemoryLog log = store.openLog(10, MIB);
        assertSame(Unavailable.CAUGHT_UP, log.read(10, MIB));
        assertSame(Unavailable.OFFSET_OUT_OF_RANGE, log.read(9, MIB));
        fill(log, 3, 10);
        assertSame(Unavailable.CAUGHT_UP, log.read(13, MIB));
        assertSame(Unavailable.OFFSET_OUT_OF_RANGE, log.read(14, MIB));
        log.close();
        assertSame(Unavailable.CLOSED, log.read(10, MIB));
        assertThrows(
                IllegalStateException.class, () -> log.append(Batches.batch(13, 1, 10), 1, NOW_MS));
    }

    @Test
    void refusesWhatIsNotOneBatchAndKeepsTheLogAsItWas() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 1, 10);
        ByteBuffer tooShort = Batches.batch(1, 1, 10);
        tooShort.limit(tooShort.limit() - 1);
        assertThrows(IllegalArgumentException.class, () -> log.append(tooShort, 1, NOW_MS));
        fill(log, 1, 10);
        try (RecordsLease lease = lease(log, 0, MIB)) {
            assertEquals(range(0, 2), Batches.checkedBaseOffsets(lease));
        }
    }

    @Test
    void anIdleLogCostsOneKibibyteAndAnEmptyOneNothing() {
        MemoryLog log = store.openLog(0, 64 * MIB);
        assertEquals(0, log.bytes());
        fill(log, 1, 10);
        assertEquals(KIB, log.bytes());
    }

    @Test
    void overwritesTheOldestBeyondItsBudgetInSmallSteps() {
        MemoryLog log = store.openLog(0, 256 * KIB);
        long startBefore = 0;
        for (int i = 0; i < 3000; i++) {
            fill(log, 1, 900);
            assertTrue(log.bytes() <= 256 * KIB);
            assertTrue(log.logStartOffset() - startBefore <= 16, "one slab of 16 KiB at most");
            startBefore = log.logStartOffset();
        }
        assertTrue(log.logStartOffset() > 2700);
        assertTrue((log.logEndOffset() - log.logStartOffset()) * 960 > 200 * KIB, "most is used");
        try (RecordsLease lease = lease(log, log.logStartOffset(), MIB)) {
            assertEquals(range(log.logStartOffset(), 3000), Batches.checkedBaseOffsets(lease));
        }
    }

    @Test
    void aLeaseSurvivesOverwritingAndDroppingUntilItIsClosed() {
        MemoryLog log = store.openLog(0, 64 * KIB);
        fill(log, 20, 500);
        RecordsLease lease = lease(log, 0, 8 * KIB);
        List<Long> before = Batches.checkedBaseOffsets(lease);
        fill(log, 2000, 500);
        assertTrue(log.logStartOffset() > 1000);
        log.close();
        assertEquals(before, Batches.checkedBaseOffsets(lease));
        ByteBuffer kept = lease.slice(0);
        lease.close();
        lease.close();
        assertThrows(IndexOutOfBoundsException.class, () -> kept.get(0));
        assertThrows(IllegalStateException.class, () -> lease.slice(0));
    }

    @Test
    void aBatchLargerThanAllClassesAndTheBudgetIsHeldAlone() {
        MemoryLog log = store.openLog(0, 64 * KIB);
        fill(log, 10, 500);
        fill(log, 1, 5 * MIB);
        assertEquals(10, log.logStartOffset());
        try (RecordsLease lease = lease(log, 10, 1)) {
            assertEquals(range(10, 11), Batches.checkedBaseOffsets(lease));
        }
        fill(log, 1, 5000);
        assertEquals(11, log.logStartOffset());
    }

    @Test
    void dropsBeforeAnOffset() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 100, 500);
        long bytesBefore = log.bytes();
        log.dropBefore(50);
        assertEquals(50, log.logStartOffset());
        assertTrue(log.bytes() < bytesBefore);
        assertSame(Unavailable.OFFSET_OUT_OF_RANGE, log.read(49, MIB));
        try (RecordsLease lease = lease(log, 50, MIB)) {
            assertEquals(range(50, 100), Batches.checkedBaseOffsets(lease));
        }
        log.dropBefore(20);
        assertEquals(50, log.logStartOffset());
        log.dropBefore(1000);
        assertEquals(100, log.logStartOffset());
        assertEquals(0, log.bytes());
        fill(log, 1, 500);
        try (RecordsLease lease = lease(log, 100, MIB)) {
            assertEquals(range(100, 101), Batches.checkedBaseOffsets(lease));
        }
    }

    @Test
    void dropsSlabsOlderThanATime() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 100, 500); // the timestamp is the offset
        long start = log.dropOlderThan(50);
        assertTrue(start > 20 && start <= 50, "start=" + start);
        assertEquals(start, log.logStartOffset());
        assertEquals(100, log.dropOlderThan(Long.MAX_VALUE));
        assertEquals(0, log.bytes());
    }

    @Test
    void aSmallerBudgetTakesEffectAtOnce() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 500, 900);
        log.budgetBytes(64 * KIB);
        assertTrue(log.bytes() <= 64 * KIB);
        assertTrue(log.logStartOffset() > 0);
    }

    @Test
    void theGlobalBudgetTakesFromIdleLogsFirst() {
        useBudget(4 * MIB);
        MemoryLog idle = store.openLog(0, 64 * MIB);
        fill(idle, 2000, 900);
        MemoryLog busy = store.openLog(0, 64 * MIB);
        fill(busy, 1000, 900);
        assertEquals(0, busy.logStartOffset());
        fill(busy, 5000, 900);
        assertEquals(0, idle.bytes());
        assertEquals(2000, idle.logStartOffset());
        assertTrue(busy.logStartOffset() > 0);
        assertTrue(busy.bytes() > 3 * MIB);
        fill(idle, 1, 900);
    }

    @Test
    void manyTinyIdleLogsGiveWayToABusyOne() {
        useBudget(4 * MIB);
        List<MemoryLog> idle = new ArrayList<>();
        for (int i = 0; i < 4096; i++) {
            idle.add(store.openLog(0, MIB));
            fill(idle.get(i), 1, 100);
        }
        MemoryLog busy = store.openLog(0, 2 * MIB);
        fill(busy, 4000, 900);
        assertTrue(busy.bytes() > MIB, "bytes=" + busy.bytes());
        for (MemoryLog log : idle) {
            fill(log, 1, 100);
        }
    }

    @Test
    void pinnedMemoryPushesBackUntilALeaseIsClosed() {
        useBudget(64 * KIB);
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 50, 900);
        RecordsLease lease = lease(log, log.logStartOffset(), MIB);
        long pinned = lease.length();
        assertTrue(pinned > 40 * KIB);
        long result = 0;
        for (int i = 0; i < 50 && result != MemoryLog.BACK_PRESSURED; i++) {
            result = log.append(Batches.batch(log.logEndOffset(), 1, 900), 1, NOW_MS);
        }
        assertEquals(MemoryLog.BACK_PRESSURED, result);
        lease.close();
        fill(log, 1, 900);
    }

    @Test
    void readsNoBatchThatEndsBeyondTheEndThatIsAskedFor() {
        MemoryLog log = store.openLog(0, MIB);
        for (int i = 0; i < 200; i++) {
            log.append(Batches.batch(log.logEndOffset(), 2, 500), 1, NOW_MS);
        }
        for (long end = 1; end <= 400; end++) {
            List<Long> baseOffsets = new ArrayList<>();
            long offset = 0;
            while (log.read(offset, 10 * KIB, end) instanceof RecordsLease lease) {
                baseOffsets.addAll(Batches.checkedBaseOffsets(lease));
                offset = lease.nextOffset();
                lease.close();
            }
            assertEquals(
                    LongStream.range(0, end / 2).map(i -> 2 * i).boxed().toList(), baseOffsets);
            assertSame(Unavailable.CAUGHT_UP, log.read(offset, 10 * KIB, end));
        }
    }

    @Test
    void whatIsKeptIsNotOverwrittenAndAppendsAreRefusedInstead() {
        MemoryLog log = store.openLog(0, 64 * KIB);
        fill(log, 20, 500);
        log.keepFrom(20);
        long end = fillUntilRefused(log);
        assertTrue(end > 80, "most of the budget is used: end=" + end);
        assertTrue(log.bytes() <= 64 * KIB);
        assertTrue(log.logStartOffset() <= 20);
        try (RecordsLease lease = lease(log, 20, MIB)) {
            assertEquals(range(20, end), Batches.checkedBaseOffsets(lease));
        }
        log.dropOlderThan(Long.MAX_VALUE);
        log.dropBefore(end);
        log.budgetBytes(KIB);
        assertEquals(20, log.logStartOffset());
        log.budgetBytes(64 * KIB);
        log.keepFrom(end);
        fill(log, 10, 500);
        assertTrue(log.logStartOffset() > 20);
    }

    @Test
    void whatIsKeptIsNotDroppedForOthers() {
        useBudget(4 * MIB);
        MemoryLog idle = store.openLog(0, 64 * MIB);
        idle.keepFrom(0);
        fill(idle, 2000, 900);
        MemoryLog busy = store.openLog(0, 64 * MIB);
        fill(busy, 3000, 900);
        assertEquals(0, idle.logStartOffset());
        idle.keepFrom(2000);
        fill(busy, 5000, 900);
        assertEquals(2000, idle.logStartOffset());
    }

    private static long fillUntilRefused(MemoryLog log) {
        long result = 0;
        for (int i = 0; i < 100_000 && result != MemoryLog.BACK_PRESSURED; i++) {
            result = log.append(Batches.batch(log.logEndOffset(), 1, 500), 1, NOW_MS);
        }
        assertEquals(MemoryLog.BACK_PRESSURED, result);
        return log.logEndOffset();
    }

    @Test
    void slabsForOthersLeaveTheLogsTheirReserveAndPushLogsBackBeyondIt() {
        useBudget(4 * MIB);
        MemoryLog log = store.openLog(0, 64 * MIB);
        fill(log, 4000, 900);
        Slab first = allocate(MIB);
        Slab second = allocate(MIB);
        assertNull(store.allocate(MIB, "test"), "the rest is the logs' reserve");
        assertTrue(log.bytes() <= 2 * MIB);
        assertEquals(MIB, first.buffer().capacity());
        first.release();
        second.release();
    }

    @Test
    void closingWithALeaseOpenNamesWhatIsLeased() {
        Slab slab = allocate(10);
        IllegalStateException e = assertThrows(IllegalStateException.class, store::close);
        assertTrue(String.valueOf(e.getMessage()).contains("test=1024"), e.getMessage());
        slab.release();
    }

    @Test
    void badConfigIsRefusedByName() {
        for (OffHeapContext bad :
                List.of(
                        new OffHeapContext().budgetBytes(1),
                        new OffHeapContext().chunkBytes(1),
                        new OffHeapContext().budgetBytes(MIB).logReserveBytes(MIB + 1))) {
            assertThrows(InvalidConfigException.class, bad::conclude);
        }
    }

    @Test
    void aReadThatFindsNothingHoldsNothing() {
        MemoryLog log = store.openLog(0, MIB);
        fill(log, 10, 100);
        try (ReadResult result = log.read(10, 10)) {
            assertSame(Unavailable.CAUGHT_UP, result);
        }
    }
}
