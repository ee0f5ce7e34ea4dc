package io.headrace.engine.view;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * How far a share view has handed out what it is over. Each reference carries it as it is with that
 * reference, so that the newest one is all that a start needs. Format: docs/design/formats.md,
 * "Lanes".
 *
 * @param cursors next offset of each partition, by topic
 * @param returned stretches that were taken back and not given again yet
 */
record ShareState(List<Cursor> cursors, List<Stretch> returned) {
    /** What a view has that has never given anything. */
    static final ShareState NONE = new ShareState(List.of(), List.of());

    private static final int STRETCH_LENGTH = Long.BYTES + Integer.BYTES + 2 * Long.BYTES;

    /**
     * Of one topic.
     *
     * @param nextOffsets by partition
     */
    record Cursor(long topicId, long[] nextOffsets) {}

    /** Offsets of one partition. */
    record Stretch(long topicId, int partition, long fromOffset, long endOffset) {}

    int encodedLength() {
        int length = 2 * Integer.BYTES + returned.size() * STRETCH_LENGTH;
        for (Cursor cursor : cursors) {
            length += Long.BYTES + Integer.BYTES;
            for (long next : cursor.nextOffsets) {
                length += varlongLength(next);
            }
        }
        return length;
    }

    void encode(ByteBuffer into) {
        into.putInt(cursors.size());
        for (Cursor cursor : cursors) {
            into.putLong(cursor.topicId).putInt(cursor.nextOffsets.length);
            for (long next : cursor.nextOffsets) {
                putVarlong(into, next);
            }
        }
        into.putInt(returned.size());
        for (Stretch stretch : returned) {
            into.putLong(stretch.topicId).putInt(stretch.partition);
            into.putLong(stretch.fromOffset).putLong(stretch.endOffset);
        }
    }

    static ShareState decode(ByteBuffer from) {
        List<Cursor> cursors = new ArrayList<>();
        for (int left = from.getInt(); left > 0; left--) {
            long topicId = from.getLong();
            long[] next = new long[from.getInt()];
            for (int i = 0; i < next.length; i++) {
                next[i] = varlong(from);
            }
            cursors.add(new Cursor(topicId, next));
        }
        List<Stretch> returned = new ArrayList<>();
        for (int left = from.getInt(); left > 0; left--) {
            returned.add(
                    new Stretch(from.getLong(), from.getInt(), from.getLong(), from.getLong()));
        }
        return new ShareState(cursors, returned);
    }

    /** Seven bits a byte, the lowest first; never negative here. */
    private static void putVarlong(ByteBuffer into, long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            into.put((byte) (rest & 0x7F | 0x80));
            rest >>>= 7;
        }
        into.put((byte) rest);
    }

    private static int varlongLength(long value) {
        return Math.max(1, (70 - Long.numberOfLeadingZeros(value)) / 7);
    }

    private static long varlong(ByteBuffer from) {
        long value = 0;
        int shift = 0;
        byte next;
        do {
            next = from.get();
            value |= (long) (next & 0x7F) << shift;
            shift += 7;
        } while (next < 0);
        return value;
    }
}
