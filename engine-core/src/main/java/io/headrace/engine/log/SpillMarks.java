package io.headrace.engine.log;

/**
 * How far a log reached when its last spills began, and when that was: so that a sync which covers
 * one of them tells since when, at the earliest, what is not on disk yet can have been there.
 *
 * <p>Bounded: while more spills wait for a sync, the newest takes the place of the one before it,
 * and the answer is earlier than it need be. Guarded by its log's lock.
 */
final class SpillMarks {
    static final int COUNT_MAX = 4;

    private final long[] endOffsets = new long[COUNT_MAX];
    private final long[] timesNs = new long[COUNT_MAX];
    private int first;
    private int count;

    /** Notes that a spill begins; both numbers grow. */
    void add(long endOffset, long timeNs) {
        count = Math.min(count + 1, COUNT_MAX);
        int slot = (first + count - 1) % COUNT_MAX;
        endOffsets[slot] = endOffset;
        timesNs[slot] = timeNs;
    }

    /**
     * Forgets the spills that a sync up to this offset covers.
     *
     * @return when the last of them began, {@code otherwise} if it covers none
     */
    long removeCovered(long syncedEndOffset, long otherwise) {
        long timeNs = otherwise;
        while (count > 0 && endOffsets[first] <= syncedEndOffset) {
            timeNs = timesNs[first];
            first = (first + 1) % COUNT_MAX;
            count--;
        }
        return timeNs;
    }
}
