package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.Journal;
import org.junit.jupiter.api.Test;

class RecentBatchesTest {
    private static final int FIRST_CYCLE = 100_000;
    private static final long ALL_INDEXED = Long.MAX_VALUE;
    private static final long NONE_INDEXED = 0;

    private final RecentBatches recent = new RecentBatches();
    private long nextOffset;

    private void add(int count, int cycle, long indexedPosition) {
        for (int i = 0; i < count; i++) {
            long position = Journal.position(cycle, 64 * (nextOffset + 1));
            recent.add(nextOffset++, position, 64, 1, indexedPosition);
        }
    }

    @Test
    void whatIsMappedIsKeptAlthoughItIsIndexed() {
        add(3000, FIRST_CYCLE, ALL_INDEXED);
        add(3000, FIRST_CYCLE + RecentBatches.WINDOW_CYCLES - 1, ALL_INDEXED);

        assertEquals(0, recent.ring().find(0));
        assertTrue(recent.ring().find(5999) > 0);
    }

    @Test
    void whatIsIndexedAndNoLongerMappedMakesRoom() {
        add(4096, FIRST_CYCLE, ALL_INDEXED);
        add(4096, FIRST_CYCLE + RecentBatches.WINDOW_CYCLES, ALL_INDEXED);

        assertEquals(4096, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(4095));
        assertTrue(recent.ring().find(4096) >= 0);
    }

    @Test
    void whatIsNotIndexedIsKeptWhateverItsAge() {
        add(4096, FIRST_CYCLE, NONE_INDEXED);
        add(4096, FIRST_CYCLE + 2 * RecentBatches.WINDOW_CYCLES, NONE_INDEXED);

        assertEquals(0, recent.ring().find(0));
    }

    @Test
    void aRingIsNoLongerThanWhatIsMappedNeeds() {
        add(20_000, FIRST_CYCLE, ALL_INDEXED);
        add(10, FIRST_CYCLE + RecentBatches.WINDOW_CYCLES, ALL_INDEXED);

        assertEquals(16, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(19_999));
        for (long offset = 20_000; offset < nextOffset; offset++) {
            assertHeld(offset, FIRST_CYCLE + RecentBatches.WINDOW_CYCLES);
        }
    }

    @Test
    void aRingShrinksByWhatOthersAppendToo() {
        add(20_000, FIRST_CYCLE, ALL_INDEXED);
        add(20, FIRST_CYCLE + 1, ALL_INDEXED);
        recent.forgetUnmapped(
                Journal.position(FIRST_CYCLE + RecentBatches.WINDOW_CYCLES, 0), ALL_INDEXED);
        assertEquals(64, recent.ring().lengths.length);
        assertHeld(20_000, FIRST_CYCLE + 1);
        assertHeld(20_019, FIRST_CYCLE + 1);

        recent.forgetUnmapped(
                Journal.position(FIRST_CYCLE + RecentBatches.WINDOW_CYCLES + 1, 0), ALL_INDEXED);
        assertEquals(4, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(20_019));
    }

    @Test
    void whatIsNotIndexedDoesNotGoWithTheRest() {
        long firstOfSecond = Journal.position(FIRST_CYCLE + 1, 0);
        add(5000, FIRST_CYCLE, ALL_INDEXED);
        add(50, FIRST_CYCLE + 1, firstOfSecond);
        add(50, FIRST_CYCLE + 2 * RecentBatches.WINDOW_CYCLES, firstOfSecond);

        assertEquals(128, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(4999));
        assertHeld(5000, FIRST_CYCLE + 1);
        assertHeld(5099, FIRST_CYCLE + 2 * RecentBatches.WINDOW_CYCLES);
    }

    /** What a reader has begun to read stays as it was, in the ring that it began with. */
    @Test
    void aReaderIsNotDisturbedByAShorterRing() {
        add(20_000, FIRST_CYCLE, ALL_INDEXED);
        RecentBatches.Ring before = recent.ring();
        long index = before.find(0);
        add(100, FIRST_CYCLE + RecentBatches.WINDOW_CYCLES, ALL_INDEXED);

        assertEquals(0, before.lastOffsets[before.slot(index)]);
        assertEquals(20_000, before.tail());
    }

    private void assertHeld(long offset, int cycle) {
        RecentBatches.Ring ring = recent.ring();
        long index = ring.find(offset);
        assertTrue(index >= 0, "not there: " + offset);
        assertEquals(offset, ring.lastOffsets[ring.slot(index)]);
        assertEquals(Journal.position(cycle, 64 * (offset + 1)), ring.positions[ring.slot(index)]);
    }

    @Test
    void whatIsIndexedIsBoundedInNumber() {
        add(RecentBatches.KEPT_MAX + 5, FIRST_CYCLE, ALL_INDEXED);

        assertEquals(RecentBatches.KEPT_MAX, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(4));
        assertEquals(5, recent.ring().find(5));
    }
}
