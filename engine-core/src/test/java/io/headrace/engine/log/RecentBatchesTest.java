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
        assertTrue(recent.ring().find(4096) > 0);
    }

    @Test
    void whatIsNotIndexedIsKeptWhateverItsAge() {
        add(4096, FIRST_CYCLE, NONE_INDEXED);
        add(4096, FIRST_CYCLE + 2 * RecentBatches.WINDOW_CYCLES, NONE_INDEXED);

        assertEquals(0, recent.ring().find(0));
    }

    @Test
    void whatIsIndexedIsBoundedInNumber() {
        add(RecentBatches.KEPT_MAX + 5, FIRST_CYCLE, ALL_INDEXED);

        assertEquals(RecentBatches.KEPT_MAX, recent.ring().lengths.length);
        assertEquals(-1, recent.ring().find(4));
        assertEquals(5, recent.ring().find(5));
    }
}
