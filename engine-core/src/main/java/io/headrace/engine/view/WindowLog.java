package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.LogClosedException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a view that shows offsets of another log, up to an end that stays, with the
 * timestamps that the records have there. Thread-safe, as the others of the view are.
 */
abstract class WindowLog implements OnDemandLog {
    private final int partition;

    WindowLog(int partition) {
        this.partition = partition;
    }

    /** The log below; null if it is out of reach for a moment. */
    abstract @Nullable PartitionLog base();

    /** Behind the last offset that is shown. */
    abstract long endOffset();

    @Override
    public final int partition() {
        return partition;
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return READ_ONLY;
    }

    /**
     * Where the log below ends, if that is not known yet or there is no other end; else the end.
     */
    final long endBelow(PartitionLog base) {
        long end = endOffset();
        return base instanceof OnDemandLog || end == Long.MAX_VALUE
                ? Math.max(logStartOffset(), Math.min(end, base.highWatermark()))
                : end;
    }

    /** The records of a source are there before it is known how many there are. */
    static boolean isFoundLater(PartitionLog base, long offset, Unavailable why) {
        return base instanceof OnDemandLog
                && (why == Unavailable.CAUGHT_UP
                        || why == Unavailable.OFFSET_OUT_OF_RANGE
                                && offset >= base.highWatermark());
    }

    @Override
    public final void onHighWatermark(long offset, Runnable wake) {
        PartitionLog base = base();
        if (base == null || offset <= logStartOffset()) {
            wake.run();
        } else if (offset <= endOffset()) {
            base.onHighWatermark(offset, wake);
        }
        // nothing ever comes behind the end
    }

    @Override
    public final void cancel(Runnable wake) {
        PartitionLog base = base();
        if (base != null) {
            base.cancel(wake);
        }
    }

    /** The log below knows the batch; whoever asks looks in it. */
    @Override
    public final CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(
            long timestampMs) {
        PartitionLog base = base();
        return base == null
                ? outOfReach()
                : base.offsetForTimestamp(timestampMs)
                        .thenApply(
                                found ->
                                        found == null || found.offset() >= endOffset()
                                                ? null
                                                : found);
    }

    /** That of the log below, if it is shown; that of another record is not known. */
    @Override
    public final CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        PartitionLog base = base();
        return base == null
                ? outOfReach()
                : base.maxTimestamp().thenApply(found -> isShown(found) ? found : null);
    }

    private boolean isShown(@Nullable TimestampedOffset found) {
        return found != null && found.offset() >= logStartOffset() && found.offset() < endOffset();
    }

    private CompletableFuture<@Nullable TimestampedOffset> outOfReach() {
        return CompletableFuture.failedFuture(new LogClosedException(topic().name()));
    }

    /** Nobody is to go back: what is gone is said at the read. */
    @Override
    public final @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0 ? null : new EpochEnd(leaderEpoch, logEndOffset());
    }

    /** Fails: there is nothing to delete. */
    @Override
    public final CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException(
                        "a view's records cannot be deleted, those of its topics can: topic="
                                + topic().name()));
    }

    @Override
    public final boolean hasMoreToFind() {
        return base() instanceof OnDemandLog base
                && base.highWatermark() < endOffset()
                && base.hasMoreToFind();
    }

    @Override
    public final void onReaderWaited(String reader, long nanos) {
        if (base() instanceof OnDemandLog base) {
            base.onReaderWaited(reader, nanos);
        }
    }

    /** The topic of the view. */
    @Override
    public abstract Topic topic();
}
