package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.UnreadableBatchException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One read of a lane: follows its references. Offsets that have no records any more, because they
 * were taken back or what they referred to is gone, are passed over: before records, as those that
 * compaction has left without any; where nothing is found behind them, by {@link OwnBatch#passed}.
 */
final class LaneRead {
    /** References that are followed in one read without anything being found. */
    private static final int REFERENCES_MAX = 256;

    private static final String TAG = "cut view records";

    private static final Logger LOGGER = LoggerFactory.getLogger(LaneRead.class);

    private final ShareView view;
    private final int lane;
    private final long fromOffset;
    private final long highWatermark;
    private final int lengthMax;
    private final LaneRecords.Builder records = new LaneRecords.Builder();

    /** Everything before was read or passed over. */
    private long position;

    /** Of the reference that was followed last. */
    private int leaderEpoch;

    private int followedCount;

    /** Where bytes have to be loaded first. */
    private @Nullable Cold cold;

    /** Why the read ended before its length was reached. */
    private @Nullable Unavailable stoppedBy;

    /** Whether what was passed over has to be said before anything else can be. */
    private boolean isPassedFirst;

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
        this.fromOffset = fromOffset;
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
        return records.isEmpty() && stoppedBy == null && !isPassedFirst && !hasPassedMany();
    }

    private boolean hasPassedMany() {
        return records.isEmpty() && followedCount >= REFERENCES_MAX;
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

    /**
     * What was found.
     *
     * @param stopped why there are no more references; null if there may be
     */
    ReadResult result(@Nullable Unavailable stopped) {
        if (!records.isEmpty()) {
            return records.build();
        }
        records.abandon();
        if (position > fromOffset) {
            return passed(position);
        }
        if (stoppedBy != null) {
            return stoppedBy;
        }
        return stopped == null ? Unavailable.CAUGHT_UP : stopped;
    }

    private ReadResult passed(long endOffset) {
        view.passed(lane, fromOffset, endOffset);
        return OwnBatch.passed(fromOffset, endOffset, leaderEpoch, view.sources().nowMs());
    }

    /** Whether the next reference may be followed. */
    private boolean follow(ByteBuffer slice, int at) {
        long base = RecordBatch.baseOffset(slice, at);
        long end = RecordBatch.lastOffset(slice, at) + 1;
        if (end <= position) {
            return true;
        }
        followedCount++;
        noteHole(base);
        leaderEpoch = RecordBatch.leaderEpoch(slice, at);
        Reference reference = decode(slice, at);
        if (reference == null) {
            stoppedBy = Unavailable.CORRUPT;
            return false;
        }
        if (reference.kind() != Reference.Kind.GIVEN) {
            position = end;
            return !hasPassedMany();
        }
        long shift = base - reference.baseOffset();
        position = Math.max(position, reference.fromOffset() + shift);
        while (position < end) {
            if (!read(reference, shift, end)) {
                return false;
            }
        }
        return !hasPassedMany();
    }

    /** No client sees a reference's checksum: it is looked at here. Null if it is damaged. */
    private @Nullable Reference decode(ByteBuffer slice, int at) {
        try {
            int end = at + RecordBatch.length(slice, at);
            if (RecordBatch.isIntact(slice.duplicate().position(at).limit(end))) {
                return Reference.decode(slice, at);
            }
            noteFailed(new UnreadableBatchException("checksum is wrong"));
        } catch (EngineException failed) {
            noteFailed(failed);
        }
        return null;
    }

    /** A lane has no holes but those that a repair has cut. */
    private void noteHole(long base) {
        if (base > position) {
            LOGGER.warn(
                    "a repair has cut out what was handed out here, it is in the topics below:"
                            + " topic={} lane={} offsets={}-{}",
                    view.topic().name(),
                    lane,
                    position,
                    base - 1);
            position = base;
        }
    }

    /** Reads on within a reference; whether that may go on. */
    private boolean read(Reference reference, long shift, long end) {
        VoidOffsets voids = view.voidOffsets(lane);
        long voidEnd = voids.endOfVoidAt(position, highWatermark);
        if (voidEnd > position) {
            position = Math.min(voidEnd, end);
            return true;
        }
        long stretchEnd = Math.min(end, voids.startBehind(position, highWatermark));
        int room = Math.min(lengthMax - records.length(), reference.length());
        if (!records.isEmpty() && room <= 0 || records.isFull()) {
            return false;
        }
        PartitionLog log = view.base(reference.topicId(), reference.partition());
        if (log == null) {
            return passUnlessThere(reference, end);
        }
        ReadResult found = log.read(position - shift, Math.max(0, room));
        if (found instanceof RecordsLease lease) {
            return add(cut(log, lease, position, stretchEnd, shift), shift, stretchEnd, room);
        }
        if (found == Unavailable.COLD) {
            RecordsLease loaded =
                    view.takeLoaded(log.topic().id(), log.partition(), position - shift, room);
            if (loaded != null) {
                return add(cut(log, loaded, position, stretchEnd, shift), shift, stretchEnd, room);
            }
        }
        return passIfGone(log, shift, stretchEnd, room, (Unavailable) found);
    }

    private boolean passIfGone(PartitionLog log, long shift, long end, int room, Unavailable why) {
        long offset = position - shift;
        long gone = Gone.end(log, offset, end - shift, why);
        if (gone > offset) {
            position = gone + shift;
            return true;
        }
        if (why == Unavailable.COLD) {
            cold = new Cold(log, offset, end - shift, shift, room, leaderEpoch);
        }
        stoppedBy = isOfNow(why) ? Unavailable.STORE_ERROR : why;
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

    private static boolean isOfNow(Unavailable why) {
        return why == Unavailable.CAUGHT_UP
                || why == Unavailable.OFFSET_OUT_OF_RANGE
                || why == Unavailable.CLOSED;
    }

    /** Takes over a lease; of batches that may be framed anew, what is referred to, or null. */
    private @Nullable RecordsLease cut(
            PartitionLog log, RecordsLease lease, long fromOffset, long endOffset, long shift) {
        return log instanceof OrderedLog
                ? CutRecords.of(
                        lease,
                        fromOffset - shift,
                        endOffset - shift,
                        length -> view.sources().sourceBlocks().allocate(length, TAG))
                : lease;
    }

    private boolean add(@Nullable RecordsLease lease, long shift, long end, int room) {
        if (lease == null) {
            stoppedBy = Unavailable.STORE_ERROR;
            return false;
        }
        ByteBuffer first = lease.slice(0);
        long start = RecordBatch.baseOffset(first, first.position()) + shift;
        if (start >= end) {
            lease.close(); // compaction has left nothing of it
            position = end;
            return true;
        }
        // A batch that begins before what it is referred to for has to begin an answer, and to be
        // asked for from there on: only then a client leaves its first records out.
        boolean isPart = start < position;
        if (records.isEmpty() && isPart && position > fromOffset) {
            lease.close();
            isPassedFirst = true;
            return false;
        }
        if (!records.isEmpty() && (isPart || lease.length() > room)) {
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
        try {
            where.log.readCold(
                    where.fromOffset,
                    Math.max(0, where.length),
                    loaded -> whenRead.onRead(shown(loaded, where)));
        } catch (RuntimeException | Error failed) {
            noteFailed(failed);
            whenRead.onRead(Unavailable.STORE_ERROR);
        }
    }

    private ReadResult shown(ReadResult loaded, Cold where) {
        if (!(loaded instanceof RecordsLease lease)) {
            if (loaded == Unavailable.CUT_OUT) {
                return passed(where.endOffset + where.shift);
            }
            // Answered anew when it is asked again: what is gone is passed over, and so on.
            return isOfNow((Unavailable) loaded) ? Unavailable.STORE_ERROR : loaded;
        }
        LaneRecords.Builder builder = new LaneRecords.Builder();
        try {
            RecordsLease part = cut(where.log, lease, where.fromOffset, where.endOffset, 0);
            if (part == null) {
                return Unavailable.STORE_ERROR;
            }
            builder.add(part, where.endOffset, where.shift, where.leaderEpoch);
        } catch (RuntimeException | Error failed) {
            builder.abandon();
            noteFailed(failed);
            return failed instanceof Error ? Unavailable.STORE_ERROR : Unavailable.CORRUPT;
        }
        if (builder.isEmpty()) {
            builder.abandon();
            return passed(where.endOffset + where.shift);
        }
        return builder.build();
    }

    private void noteFailed(Throwable failed) {
        LOGGER.error(
                "lane cannot be read: topic={} lane={} offset={}",
                view.topic().name(),
                lane,
                position,
                failed);
    }
}
