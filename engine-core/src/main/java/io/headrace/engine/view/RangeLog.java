package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.view.ReplaySpec.Range;
import java.nio.ByteBuffer;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A range of another log, with its offsets. What is not there any more is an error, never passed
 * over: who replays is promised the same records again.
 */
final class RangeLog extends WindowLog {
    private static final Logger LOGGER = LoggerFactory.getLogger(RangeLog.class);

    private final ReplayView view;
    private final Range range;

    RangeLog(ReplayView view, int partition, Range range) {
        super(partition);
        this.view = view;
        this.range = range;
    }

    @Override
    public Topic topic() {
        return view.topic();
    }

    @Override
    @Nullable PartitionLog base() {
        return view.base(range);
    }

    @Override
    long endOffset() {
        return range.toOffset();
    }

    @Override
    public long logStartOffset() {
        return range.fromOffset();
    }

    /** As far as a source below is indexed; the range's end otherwise. */
    @Override
    public long highWatermark() {
        PartitionLog base = base();
        return base == null ? range.toOffset() : endBelow(base);
    }

    @Override
    public long logEndOffset() {
        return range.toOffset();
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable outside = outside(fromOffset);
        if (outside != null) {
            return outside;
        }
        PartitionLog base = base();
        if (base == null) {
            return Unavailable.STORE_ERROR;
        }
        ReadResult found = base.read(fromOffset, lengthMax);
        if (!(found instanceof RecordsLease lease)) {
            return whyNot(base, fromOffset, (Unavailable) found);
        }
        ReadResult within = within(base, lease, fromOffset);
        if (within != null) {
            return within;
        }
        lease.close();
        return Unavailable.COLD; // decompressing is nothing for the caller's thread
    }

    private @Nullable Unavailable outside(long offset) {
        if (offset < range.fromOffset() || offset > range.toOffset()) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        return offset == range.toOffset() ? Unavailable.CAUGHT_UP : null;
    }

    /**
     * The batches from an offset on that end within the range, as far as nothing is missing between
     * them; null if the first one ends beyond.
     */
    private @Nullable ReadResult within(PartitionLog base, RecordsLease lease, long fromOffset) {
        long expected = fromOffset;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            long shift = lease.offsetShift(i);
            int at = slice.position();
            while (at < slice.limit()) {
                boolean isFirst = i == 0 && at == slice.position();
                long start = RecordBatch.baseOffset(slice, at) + shift;
                if (isMissingSome(base, slice, at, start > expected)) {
                    return isFirst ? gone(lease, fromOffset) : new RangeRecords(lease, i, at);
                }
                expected = RecordBatch.lastOffset(slice, at) + shift + 1;
                if (expected > range.toOffset()) {
                    return isFirst ? null : new RangeRecords(lease, i, at);
                }
                at += RecordBatch.length(slice, at);
            }
        }
        return lease;
    }

    /**
     * Whether records are gone before a batch or of it. In a lane there are offsets without any: it
     * says so itself, and not why. In an overlay there are, where its patch takes records away.
     */
    private static boolean isMissingSome(
            PartitionLog base, ByteBuffer slice, int at, boolean isBehindGap) {
        return !Views.isShare(base.topic())
                && !Views.isOverlay(base.topic())
                && (isBehindGap
                        || RecordBatch.recordCount(slice, at)
                                != RecordBatch.offsetCount(slice, at));
    }

    private Unavailable gone(RecordsLease lease, long offset) {
        lease.close();
        return gone(offset);
    }

    private Unavailable gone(long offset) {
        LOGGER.error(
                "what is to be replayed is gone: view={} {} offset={}",
                view.topic().name(),
                range,
                offset);
        return Unavailable.CORRUPT;
    }

    private Unavailable whyNot(PartitionLog base, long offset, Unavailable why) {
        if (why == Unavailable.COLD) {
            return why;
        }
        if (isFoundLater(base, offset, why)) {
            return Unavailable.CAUGHT_UP;
        }
        if (why == Unavailable.CLOSED) {
            return Unavailable.STORE_ERROR; // another one is there when it is asked again
        }
        if (why == Unavailable.CUT_OUT || Gone.end(base, offset, range.toOffset(), why) > offset) {
            return gone(offset);
        }
        return why == Unavailable.OFFSET_OUT_OF_RANGE || why == Unavailable.CAUGHT_UP
                ? Unavailable.STORE_ERROR
                : why;
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        PartitionLog base = base();
        Unavailable outside = outside(fromOffset);
        if (outside != null || base == null) {
            whenRead.onRead(outside == null ? Unavailable.STORE_ERROR : outside);
            return;
        }
        ReadResult found = base.read(fromOffset, lengthMax);
        if (found == Unavailable.COLD) {
            base.readCold(
                    fromOffset, lengthMax, loaded -> answer(base, fromOffset, loaded, whenRead));
        } else {
            answer(base, fromOffset, found, whenRead);
        }
    }

    private void answer(
            PartitionLog base, long fromOffset, ReadResult found, ReadCallback whenRead) {
        if (!(found instanceof RecordsLease lease)) {
            Unavailable why = whyNot(base, fromOffset, (Unavailable) found);
            whenRead.onRead(why == Unavailable.COLD ? Unavailable.STORE_ERROR : why);
            return;
        }
        ReadResult within = within(base, lease, fromOffset);
        if (within != null) {
            whenRead.onRead(within);
            return;
        }
        try {
            view.sources().reader().execute(() -> whenRead.onRead(cut(lease, fromOffset)));
        } catch (RejectedExecutionException crowded) {
            lease.close();
            whenRead.onRead(Unavailable.STORE_ERROR);
        }
    }

    /** Of the first batch, the records within the range. */
    private ReadResult cut(RecordsLease lease, long fromOffset) {
        try (lease) {
            ByteBuffer slice = lease.slice(0);
            int at = slice.position();
            long shift = lease.offsetShift(0);
            long base = RecordBatch.baseOffset(slice, at) + shift;
            int epoch = lease.leaderEpoch(0);
            if (epoch < 0) {
                epoch = RecordBatch.leaderEpoch(slice, at);
            }
            ByteBuffer batch =
                    ByteBuffer.allocate(RecordBatch.length(slice, at))
                            .put(slice.duplicate().limit(at + RecordBatch.length(slice, at)))
                            .flip();
            ByteBuffer left =
                    RecordBatch.isControl(batch, 0)
                            ? null
                            : filter().filter(
                                            batch,
                                            (offset, key, hasValue) ->
                                                    offset + shift < range.toOffset(),
                                            0);
            if (left == null) {
                return OwnBatch.passed(fromOffset, range.toOffset(), epoch, view.sources().nowMs());
            }
            return shown(left, base, epoch);
        } catch (RuntimeException failed) {
            LOGGER.error(
                    "batch at the end of a replay cannot be cut: view={} {}",
                    view.topic().name(),
                    range,
                    failed);
            return Unavailable.CORRUPT;
        } catch (Error failed) { // such as of memory: somebody waits for an answer
            LOGGER.error(
                    "batch at the end of a replay cannot be cut now: view={} {}",
                    view.topic().name(),
                    range,
                    failed);
            return Unavailable.STORE_ERROR;
        }
    }

    private OwnBatch shown(ByteBuffer left, long base, int epoch) {
        ByteBuffer batch = ByteBuffer.allocateDirect(left.remaining()).put(left).flip();
        RecordBatch.baseOffset(batch, 0, base);
        RecordBatch.leaderEpoch(batch, 0, epoch);
        RecordBatch.lastOffsetDelta(batch, 0, (int) (range.toOffset() - 1 - base));
        return new OwnBatch(batch, range.toOffset());
    }

    private RecordFilter filter() {
        RecordFilter filter = view.sources().recordFilter();
        if (filter == null) {
            throw new EngineException("the engine's context has no recordFilter");
        }
        return filter;
    }

    @Override
    public String toString() {
        return "view=" + topic().name() + " " + range;
    }
}
