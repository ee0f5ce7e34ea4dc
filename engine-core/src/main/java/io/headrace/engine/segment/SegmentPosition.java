package io.headrace.engine.segment;

/**
 * Positions in segments, in the same 64 bits as those in a journal: negative, the segment's number
 * in the lower 31 bits of the upper half, the byte offset in the lower half.
 */
public final class SegmentPosition {
    /** Longest segment file, in bytes: offsets are read as ints in places. */
    public static final long OFFSET_MAX = Integer.MAX_VALUE;

    private static final int SEGMENT_BIT = 1 << 31;
    private static final long OFFSET_MASK = 0xFFFF_FFFFL;

    private SegmentPosition() {}

    /** The position of a byte offset in a segment. */
    public static long of(int segment, long offset) {
        return (long) half(segment) << 32 | offset;
    }

    /** Whether a position is in a segment, not in a journal. */
    public static boolean isIn(long position) {
        return position < 0;
    }

    /** The segment's number. */
    public static int segment(long position) {
        return segmentOfHalf((int) (position >>> 32));
    }

    /** The byte offset in the segment's file. */
    public static long offset(long position) {
        return position & OFFSET_MASK;
    }

    /** The upper half of every position in a segment, by which its live bytes are counted. */
    public static int half(int segment) {
        return segment | SEGMENT_BIT;
    }

    /** Whether an upper half is a segment's, not a cycle's. */
    public static boolean isHalf(int half) {
        return half < 0;
    }

    /** The segment of an upper half. */
    public static int segmentOfHalf(int half) {
        return half & ~SEGMENT_BIT;
    }
}
