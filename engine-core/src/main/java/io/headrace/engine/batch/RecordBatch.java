package io.headrace.engine.batch;

import io.headrace.engine.Stable;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Accessors for the header of a Kafka record batch of magic 2, big endian, 61 bytes, in place:
 * {@code at} is the index of the batch's first byte in a buffer of big-endian order.
 *
 * <p>Base offset (bytes 0–7) and partition leader epoch (12–15) lie outside of the batch's CRC32C,
 * which covers the bytes from 21 to the end: so they can be set without touching anything else.
 * Source of the format: Kafka's protocol documentation, "Record Batch".
 */
@Stable
public final class RecordBatch {
    /** Bytes of the header, before the first record. */
    public static final int HEADER_LENGTH = 61;

    /** Bytes before those that the length field counts: base offset and the length field itself. */
    public static final int LENGTH_OVERHEAD = 12;

    /** The only magic that is stored. */
    public static final byte MAGIC = 2;

    /** Producer id of a batch that no idempotent producer sent. */
    public static final long NO_PRODUCER_ID = -1;

    static final int BASE_OFFSET = 0;
    static final int LENGTH = 8;
    static final int LEADER_EPOCH = 12;
    static final int MAGIC_AT = 16;
    static final int CRC = 17;
    static final int ATTRIBUTES = 21;
    static final int LAST_OFFSET_DELTA = 23;
    static final int BASE_TIMESTAMP = 27;
    static final int MAX_TIMESTAMP = 35;
    static final int PRODUCER_ID = 43;
    static final int PRODUCER_EPOCH = 51;
    static final int BASE_SEQUENCE = 53;
    static final int RECORD_COUNT = 57;

    private static final int CODEC_MASK = 0x07;
    private static final int TIMESTAMP_TYPE_MASK = 0x08;
    private static final int TRANSACTIONAL_MASK = 0x10;
    private static final int CONTROL_MASK = 0x20;
    private static final int DELETE_HORIZON_MASK = 0x40;

    /** One for all batches of a thread: whether the compiler spares us one each is up to it. */
    private static final ThreadLocal<CRC32C> CRC_OF_THREAD = ThreadLocal.withInitial(CRC32C::new);

    private RecordBatch() {}

    /** Offset of the first record. */
    public static long baseOffset(ByteBuffer buffer, int at) {
        return buffer.getLong(at + BASE_OFFSET);
    }

    /** Offset of the last record, inclusive. */
    public static long lastOffset(ByteBuffer buffer, int at) {
        return baseOffset(buffer, at) + lastOffsetDelta(buffer, at);
    }

    /** Bytes of the whole batch, header included. */
    public static int length(ByteBuffer buffer, int at) {
        return buffer.getInt(at + LENGTH) + LENGTH_OVERHEAD;
    }

    /** Leader epoch under which it was appended. */
    public static int leaderEpoch(ByteBuffer buffer, int at) {
        return buffer.getInt(at + LEADER_EPOCH);
    }

    /** Version of the format. */
    public static byte magic(ByteBuffer buffer, int at) {
        return buffer.get(at + MAGIC_AT);
    }

    /** Checksum as stored. */
    public static int crc(ByteBuffer buffer, int at) {
        return buffer.getInt(at + CRC);
    }

    /** Offset of the last record relative to the first. */
    public static int lastOffsetDelta(ByteBuffer buffer, int at) {
        return buffer.getInt(at + LAST_OFFSET_DELTA);
    }

    /** How many offsets the batch takes. */
    public static int offsetCount(ByteBuffer buffer, int at) {
        return lastOffsetDelta(buffer, at) + 1;
    }

    /** Timestamp of the first record, in milliseconds. */
    public static long baseTimestamp(ByteBuffer buffer, int at) {
        return buffer.getLong(at + BASE_TIMESTAMP);
    }

    /** Highest timestamp of a record, in milliseconds. */
    public static long maxTimestamp(ByteBuffer buffer, int at) {
        return buffer.getLong(at + MAX_TIMESTAMP);
    }

    /** Id of the idempotent producer, or {@link #NO_PRODUCER_ID}. */
    public static long producerId(ByteBuffer buffer, int at) {
        return buffer.getLong(at + PRODUCER_ID);
    }

    /** Epoch of the idempotent producer. */
    public static short producerEpoch(ByteBuffer buffer, int at) {
        return buffer.getShort(at + PRODUCER_EPOCH);
    }

    /** Sequence number of the first record. */
    public static int baseSequence(ByteBuffer buffer, int at) {
        return buffer.getInt(at + BASE_SEQUENCE);
    }

    /** Sequence number of the last record; wraps to 0 after {@link Integer#MAX_VALUE}. */
    public static int lastSequence(ByteBuffer buffer, int at) {
        return (baseSequence(buffer, at) + lastOffsetDelta(buffer, at)) & Integer.MAX_VALUE;
    }

    /** How many records the batch holds. */
    public static int recordCount(ByteBuffer buffer, int at) {
        return buffer.getInt(at + RECORD_COUNT);
    }

    /** Codec of the records: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
    public static int compression(ByteBuffer buffer, int at) {
        return buffer.get(at + ATTRIBUTES + 1) & CODEC_MASK;
    }

    /**
     * Whether its records have the time of appending, which is its highest, instead of their own.
     */
    public static boolean isLogAppendTime(ByteBuffer buffer, int at) {
        return (buffer.get(at + ATTRIBUTES + 1) & TIMESTAMP_TYPE_MASK) != 0;
    }

    /** Whether it is part of a transaction. */
    public static boolean isTransactional(ByteBuffer buffer, int at) {
        return (buffer.get(at + ATTRIBUTES + 1) & TRANSACTIONAL_MASK) != 0;
    }

    /** Whether it holds a transaction marker instead of records. */
    public static boolean isControl(ByteBuffer buffer, int at) {
        return (buffer.get(at + ATTRIBUTES + 1) & CONTROL_MASK) != 0;
    }

    /**
     * When the tombstones of a batch may go, in milliseconds since 1970; −1 if no compaction has
     * said so yet.
     */
    public static long deleteHorizon(ByteBuffer buffer, int at) {
        return (buffer.get(at + ATTRIBUTES + 1) & DELETE_HORIZON_MASK) != 0
                ? baseTimestamp(buffer, at)
                : -1;
    }

    /** Sets the offset of the first record; the checksum does not cover it. */
    public static void baseOffset(ByteBuffer buffer, int at, long offset) {
        buffer.putLong(at + BASE_OFFSET, offset);
    }

    /** Sets the leader epoch; the checksum does not cover it. */
    public static void leaderEpoch(ByteBuffer buffer, int at, int epoch) {
        buffer.putInt(at + LEADER_EPOCH, epoch);
    }

    /** Makes it one that holds a marker instead of records, and renews the checksum. */
    static void control(ByteBuffer buffer, int at) {
        buffer.put(at + ATTRIBUTES + 1, (byte) (buffer.get(at + ATTRIBUTES + 1) | CONTROL_MASK));
        seal(buffer, at);
    }

    /**
     * Has it say that its bytes, to the buffer's limit, are records without a codec; the checksum
     * is not renewed.
     */
    public static void uncompressed(ByteBuffer buffer, int at) {
        buffer.put(at + ATTRIBUTES + 1, (byte) (buffer.get(at + ATTRIBUTES + 1) & ~CODEC_MASK));
        buffer.putInt(at + LENGTH, buffer.limit() - at - LENGTH_OVERHEAD);
    }

    /** Stamps the time of appending over the producer's timestamps, and renews the checksum. */
    public static void logAppendTime(ByteBuffer buffer, int at, long timestampMs) {
        buffer.put(
                at + ATTRIBUTES + 1,
                (byte) (buffer.get(at + ATTRIBUTES + 1) | TIMESTAMP_TYPE_MASK));
        buffer.putLong(at + MAX_TIMESTAMP, timestampMs);
        buffer.putInt(at + CRC, computeCrc(buffer, at));
    }

    /**
     * Whether the bytes from position to limit are exactly one sound batch as a producer may send
     * it: magic, length, record count, checksum. Allocates nothing; leaves position and limit as
     * they were.
     */
    public static boolean isSound(ByteBuffer buffer) {
        return isIntact(buffer)
                && recordCount(buffer, buffer.position()) == offsetCount(buffer, buffer.position());
    }

    /** As {@link #isSound}, of a batch that is stored: compaction may have taken records of it. */
    public static boolean isIntact(ByteBuffer buffer) {
        int at = buffer.position();
        return buffer.remaining() >= HEADER_LENGTH
                && magic(buffer, at) == MAGIC
                && length(buffer, at) == buffer.remaining()
                && recordCount(buffer, at) > 0
                && recordCount(buffer, at) <= offsetCount(buffer, at)
                && crc(buffer, at) == computeCrc(buffer, at);
    }

    /** Sets the offset of the last record relative to the first, and renews the checksum. */
    public static void lastOffsetDelta(ByteBuffer buffer, int at, int delta) {
        buffer.putInt(at + LAST_OFFSET_DELTA, delta);
        seal(buffer, at);
    }

    /** Sets the checksum of a batch whose bytes were changed. */
    public static void seal(ByteBuffer buffer, int at) {
        buffer.putInt(at + CRC, computeCrc(buffer, at));
    }

    /** CRC32C of what the checksum covers: from the attributes to the end of the batch. */
    public static int computeCrc(ByteBuffer buffer, int at) {
        int position = buffer.position();
        int limit = buffer.limit();
        CRC32C crc = CRC_OF_THREAD.get();
        crc.reset();
        buffer.limit(at + length(buffer, at)).position(at + ATTRIBUTES);
        crc.update(buffer);
        buffer.limit(limit).position(position);
        return (int) crc.getValue();
    }
}
