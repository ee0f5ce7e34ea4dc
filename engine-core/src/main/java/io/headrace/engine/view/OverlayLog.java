package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.view.OverlaySpec.Pin;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A partition of an {@link OverlayView} that is pinned: the offsets of the base, as far as it is
 * pinned to them. Thread-safe.
 */
final class OverlayLog extends WindowLog {
    private static final Logger LOGGER = LoggerFactory.getLogger(OverlayLog.class);

    private final OverlayView view;

    OverlayLog(OverlayView view, int partition) {
        super(partition);
        this.view = view;
    }

    @Override
    public Topic topic() {
        return view.topic();
    }

    @Override
    @Nullable PartitionLog base() {
        return view.base(partition());
    }

    @Override
    long endOffset() {
        return pin().endOffset(partition());
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
        PartitionLog base = pin.base().isEmpty() ? base() : null;
        return base == null ? Math.max(0, pin.startOffset(partition())) : base.logStartOffset();
    }

    /** As far as a source below is indexed; the end of what the view is pinned to otherwise. */
    @Override
    public long highWatermark() {
        PartitionLog base = base();
        if (base != null) {
            return endBelow(base);
        }
        return pin().base().isEmpty() ? logStartOffset() : endOffset();
    }

    @Override
    public long logEndOffset() {
        return pin().base().isEmpty() ? highWatermark() : endOffset();
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
        long end = endOffset();
        if (offset < logStartOffset() || offset > end) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        if (offset == end) {
            return Unavailable.CAUGHT_UP;
        }
        // A source is asked itself: it looks for what is not indexed yet.
        return base() == null ? Unavailable.STORE_ERROR : null;
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
        PartitionLog base = base();
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
            whenRead.onRead(view.whyRefused());
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
                        .shown(lease, fromOffset, lengthMax, endOffset(), view.sources().nowMs());
        index.release();
        whenRead.onRead(shown);
    }

    /** What is gone below is an error at which readers stop, and not passed over. */
    private Unavailable whyNot(PartitionLog base, long offset, Unavailable why) {
        if (isFoundLater(base, offset, why)) {
            return Unavailable.CAUGHT_UP;
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
    public String toString() {
        return "view=" + topic().name() + " partition=" + partition();
    }
}
