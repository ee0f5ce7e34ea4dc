package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.HighWatermarkWaiters;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A partition of an {@link OrderedView}. It has its end as soon as the view is pinned, and before
 * that nothing, or what can be read early. Thread-safe.
 */
final class OrderedLog implements OnDemandLog {
    private final OrderedView view;
    private final int partition;
    private final HighWatermarkWaiters waiters = new HighWatermarkWaiters();

    OrderedLog(OrderedView view, int partition) {
        this.view = view;
        this.partition = partition;
    }

    @Override
    public Topic topic() {
        return view.topic();
    }

    @Override
    public int partition() {
        return partition;
    }

    @Override
    public long logStartOffset() {
        return 0;
    }

    @Override
    public long highWatermark() {
        return view.endOffset(partition);
    }

    @Override
    public long logEndOffset() {
        return view.endOffset(partition);
    }

    /** Always {@link #READ_ONLY}, or {@link #CLOSED}. */
    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return view.isEnded() ? CLOSED : READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable reason = whyNot(fromOffset);
        return reason == null ? view.read(partition, fromOffset, lengthMax) : reason;
    }

    private @Nullable Unavailable whyNot(long fromOffset) {
        if (view.isEnded()) {
            return Unavailable.CLOSED;
        }
        long end = highWatermark();
        if (fromOffset < 0 || fromOffset > end) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        if (fromOffset < end) {
            return null;
        }
        view.ask();
        return Unavailable.CAUGHT_UP;
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        Unavailable reason = whyNot(fromOffset);
        if (reason == null) {
            view.readCold(partition, fromOffset, lengthMax, whenRead);
        } else {
            whenRead.onRead(reason);
        }
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        waiters.add(offset, wake);
        view.ask();
        boolean isDue = highWatermark() >= offset || view.isEnded();
        if (isDue && waiters.remove(wake)) {
            wake.run();
        }
    }

    @Override
    public void cancel(Runnable wake) {
        waiters.remove(wake);
    }

    /** There are more records, or the view is gone. */
    void wake() {
        waiters.wake(view.isEnded() ? Long.MAX_VALUE : highWatermark());
    }

    /** None: the records are in no order of time, and to look at all of them would take reading. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return CompletableFuture.completedFuture(null);
    }

    /** None, as for {@link #offsetForTimestamp}. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return CompletableFuture.completedFuture(null);
    }

    /** No epoch ever lost a record of a view, so every one that was ends where the view ends. */
    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0 || leaderEpoch > view.leaderEpoch()
                ? null
                : new EpochEnd(leaderEpoch, highWatermark());
    }

    /** Fails: there is nothing to delete. */
    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException(
                        "a shuffle or mix view is read-only: topic="
                                + topic().name()
                                + " partition="
                                + partition));
    }

    @Override
    public boolean hasMoreToFind() {
        return view.hasMoreToFind();
    }

    /** Who reads a view waits for its sources; they count what they are asked for. */
    @Override
    public void onReaderWaited(String reader, long nanos) {}
}
