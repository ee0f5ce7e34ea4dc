package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One read of a lane: follows its references. Offsets that have no records any more, because they
 * were taken back or what they referred to is gone, are passed over, as those that compaction has
 * left without any.
 */
final class LaneRead {
    private final ShareView view;
    private final int lane;
    private final long highWatermark;
    private final int lengthMax;
    private final LaneRecords.Builder records = new LaneRecords.Builder();

    /** Everything before was read or passed over. */
    private long position;

    /** Where bytes have to be loaded first. */
    private @Nullable Cold cold;

    /** Why the read ended before its length was reached. */
    private @Nullable Unavailable stoppedBy;

    private record Cold(
            PartitionLog log,
            long fromOffset,
            long endOffset,
            long shift,
            int length,
            int leaderEpoch) {}

    /**
     * @param highWatermark of the lane
     */
    LaneRead(ShareView view, int lane, long fromOffset, long highWatermark, int lengthMax) {
        this.view = view;
        this.lane = lane;
        this.position = fromOffset;
        this.highWatermark = highWatermark;
        this.lengthMax = lengthMax;
    }

    /** Offset behind all that was read or passed over. */
    long position() {
        return position;
    }

    /** Whether nothing was found so far, and nothing has to be waited for. */
    boolean mayGoOn() {
        return records.isEmpty() && stoppedBy == null;
    }

    /** Reads what is in memory of these; takes over their lease. */
    void follow(RecordsLease references) {
        boolean isDone = false;
        try (references) {
            for (int i = 0; i < references.sliceCount(); i++) {
                ByteBuffer slice = references.slice(i);
                int at = slice.position();
                while (at < slice.limit() && follow(slice, at)) {
                    at += RecordBatch.length(slice, at);
                }
                if (at < slice.limit()) {
                    break;
                }
            }
            isDone = true;
        } finally {
            if (!isDone) {
                records.abandon();
            }
        }
    }

    /** What was found; {@code CAUGHT_UP} if there was nothing. */
    ReadResult result() {
        if (!records.isEmpty()) {
            return records.build();
        }
        records.abandon();
        return stoppedBy == null ? Unavailable.CAUGHT_UP : stoppedBy;
    }

    /** Whether the next reference may be followed. */
    private boolean follow(ByteBuffer slice, int at) {
        long base = RecordBatch.baseOffset(slice, at);
        long end = RecordBatch.lastOffset(slice, at) + 1;
        if (end <= position) {
            return true;
        }
        Reference reference = Reference.decode(slice, at);
        long from = Math.max(position, base);
        long voidEnd = view.voidOffsets(lane).endOfVoidAt(from, highWatermark);
        if (reference.kind() != Reference.Kind.GIVEN || voidEnd >= end) {
            position = end;
            return true;
        }
        position = Math.max(from, voidEnd);
        long shift = base - reference.baseOffset();
        int leaderEpoch = RecordBatch.leaderEpoch(slice, at);
        while (position < end) {
            if (!read(reference, shift, end, leaderEpoch)) {
                return false;
            }
        }
        return true;
    }

    /** Reads on within a reference; whether that may go on. */
    private boolean read(Reference reference, long shift, long end, int leaderEpoch) {
        int room = Math.min(lengthMax - records.length(), reference.length());
        if (!records.isEmpty() && room <= 0 || records.isFull()) {
            return false;
        }
        PartitionLog log = view.base(reference.topicId(), reference.partition());
        if (log == null) {
            return passUnlessThere(reference, end);
        }
        long gone = Gone.end(log, position - shift, end - shift) + shift;
        if (gone > position) {
            position = gone;
            return true;
        }
        ReadResult found = log.read(position - shift, Math.max(0, room));
        if (found instanceof RecordsLease lease) {
            return add(lease, shift, end, leaderEpoch, room);
        }
        if (found == Unavailable.COLD) {
            cold = new Cold(log, position - shift, end - shift, shift, room, leaderEpoch);
        }
        stoppedBy = isOfNow(found) ? Unavailable.STORE_ERROR : (Unavailable) found;
        return false;
    }

    /** What is there may be out of reach for a moment, as while its topic's mode changes. */
    private boolean passUnlessThere(Reference reference, long end) {
        if (view.isThere(reference.topicId())) {
            stoppedBy = Unavailable.STORE_ERROR;
            return false;
        }
        position = end;
        return true;
    }

    private static boolean isOfNow(ReadResult found) {
        return found == Unavailable.CAUGHT_UP
                || found == Unavailable.OFFSET_OUT_OF_RANGE
                || found == Unavailable.CLOSED;
    }

    private boolean add(RecordsLease lease, long shift, long end, int leaderEpoch, int room) {
        ByteBuffer first = lease.slice(0);
        long start = RecordBatch.baseOffset(first, first.position()) + shift;
        if (start >= end) {
            lease.close(); // compaction has left nothing of it
            position = end;
            return true;
        }
        // A batch that begins before what it is referred to for has to begin an answer: a client
        // leaves out its first records only if it asks for what is behind them.
        if (!records.isEmpty() && (start < position || lease.length() > room)) {
            lease.close();
            return false;
        }
        records.add(lease, end - shift, shift, leaderEpoch);
        position = Math.max(position, records.nextOffset());
        return true;
    }

    /** After {@code COLD}: loads the bytes, and reads them. */
    void loadThen(ReadCallback whenRead) {
        Cold where = cold;
        if (where == null) {
            whenRead.onRead(Unavailable.STORE_ERROR);
            return;
        }
        where.log.readCold(
                where.fromOffset,
                Math.max(0, where.length),
                loaded -> whenRead.onRead(shown(loaded, where)));
    }

    private static ReadResult shown(ReadResult loaded, Cold where) {
        if (!(loaded instanceof RecordsLease lease)) {
            // Answered anew when it is asked again: what is gone is passed over, and so on.
            return isOfNow(loaded) ? Unavailable.STORE_ERROR : loaded;
        }
        LaneRecords.Builder builder = new LaneRecords.Builder();
        builder.add(lease, where.endOffset, where.shift, where.leaderEpoch);
        if (builder.isEmpty()) {
            builder.abandon();
            return Unavailable.STORE_ERROR;
        }
        return builder.build();
    }
}
