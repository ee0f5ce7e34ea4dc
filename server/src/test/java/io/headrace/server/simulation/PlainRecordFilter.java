package io.headrace.server.simulation;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Looks into batches that are not compressed. Timestamps of records are not kept: nobody asks for
 * those of a simulation.
 */
final class PlainRecordFilter implements RecordFilter {
    private static final int ATTRIBUTES_AT = 22;
    private static final int DELETE_HORIZON_MASK = 0x40;
    private static final int BASE_TIMESTAMP_AT = 27;
    private static final int LENGTH_AT = 8;
    private static final int RECORD_COUNT_AT = 57;

    /** Takes a record. */
    interface Consumer {
        /**
         * @param record all its bytes
         */
        void accept(
                long offset,
                @Nullable ByteBuffer key,
                @Nullable ByteBuffer value,
                ByteBuffer record);
    }

    /** Hands over the records of one batch. */
    static void forEach(ByteBuffer batch, Consumer consumer) {
        int at = batch.position();
        long baseOffset = RecordBatch.baseOffset(batch, at);
        ByteBuffer body = batch.duplicate().position(at + RecordBatch.HEADER_LENGTH);
        for (int i = RecordBatch.recordCount(batch, at); i > 0; i--) {
            int start = body.position();
            int length = (int) varint(body);
            int end = body.position() + length;
            body.get();
            varint(body);
            long offset = baseOffset + varint(body);
            ByteBuffer key = field(body);
            ByteBuffer value = field(body);
            consumer.accept(offset, key, value, body.duplicate().limit(end).position(start));
            body.position(end);
        }
    }

    private static @Nullable ByteBuffer field(ByteBuffer body) {
        int length = (int) varint(body);
        if (length < 0) {
            return null;
        }
        ByteBuffer field = body.slice(body.position(), length);
        body.position(body.position() + length);
        return field;
    }

    private static long varint(ByteBuffer buffer) {
        long zigzag = 0;
        int shift = 0;
        byte next;
        do {
            next = buffer.get();
            zigzag |= (long) (next & 0x7F) << shift;
            shift += 7;
        } while (next < 0);
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    @Override
    public boolean isCompactable(ByteBuffer batch) {
        boolean[] haveKeys = {true};
        forEach(batch, (offset, key, value, record) -> haveKeys[0] &= key != null);
        return haveKeys[0];
    }

    @Override
    public void forEach(ByteBuffer batch, Visitor visitor) {
        forEach(batch, (offset, key, value, record) -> visitor.onRecord(offset, key));
    }

    @Override
    public @Nullable ByteBuffer filter(
            ByteBuffer batch, Selection selection, long deleteHorizonMs) {
        int at = batch.position();
        ByteBuffer left = ByteBuffer.allocate(batch.remaining());
        left.put(batch.duplicate().limit(at + RecordBatch.HEADER_LENGTH));
        int[] kept = new int[2];
        forEach(
                batch,
                (offset, key, value, record) -> {
                    if (selection.isSelected(offset, key, value != null)) {
                        left.put(record);
                        kept[value != null ? 0 : 1]++;
                    }
                });
        left.flip();
        boolean isDated = kept[1] > 0 && RecordBatch.deleteHorizon(batch, at) < 0;
        int count = kept[0] + kept[1];
        if (count == 0) {
            return null;
        }
        if (count == RecordBatch.recordCount(batch, at) && !isDated) {
            return batch;
        }
        if (isDated) {
            byte attributes = left.get(ATTRIBUTES_AT);
            left.put(ATTRIBUTES_AT, (byte) (attributes | DELETE_HORIZON_MASK));
            left.putLong(BASE_TIMESTAMP_AT, deleteHorizonMs);
        }
        left.putInt(LENGTH_AT, left.limit() - RecordBatch.LENGTH_OVERHEAD);
        left.putInt(RECORD_COUNT_AT, count);
        RecordBatch.seal(left, 0);
        return left;
    }
}
