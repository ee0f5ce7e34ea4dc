package io.headrace.engine.log;

import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A partition as the projection has it: what activation starts from. Used by one thread at a time.
 */
final class PartitionState {
    private static final byte VERSION = 4;

    /** Does not tell an exact end from a reserve. */
    private static final byte VERSION_BEFORE_ENDS = 1;

    /** Knows nothing of compaction. */
    private static final byte VERSION_BEFORE_COMPACTION = 2;

    /** Knows of what was compacted to the end, and not of what was begun. */
    private static final byte VERSION_BEFORE_THINNING = 3;

    long logStartOffset;
    long logEndOffset;

    /** Not in the row: end of the last record, where the log's end was raised beyond it. */
    long recordsEndOffset;

    /** Not in the row: what the journal has, or had, ends here, whatever the log goes on behind. */
    long earlierEndOffset;

    /**
     * Offsets below may have been used although no batch of the journal says so; 0 if no entry of
     * the journal says anything.
     */
    long offsetReserve;

    /** Whether all below the reserve are taken, and none above: the log goes on there. */
    boolean isReserveExact;

    /** Not in the row: what the topic's creation reserved without an entry. */
    long firstReserve;

    long liveBytes;
    long maxTimestampMs = -1;

    /** Below, each key has one record at most. */
    long compactedOffset;

    /** Those of {@link #liveBytes} that are below the compacted offset. */
    long compactedBytes;

    /** Records were taken out of batches below, by compaction or a repair; 0 if none were. */
    long thinnedOffset;

    /** From when on all tombstones below the compacted offset may go; 0 if there are none. */
    long tombstonesUntilMs;

    LeaderEpochs epochs = new LeaderEpochs();

    static PartitionState decode(byte @Nullable [] row) {
        PartitionState state = new PartitionState();
        if (row == null) {
            return state;
        }
        ByteBuffer buffer = ByteBuffer.wrap(row);
        byte version = buffer.get();
        if (version < VERSION_BEFORE_ENDS || version > VERSION) {
            throw Rows.unknownVersion("partition", version);
        }
        state.logStartOffset = buffer.getLong();
        state.logEndOffset = buffer.getLong();
        state.recordsEndOffset = state.logEndOffset;
        state.earlierEndOffset = state.logEndOffset;
        state.offsetReserve = buffer.getLong();
        state.liveBytes = buffer.getLong();
        state.maxTimestampMs = buffer.getLong();
        state.isReserveExact = version > VERSION_BEFORE_ENDS && buffer.get() != 0;
        if (version > VERSION_BEFORE_COMPACTION) {
            state.compactedOffset = buffer.getLong();
            state.compactedBytes = buffer.getLong();
            state.tombstonesUntilMs = buffer.getLong();
        }
        state.thinnedOffset =
                version > VERSION_BEFORE_THINNING ? buffer.getLong() : state.compactedOffset;
        state.epochs = LeaderEpochs.decode(buffer);
        return state;
    }

    /**
     * Whether the topic may have acknowledged what was not on disk ever since it was created, so
     * that its first offsets are reserved without an entry. Where the server's default says so
     * there is an entry: the default of the next start may be another one.
     */
    static boolean isReservedByCreation(Topic topic) {
        return !topic.config().syncsBeforeAcknowledging()
                && (topic.storageMode() != StorageMode.PERSISTENT
                        || topic.configs().containsKey("flush.messages"));
    }

    /** Notes that offsets below may be used from now on. */
    void reserve(long offset) {
        offsetReserve = offset;
        isReserveExact = false;
    }

    /** Notes that the log ends there. */
    void end(long offset) {
        offsetReserve = offset;
        isReserveExact = true;
    }

    /** Takes a batch that was deleted off the account. */
    void onDropped(IndexEntry entry) {
        liveBytes -= entry.length();
        if (entry.lastOffset() < compactedOffset) {
            compactedBytes = Math.max(0, compactedBytes - entry.length());
        }
    }

    /** Where what is neither compacted nor given up begins. */
    long dirtyOffset() {
        return Math.max(compactedOffset, logStartOffset);
    }

    /** Offsets below are reserved: by an entry of the journal, or by the topic's creation. */
    long reserved() {
        return offsetReserve == 0 && !isReserveExact ? firstReserve : offsetReserve;
    }

    byte[] encode() {
        ByteBuffer buffer = ByteBuffer.allocate(2 + 9 * Long.BYTES + epochs.encodedLength());
        buffer.put(VERSION)
                .putLong(logStartOffset)
                .putLong(logEndOffset)
                .putLong(offsetReserve)
                .putLong(liveBytes)
                .putLong(maxTimestampMs)
                .put((byte) (isReserveExact ? 1 : 0))
                .putLong(compactedOffset)
                .putLong(compactedBytes)
                .putLong(tombstonesUntilMs)
                .putLong(thinnedOffset);
        epochs.encode(buffer);
        return buffer.array();
    }
}
