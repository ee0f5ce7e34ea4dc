package io.headrace.engine.batch;

import io.headrace.engine.Stable;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes one uncompressed record batch into a buffer of the caller's: {@link #begin}, {@link
 * #append} as often as {@link #fits} says, {@link #end}. For whoever has records that no Kafka
 * producer framed. Not thread-safe; allocates nothing.
 */
@Stable
public final class RecordBatchWriter {
    private static final int NULL_LENGTH = -1;

    private ByteBuffer buffer = ByteBuffer.allocate(0);
    private int start;
    private int count;
    private long baseTimestampMs;
    private long maxTimestampMs;

    /**
     * Begins a batch at the buffer's position; the buffer is borrowed until {@link #end}.
     *
     * @param timestampMs of the first record
     */
    public RecordBatchWriter begin(ByteBuffer into, long timestampMs) {
        buffer = into;
        start = into.position();
        count = 0;
        baseTimestampMs = timestampMs;
        maxTimestampMs = timestampMs;
        into.position(start + RecordBatch.HEADER_LENGTH);
        return this;
    }

    /**
     * Goes on in another buffer, which holds the same bytes at the same places and has the same
     * position.
     */
    public void moveTo(ByteBuffer other) {
        buffer = other;
    }

    /** How many records were appended. */
    public int count() {
        return count;
    }

    /** Timestamp of the first record. */
    public long baseTimestampMs() {
        return baseTimestampMs;
    }

    /** Upper bound of the bytes that a record takes, without headers. */
    public static int lengthMax(int keyLength, int valueLength) {
        // length, attributes, timestamp delta, offset delta, key length, value length, header count
        return 5 + 1 + 10 + 5 + 5 + 5 + 1 + keyLength + valueLength;
    }

    /** Whether a record of that size is sure to fit behind what was written. */
    public boolean fits(int keyLength, int valueLength) {
        return buffer.remaining() >= lengthMax(keyLength, valueLength);
    }

    /**
     * Appends a record without headers. Key and value are read from position to limit and left as
     * they were.
     */
    public void append(long timestampMs, @Nullable ByteBuffer key, @Nullable ByteBuffer value) {
        append(timestampMs, key, value, null, 0);
    }

    /**
     * Appends a record.
     *
     * @param headers the headers as they stand on the wire: per header a varint key length, the
     *     key, a varint value length, the value
     * @param headerCount how many there are in it
     */
    public void append(
            long timestampMs,
            @Nullable ByteBuffer key,
            @Nullable ByteBuffer value,
            @Nullable ByteBuffer headers,
            int headerCount) {
        int valueLength = value == null ? NULL_LENGTH : value.remaining();
        int valueAt = appendAround(timestampMs, key, valueLength, headers, headerCount);
        if (value != null) {
            buffer.put(valueAt, value, value.position(), valueLength);
        }
    }

    /**
     * Appends a record whose value the caller fills in afterwards, before {@link #end}: so that it
     * can be read from a file or socket into its place.
     *
     * @param valueLength in bytes, at least 0
     * @return index in the buffer of the value's first byte
     */
    public int appendAround(
            long timestampMs,
            @Nullable ByteBuffer key,
            int valueLength,
            @Nullable ByteBuffer headers,
            int headerCount) {
        maxTimestampMs = Math.max(maxTimestampMs, timestampMs);
        return append(timestampMs - baseTimestampMs, count, key, valueLength, headers, headerCount);
    }

    /**
     * As {@link #append(long, ByteBuffer, ByteBuffer, ByteBuffer, int)}, of a record that need not
     * follow upon the one before: where records were taken out of a batch.
     *
     * @param offsetDelta its offset less the batch's base offset; higher than the one before
     */
    public void appendAt(
            long timestampMs,
            int offsetDelta,
            @Nullable ByteBuffer key,
            @Nullable ByteBuffer value,
            @Nullable ByteBuffer headers,
            int headerCount) {
        maxTimestampMs = Math.max(maxTimestampMs, timestampMs);
        int valueLength = value == null ? NULL_LENGTH : value.remaining();
        long timestampDelta = timestampMs - baseTimestampMs;
        int valueAt = append(timestampDelta, offsetDelta, key, valueLength, headers, headerCount);
        if (value != null) {
            buffer.put(valueAt, value, value.position(), valueLength);
        }
    }

    /**
     * As {@link #appendAround}, of a record with the first one's timestamp that does not follow
     * upon the one before.
     */
    int appendAt(int offsetDelta, ByteBuffer key, int valueLength) {
        return append(0, offsetDelta, key, valueLength, null, 0);
    }

    private int append(
            long timestampDelta,
            int offsetDelta,
            @Nullable ByteBuffer key,
            int valueLength,
            @Nullable ByteBuffer headers,
            int headerCount) {
        putVarint(
                buffer,
                bodyLength(
                        timestampDelta,
                        offsetDelta,
                        key == null ? NULL_LENGTH : key.remaining(),
                        valueLength,
                        headers == null ? 0 : headers.remaining(),
                        headerCount));
        buffer.put((byte) 0);
        putVarlong(buffer, timestampDelta);
        putVarint(buffer, offsetDelta);
        putField(key);
        putVarint(buffer, valueLength);
        int valueAt = buffer.position();
        buffer.position(valueAt + Math.max(0, valueLength));
        putVarint(buffer, headerCount);
        if (headers != null) {
            putBytes(headers);
        }
        count++;
        return valueAt;
    }

    /**
     * Appends the beginning of a record that stands in another batch; what follows its offset there
     * (key, value and headers, with their lengths) the caller puts into the buffer next.
     *
     * @param bodyLength bytes that will be put there
     */
    public void appendBefore(long timestampMs, int bodyLength) {
        maxTimestampMs = Math.max(maxTimestampMs, timestampMs);
        long timestampDelta = timestampMs - baseTimestampMs;
        putVarint(buffer, 1 + varlongLength(timestampDelta) + varintLength(count) + bodyLength);
        buffer.put((byte) 0);
        putVarlong(buffer, timestampDelta);
        putVarint(buffer, count);
        count++;
    }

    /**
     * Bytes that a record takes, exactly.
     *
     * @param timestampDelta its timestamp less the first record's, in milliseconds
     * @param offsetDelta its number within the batch, from 0
     * @param bodyLength of what follows its offset: key, value and headers, with their lengths
     */
    public static int recordLength(long timestampDelta, int offsetDelta, int bodyLength) {
        int length = 1 + varlongLength(timestampDelta) + varintLength(offsetDelta) + bodyLength;
        return varintLength(length) + length;
    }

    /** Bytes that {@link #putVarint} writes. */
    public static int varintLength(int value) {
        return varlongLength(value);
    }

    /** Bytes of the batch so far, its header included. */
    public int length() {
        return buffer.position() - start;
    }

    /**
     * Bytes that a record takes, exactly.
     *
     * @param timestampDelta its timestamp less the first record's, in milliseconds
     * @param offsetDelta its number within the batch, from 0
     * @param keyLength −1 for no key
     * @param valueLength −1 for no value
     * @param headersLength of all headers as they stand on the wire, without their count
     */
    public static int recordLength(
            long timestampDelta,
            int offsetDelta,
            int keyLength,
            int valueLength,
            int headersLength,
            int headerCount) {
        int body =
                bodyLength(
                        timestampDelta,
                        offsetDelta,
                        keyLength,
                        valueLength,
                        headersLength,
                        headerCount);
        return varintLength(body) + body;
    }

    private static int bodyLength(
            long timestampDelta,
            int offsetDelta,
            int keyLength,
            int valueLength,
            int headersLength,
            int headerCount) {
        return 1
                + varlongLength(timestampDelta)
                + varintLength(offsetDelta)
                + fieldLength(keyLength)
                + fieldLength(valueLength)
                + varintLength(headerCount)
                + headersLength;
    }

    /**
     * Writes the header; the buffer's position is the batch's end. Returns the batch's length in
     * bytes.
     */
    public int end() {
        return end(count);
    }

    /**
     * As {@link #end()}, of a batch that takes more offsets than it has records.
     *
     * @param offsetCount at least as many as the records
     */
    public int end(int offsetCount) {
        int length = buffer.position() - start;
        buffer.putLong(start + RecordBatch.BASE_OFFSET, 0);
        buffer.putInt(start + RecordBatch.LENGTH, length - RecordBatch.LENGTH_OVERHEAD);
        buffer.putInt(start + RecordBatch.LEADER_EPOCH, -1);
        buffer.put(start + RecordBatch.MAGIC_AT, RecordBatch.MAGIC);
        buffer.putShort(start + RecordBatch.ATTRIBUTES, (short) 0);
        buffer.putInt(start + RecordBatch.LAST_OFFSET_DELTA, offsetCount - 1);
        buffer.putLong(start + RecordBatch.BASE_TIMESTAMP, baseTimestampMs);
        buffer.putLong(start + RecordBatch.MAX_TIMESTAMP, maxTimestampMs);
        buffer.putLong(start + RecordBatch.PRODUCER_ID, RecordBatch.NO_PRODUCER_ID);
        buffer.putShort(start + RecordBatch.PRODUCER_EPOCH, (short) -1);
        buffer.putInt(start + RecordBatch.BASE_SEQUENCE, -1);
        buffer.putInt(start + RecordBatch.RECORD_COUNT, count);
        buffer.putInt(start + RecordBatch.CRC, RecordBatch.computeCrc(buffer, start));
        return length;
    }

    private static int fieldLength(int length) {
        return varintLength(length) + Math.max(0, length);
    }

    private void putField(@Nullable ByteBuffer field) {
        if (field == null) {
            putVarint(buffer, NULL_LENGTH);
            return;
        }
        putVarint(buffer, field.remaining());
        putBytes(field);
    }

    private void putBytes(ByteBuffer bytes) {
        int length = bytes.remaining();
        buffer.put(buffer.position(), bytes, bytes.position(), length);
        buffer.position(buffer.position() + length);
    }

    private static int varlongLength(long value) {
        long zigzag = (value << 1) ^ (value >> 63);
        return (70 - Long.numberOfLeadingZeros(zigzag | 1)) / 7;
    }

    /** Writes a zigzag variable-length integer, as records have them. */
    public static void putVarint(ByteBuffer buffer, int value) {
        putVarlong(buffer, value);
    }

    private static void putVarlong(ByteBuffer buffer, long value) {
        long rest = (value << 1) ^ (value >> 63);
        while ((rest & ~0x7FL) != 0) {
            buffer.put((byte) (rest & 0x7F | 0x80));
            rest >>>= 7;
        }
        buffer.put((byte) rest);
    }
}
