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
     * known here, and is forgotten: so the rings of all partitions together have no more than four
     * slots for each batch of such a window, and for each log in use.
     */
    static final int WINDOW_CYCLES = 4;

    private static final int FIRST_CAPACITY = 4;

    /**
     * Replaced by a larger copy when it is full, and by a smaller one when less than a quarter is
     * used; an old ring stays as it was.
     */
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

        /** Position of the first batch; beyond all if there is none. */
        private long oldestPosition() {
            long first = head;
            return first < tail ? positions[slot(first)] : Long.MAX_VALUE;
        }

        /** Index of the first batch at or behind a position; the writer's. */
        private long firstAt(long position) {
            long low = head;
            long high = tail;
            while (low < high) {
                long middle = (low + high) >>> 1;
                if (positions[slot(middle)] < position) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
        }

        /** Moves the head; the writer's. */
        private void forgetUntil(long index) {
            head = index;
            // A volatile store may be overtaken by the plain ones behind it, into the same slots.
            VarHandle.storeStoreFence();
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
        forgetUnmapped(position, indexedPosition);
        Ring current = ring;
        int capacity = current.lengths.length;
        if (current.tail - current.head == capacity) {
            if (capacity >= KEPT_MAX && current.oldestPosition() < indexedPosition) {
                current.forgetUntil(current.head + 1);
            } else {
                current = replace(current, capacity * 2);
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
        current.forgetUntil(index);
        shrink(current);
    }

    /** Whether {@link #forgetUnmapped} has something to do; a hint, without the writer's lock. */
    boolean holdsUnmapped(long newestPosition, long indexedPosition) {
        return ring.oldestPosition() < keptFrom(newestPosition, indexedPosition);
    }

    /**
     * Forgets those that the index has and that are not mapped any more, so that a ring is never
     * much longer than what is mapped of its partition. By the writer's lock.
     */
    void forgetUnmapped(long newestPosition, long indexedPosition) {
        Ring current = ring;
        long kept = keptFrom(newestPosition, indexedPosition);
        if (current.oldestPosition() < kept) {
            current.forgetUntil(current.firstAt(kept));
            shrink(current);
        }
    }

    private static long keptFrom(long newestPosition, long indexedPosition) {
        return Math.min(windowStart(newestPosition), indexedPosition);
    }

    private static long windowStart(long newestPosition) {
        return Journal.position(Journal.cycle(newestPosition) - WINDOW_CYCLES + 1, 0);
    }

    /** What is copied is a part of what was added since a ring of that capacity was made. */
    private void shrink(Ring current) {
        int capacity = current.lengths.length;
        int count = (int) (current.tail - current.head);
        if (capacity > FIRST_CAPACITY && count < capacity / 4) {
            replace(current, Math.max(FIRST_CAPACITY, Integer.highestOneBit(count) * 4));
        }
    }

    private Ring replace(Ring old, int capacity) {
        Ring other = new Ring(capacity);
        for (long index = old.head; index < old.tail; index++) {
            int from = old.slot(index);
            int to = other.slot(index - old.head);
            other.lastOffsets[to] = old.lastOffsets[from];
            other.positions[to] = old.positions[from];
            other.lengths[to] = old.lengths[from];
            other.offsetCounts[to] = old.offsetCounts[from];
        }
        other.tail = old.tail - old.head;
        ring = other;
        return other;
    }
}
