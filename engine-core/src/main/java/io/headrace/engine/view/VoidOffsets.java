package io.headrace.engine.view;

import java.util.Arrays;

/** Offsets of a lane that were taken back: ranges in order, which do not overlap. Immutable. */
final class VoidOffsets {
    static final VoidOffsets NONE = new VoidOffsets(new long[0], new long[0]);

    private final long[] starts;
    private final long[] ends;

    private VoidOffsets(long[] starts, long[] ends) {
        this.starts = starts;
        this.ends = ends;
    }

    /** These and a range that begins behind or before all of them. */
    VoidOffsets with(long start, long end) {
        int count = starts.length;
        long[] newStarts = Arrays.copyOf(starts, count + 1);
        long[] newEnds = Arrays.copyOf(ends, count + 1);
        newStarts[count] = start;
        newEnds[count] = end;
        Arrays.sort(newStarts);
        Arrays.sort(newEnds);
        return new VoidOffsets(newStarts, newEnds);
    }

    /** Where the range ends that holds the offset; the offset itself if none does. */
    long endOfVoidAt(long offset) {
        int index = floor(offset);
        return index >= 0 && ends[index] > offset ? ends[index] : offset;
    }

    /** Where the first range behind the offset begins; {@link Long#MAX_VALUE} if there is none. */
    long startOfVoidFrom(long offset) {
        int next = floor(offset) + 1;
        return next < starts.length ? starts[next] : Long.MAX_VALUE;
    }

    private int floor(long offset) {
        int found = Arrays.binarySearch(starts, offset);
        return found >= 0 ? found : -found - 2;
    }
}
