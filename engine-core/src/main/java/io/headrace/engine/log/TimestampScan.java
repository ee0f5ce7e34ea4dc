package io.headrace.engine.log;

import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Looks for a timestamp where there is no index: walks the headers of the batches that can be read,
 * one after another, up to the high watermark. For one look-up, by one thread.
 */
final class TimestampScan {
    /** Bytes that are leased at a time. */
    private static final int LENGTH = 1 << 20;

    /** Which no batch reaches: so that all are looked at for the highest. */
    private static final long HIGHEST = Long.MAX_VALUE;

    private final Reader reader;
    private final LongSupplier firstOffset;
    private final LongUnaryOperator skip;
    private final long timestampMs;

    private boolean isAnyFound;
    private long highestMs;
    private long highestOffset;
    private int highestLeaderEpoch;

    /** Reads as {@link io.headrace.engine.PartitionLog#read}. */
    interface Reader {
        ReadResult read(long fromOffset, int lengthMax);
    }

    private TimestampScan(
            Reader reader, LongSupplier firstOffset, LongUnaryOperator skip, long timestampMs) {
        this.reader = reader;
        this.firstOffset = firstOffset;
        this.skip = skip;
        this.timestampMs = timestampMs;
    }

    /**
     * The first batch from an offset on that reaches the timestamp.
     *
     * @param firstOffset the first that can be read, which may move on meanwhile
     * @param skip from an offset to one at or behind it, before which no batch reaches it
     */
    static @Nullable TimestampedOffset first(
            Reader reader,
            LongSupplier firstOffset,
            LongUnaryOperator skip,
            long fromOffset,
            long timestampMs) {
        return new TimestampScan(reader, firstOffset, skip, timestampMs).run(fromOffset);
    }

    /** The first of those from an offset on that have the highest timestamp. */
    static @Nullable TimestampedOffset highest(
            Reader reader, LongSupplier firstOffset, long fromOffset) {
        TimestampScan scan =
                new TimestampScan(reader, firstOffset, LongUnaryOperator.identity(), HIGHEST);
        TimestampedOffset found = scan.run(fromOffset);
        return found != null ? found : scan.highest();
    }

    private @Nullable TimestampedOffset highest() {
        return isAnyFound
                ? new TimestampedOffset(highestOffset, highestMs, highestLeaderEpoch)
                : null;
    }

    /** The one with the higher timestamp, or the first of two that have the same. */
    static @Nullable TimestampedOffset higher(
            @Nullable TimestampedOffset first, @Nullable TimestampedOffset second) {
        if (first == null || second == null) {
            return first == null ? second : first;
        }
        return second.timestampMs() > first.timestampMs() ? second : first;
    }

    private @Nullable TimestampedOffset run(long fromOffset) {
        long offset = fromOffset;
        while (true) {
            offset = skip.applyAsLong(offset);
            try (ReadResult result = reader.read(offset, LENGTH)) {
                if (result instanceof RecordsLease lease) {
                    TimestampedOffset found = firstIn(lease, offset);
                    if (found != null) {
                        return found;
                    }
                    offset = lease.nextOffset();
                } else if (result == Unavailable.OFFSET_OUT_OF_RANGE
                        && offset < firstOffset.getAsLong()) {
                    // Gone meanwhile: what is left begins further on.
                    offset = firstOffset.getAsLong();
                } else {
                    return null;
                }
            }
        }
    }

    /** Nothing is made per batch, of which there may be a million. */
    private @Nullable TimestampedOffset firstIn(RecordsLease lease, long fromOffset) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                long batchMs = RecordBatch.maxTimestamp(slice, at);
                if (!isAnyFound || batchMs > highestMs) {
                    noteHighest(slice, at, fromOffset, batchMs);
                }
                if (batchMs >= timestampMs) {
                    return highest();
                }
                at += RecordBatch.length(slice, at);
            }
        }
        return null;
    }

    private void noteHighest(ByteBuffer slice, int at, long fromOffset, long batchMs) {
        isAnyFound = true;
        highestMs = batchMs;
        highestOffset = Math.max(RecordBatch.baseOffset(slice, at), fromOffset);
        highestLeaderEpoch = RecordBatch.leaderEpoch(slice, at);
    }
}
