package io.headrace.engine.log;

import java.nio.ByteBuffer;

/**
 * Where a record batch lies; a row of the offset index, keyed by its last offset.
 *
 * @param lastOffset of the batch, inclusive
 * @param position of its journal entry
 * @param length of the batch in bytes
 * @param offsetCount offsets it takes
 * @param maxTimestampMs highest record timestamp of the partition up to and including this batch
 * @param leaderEpoch under which it was appended
 */
record IndexEntry(
        long lastOffset,
        long position,
        int length,
        int offsetCount,
        long maxTimestampMs,
        int leaderEpoch) {
    private static final int LENGTH =
            Long.BYTES + Integer.BYTES + Integer.BYTES + Long.BYTES + Integer.BYTES;

    long baseOffset() {
        return lastOffset - offsetCount + 1;
    }

    byte[] encode() {
        return ByteBuffer.allocate(LENGTH)
                .putLong(position)
                .putInt(length)
                .putInt(offsetCount)
                .putLong(maxTimestampMs)
                .putInt(leaderEpoch)
                .array();
    }

    static IndexEntry decode(byte[] key, byte[] value) {
        ByteBuffer buffer = ByteBuffer.wrap(value);
        return new IndexEntry(
                Rows.lastOf(key),
                buffer.getLong(),
                buffer.getInt(),
                buffer.getInt(),
                buffer.getLong(),
                buffer.getInt());
    }
}
