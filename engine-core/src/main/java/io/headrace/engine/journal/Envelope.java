package io.headrace.engine.journal;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The 48 bytes before each payload, as docs/design/formats.md specifies them.
 *
 * <p>An instance is a flyweight over a little-endian view of a buffer; used by one thread.
 */
public final class Envelope {
    static final byte VERSION = 2;

    private static final int PARTITION_OFFSET = 4;
    private static final int TOPIC_ID_OFFSET = 8;
    private static final int BASE_OFFSET_OFFSET = 16;
    private static final int LEADER_EPOCH_OFFSET = 24;
    private static final int PAYLOAD_LENGTH_OFFSET = 28;
    private static final int SYNCED_POSITION_OFFSET = 32;

    /** Of a batch, whose payload carries its own checksum: when it was appended, in seconds. */
    private static final int APPEND_TIME_OFFSET = 40;

    /** Of every other entry. */
    private static final int PAYLOAD_CRC_OFFSET = APPEND_TIME_OFFSET;

    private static final long MS_PER_SECOND = 1000;
    private static final int CRC_OFFSET = 44;
    private static final int LENGTH = Journal.ENVELOPE_LENGTH;

    /** Bytes 0 to 43 of an envelope, then its position: what the checksum covers. */
    private final ByteBuffer checked =
            ByteBuffer.allocateDirect(CRC_OFFSET + Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private final CRC32C crc = new CRC32C();

    /**
     * Sets the fields; {@link #checksum} comes last.
     *
     * @param appendTimeMs now; only a batch's is kept, in whole seconds
     */
    Envelope set(
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            ByteBuffer payload,
            long syncedPosition,
            long appendTimeMs) {
        checked.put(0, type.code());
        checked.put(1, VERSION);
        checked.putShort(2, (short) 0);
        checked.putInt(PARTITION_OFFSET, partition);
        checked.putLong(TOPIC_ID_OFFSET, topicId);
        checked.putLong(BASE_OFFSET_OFFSET, baseOffset);
        checked.putInt(LEADER_EPOCH_OFFSET, leaderEpoch);
        checked.putInt(PAYLOAD_LENGTH_OFFSET, payload.remaining());
        checked.putLong(SYNCED_POSITION_OFFSET, syncedPosition);
        if (type == EntryType.BATCH) {
            checked.putInt(APPEND_TIME_OFFSET, (int) (appendTimeMs / MS_PER_SECOND));
        } else {
            checked.putInt(PAYLOAD_CRC_OFFSET, payloadChecksum(payload));
        }
        return this;
    }

    /** The first 44 bytes, as set. */
    ByteBuffer fields() {
        return checked;
    }

    /** Checksum of the fields and the position. */
    int checksum(long position) {
        checked.putLong(CRC_OFFSET, position);
        crc.reset();
        crc.update(checked.clear());
        return (int) crc.getValue();
    }

    /**
     * Loads an envelope's fields from a buffer, and says what is wrong with it.
     *
     * @param buffer any byte order; position and limit are neither used nor changed
     * @param index of the envelope's first byte
     * @param position of the entry in the journal
     * @return null if it is sound (the payload is not looked at)
     */
    public @Nullable String load(ByteBuffer buffer, int index, long position) {
        checked.put(0, buffer, index, CRC_OFFSET);
        if (type() < 1 || type() > EntryType.COMPACTED.code() || checked.get(1) != VERSION) {
            return "unknown type or version: type=" + type() + " version=" + checked.get(1);
        }
        boolean bigEndian = buffer.order() == ByteOrder.BIG_ENDIAN;
        int stored = buffer.getInt(index + CRC_OFFSET);
        if (checksum(position) != (bigEndian ? Integer.reverseBytes(stored) : stored)) {
            return "envelope fails its checksum";
        }
        return payloadLength() < 0 ? "payload length is negative" : null;
    }

    /**
     * Checks a payload against the loaded envelope.
     *
     * @param payload from position to limit, which are left as they were
     * @return null if it is sound, else what is wrong with it
     */
    public @Nullable String verifyPayload(ByteBuffer payload) {
        if (payload.remaining() != payloadLength()) {
            return "payload has another length: expected=" + payloadLength();
        }
        if (type() == EntryType.BATCH.code()) {
            return BatchHeader.verify(payload, baseOffset(), leaderEpoch(), crc);
        }
        return payloadChecksum(payload) == checked.getInt(PAYLOAD_CRC_OFFSET)
                ? null
                : "payload fails its checksum";
    }

    private int payloadChecksum(ByteBuffer payload) {
        int position = payload.position();
        crc.reset();
        crc.update(payload);
        payload.position(position);
        return (int) crc.getValue();
    }

    /** Code of the entry's type. */
    public byte type() {
        return checked.get(0);
    }

    /** Topic id. */
    public long topicId() {
        return checked.getLong(TOPIC_ID_OFFSET);
    }

    /** Partition. */
    public int partition() {
        return checked.getInt(PARTITION_OFFSET);
    }

    /** Base offset. */
    public long baseOffset() {
        return checked.getLong(BASE_OFFSET_OFFSET);
    }

    /** Leader epoch. */
    public int leaderEpoch() {
        return checked.getInt(LEADER_EPOCH_OFFSET);
    }

    /** When a batch was appended, in milliseconds; −1 for every other entry. */
    public long appendTimeMs() {
        return type() == EntryType.BATCH.code()
                ? Integer.toUnsignedLong(checked.getInt(APPEND_TIME_OFFSET)) * MS_PER_SECOND
                : -1;
    }

    /** Payload length in bytes. */
    public int payloadLength() {
        return checked.getInt(PAYLOAD_LENGTH_OFFSET);
    }

    /** Synced position that was known when the entry was appended. */
    public long syncedPosition() {
        return checked.getLong(SYNCED_POSITION_OFFSET);
    }

    /**
     * Whether four bytes can be the beginning of an envelope: a cheap test before {@link #load}.
     *
     * @param first little endian
     */
    static boolean mayBegin(int first) {
        int type = first & 0xFF;
        return first >>> 8 == VERSION && type >= 1 && type <= EntryType.COMPACTED.code();
    }

    /** Bytes of an entry with such a payload. */
    static int entryLength(int payloadLength) {
        return LENGTH + payloadLength;
    }
}
