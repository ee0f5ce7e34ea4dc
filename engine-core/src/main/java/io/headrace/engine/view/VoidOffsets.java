package io.headrace.engine.view;

import java.util.ArrayList;
import java.util.List;

/**
 * Offsets of a lane that were taken back: ranges in order, which do not overlap. Immutable; there
 * are few.
 */
final class VoidOffsets {
    static final VoidOffsets NONE = new VoidOffsets(List.of());

    private final List<Range> ranges;

    /**
     * Offsets that are void.
     *
     * @param saidAt offset of the reference that says so
     */
    record Range(long start, long end, long saidAt) {
        /** Behind what nobody has in hand any more: with what says so, if nothing is between. */
        long doneEnd() {
            return end == saidAt ? saidAt + 1 : end;
        }
    }

    private VoidOffsets(List<Range> ranges) {
        this.ranges = ranges;
    }

    /** These and one more, without what ends at or below an offset: nobody reads there. */
    VoidOffsets with(Range more, long logStartOffset) {
        List<Range> all = new ArrayList<>();
        for (Range range : ranges) {
            if (range.end > logStartOffset) {
                all.add(range);
            }
        }
        int at = 0;
        while (at < all.size() && all.get(at).start < more.start) {
            at++;
        }
        all.add(at, more);
        return new VoidOffsets(List.copyOf(all));
    }

    /**
     * Where the range ends that holds the offset; the offset itself if none does.
     *
     * @param highWatermark of the lane: what is said behind it may yet be lost
     */
    long endOfVoidAt(long offset, long highWatermark) {
        int index = floor(offset);
        if (index < 0) {
            return offset;
        }
        Range range = ranges.get(index);
        return range.end > offset && range.saidAt < highWatermark ? range.end : offset;
    }

    /**
     * Where the next range begins behind an offset that is in none; {@code Long.MAX_VALUE} if there
     * is none.
     *
     * @param highWatermark of the lane: what is said behind it may yet be lost
     */
    long startBehind(long offset, long highWatermark) {
        for (int i = floor(offset) + 1; i < ranges.size(); i++) {
            if (ranges.get(i).saidAt < highWatermark) {
                return ranges.get(i).start;
            }
        }
        return Long.MAX_VALUE;
    }

    private int floor(long offset) {
        int low = 0;
        int high = ranges.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (ranges.get(middle).start <= offset) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }
}
