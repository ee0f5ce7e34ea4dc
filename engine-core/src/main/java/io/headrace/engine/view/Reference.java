package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.batch.UnreadableBatchException;
import java.nio.ByteBuffer;

/**
 * An entry of a lane: a record batch of one record that takes as many offsets as what it refers to.
 * Format: docs/design/formats.md, "Lanes".
 *
 * @param kind what it says
 * @param sequence number among all references of the view
 * @param takenBackBefore offset of the newest {@link Kind#TAKEN_BACK} of the lane before it; −1 if
 *     there is none
 * @param topicId of the batches; 0 unless it is {@link Kind#GIVEN}
 * @param partition of the batches
 * @param baseOffset {@link Kind#GIVEN}: there, of what is at the lane's first offset; {@link
 *     Kind#TAKEN_BACK}: first offset of the lane that is void
 * @param fromOffset {@link Kind#GIVEN}: of the first record there that is handed out; those between
 *     are void; {@link Kind#TAKEN_BACK}: as {@code baseOffset}
 * @param endOffset {@link Kind#GIVEN}: behind the last record there; {@link Kind#TAKEN_BACK}:
 *     behind the last offset that is void
 * @param length {@link Kind#GIVEN}: of the batches, in bytes, when they were given
 */
record Reference(
        Kind kind,
        long sequence,
        long takenBackBefore,
        long topicId,
        int partition,
        long baseOffset,
        long fromOffset,
        long endOffset,
        int length) {
    /** Bytes of an encoded reference, without the state behind it. */
    static final int LENGTH = 2 + 6 * Long.BYTES + 2 * Integer.BYTES;

    private static final byte VERSION = 1;

    /** What a reference says. */
    enum Kind {
        /** Its offsets are records of another topic. */
        GIVEN,
        /** Its offset is no record, and some before are none any more. */
        TAKEN_BACK
    }

    private static final Kind[] KINDS = Kind.values();

    /** How many offsets of the lane it takes. */
    int offsetCount() {
        return kind == Kind.GIVEN ? (int) (endOffset - baseOffset) : 1;
    }

    /**
     * Writes the batch at the buffer's position.
     *
     * @param state of the view with this reference; as in {@link ShareState}
     * @return the buffer, from the batch's beginning to its end
     */
    ByteBuffer encode(ByteBuffer into, RecordBatchWriter writer, ShareState state, long nowMs) {
        int start = into.position();
        writer.begin(into, nowMs);
        int at = writer.appendAround(nowMs, null, LENGTH + state.encodedLength(), null, 0);
        ByteBuffer value = into.duplicate().position(at);
        value.put(VERSION).put((byte) kind.ordinal()).putLong(sequence).putLong(takenBackBefore);
        value.putLong(topicId).putInt(partition).putLong(baseOffset).putLong(fromOffset);
        value.putLong(endOffset).putInt(length);
        state.encode(value);
        int batchLength = writer.end(offsetCount());
        return into.limit(start + batchLength).position(start);
    }

    /**
     * Reads the reference in the batch at an index.
     *
     * @throws UnreadableBatchException if it is none
     * @throws EngineException if a later version wrote it
     */
    static Reference decode(ByteBuffer batch, int at) {
        return decode(value(batch, at));
    }

    /** The state behind the reference in the batch at an index. */
    static ShareState decodeState(ByteBuffer batch, int at) {
        ByteBuffer value = value(batch, at);
        return ShareState.decode(value.position(value.position() + LENGTH));
    }

    private static Reference decode(ByteBuffer value) {
        byte version = value.get();
        int kind = value.get();
        if (version > VERSION) {
            throw new EngineException(
                    "reference of a later version of this software: version=" + version);
        }
        if (version != VERSION || kind < 0 || kind >= KINDS.length) {
            throw new UnreadableBatchException(
                    "not a reference: version=" + version + " kind=" + kind);
        }
        return new Reference(
                KINDS[kind],
                value.getLong(),
                value.getLong(),
                value.getLong(),
                value.getInt(),
                value.getLong(),
                value.getLong(),
                value.getLong(),
                value.getInt());
    }

    private static ByteBuffer value(ByteBuffer batch, int at) {
        ByteBuffer record =
                batch.duplicate()
                        .limit(at + RecordBatch.length(batch, at))
                        .position(at + RecordBatch.HEADER_LENGTH);
        skipVarint(record); // length
        record.get(); // attributes
        skipVarint(record); // timestamp
        skipVarint(record); // offset
        skipVarint(record); // key: none
        skipVarint(record); // length of the value
        if (record.remaining() < LENGTH) {
            throw new UnreadableBatchException("not a reference: length=" + record.remaining());
        }
        return record;
    }

    private static void skipVarint(ByteBuffer from) {
        while (from.get() < 0) {
            // its last byte is the first without the highest bit
        }
    }
}
