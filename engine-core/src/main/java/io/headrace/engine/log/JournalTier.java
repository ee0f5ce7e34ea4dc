package io.headrace.engine.log;

import io.headrace.engine.LogClosedException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What one partition has in its shard's journal. The newest batches are found through {@link
 * RecentBatches} and read from the journal's mapping; everything else is {@link Unavailable#COLD}
 * and goes through the {@link ColdReader}.
 *
 * <p>Part of its log. Appends run under the shard's lock, everything else on any thread.
 */
final class JournalTier {
    private final PartitionLogBase log;
    private final Shard shard;
    private final ColdReader coldReader;
    private final Projector projector;
    private final RecentBatches recent = new RecentBatches();

    /** Offsets from here to {@link #skippedTo} were skipped at activation: no record has them. */
    private final long skippedFrom;

    private final long skippedTo;

    /** Records below are in the journal. Written under the shard's lock, read by anyone. */
    private volatile long endOffset;

    /** Whether nothing may be appended any more; guarded by the shard's lock. */
    private boolean isClosed;

    JournalTier(
            PartitionLogBase log,
            Shard shard,
            PartitionState state,
            ColdReader coldReader,
            Projector projector) {
        this(log, shard, state.recordsEndOffset, state.logEndOffset, coldReader, projector);
    }

    /**
     * @param endOffset end of the last record that is in the journal
     * @param nextOffset offset of the next record that will be
     */
    JournalTier(
            PartitionLogBase log,
            Shard shard,
            long endOffset,
            long nextOffset,
            ColdReader coldReader,
            Projector projector) {
        this.log = log;
        this.shard = shard;
        this.coldReader = coldReader;
        this.projector = projector;
        this.skippedFrom = endOffset;
        this.skippedTo = nextOffset;
        this.endOffset = endOffset;
    }

    /** Records below are in the journal; those skipped do not count at its end. */
    long endOffset() {
        return endOffset;
    }

    /**
     * Appends a batch; the caller holds the shard's lock. Returns its position, or a negative
     * status.
     */
    long append(ByteBuffer batch, long baseOffset) {
        long position = shard.appendBatch(log, batch, baseOffset, log.leaderEpoch);
        if (position >= 0) {
            log.lastPosition = position;
            int offsetCount = RecordBatch.offsetCount(batch, batch.position());
            recent.add(
                    baseOffset + offsetCount - 1,
                    position,
                    batch.remaining(),
                    offsetCount,
                    projector.appliedPosition(shard.id()));
            // Behind the entry, under the same lock: a sync that begins now covers it.
            endOffset = baseOffset + offsetCount;
        }
        return position;
    }

    /**
     * Appends the batches of a lease, with the offsets that they have; none once this is closed.
     *
     * @return false if the journal has no space for one of them
     */
    boolean appendAll(RecordsLease lease) {
        synchronized (shard.lock) {
            for (int i = 0; i < lease.sliceCount() && !isClosed; i++) {
                if (!appendAll(lease.slice(i).duplicate())) {
                    return false;
                }
            }
            return true;
        }
    }

    private boolean appendAll(ByteBuffer batches) {
        int end = batches.limit();
        for (int at = batches.position(); at < end; at = batches.limit()) {
            batches.limit(end).position(at).limit(at + RecordBatch.length(batches, at));
            // What was deleted since it was read does not come any more.
            boolean isDue = RecordBatch.lastOffset(batches, at) >= endOffset;
            if (isDue && append(batches, RecordBatch.baseOffset(batches, at)) < 0) {
                return false;
            }
        }
        return true;
    }

    /** Reads batches that end below an offset by the index from now on, which has them. */
    void forgetRecent(long offset) {
        synchronized (shard.lock) {
            recent.forgetBelow(offset);
        }
    }

    /** Forgets where batches lie that are not mapped any more, although nothing is appended. */
    void forgetUnmapped() {
        // The window begins a little early by that: what is appended is a little further on.
        long indexedPosition = projector.appliedPosition(shard.id());
        if (recent.holdsUnmapped(indexedPosition, indexedPosition)) {
            synchronized (shard.lock) {
                recent.forgetUnmapped(indexedPosition, indexedPosition);
            }
        }
    }

    /** Appends nothing any more. */
    void close() {
        synchronized (shard.lock) {
            isClosed = true;
        }
    }

    /** The first batch behind the skipped offsets may be in memory and not yet in the index. */
    long behindSkipped(long offset) {
        return offset >= skippedFrom && offset < skippedTo ? skippedTo : offset;
    }

    /** Reads what is mapped, up to the high watermark; {@code COLD} if the offset is not there. */
    ReadResult readRecent(long fromOffset, int lengthMax) {
        RecentBatches.Ring ring = recent.ring();
        long index = ring.find(fromOffset);
        if (index < 0) {
            return Unavailable.COLD;
        }
        Journal.JournalLease mapping = shard.journal().lease(ring.positions[ring.slot(index)]);
        if (mapping == null) {
            return Unavailable.COLD;
        }
        boolean handedOver = false;
        try {
            JournalRecords.Builder records = new JournalRecords.Builder(mapping);
            collect(ring, index, lengthMax, records);
            if (ring.holds(index) && !records.isEmpty()) {
                handedOver = true;
                return records.build();
            }
        } catch (IndexOutOfBoundsException e) {
            if (ring.holds(index)) {
                throw e;
            }
            // Overwritten meanwhile: a position and a length that do not belong together.
        } finally {
            if (!handedOver) {
                mapping.close();
            }
        }
        return Unavailable.COLD;
    }

    private void collect(
            RecentBatches.Ring ring, long first, int lengthMax, JournalRecords.Builder records) {
        long index = first;
        int slot = ring.slot(index);
        long end = log.highWatermark();
        long tail = ring.tail();
        while (index < tail
                && ring.lastOffsets[slot] < end
                && records.add(
                        ring.positions[slot],
                        ring.lengths[slot],
                        ring.lastOffsets[slot],
                        lengthMax)) {
            slot = ring.slot(++index);
        }
    }

    void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        coldReader.execute(
                () -> readOnColdThread(fromOffset, lengthMax, whenRead),
                () -> whenRead.onRead(Unavailable.STORE_ERROR));
    }

    /** What is mapped no more is in the index only once that has followed: it is waited for. */
    private void readOnColdThread(long fromOffset, int lengthMax, ReadCallback whenRead) {
        Unavailable why = log.unavailable(fromOffset);
        ReadResult result = why != null ? why : coldReader.readOrFail(log, fromOffset, lengthMax);
        boolean isMissed = result == Unavailable.CAUGHT_UP && fromOffset < log.highWatermark();
        long position = isMissed ? lastPositionAppended() : -1;
        if (position < projector.appliedPosition(shard.id())) {
            whenRead.onRead(result);
            return;
        }
        shard.requestSync();
        projector.whenApplied(
                shard.id(), position, () -> readCold(fromOffset, lengthMax, whenRead));
    }

    /** As the log's, of what is in the journal now. */
    CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return whenIndexed(() -> coldReader.offsetForTimestamp(log, timestampMs));
    }

    /** As the log's, of what is in the journal now. */
    CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return whenIndexed(() -> coldReader.maxTimestamp(log));
    }

    private CompletableFuture<@Nullable TimestampedOffset> whenIndexed(ColdReader.Lookup lookup) {
        CompletableFuture<@Nullable TimestampedOffset> found = new CompletableFuture<>();
        shard.requestSync();
        projector.whenApplied(
                shard.id(), lastPositionAppended(), () -> coldReader.lookUp(log, lookup, found));
        return found;
    }

    private long lastPositionAppended() {
        synchronized (shard.lock) {
            return log.lastPosition;
        }
    }

    /** Drops the records below an offset of the journal's, durably; as the log's. */
    CompletableFuture<Long> deleteRecords(long target, Predicate<Topic> isWanted) {
        return deleteRecords(target, 0, isWanted);
    }

    /**
     * As {@link #deleteRecords(long, Predicate)}, also of records that are not in the journal yet,
     * which will not be.
     *
     * @param nextOffset the journal goes on there, if it has not come so far; where a batch begins
     */
    CompletableFuture<Long> deleteRecords(long target, long nextOffset, Predicate<Topic> isWanted) {
        if (target <= log.logStartOffset()) {
            return CompletableFuture.completedFuture(log.logStartOffset());
        }
        long position;
        synchronized (shard.lock) {
            if (!log.mayLose(isWanted)) {
                return log.kept();
            }
            if (log.isRefusingAppends()) {
                return CompletableFuture.failedFuture(new LogClosedException(log.topic().name()));
            }
            position = appendStart(target);
            if (position >= 0) {
                endOffset = Math.max(endOffset, nextOffset);
            }
        }
        if (position < 0) {
            return CompletableFuture.failedFuture(new OutOfSpaceException(log.topic().name()));
        }
        CompletableFuture<Long> done = new CompletableFuture<>();
        projector.whenApplied(
                shard.id(),
                position,
                () -> {
                    log.advanceLogStart(target);
                    done.complete(log.logStartOffset());
                });
        shard.requestSync();
        return done;
    }

    /** Gives up what the journal has below an offset. Returns a position, or a negative status. */
    long appendStart(long offset) {
        synchronized (shard.lock) {
            long position = shard.appendMark(EntryType.LOG_START, log, offset, log.leaderEpoch);
            log.lastPosition = Math.max(log.lastPosition, position);
            return position;
        }
    }

    /**
     * Whether all that the log appended is in the index, so that the row which a new activation
     * reads knows it; the caller holds the shard's lock.
     */
    boolean isIndexed(long indexedPosition) {
        return !log.dirty && log.lastPosition < indexedPosition;
    }
}
