package io.headrace.engine.source;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Ranges of an object, in order and apart from each other: those that a block does without.
 * Immutable.
 */
final class ByteRanges {
    static final ByteRanges NONE = new ByteRanges(new long[0]);

    private static final int RANGE_LENGTH = 2 * Long.BYTES;

    /** Begin and end, exclusive, of each. */
    private final long[] bounds;

    private ByteRanges(long[] bounds) {
        this.bounds = bounds;
    }

    int count() {
        return bounds.length / 2;
    }

    long from(int index) {
        return bounds[2 * index];
    }

    long to(int index) {
        return bounds[2 * index + 1];
    }

    /** Bytes of all of them. */
    long length() {
        long length = 0;
        for (int i = 0; i < count(); i++) {
            length += to(i) - from(i);
        }
        return length;
    }

    /** These and one behind them. */
    ByteRanges with(long from, long to) {
        long[] more = Arrays.copyOf(bounds, bounds.length + 2);
        more[bounds.length] = from;
        more[bounds.length + 1] = to;
        return new ByteRanges(more);
    }

    /** What of these lies within a range. */
    ByteRanges within(long from, long to) {
        ByteRanges inside = NONE;
        for (int i = 0; i < count(); i++) {
            long begin = Math.max(from, from(i));
            long end = Math.min(to, to(i));
            if (begin < end) {
                inside = inside.with(begin, end);
            }
        }
        return inside;
    }

    int encodedLength() {
        return Integer.BYTES + count() * RANGE_LENGTH;
    }

    void encode(ByteBuffer into) {
        into.putInt(count());
        for (long bound : bounds) {
            into.putLong(bound);
        }
    }

    static ByteRanges decode(ByteBuffer from) {
        int count = from.getInt();
        if (count == 0) {
            return NONE;
        }
        long[] bounds = new long[2 * count];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = from.getLong();
        }
        return new ByteRanges(bounds);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ByteRanges ranges && Arrays.equals(bounds, ranges.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        return Arrays.toString(bounds);
    }
}
