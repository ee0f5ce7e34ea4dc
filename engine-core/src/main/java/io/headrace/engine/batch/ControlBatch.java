package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;

/**
 * Batches that clients read, move on over, and show to nobody. Source of the format: Kafka's
 * protocol documentation, "Control Batches".
 */
@Experimental
public final class ControlBatch {
    private static final short KEY_VERSION = 0;

    /** Type of the marker that ends a transaction whose records count; all clients know it. */
    private static final short COMMIT = 1;

    private static final int KEY_LENGTH = 2 * Short.BYTES;
    private static final int VALUE_LENGTH = Short.BYTES + Integer.BYTES;

    private ControlBatch() {}

    /**
     * A marker that takes some offsets; of no transaction, so that it ends none. Its record has the
     * last of the offsets: some clients go by that.
     *
     * @param offsetCount at least 1
     * @return a direct buffer with the batch alone
     */
    public static ByteBuffer of(
            long baseOffset, int offsetCount, int leaderEpoch, long timestampMs) {
        int lastOffsetDelta = offsetCount - 1;
        int length =
                RecordBatch.HEADER_LENGTH
                        + RecordBatchWriter.recordLength(
                                0, lastOffsetDelta, KEY_LENGTH, VALUE_LENGTH, 0, 0);
        ByteBuffer batch = ByteBuffer.allocateDirect(length);
        RecordBatchWriter writer = new RecordBatchWriter().begin(batch, timestampMs);
        int valueAt = writer.appendAt(lastOffsetDelta, key(), VALUE_LENGTH);
        batch.putShort(valueAt, KEY_VERSION).putInt(valueAt + Short.BYTES, 0);
        writer.end(offsetCount);
        RecordBatch.control(batch, 0);
        RecordBatch.baseOffset(batch, 0, baseOffset);
        RecordBatch.leaderEpoch(batch, 0, leaderEpoch);
        return batch.flip();
    }

    private static ByteBuffer key() {
        return ByteBuffer.allocate(KEY_LENGTH).putShort(KEY_VERSION).putShort(COMMIT).flip();
    }
}
