package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes batches of an overlay from those of its base: one none of whose keys is in the patch is
 * handed on where it lies, any other is written anew, without a codec. Used once, by one thread.
 */
final class OverlayReader {
    private static final Logger LOGGER = LoggerFactory.getLogger(OverlayReader.class);

    /** A batch that is written anew is divided where it would be longer than this. */
    private static final int BATCH_LENGTH_MAX = 4 << 20;

    /**
     * The first batch that is written anew gets so much room, however little is asked for: as of
     * one that lies there more is sent than that, and each piece of it has it decompressed anew.
     */
    private static final int FIRST_LENGTH = 256 << 10;

    /** What a record has besides its key, value and headers, at most. */
    private static final int FRAME_LENGTH_MAX = 40;

    private final OverlayLog log;
    private final OverlayIndex index;
    private final OverlayMemory memory;
    private final @Nullable RecordFilter filter;
    private final boolean isOverOverlay;
    private final BatchRecords records = new BatchRecords();

    /** Offsets of the base less those in its batches. */
    private long shift;

    /** Behind the last offset that is shown. */
    private long reached;

    /**
     * @param isOverOverlay whether the base may have offsets without records
     */
    OverlayReader(
            OverlayLog log,
            OverlayIndex index,
            OverlayMemory memory,
            @Nullable RecordFilter filter,
            boolean isOverOverlay) {
        this.log = log;
        this.index = index;
        this.memory = memory;
        this.filter = filter;
        this.isOverOverlay = isOverOverlay;
    }

    /** There is no memory now. */
    private static final class NoRoomException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NoRoomException() {
            super(null, null, false, false);
        }
    }

    /**
     * What is to be shown of what was read.
     *
     * @param lease of the base, taken over
     * @param endOffset behind the last offset of the overlay
     * @param nowMs of what says that offsets have no records
     */
    ReadResult shown(
            RecordsLease lease, long fromOffset, int lengthMax, long endOffset, long nowMs) {
        OverlayRecords.Builder shown = new OverlayRecords.Builder(lease);
        try {
            reached = fromOffset;
            add(shown, lease, lengthMax, endOffset);
            long next = reached;
            if (!shown.isEmpty()) {
                return shown.end(next);
            }
            if (next <= fromOffset) {
                shown.close();
                LOGGER.error("records below an overlay are gone: {} offset={}", log, fromOffset);
                return Unavailable.CORRUPT;
            }
            int epoch = leaderEpoch(lease, 0, lease.slice(0).position());
            shown.close();
            return OwnBatch.passed(fromOffset, next, epoch, nowMs);
        } catch (NoRoomException full) {
            return soFar(shown, Unavailable.BUSY);
        } catch (UnreadableBatchException damaged) {
            LOGGER.error("batch below an overlay cannot be read: {}", log, damaged);
            return soFar(shown, Unavailable.CORRUPT);
        } catch (RuntimeException | Error failed) { // such as of memory: somebody waits
            LOGGER.error("batch below an overlay cannot be read now: {}", log, failed);
            return soFar(shown, Unavailable.STORE_ERROR);
        }
    }

    /** What is before a failure; who begins there is told of it. */
    private ReadResult soFar(OverlayRecords.Builder shown, Unavailable why) {
        if (!shown.isEmpty()) {
            return shown.end(reached);
        }
        shown.close();
        return why;
    }

    private static int leaderEpoch(RecordsLease lease, int slice, int at) {
        int epoch = lease.leaderEpoch(slice);
        return epoch >= 0 ? epoch : RecordBatch.leaderEpoch(lease.slice(slice), at);
    }

    /** Adds batches, as far as nothing is missing between them. */
    private void add(
            OverlayRecords.Builder shown, RecordsLease lease, int lengthMax, long endOffset) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            shift = lease.offsetShift(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                int end = at + RecordBatch.length(slice, at);
                long behind = RecordBatch.lastOffset(slice, at) + shift + 1;
                long begin = RecordBatch.baseOffset(slice, at) + shift;
                if (begin > reached) {
                    if (!isOverOverlay) {
                        return; // who reads on is told
                    }
                    reached = Math.min(begin, endOffset);
                }
                if (reached >= endOffset || !shown.hasRoom()) {
                    return;
                }
                boolean isWithin = behind <= endOffset;
                boolean isLooked = !isWithin || index.keyCount() > 0;
                ByteBuffer plain =
                        isLooked ? plain(slice.duplicate().limit(end).position(at)) : null;
                if (isWithin && (plain == null || isAsItIs(plain))) {
                    if (!shown.isEmpty() && shown.length() + end - at > lengthMax) {
                        return;
                    }
                    shown.add(i, at, end);
                    reached = behind;
                } else {
                    long until = Math.min(behind, endOffset);
                    reached =
                            plain == null
                                    ? until
                                    : write(
                                            shown,
                                            plain,
                                            leaderEpoch(lease, i, at),
                                            reached,
                                            until,
                                            lengthMax(shown, lengthMax));
                    if (reached < until) {
                        return;
                    }
                }
                at = end;
            }
        }
    }

    private static int lengthMax(OverlayRecords.Builder shown, int asked) {
        return Math.min(BATCH_LENGTH_MAX, shown.isEmpty() ? Math.max(asked, FIRST_LENGTH) : asked);
    }

    /** A batch without its codec; null if it has no records for readers. */
    private @Nullable ByteBuffer plain(ByteBuffer stored) {
        if (RecordBatch.isControl(stored, stored.position())) {
            return null;
        }
        if (filter == null) {
            throw new EngineException("the engine's context has no recordFilter");
        }
        return filter.uncompressed(stored);
    }

    /** Whether a batch has no key that the patch has. */
    private boolean isAsItIs(ByteBuffer batch) {
        records.of(batch);
        while (records.next()) {
            if (find(batch) != OverlayIndex.NONE) {
                return false;
            }
        }
        return true;
    }

    private long find(ByteBuffer batch) {
        return records.hasKey()
                ? index.find(batch, records.keyIndex(), records.keyLength())
                : OverlayIndex.NONE;
    }

    /**
     * Writes the records of a batch from an offset on, as many as have room; none if all are taken
     * away.
     *
     * @param until behind the last offset
     * @param lengthMax of all that is shown; one record may be longer
     * @return the offset behind what was written
     */
    private long write(
            OverlayRecords.Builder shown,
            ByteBuffer batch,
            int epoch,
            long fromOffset,
            long until,
            int lengthMax) {
        long base = Math.max(fromOffset, RecordBatch.baseOffset(batch, batch.position()) + shift);
        long end = until;
        int length = 0;
        int replaced = 0;
        int removed = 0;
        records.of(batch);
        while (records.next()) {
            long offset = records.offset() + shift;
            if (offset < base || offset >= until) {
                continue;
            }
            long place = find(batch);
            boolean isRemoved = place != OverlayIndex.NONE && index.isTombstone(place);
            int more = isRemoved ? 0 : lengthShown(place);
            boolean isFirst = length == 0 && shown.isEmpty();
            if (more > 0 && !isFirst && (long) shown.length() + length + more > lengthMax) {
                end = length == 0 ? fromOffset : offset;
                break;
            }
            length = Math.addExact(length, more);
            removed += isRemoved ? 1 : 0;
            replaced += !isRemoved && place != OverlayIndex.NONE ? 1 : 0;
        }
        if (length > 0) {
            put(shown, batch, epoch, base, end, RecordBatch.HEADER_LENGTH + length);
        }
        memory.onExchanged(replaced, end > fromOffset ? removed : 0);
        return end;
    }

    /** Of the record, with what stands in for it at that place, at most. */
    private int lengthShown(long place) {
        int rest =
                place == OverlayIndex.NONE
                        ? Math.max(0, records.valueLength()) + records.headersLength()
                        : index.length(place);
        return FRAME_LENGTH_MAX + Math.max(0, records.keyLength()) + rest;
    }

    private void put(
            OverlayRecords.Builder shown,
            ByteBuffer batch,
            int epoch,
            long base,
            long end,
            int length) {
        Slab slab = memory.allocate(length);
        if (slab == null) {
            throw new NoRoomException();
        }
        try {
            ByteBuffer into = slab.buffer().duplicate().clear();
            frame(into, batch, base, end);
            RecordBatch.baseOffset(into, 0, base);
            RecordBatch.leaderEpoch(into, 0, epoch);
            shown.add(slab, into.flip());
        } catch (RuntimeException | Error failed) {
            slab.release();
            throw failed;
        }
    }

    /** A record has the timestamp that it has in the base, so that look-ups by time stay right. */
    private void frame(ByteBuffer into, ByteBuffer batch, long base, long end) {
        RecordBatchWriter writer = new RecordBatchWriter();
        boolean isOpen = false;
        records.of(batch);
        while (records.next()) {
            long offset = records.offset() + shift;
            if (offset < base || offset >= end) {
                continue;
            }
            long place = find(batch);
            if (place != OverlayIndex.NONE && index.isTombstone(place)) {
                continue;
            }
            if (!isOpen) {
                writer.begin(into, records.timestampMs());
                isOpen = true;
            }
            boolean isPatched = place != OverlayIndex.NONE;
            writer.appendAt(
                    records.timestampMs(),
                    (int) (offset - base),
                    records.key(),
                    isPatched ? index.value(place) : records.value(),
                    isPatched ? index.headers(place) : records.headers(),
                    isPatched ? index.headerCount(place) : records.headerCount());
        }
        writer.end((int) (end - base));
    }
}
