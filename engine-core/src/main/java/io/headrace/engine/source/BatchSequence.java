package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;

/**
 * Record batches one behind the other, each closed when it has reached {@link
 * #BATCH_LENGTH_TARGET}. The same records give the same batches. Used by one thread.
 */
final class BatchSequence {
    /** A batch is closed when it has reached this many bytes: the least that a small fetch gets. */
    static final int BATCH_LENGTH_TARGET = 64 << 10;

    private ByteBuffer into;
    private final int leaderEpoch;
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private long offset;
    private int start;
    private boolean isOpen;

    /**
     * @param into from its position on; big endian
     * @param firstOffset of the first record
     */
    BatchSequence(ByteBuffer into, long firstOffset, int leaderEpoch) {
        this.into = into;
        this.offset = firstOffset;
        this.leaderEpoch = leaderEpoch;
    }

    /** Goes on in another buffer, which holds all batches so far and stands behind them. */
    void moveTo(ByteBuffer other) {
        into = other;
        writer.moveTo(other);
    }

    /** Bytes of all batches so far. */
    int length() {
        return into.position();
    }

    /** Bytes that a record takes here, with a batch's header if it begins one. */
    int recordLength(
            long timestampMs, int keyLength, int valueLength, int headersLength, int headerCount) {
        boolean isFirst = !isOpen || writer.length() >= BATCH_LENGTH_TARGET;
        int record =
                RecordBatchWriter.recordLength(
                        isFirst ? 0 : timestampMs - writer.baseTimestampMs(),
                        isFirst ? 0 : writer.count(),
                        keyLength,
                        valueLength,
                        headersLength,
                        headerCount);
        return isFirst ? Math.addExact(record, RecordBatch.HEADER_LENGTH) : record;
    }

    /** The writer, in the batch that the next record belongs to. */
    RecordBatchWriter next(long timestampMs) {
        if (isOpen && writer.length() >= BATCH_LENGTH_TARGET) {
            end();
        }
        if (!isOpen) {
            start = into.position();
            writer.begin(into, timestampMs);
            isOpen = true;
        }
        return writer;
    }

    /** Closes the open batch, if there is one: its values are all in their places. */
    void end() {
        if (isOpen) {
            writer.end();
            RecordBatch.baseOffset(into, start, offset);
            RecordBatch.leaderEpoch(into, start, leaderEpoch);
            offset += writer.count();
            isOpen = false;
        }
    }

    /** Computes the checksums of batches whose values came after their frames. */
    static void seal(ByteBuffer bytes, int length) {
        int at = 0;
        while (at < length) {
            RecordBatch.seal(bytes, at);
            at += RecordBatch.length(bytes, at);
        }
    }
}
