package io.headrace.engine.log;

import io.headrace.engine.batch.Dating;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;

/**
 * Where a record batch lies; a row of the offset index, keyed by its last offset.
 *
 * @param lastOffset of the batch, inclusive
 * @param position of its journal entry, or of the batch itself in a segment
 * @param length of the batch in bytes
 * @param offsetCount offsets it takes
 * @param maxTimestampMs highest timestamp of its records, −1 if they have none
 * @param runningMaxTimestampMs the highest of this and all earlier batches of the partition, also
 *     of those that are gone
 * @param datedMs what its age is counted from: see {@link Dating}
 * @param leaderEpoch under which it was appended
 */
record IndexEntry(
        long lastOffset,
        long position,
        int length,
        int offsetCount,
        long maxTimestampMs,
        long runningMaxTimestampMs,
        long datedMs,
        int leaderEpoch) {
    private static final byte VERSION = 2;
    private static final int LENGTH = Byte.BYTES + 4 * Long.BYTES + 3 * Integer.BYTES;

    long baseOffset() {
        return lastOffset - offsetCount + 1;
    }

    /** The same batch at another place. */
    IndexEntry at(long newPosition) {
        return new IndexEntry(
                lastOffset,
                newPosition,
                length,
                offsetCount,
                maxTimestampMs,
                runningMaxTimestampMs,
                datedMs,
                leaderEpoch);
    }

    /** The batch after it has lost records. */
    IndexEntry compacted(long newPosition, int newLength, long newMaxTimestampMs) {
        return new IndexEntry(
                lastOffset,
                newPosition,
                newLength,
                offsetCount,
                newMaxTimestampMs,
                runningMaxTimestampMs,
                datedMs,
                leaderEpoch);
    }

    /** Where the batch begins in its file. */
    long fileOffset() {
        return SegmentPosition.isIn(position)
                ? SegmentPosition.offset(position)
                : Journal.fileOffset(position) + Journal.ENVELOPE_LENGTH;
    }

    /** Which file it lies in: the upper half of the position, of a cycle or of a segment. */
    int file() {
        return Journal.cycle(position);
    }

    /** Whether these bytes are that batch, undamaged. */
    boolean isOf(ByteBuffer batch) {
        return RecordBatch.isIntact(batch)
                && RecordBatch.baseOffset(batch, batch.position()) == baseOffset()
                && RecordBatch.lastOffset(batch, batch.position()) == lastOffset
                && RecordBatch.leaderEpoch(batch, batch.position()) == leaderEpoch;
    }

    byte[] encode() {
        return ByteBuffer.allocate(LENGTH)
                .put(VERSION)
                .putLong(position)
                .putInt(length)
                .putInt(offsetCount)
                .putLong(maxTimestampMs)
                .putLong(runningMaxTimestampMs)
                .putLong(datedMs)
                .putInt(leaderEpoch)
                .array();
    }

    static IndexEntry decode(byte[] key, byte[] value) {
        ByteBuffer buffer = ByteBuffer.wrap(value);
        byte version = buffer.get();
        if (version != VERSION) {
            throw Rows.unknownVersion("index", version);
        }
        return new IndexEntry(
                Rows.lastOf(key),
                buffer.getLong(),
                buffer.getInt(),
                buffer.getInt(),
                buffer.getLong(),
                buffer.getLong(),
                buffer.getLong(),
                buffer.getInt());
    }
}
