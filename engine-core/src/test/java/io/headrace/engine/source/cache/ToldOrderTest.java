package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What a cache is told of an order holds for each of those who read in it. */
final class ToldOrderTest {
    private static final int BLOCKS = 1000;
    private static final int WINDOW = 10;
    private static final long WINDOW_NANOS = 1_000_000_000;

    private long nowNanos;
    private final ToldOrder order = new ToldOrder(new Blocks(), 2, WINDOW, epoch -> all());

    private static final class Blocks implements ToldOrder.Blocks {
        @Override
        public int blockCount() {
            return BLOCKS;
        }

        @Override
        public int partition(int block) {
            return 0;
        }

        @Override
        public long firstOffset(int block) {
            return block;
        }

        @Override
        public int recordCount(int block) {
            return 1;
        }
    }

    private static int[] all() {
        int[] blocks = new int[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = i;
        }
        return blocks;
    }

    private void at(long epoch, int place) {
        nowNanos += WINDOW_NANOS;
        order.at(epoch, place, nowNanos);
    }

    private double windowsUntil(int block) {
        return order.useNanos(0, block, nowNanos) / WINDOW_NANOS;
    }

    @Test
    void readersFarApartHaveEachTheirPlaceAndTheirPace() {
        for (int window = 0; window < 20; window++) {
            at(0, window * WINDOW);
            at(0, 500 + window * WINDOW);
        }
        // Each goes on by a window while two go by, and the first one was silent for one.
        assertEquals(1 + 2 * 2, windowsUntil(190 + 2 * WINDOW), 0.01);
        assertEquals(2 * 3, windowsUntil(690 + 3 * WINDOW), 0.01);
    }

    @Test
    void whoLooksIntoAnotherPlaceOnceChangesNothing() {
        for (int window = 0; window < 20; window++) {
            at(0, window * WINDOW);
        }
        double before = windowsUntil(230);
        order.at(1, 700, nowNanos);
        order.at(0, 180, nowNanos); // what is before is read again
        assertEquals(before, windowsUntil(230), 0.01);
        assertTrue(windowsUntil(100) > 50, "it is needed in the next epoch");
    }

    @Test
    void nothingIsNeededBeforeItBeginsAndAfterItsEnd() {
        assertFalse(order.isBegun());
        assertEquals(Double.POSITIVE_INFINITY, windowsUntil(0));
        at(1, 980);
        assertTrue(order.isBegun());
        assertEquals(Double.POSITIVE_INFINITY, windowsUntil(100), "there is no third epoch");
        at(1, BLOCKS);
        assertFalse(order.isBegun());
        assertEquals(Double.POSITIVE_INFINITY, windowsUntil(990));
    }

    @Test
    void whatWasReadWholeIsNeededInTheNextEpoch() {
        at(0, 0);
        at(0, WINDOW);
        order.read(15, 1, nowNanos);
        assertTrue(windowsUntil(15) > 50);
        assertTrue(windowsUntil(16) < 1);
    }

    @Test
    void ordersThatNobodyHasBegunLeaveThePartitionAsItWas() {
        Cursors cursors = new Cursors(0);
        cursors.endsAt(BLOCKS);
        assertEquals(Double.POSITIVE_INFINITY, cursors.useNanos(5, 1, true, 0));
        assertTrue(Double.isFinite(cursors.useNanos(5, 1, false, 0)));
        cursors.read(700, 701, 1, 1);
        assertTrue(Double.isFinite(cursors.useNanos(5, 1, true, 2)), "others read as well");
    }
}
