package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.LogClosedException;
import io.headrace.engine.OffsetOutOfRangeException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a persistent topic: its batches are entries of its shard's journal.
 *
 * <p>Appends run under the shard's lock. Reads take the newest batches from {@link RecentBatches}
 * and the journal's mapping; everything else is {@link Unavailable#COLD} and goes through the
 * {@link ColdReader}.
 */
final class JournaledLog extends PartitionLogBase {
    private final ColdReader coldReader;
    private final Projector projector;
    private final RecentBatches recent = new RecentBatches();

    /** Offsets from here to {@link #skippedTo} were skipped at activation: no record has them. */
    private final long skippedFrom;

    private final long skippedTo;

    /** Records appended since a sync was last asked for; guarded by the shard's lock. */
    private long unsyncedMessages;

    JournaledLog(
            Topic topic,
            int partition,
            Shard shard,
            int leaderEpoch,
            PartitionState state,
            ProducerStates producers,
            ColdReader coldReader,
            Projector projector) {
        super(topic, partition, shard, leaderEpoch, state, producers);
        this.coldReader = coldReader;
        this.projector = projector;
        this.skippedFrom = state.recordsEndOffset;
        this.skippedTo = state.logEndOffset;
    }

    @Override
    Object appendLock() {
        return shard.lock;
    }

    @Override
    boolean isJournaled() {
        return true;
    }

    @Override
    boolean syncsBeforeAcknowledging() {
        return topic().config().syncsBeforeAcknowledging();
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        if (!RecordBatch.isSound(batch)) {
            return CORRUPT_BATCH;
        }
        Topic current = topic();
        if (batch.remaining()
                > Math.min(current.config().maxMessageBytes(), shard.batchBytesMax())) {
            return BATCH_TOO_LARGE;
        }
        ByteBuffer stamped =
                current.config().logAppendTime() ? LogAppendTime.stamp(batch, appendTimeMs) : batch;
        boolean syncs = current.config().syncsBeforeAcknowledging();
        long baseOffset;
        synchronized (shard.lock) {
            baseOffset = appendLocked(stamped);
            if (baseOffset < 0) {
                return baseOffset;
            }
            if (!syncs) {
                countUnsynced(stamped, current.config().flushMessages());
            }
        }
        if (syncs) {
            shard.requestSync();
        } else {
            publishHighWatermark();
        }
        return baseOffset;
    }

    private long appendLocked(ByteBuffer batch) {
        long admitted = admit(batch);
        if (admitted != ProducerState.NEW) {
            return admitted;
        }
        long baseOffset = logEndOffset();
        long position = shard.appendBatch(this, batch, baseOffset, leaderEpoch);
        if (position < 0) {
            return position;
        }
        lastPosition = position;
        int offsetCount = RecordBatch.offsetCount(batch, batch.position());
        recent.add(
                baseOffset + offsetCount - 1,
                position,
                batch.remaining(),
                offsetCount,
                projector.appliedPosition(shard.id()));
        onAppended(batch, baseOffset, System.currentTimeMillis());
        return baseOffset;
    }

    private void countUnsynced(ByteBuffer batch, long flushMessages) {
        unsyncedMessages += RecordBatch.offsetCount(batch, batch.position());
        if (unsyncedMessages >= flushMessages) {
            unsyncedMessages = 0;
            shard.requestSync();
        }
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        touch();
        Unavailable why = unavailable(fromOffset);
        return why != null ? why : readRecent(behindSkipped(fromOffset), lengthMax);
    }

    /** The first batch behind the skipped offsets may be in the ring and not yet in the index. */
    private long behindSkipped(long offset) {
        return offset >= skippedFrom && offset < skippedTo ? skippedTo : offset;
    }

    private @Nullable Unavailable unavailable(long fromOffset) {
        if (isClosed()) {
            return Unavailable.CLOSED;
        }
        if (fromOffset < logStartOffset() || fromOffset > logEndOffset()) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        return fromOffset >= highWatermark() ? Unavailable.CAUGHT_UP : null;
    }

    private ReadResult readRecent(long fromOffset, int lengthMax) {
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
        long end = highWatermark();
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

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        coldReader.execute(
                () -> {
                    Unavailable why = unavailable(fromOffset);
                    whenRead.onRead(
                            why != null ? why : coldReader.readOrFail(this, fromOffset, lengthMax));
                },
                () -> whenRead.onRead(Unavailable.STORE_ERROR));
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return whenIndexed(() -> coldReader.offsetForTimestamp(this, timestampMs));
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return whenIndexed(() -> coldReader.maxTimestamp(this));
    }

    private EngineException busy() {
        return new EngineException(
                "too much is being read, retry: topic="
                        + topic().name()
                        + " partition="
                        + partition());
    }

    private interface Lookup {
        @Nullable TimestampedOffset run();
    }

    private CompletableFuture<@Nullable TimestampedOffset> whenIndexed(Lookup lookup) {
        CompletableFuture<@Nullable TimestampedOffset> found = new CompletableFuture<>();
        Runnable onColdThread =
                () -> {
                    try {
                        found.complete(lookup.run());
                    } catch (RuntimeException e) {
                        found.completeExceptionally(e);
                    }
                };
        shard.requestSync();
        projector.whenApplied(
                shard.id(),
                lastPositionAppended(),
                () -> coldReader.execute(onColdThread, () -> found.completeExceptionally(busy())));
        return found;
    }

    private long lastPositionAppended() {
        synchronized (shard.lock) {
            return lastPosition;
        }
    }

    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        long end = highWatermark();
        long target = beforeOffset == -1 ? end : beforeOffset;
        if (target < 0 || target > end) {
            return CompletableFuture.failedFuture(
                    new OffsetOutOfRangeException(beforeOffset, logStartOffset(), end));
        }
        if (target <= logStartOffset()) {
            return CompletableFuture.completedFuture(logStartOffset());
        }
        long position;
        synchronized (shard.lock) {
            if (isRefusingAppends()) {
                return CompletableFuture.failedFuture(new LogClosedException(topic().name()));
            }
            position = shard.appendMark(EntryType.LOG_START, this, target, leaderEpoch);
            lastPosition = Math.max(lastPosition, position);
        }
        if (position < 0) {
            return CompletableFuture.failedFuture(new OutOfSpaceException(topic().name()));
        }
        CompletableFuture<Long> done = new CompletableFuture<>();
        projector.whenApplied(
                shard.id(),
                position,
                () -> {
                    advanceLogStart(target);
                    done.complete(logStartOffset());
                });
        shard.requestSync();
        return done;
    }

    @Override
    void onClosed() {}

    @Override
    boolean closeIfIdle(long idleSinceMs, long indexedPosition) {
        synchronized (shard.lock) {
            if (hasWaiters() || isUsedSince(idleSinceMs)) {
                return false;
            }
            // The row a new activation reads must know all that this one appended.
            if (dirty || lastPosition >= indexedPosition) {
                return false;
            }
            refuseAppends();
        }
        close();
        return true;
    }
}
