package io.headrace.engine.log;

import io.headrace.engine.spi.Journal;
import java.lang.invoke.VarHandle;

/**
 * Where a partition's newest batches lie: a ring that holds at least those that the offset index
 * does not have yet.
 *
 * <p>One writer (under the shard's lock), any number of readers. A reader copies what it needs and
 * then asks {@link Ring#holds} whether it was overwritten meanwhile.
 */
final class RecentBatches {
    /**
     * Beyond that many, batches are kept only until the index has them. 24 bytes each; so many fill
     * the mapped window with batches of a producer's default size.
     */
    static final int KEPT_MAX = 32 * 1024;

    /**
     * Newest cycles of a journal that stay mapped. What is older is read from disk whatever is
     * known here, so that the rings of all partitions together hold no more than such a window
     * does.
     */
    static final int WINDOW_CYCLES = 4;

    private static final int FIRST_CAPACITY = 4;

    /** Replaced by a larger copy when it is full; an old ring stays as it was. */
    private volatile Ring ring = new Ring(FIRST_CAPACITY);

    static final class Ring {
        final long[] lastOffsets;
        final long[] positions;
        final int[] lengths;
        final int[] offsetCounts;
        private final int mask;

        /** Advanced before a slot is overwritten. */
        private volatile long head;

        /** Advanced after a slot was written. */
        private volatile long tail;

        Ring(int capacity) {
            lastOffsets = new long[capacity];
            positions = new long[capacity];
            lengths = new int[capacity];
            offsetCounts = new int[capacity];
            mask = capacity - 1;
        }

        int slot(long index) {
            return (int) index & mask;
        }

        long head() {
            return head;
        }

        long tail() {
            return tail;
        }

        /**
         * Whether what was read from {@code index} on, before this call, is what was written there.
         */
        boolean holds(long index) {
            VarHandle.acquireFence();
            return head <= index;
        }

        /**
         * Index of the first batch whose last offset is at or beyond {@code offset}, or −1 if the
         * ring begins after it or ends before it.
         */
        long find(long offset) {
            long low = head;
            long high = tail;
            long end = high;
            if (low == high || offset < baseOffset(low)) {
                return -1;
            }
            while (low < high) {
                long middle = (low + high) >>> 1;
                if (lastOffsets[slot(middle)] < offset) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low < end ? low : -1;
        }

        private long baseOffset(long index) {
            int slot = slot(index);
            return lastOffsets[slot] - offsetCounts[slot] + 1;
        }
    }

    Ring ring() {
        return ring;
    }

    /** Adds a batch; those before {@code indexedPosition} may be forgotten. */
    void add(long lastOffset, long position, int length, int offsetCount, long indexedPosition) {
        Ring current = ring;
        int capacity = current.lengths.length;
        if (current.tail - current.head == capacity) {
            long oldest = current.positions[current.slot(current.head)];
            boolean kept = capacity < KEPT_MAX && oldest >= windowStart(position);
            if (oldest < indexedPosition && !kept) {
                current.head = current.head + 1;
                // A volatile store may be overtaken by the plain ones behind it.
                VarHandle.storeStoreFence();
            } else {
                current = grow(current);
            }
        }
        int slot = current.slot(current.tail);
        current.lastOffsets[slot] = lastOffset;
        current.positions[slot] = position;
        current.lengths[slot] = length;
        current.offsetCounts[slot] = offsetCount;
        current.tail = current.tail + 1;
    }

    /** Forgets those that end below an offset; the index has them. By the writer's lock. */
    void forgetBelow(long offset) {
        Ring current = ring;
        long index = current.head;
        while (index < current.tail && current.lastOffsets[current.slot(index)] < offset) {
            index++;
        }
        current.head = index;
        // As in add: a slot is overwritten only after its index is out of reach.
        VarHandle.storeStoreFence();
    }

    private static long windowStart(long newestPosition) {
        return Journal.position(Journal.cycle(newestPosition) - WINDOW_CYCLES + 1, 0);
    }

    private Ring grow(Ring old) {
        Ring larger = new Ring(old.lengths.length * 2);
        for (long index = old.head; index < old.tail; index++) {
            int from = old.slot(index);
            int to = larger.slot(index - old.head);
            larger.lastOffsets[to] = old.lastOffsets[from];
            larger.positions[to] = old.positions[from];
            larger.lengths[to] = old.lengths[from];
            larger.offsetCounts[to] = old.offsetCounts[from];
        }
        larger.tail = old.tail - old.head;
        ring = larger;
        return larger;
    }
}
