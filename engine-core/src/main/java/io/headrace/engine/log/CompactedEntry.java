package io.headrace.engine.log;

import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;

/**
 * The payload of a {@code COMPACTED} entry, as docs/design/formats.md specifies it: what has become
 * of batches of one partition. Written by one thread; reading is stateless.
 */
final class CompactedEntry {
    private static final byte VERSION = 1;
    private static final int SEGMENT_AT = Byte.BYTES;
    private static final int BYTES_AT = SEGMENT_AT + Integer.BYTES;
    private static final int TOMBSTONES_AT = BYTES_AT + Long.BYTES;
    private static final int COUNT_AT = TOMBSTONES_AT + Long.BYTES;
    private static final int HEADER_LENGTH = COUNT_AT + Integer.BYTES;

    /** What is said of one batch. */
    static final int CHANGE_LENGTH = 3 * Long.BYTES + 2 * Integer.BYTES;

    /** Batches of one entry, at most. */
    static final int CHANGES_MAX = (SealedEntry.LENGTH_MAX - HEADER_LENGTH) / CHANGE_LENGTH;

    /** What an entry takes in the journal beside what it says of batches, at most. */
    static final int APPENDED_LENGTH = HEADER_LENGTH + Journal.ENVELOPE_LENGTH + Long.BYTES;

    private final ByteBuffer buffer = ByteBuffer.allocate(SealedEntry.LENGTH_MAX);
    private int count;

    /**
     * What has become of a batch.
     *
     * @param lastOffset which one it is
     * @param oldLength bytes that it had
     * @param fileOffset of what is left, in the segment
     * @param length of what is left; 0 if nothing is
     * @param maxTimestampMs of what is left
     */
    record Change(
            long lastOffset, int oldLength, long fileOffset, int length, long maxTimestampMs) {}

    /** Takes what an entry says of one batch. */
    interface Handler {
        /**
         * @param position of what is left
         */
        void onChange(Change change, long position);
    }

    /**
     * Begins an entry.
     *
     * @param segment 0 for none
     */
    void begin(int segment) {
        buffer.clear().put(VERSION).putInt(segment).putLong(0).putLong(0).putInt(0);
        count = 0;
    }

    /** Adds a change, in order of offset; false if there is no room. */
    boolean add(Change change) {
        if (buffer.remaining() < CHANGE_LENGTH) {
            return false;
        }
        buffer.putLong(change.lastOffset)
                .putInt(change.oldLength)
                .putLong(change.fileOffset)
                .putInt(change.length)
                .putLong(change.maxTimestampMs);
        buffer.putInt(COUNT_AT, ++count);
        return true;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /**
     * Says that it is the last one about its partition.
     *
     * @param compactedBytes bytes of batches below the compacted offset
     * @param tombstonesUntilMs from when on all tombstones there may go; 0 if there are none
     */
    void end(long compactedBytes, long tombstonesUntilMs) {
        buffer.putLong(BYTES_AT, compactedBytes).putLong(TOMBSTONES_AT, tombstonesUntilMs);
    }

    /** The entry; ours again with the next {@link #begin}. */
    ByteBuffer payload() {
        return buffer.duplicate().flip();
    }

    /** The segment that an entry names; 0 for none. */
    static int segment(ByteBuffer payload) {
        byte version = payload.get(payload.position());
        if (version != VERSION) {
            throw new IllegalStateException("unknown compacted entry: version=" + version);
        }
        return payload.duplicate().getInt(payload.position() + SEGMENT_AT);
    }

    static long compactedBytes(ByteBuffer payload) {
        return payload.duplicate().getLong(payload.position() + BYTES_AT);
    }

    static long tombstonesUntilMs(ByteBuffer payload) {
        return payload.duplicate().getLong(payload.position() + TOMBSTONES_AT);
    }

    static void forEach(ByteBuffer payload, Handler handler) {
        int segment = segment(payload);
        ByteBuffer from = payload.duplicate();
        int changes = from.getInt(payload.position() + COUNT_AT);
        from.position(payload.position() + HEADER_LENGTH);
        for (int i = 0; i < changes; i++) {
            Change change =
                    new Change(
                            from.getLong(),
                            from.getInt(),
                            from.getLong(),
                            from.getInt(),
                            from.getLong());
            handler.onChange(change, SegmentPosition.of(segment, change.fileOffset));
        }
    }
}
