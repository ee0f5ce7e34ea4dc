package io.headrace.engine.log;

import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.log.UnionCounts.Skipped;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A batch of a union that is being put together, of records of any partitions below. Used by the
 * thread that copies.
 */
final class UnionBatch {
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private final int length;
    private ByteBuffer buffer;

    /** Where to go on behind what is in the batch. */
    private final Map<UnionPart, Long> nextOffsets = new HashMap<>();

    /** What is not copied of what these are behind. */
    private final Map<Skipped, Long> skipped = new EnumMap<>(Skipped.class);

    /**
     * @param length where it is full, unless its first record is longer
     */
    UnionBatch(int length) {
        this.length = length;
        buffer = ByteBuffer.allocate(length);
    }

    /** How many records. */
    int count() {
        return writer.count();
    }

    boolean isEmpty() {
        return nextOffsets.isEmpty();
    }

    Map<UnionPart, Long> nextOffsets() {
        return nextOffsets;
    }

    /**
     * Bytes of a batch of this record alone.
     *
     * @param headers as {@link UnionOrigin#append}
     */
    static int lengthAlone(BatchRecords record, ByteBuffer headers) {
        ByteBuffer key = record.key();
        ByteBuffer value = record.value();
        return RecordBatch.HEADER_LENGTH
                + RecordBatchWriter.recordLength(
                        0,
                        0,
                        key == null ? -1 : key.remaining(),
                        value == null ? -1 : value.remaining(),
                        headers.remaining(),
                        record.headerCount() + UnionOrigin.HEADER_COUNT);
    }

    /** Adds a record; false if that has to wait for the next batch, as this one is full. */
    boolean add(UnionPart part, BatchRecords record, ByteBuffer headers) {
        ByteBuffer key = record.key();
        ByteBuffer value = record.value();
        if (isEmpty()) {
            begin(lengthAlone(record, headers), record.timestampMs());
        } else if (!fits(record, key, value, headers)) {
            return false;
        }
        writer.append(
                record.timestampMs(),
                key,
                value,
                headers,
                record.headerCount() + UnionOrigin.HEADER_COUNT);
        nextOffsets.put(part, record.offset() + 1);
        return true;
    }

    /** Notes that there is nothing to copy before an offset; false if nothing of it is in here. */
    boolean pass(UnionPart part, long nextOffset) {
        return nextOffsets.computeIfPresent(part, (p, next) -> Math.max(next, nextOffset)) != null;
    }

    /** Counts what is not copied, and passed over in here. */
    void skip(Skipped reason, long count) {
        skipped.merge(reason, count, Long::sum);
    }

    Map<Skipped, Long> skipped() {
        return skipped;
    }

    private void begin(int lengthMin, long timestampMs) {
        if (buffer.capacity() < lengthMin) {
            buffer = ByteBuffer.allocate(lengthMin);
        }
        writer.begin(buffer.clear(), timestampMs);
    }

    private boolean fits(
            BatchRecords record,
            @Nullable ByteBuffer key,
            @Nullable ByteBuffer value,
            ByteBuffer headers) {
        int recordLength =
                RecordBatchWriter.recordLength(
                        record.timestampMs() - writer.baseTimestampMs(),
                        writer.count(),
                        key == null ? -1 : key.remaining(),
                        value == null ? -1 : value.remaining(),
                        headers.remaining(),
                        record.headerCount() + UnionOrigin.HEADER_COUNT);
        return recordLength <= buffer.remaining();
    }

    /** The batch, from position to limit. */
    ByteBuffer end() {
        writer.end();
        return buffer.flip();
    }

    /** Begins anew; what was longer than usual is let go of. */
    void clear() {
        nextOffsets.clear();
        skipped.clear();
        if (buffer.capacity() > length) {
            buffer = ByteBuffer.allocate(length);
        }
    }
}
