package io.headrace.engine.journal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What the journal itself needs of a Kafka v2 record batch: the two header fields outside its
 * checksum, and the checksum.
 */
final class BatchHeader {
    static final int BASE_OFFSET_OFFSET = 0;
    static final int LEADER_EPOCH_OFFSET = 12;
    static final int LENGTH = 61;

    private static final int BATCH_LENGTH_OFFSET = 8;
    private static final int MAGIC_OFFSET = 16;
    private static final byte MAGIC = 2;
    private static final int CRC_OFFSET = 17;
    private static final int CHECKED_OFFSET = 21;

    private BatchHeader() {}

    /** Null if the batch is the one that the envelope speaks of, and whole. */
    static @Nullable String verify(ByteBuffer batch, long baseOffset, int leaderEpoch, CRC32C crc) {
        int start = batch.position();
        if (batch.remaining() < LENGTH) {
            return "record batch is shorter than its header";
        }
        if (bigEndian(batch, batch.getInt(start + BATCH_LENGTH_OFFSET)) + 12 != batch.remaining()) {
            return "record batch has another length";
        }
        if (batch.get(start + MAGIC_OFFSET) != MAGIC) {
            return "record batch is of another version";
        }
        if (baseOffset(batch, start) != baseOffset
                || bigEndian(batch, batch.getInt(start + LEADER_EPOCH_OFFSET)) != leaderEpoch) {
            return "record batch has another base offset or leader epoch";
        }
        return checksum(batch, crc) == bigEndian(batch, batch.getInt(start + CRC_OFFSET))
                ? null
                : "record batch fails its checksum";
    }

    private static int checksum(ByteBuffer batch, CRC32C crc) {
        int start = batch.position();
        crc.reset();
        crc.update(batch.position(start + CHECKED_OFFSET));
        batch.position(start);
        return (int) crc.getValue();
    }

    private static long baseOffset(ByteBuffer batch, int start) {
        long value = batch.getLong(start + BASE_OFFSET_OFFSET);
        return batch.order() == ByteOrder.BIG_ENDIAN ? value : Long.reverseBytes(value);
    }

    private static int bigEndian(ByteBuffer buffer, int value) {
        return buffer.order() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }
}
