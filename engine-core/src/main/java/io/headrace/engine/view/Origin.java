package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Where stretches come from: what is left of a partition, or what was taken back. Used by the
 * dispatcher.
 */
final class Origin {
    /** Bytes of a record, as long as none was seen. */
    private static final int RECORD_LENGTH = 1024;

    /** Offsets without a record between two batches of a stretch, at most. */
    private static final long HOLE_MAX = 1024;

    final long topicId;
    final int partition;

    /** Next offset to hand out. */
    long next;

    private final long end;

    /** Offset at which the batch begins that holds {@link #next}, as it was found last. */
    private long foundStart;

    private long foundEnd;
    private int foundLength;

    /** Why it was last held up; empty for no reason that is worth a word. */
    private String heldUpBy = "";

    private @Nullable PartitionLog awaited;
    private @Nullable Runnable wake;

    private Origin(long topicId, int partition, long next, long end) {
        this.topicId = topicId;
        this.partition = partition;
        this.next = next;
        this.end = end;
    }

    /** All of a partition from an offset on. */
    static Origin from(long topicId, int partition, long next) {
        return new Origin(topicId, partition, next, Long.MAX_VALUE);
    }

    /** What was taken back. */
    static Origin of(ShareState.Stretch stretch) {
        return new Origin(
                stretch.topicId(), stretch.partition(), stretch.fromOffset(), stretch.endOffset());
    }

    boolean isReturned() {
        return end != Long.MAX_VALUE;
    }

    boolean isDone() {
        return next >= end;
    }

    /** Behind what may be handed out of it. */
    long end() {
        return end;
    }

    /** Offsets that are there to be handed out. */
    long available(PartitionLog log) {
        return Math.max(0, Math.min(end, log.highWatermark()) - next);
    }

    /**
     * Notes how far the batches go that were read from {@link #next} on.
     *
     * @param isCut whether what lies before it is cut off where they are read: then they count as
     *     if they began there
     */
    void found(RecordsLease lease, boolean isCut) {
        ByteBuffer first = lease.slice(0);
        long start = RecordBatch.baseOffset(first, first.position());
        next = Math.min(Math.max(next, start), end); // compaction has left nothing between
        foundStart = Math.min(next, start);
        foundEnd = Math.min(endOf(lease), end);
        foundLength = lease.length();
        if (isCut && start < next) {
            double part = (lease.nextOffset() - next) / (double) (lease.nextOffset() - start);
            foundStart = next;
            foundLength = (int) Math.max(1, foundLength * part);
        }
    }

    /** A reference takes the offsets between batches as well: it ends before a wide hole. */
    private long endOf(RecordsLease lease) {
        if (lease.nextOffset() - next <= HOLE_MAX) {
            return lease.nextOffset();
        }
        long found = next;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                if (found > next && RecordBatch.baseOffset(slice, at) - found > HOLE_MAX) {
                    return found;
                }
                found = RecordBatch.lastOffset(slice, at) + 1;
                at += RecordBatch.length(slice, at);
            }
        }
        return found;
    }

    /** Whether a stretch was found that was not handed out yet. */
    boolean hasFound() {
        return foundEnd > next;
    }

    long foundEnd() {
        return foundEnd;
    }

    int foundLength() {
        return foundLength;
    }

    /** Where the batch begins that holds {@link #next}. */
    long foundStart() {
        return foundStart;
    }

    /** Bytes of a record, as those of the last stretch were. */
    double recordLength() {
        return foundLength == 0 ? RECORD_LENGTH : foundLength / (double) (foundEnd - foundStart);
    }

    /** Moves on; what was found has been handed out, or is not there any more. */
    void advance(long offset) {
        next = offset;
    }

    /** Notes why it is held up; whether that is worth a word, and news. */
    boolean isHeldUpAnew(String why) {
        boolean isNew = !why.isEmpty() && !why.equals(heldUpBy);
        heldUpBy = why;
        return isNew;
    }

    /** Has somebody called once there is more than {@link #next}. */
    void await(PartitionLog log, Runnable whenThere) {
        awaited = log;
        wake = whenThere;
        log.onHighWatermark(next + 1, whenThere);
    }

    /** Nobody has to be called any more. */
    void cancel() {
        if (awaited != null && wake != null) {
            awaited.cancel(wake);
        }
    }

    ShareState.Stretch stretch() {
        return new ShareState.Stretch(topicId, partition, next, end);
    }

    @Override
    public String toString() {
        return "topicId=" + topicId + " partition=" + partition + " offset=" + next;
    }
}
