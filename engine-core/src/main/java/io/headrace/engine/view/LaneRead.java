package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One read of a lane: follows its references. Offsets that have no records any more, because they
 * were taken back or what they referred to is gone, are read as a batch without records, so that a
 * reader gets past them.
 */
final class LaneRead {
    private final ShareView view;
    private final int lane;
    private final long fromOffset;
    private final int lengthMax;

    /** Where bytes have to be loaded first, if nothing else was found. */
    private @Nullable PartitionLog coldLog;

    private long coldOffset;
    private long coldEndOffset;
    private long coldShift;
    private int leaderEpoch;
    private LaneRecords.@Nullable Builder records;

    /** Why the read ended before its length was reached. */
    private @Nullable Unavailable stoppedBy;

    LaneRead(ShareView view, int lane, long fromOffset, int lengthMax) {
        this.view = view;
        this.lane = lane;
        this.fromOffset = fromOffset;
        this.lengthMax = lengthMax;
    }

    /** Reads what is in memory; takes over the lease. {@code COLD} if the first bytes are not. */
    ReadResult run(RecordsLease references) {
        Slab slab = view.allocate(LaneRecords.Builder.SLAB_LENGTH);
        if (slab == null) {
            references.close();
            return Unavailable.STORE_ERROR; // the memory is in use; asked again later
        }
        LaneRecords.Builder builder = new LaneRecords.Builder(slab);
        records = builder;
        boolean isDone = false;
        try {
            follow(references, builder);
            isDone = !builder.isEmpty();
        } finally {
            references.close();
            if (!isDone) {
                builder.abandon();
            }
        }
        if (isDone) {
            return builder.build();
        }
        return stoppedBy == null ? Unavailable.CAUGHT_UP : stoppedBy;
    }

    private void follow(RecordsLease references, LaneRecords.Builder builder) {
        for (int i = 0; i < references.sliceCount(); i++) {
            ByteBuffer slice = references.slice(i);
            int at = slice.position();
            while (at < slice.limit()) {
                if (!follow(slice, at, builder)) {
                    return;
                }
                at += RecordBatch.length(slice, at);
            }
        }
    }

    /** Whether the next reference may be followed. */
    private boolean follow(ByteBuffer slice, int at, LaneRecords.Builder builder) {
        long base = RecordBatch.baseOffset(slice, at);
        long end = RecordBatch.lastOffset(slice, at) + 1;
        long from = Math.max(fromOffset, base);
        leaderEpoch = RecordBatch.leaderEpoch(slice, at);
        Reference reference = Reference.decode(slice, at);
        VoidOffsets voids = view.voidOffsets(lane);
        if (reference.kind() != Reference.Kind.GIVEN) {
            return builder.addVoid(from, end, leaderEpoch);
        }
        long voidEnd = voids.endOfVoidAt(from);
        if (voidEnd > from) {
            return builder.addVoid(from, Math.min(voidEnd, end), leaderEpoch) && voidEnd >= end;
        }
        long validEnd = Math.min(end, voids.startOfVoidFrom(from));
        return followInto(reference, base, from, validEnd, builder) && validEnd == end;
    }

    private boolean followInto(
            Reference reference, long base, long from, long end, LaneRecords.Builder builder) {
        PartitionLog log = view.base(reference.topicId(), reference.partition());
        if (log == null) {
            return builder.addVoid(from, end, leaderEpoch); // the topic is gone
        }
        long shift = base - reference.baseOffset();
        long next = from;
        while (next < end) {
            int room = lengthMax - builder.length();
            if (room <= 0) {
                return false;
            }
            ReadResult found = log.read(next - shift, room);
            if (!(found instanceof RecordsLease lease)) {
                return pass(found, log, next, end, shift, builder);
            }
            if (builder.isEndVoid() || !builder.isEmpty() && lease.length() > room) {
                lease.close();
                return false;
            }
            if (!builder.addAll(lease, end - shift, shift, leaderEpoch)) {
                return false;
            }
            if (builder.isEmpty() || builder.nextOffset() <= next) {
                return builder.addVoid(next, end, leaderEpoch); // nothing is left of it
            }
            next = builder.nextOffset();
        }
        return true;
    }

    /** Goes past what is gone; ends the read at what is only not there now. */
    private boolean pass(
            ReadResult found,
            PartitionLog log,
            long next,
            long end,
            long shift,
            LaneRecords.Builder builder) {
        Unavailable why = (Unavailable) found;
        switch (why) {
            case OFFSET_OUT_OF_RANGE -> {
                long start = Math.min(end, log.logStartOffset() + shift);
                return builder.addVoid(next, start > next ? start : end, leaderEpoch)
                        && start >= end;
            }
            case CAUGHT_UP -> {
                // Handed out, so it was below the high watermark: a crash has taken it.
                return builder.addVoid(next, end, leaderEpoch);
            }
            case COLD -> {
                coldLog = log;
                coldOffset = next - shift;
                coldEndOffset = end - shift;
                coldShift = shift;
            }
            default -> {}
        }
        stoppedBy = why;
        return false;
    }

    /** After {@code COLD}: loads the bytes, and reads them. */
    void loadThen(ReadCallback whenRead) {
        PartitionLog log = coldLog;
        if (log == null) {
            whenRead.onRead(Unavailable.STORE_ERROR);
            return;
        }
        log.readCold(coldOffset, lengthMax, loaded -> whenRead.onRead(patched(loaded)));
    }

    private ReadResult patched(ReadResult loaded) {
        if (!(loaded instanceof RecordsLease lease)) {
            // Answered anew when it is asked again: what is gone is passed, and so on.
            return loaded == Unavailable.OFFSET_OUT_OF_RANGE || loaded == Unavailable.CAUGHT_UP
                    ? Unavailable.STORE_ERROR
                    : loaded;
        }
        Slab slab = view.allocate(LaneRecords.Builder.SLAB_LENGTH);
        if (slab == null) {
            lease.close();
            return Unavailable.STORE_ERROR;
        }
        LaneRecords.Builder builder = new LaneRecords.Builder(slab);
        builder.addAll(lease, coldEndOffset, coldShift, leaderEpoch);
        if (builder.isEmpty()) {
            builder.addVoid(coldOffset + coldShift, coldEndOffset + coldShift, leaderEpoch);
        }
        return builder.build();
    }
}
