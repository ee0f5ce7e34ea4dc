package io.headrace.offheap;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Record batches for tests: their timestamp is the offset they are expected to get, and their
 * producer id the log they belong to.
 */
final class Batches {
    private static final long NO_LOG = -1;
    private static final int CRC = 17;
    private static final int PRODUCER_ID = 43;

    private Batches() {}

    /** A batch of records that all have the timestamp {@code offset}. */
    static ByteBuffer batch(long offset, int recordCount, int valueLength) {
        return batch(NO_LOG, offset, recordCount, valueLength);
    }

    /** As {@link #batch(long, int, int)}, for one of several logs. */
    static ByteBuffer batch(long log, long offset, int recordCount, int valueLength) {
        ByteBuffer value = ByteBuffer.allocate(valueLength);
        for (int i = 0; i < valueLength; i++) {
            value.put(i, (byte) (offset + i));
        }
        int lengthMax =
                RecordBatch.HEADER_LENGTH
                        + recordCount * RecordBatchWriter.lengthMax(0, valueLength);
        ByteBuffer buffer = ByteBuffer.allocateDirect(lengthMax);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, offset);
        for (int i = 0; i < recordCount; i++) {
            writer.append(offset, null, value);
        }
        writer.end();
        buffer.putLong(PRODUCER_ID, log);
        buffer.putInt(CRC, RecordBatch.computeCrc(buffer, 0));
        return buffer.flip();
    }

    /** Base offsets of all batches of a lease; each is checked as a reader would. */
    static List<Long> checkedBaseOffsets(RecordsLease lease) {
        return checkedBaseOffsets(NO_LOG, lease);
    }

    /** As {@link #checkedBaseOffsets(RecordsLease)}, for one of several logs. */
    static List<Long> checkedBaseOffsets(long log, RecordsLease lease) {
        List<Long> baseOffsets = new ArrayList<>();
        int length = 0;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i).duplicate();
            length += slice.remaining();
            addBaseOffsets(log, slice, baseOffsets);
        }
        if (length != lease.length()) {
            throw new AssertionError("length=" + lease.length() + " slices=" + length);
        }
        return baseOffsets;
    }

    private static void addBaseOffsets(long log, ByteBuffer slice, List<Long> baseOffsets) {
        while (slice.hasRemaining()) {
            ByteBuffer batch = slice.slice();
            batch.limit(RecordBatch.length(batch, 0));
            if (!RecordBatch.isSound(batch)) {
                throw new AssertionError("unsound batch at " + slice.position());
            }
            long baseOffset = RecordBatch.baseOffset(batch, 0);
            if (baseOffset != RecordBatch.baseTimestamp(batch, 0)
                    || log != RecordBatch.producerId(batch, 0)) {
                throw new AssertionError("bytes of another batch: baseOffset=" + baseOffset);
            }
            baseOffsets.add(baseOffset);
            slice.position(slice.position() + batch.limit());
        }
    }
}
