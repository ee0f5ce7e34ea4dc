package io.headrace.engine.log;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A partition as the projection has it: what activation starts from. Used by one thread at a time.
 */
final class PartitionState {
    private static final byte VERSION = 1;

    long logStartOffset;
    long logEndOffset;

    /** Not in the row: end of the last record, where the log's end was raised beyond it. */
    long recordsEndOffset;

    /**
     * Offsets below may have been used although no batch of the journal says so; 0 if no entry of
     * the journal reserved any.
     */
    long offsetReserve;

    long liveBytes;
    long maxTimestampMs = -1;
    LeaderEpochs epochs = new LeaderEpochs();

    static PartitionState decode(byte @Nullable [] row) {
        PartitionState state = new PartitionState();
        if (row == null) {
            return state;
        }
        ByteBuffer buffer = ByteBuffer.wrap(row);
        byte version = buffer.get();
        if (version != VERSION) {
            throw Rows.unknownVersion("partition", version);
        }
        state.logStartOffset = buffer.getLong();
        state.logEndOffset = buffer.getLong();
        state.recordsEndOffset = state.logEndOffset;
        state.offsetReserve = buffer.getLong();
        state.liveBytes = buffer.getLong();
        state.maxTimestampMs = buffer.getLong();
        state.epochs = LeaderEpochs.decode(buffer);
        return state;
    }

    /** Offsets below are reserved: by an entry of the journal, or by the topic's creation. */
    long reserved() {
        return offsetReserve == 0 ? PartitionLogBase.FIRST_RESERVE : offsetReserve;
    }

    byte[] encode() {
        ByteBuffer buffer = ByteBuffer.allocate(1 + 5 * Long.BYTES + epochs.encodedLength());
        buffer.put(VERSION)
                .putLong(logStartOffset)
                .putLong(logEndOffset)
                .putLong(offsetReserve)
                .putLong(liveBytes)
                .putLong(maxTimestampMs);
        epochs.encode(buffer);
        return buffer.array();
    }
}
