package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.LogClosedException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.view.OverlaySpec.Pin;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A partition of an {@link OverlayView} that is pinned: the offsets of the base, as far as it is
 * pinned to them. Thread-safe.
 */
final class OverlayLog implements OnDemandLog {
    private static final Logger LOGGER = LoggerFactory.getLogger(OverlayLog.class);

    private final OverlayView view;
    private final int partition;

    OverlayLog(OverlayView view, int partition) {
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

    private Pin pin() {
        Pin pin = view.pin();
        if (pin == null) { // it would not be here yet
            throw new IllegalStateException("view is not pinned: topic=" + topic().name());
        }
        return pin;
    }

    @Override
    public long logStartOffset() {
        Pin pin = pin();
        PartitionLog base = pin.base().isEmpty() ? view.base(partition) : null;
        return base == null ? Math.max(0, pin.startOffset(partition)) : base.logStartOffset();
    }

    /** As far as a source below is indexed; the end of what the view is pinned to otherwise. */
    @Override
    public long highWatermark() {
        Pin pin = pin();
        PartitionLog base = view.base(partition);
        long end = pin.endOffset(partition);
        if (base instanceof OnDemandLog || end == Long.MAX_VALUE) {
            return base == null
                    ? logStartOffset()
                    : Math.max(logStartOffset(), Math.min(end, base.highWatermark()));
        }
        return end;
    }

    @Override
    public long logEndOffset() {
        Pin pin = pin();
        return pin.base().isEmpty() ? highWatermark() : pin.endOffset(partition);
    }

    /** Always {@link #READ_ONLY}, or {@link #CLOSED}. */
    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return view.isEnded() ? CLOSED : READ_ONLY;
    }

    /** Always loaded: all keys of what is read have to be looked at. */
    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable reason = whyNot(fromOffset);
        return reason == null ? Unavailable.COLD : reason;
    }

    private @Nullable Unavailable whyNot(long offset) {
        if (view.isEnded()) {
            return Unavailable.CLOSED;
        }
        Pin pin = pin();
        if (offset < logStartOffset() || offset > pin.endOffset(partition)) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        if (offset == pin.endOffset(partition)) {
            return Unavailable.CAUGHT_UP;
        }
        PartitionLog base = view.base(partition);
        if (base == null) {
            return Unavailable.STORE_ERROR;
        }
        // A source is asked itself: it looks for what is not indexed yet.
        return null;
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        Unavailable reason = whyNot(fromOffset);
        if (reason == null) {
            view.whenReady(index -> read(index, fromOffset, lengthMax, whenRead), whenRead);
        } else {
            whenRead.onRead(reason);
        }
    }

    /** What is below, then what stands in for it. */
    private void read(OverlayIndex index, long fromOffset, int lengthMax, ReadCallback whenRead) {
        PartitionLog base = view.base(partition);
        if (base == null) {
            index.release();
            whenRead.onRead(Unavailable.STORE_ERROR);
            return;
        }
        ReadResult found;
        try {
            found = base.read(fromOffset, lengthMax);
            if (found == Unavailable.COLD) {
                base.readCold(
                        fromOffset,
                        lengthMax,
                        loaded -> take(base, index, loaded, fromOffset, lengthMax, whenRead));
                return;
            }
        } catch (RuntimeException | Error failed) { // somebody waits
            LOGGER.error("batch below an overlay cannot be read now: {}", this, failed);
            index.release();
            whenRead.onRead(Unavailable.STORE_ERROR);
            return;
        }
        take(base, index, found, fromOffset, lengthMax, whenRead);
    }

    private void take(
            PartitionLog base,
            OverlayIndex index,
            ReadResult found,
            long fromOffset,
            int lengthMax,
            ReadCallback whenRead) {
        if (!(found instanceof RecordsLease lease)) {
            index.release();
            whenRead.onRead(whyNot(base, fromOffset, (Unavailable) found));
            return;
        }
        boolean isTaken =
                view.execute(() -> show(base, index, lease, fromOffset, lengthMax, whenRead));
        if (!isTaken) {
            lease.close();
            index.release();
            whenRead.onRead(Unavailable.STORE_ERROR);
        }
    }

    private void show(
            PartitionLog base,
            OverlayIndex index,
            RecordsLease lease,
            long fromOffset,
            int lengthMax,
            ReadCallback whenRead) {
        ReadResult shown =
                new OverlayReader(
                                this,
                                index,
                                view.memory(),
                                view.sources().recordFilter(),
                                Views.isOverlay(base.topic()))
                        .shown(
                                lease,
                                fromOffset,
                                lengthMax,
                                pin().endOffset(partition),
                                view.sources().nowMs());
        index.release();
        whenRead.onRead(shown);
    }

    /** What is gone below is an error at which readers stop, and not passed over. */
    private Unavailable whyNot(PartitionLog base, long offset, Unavailable why) {
        if (base instanceof OnDemandLog
                && (why == Unavailable.CAUGHT_UP
                        || why == Unavailable.OFFSET_OUT_OF_RANGE
                                && offset >= base.highWatermark())) {
            return Unavailable.CAUGHT_UP; // it is found later
        }
        if (why == Unavailable.OFFSET_OUT_OF_RANGE || why == Unavailable.CUT_OUT) {
            LOGGER.error("records below an overlay are gone: {} offset={}", this, offset);
            return Unavailable.CORRUPT;
        }
        return why == Unavailable.COLD || why == Unavailable.CLOSED || why == Unavailable.CAUGHT_UP
                ? Unavailable.STORE_ERROR // another one is there when it is asked again
                : why;
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        PartitionLog base = view.base(partition);
        if (base == null || offset <= logStartOffset()) {
            wake.run();
        } else if (offset <= pin().endOffset(partition)) {
            base.onHighWatermark(offset, wake);
        }
        // nothing ever comes behind the end
    }

    @Override
    public void cancel(Runnable wake) {
        PartitionLog base = view.base(partition);
        if (base != null) {
            base.cancel(wake);
        }
    }

    /** Timestamps are those of the base, also of records that the patch takes away. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        PartitionLog base = view.base(partition);
        return base == null
                ? unreadable()
                : base.offsetForTimestamp(timestampMs).thenApply(this::within);
    }

    /** That of the base, if it is within the view; that of another record is not known. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        PartitionLog base = view.base(partition);
        return base == null ? unreadable() : base.maxTimestamp().thenApply(this::within);
    }

    private CompletableFuture<@Nullable TimestampedOffset> unreadable() {
        return CompletableFuture.failedFuture(new LogClosedException(topic().name()));
    }

    private @Nullable TimestampedOffset within(@Nullable TimestampedOffset found) {
        return found == null || found.offset() >= pin().endOffset(partition) ? null : found;
    }

    /** Nobody is to go back: what is gone is said at the read. */
    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0 ? null : new EpochEnd(leaderEpoch, logEndOffset());
    }

    /** Fails: there is nothing to delete. */
    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException(
                        "a view's records cannot be deleted, those of its topics can: topic="
                                + topic().name()));
    }

    @Override
    public boolean hasMoreToFind() {
        return view.base(partition) instanceof OnDemandLog base
                && base.highWatermark() < pin().endOffset(partition)
                && base.hasMoreToFind();
    }

    @Override
    public void onReaderWaited(String reader, long nanos) {
        if (view.base(partition) instanceof OnDemandLog base) {
            base.onReaderWaited(reader, nanos);
        }
    }

    @Override
    public String toString() {
        return "view=" + topic().name() + " partition=" + partition;
    }
}
