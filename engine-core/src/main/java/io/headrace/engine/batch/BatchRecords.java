package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Steps through the records of a batch without a codec, in place. Nothing that a record says of
 * itself is believed: what does not fit together is an {@link UnreadableBatchException}, headers
 * too. A record's offset is that of its place in the batch; where records were taken out of the
 * batch it is what the record says, which rises and stays within the batch. Used by one thread; the
 * batch is borrowed until the next one.
 */
@Experimental
public final class BatchRecords {
    private ByteBuffer batch = ByteBuffer.allocate(0);
    private int end;
    private int left;
    private int at;
    private int recordEnd;
    private long baseOffset;
    private long baseTimestampMs;
    private long appendTimeMs;
    private long timestampDelta;
    private int offsetDelta;
    private int lastOffsetDelta;
    private boolean isDense;
    private int keyAt;
    private int keyLength;
    private int valueAt;
    private int valueLength;
    private int headersAt;
    private int headerCount;

    /** Before the first record of the batch from position to limit. */
    public BatchRecords of(ByteBuffer uncompressed) {
        batch = uncompressed;
        int begin = uncompressed.position();
        end = uncompressed.limit();
        at = begin + RecordBatch.HEADER_LENGTH;
        left = RecordBatch.recordCount(uncompressed, begin);
        offsetDelta = -1;
        lastOffsetDelta = RecordBatch.lastOffsetDelta(uncompressed, begin);
        isDense = left == RecordBatch.offsetCount(uncompressed, begin);
        baseOffset = RecordBatch.baseOffset(uncompressed, begin);
        baseTimestampMs = RecordBatch.baseTimestamp(uncompressed, begin);
        appendTimeMs =
                RecordBatch.isLogAppendTime(uncompressed, begin)
                        ? RecordBatch.maxTimestamp(uncompressed, begin)
                        : -1;
        return this;
    }

    /** Goes on to the next record; false if there is none. */
    public boolean next() {
        if (left <= 0) {
            return false;
        }
        left--;
        recordEnd = end;
        int length = readVarint();
        require(length >= 0 && length <= end - at);
        recordEnd = at + length;
        at++; // attributes
        timestampDelta = readVarlong();
        offsetDelta = offsetDelta(readVarint());
        keyLength = readVarint();
        keyAt = skip(keyLength);
        valueLength = readVarint();
        valueAt = skip(valueLength);
        readHeaders();
        return true;
    }

    private int offsetDelta(int said) {
        if (isDense) {
            return offsetDelta + 1;
        }
        require(said > offsetDelta && said <= lastOffsetDelta);
        return said;
    }

    private void readHeaders() {
        headerCount = readVarint();
        headersAt = at;
        require(headerCount >= 0 && headerCount <= recordEnd - at);
        for (int i = 0; i < headerCount; i++) {
            int nameLength = readVarint();
            require(nameLength >= 0);
            skip(nameLength);
            skip(readVarint());
        }
        require(at == recordEnd);
    }

    /** Steps over a field; returns where it begins. */
    private int skip(int length) {
        require(length >= -1 && length <= recordEnd - at);
        int begin = at;
        at += Math.max(0, length);
        return begin;
    }

    private int readVarint() {
        long value = readVarlong();
        require(value == (int) value);
        return (int) value;
    }

    private long readVarlong() {
        long zigzag = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            require(at < recordEnd);
            byte next = batch.get(at++);
            zigzag |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return zigzag >>> 1 ^ -(zigzag & 1);
            }
        }
        throw unreadable();
    }

    private void require(boolean fits) {
        if (!fits) {
            throw unreadable();
        }
    }

    private UnreadableBatchException unreadable() {
        return new UnreadableBatchException(
                "record does not fit together: batch=" + baseOffset + " left=" + left);
    }

    /** Of the record, in the log. */
    public long offset() {
        return baseOffset + offsetDelta;
    }

    /** In milliseconds since 1970. */
    public long timestampMs() {
        return appendTimeMs >= 0 ? appendTimeMs : baseTimestampMs + timestampDelta;
    }

    /** Null if it has none. */
    public @Nullable ByteBuffer key() {
        return keyLength < 0 ? null : slice(keyAt, keyAt + keyLength);
    }

    /** Null if it has none. */
    public @Nullable ByteBuffer value() {
        return valueLength < 0 ? null : slice(valueAt, valueAt + valueLength);
    }

    /** Whether it has a key. */
    public boolean hasKey() {
        return keyLength >= 0;
    }

    /** Index of the key's first byte in the batch's buffer; if it has one. */
    public int keyIndex() {
        return keyAt;
    }

    /** Of the key, in bytes; −1 if it has none. */
    public int keyLength() {
        return keyLength;
    }

    /** Of the value, in bytes; −1 if it has none. */
    public int valueLength() {
        return valueLength;
    }

    /** Of all headers as they stand in the record, in bytes. */
    public int headersLength() {
        return recordEnd - headersAt;
    }

    /** As they stand in the record, without their count. */
    public ByteBuffer headers() {
        return slice(headersAt, recordEnd);
    }

    /** How many headers it has. */
    public int headerCount() {
        return headerCount;
    }

    private ByteBuffer slice(int from, int to) {
        return batch.duplicate().limit(to).position(from);
    }
}
