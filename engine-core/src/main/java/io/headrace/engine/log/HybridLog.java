package io.headrace.engine.log;

import io.headrace.engine.LogClosedException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.source.HighWatermarkWaiters;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a hybrid topic: its batches are appended to a ring in memory, and from there to
 * its shard's journal by the {@link Spiller}. Below the <em>spilled end</em> everything is in the
 * journal, and from there on everything is in the ring, which overwrites nothing beyond it.
 *
 * <p>Acknowledged means in memory, for as long as the oldest record that is not on disk is younger
 * than the topic's window; beyond that the high watermark follows the disk. So what a crash takes
 * was acknowledged within one window (docs/design/hybrid.md).
 *
 * <p>Locks are taken in this order: the log's own, then the shard's.
 */
final class HybridLog extends PartitionLogBase {
    /** Bytes that are appended to the journal under the shard's lock at a time, or one batch. */
    private static final int SPILL_LENGTH = 256 << 10;

    /** The part of the budget that may wait for the spiller; beyond it, it is asked at once. */
    private static final int WAITING_PER_BUDGET = 8;

    private static final long EVERYTHING_SYNCED = -1;

    /** What could be spilled was not: the log is closed, or the journal has no space. */
    private static final int NOT_SPILLED = -1;

    private final Object lock = new Object();
    private final Spiller spiller;
    private final MemoryLog memory;
    private final JournalTier tier;
    private final ColdReader coldReader;
    private final LongSupplier defaultBudgetBytes;
    private final HighWatermarkWaiters syncWaiters = new HighWatermarkWaiters();

    /** Guarded by the log's lock, as are the three below. */
    private final SpillMarks marks = new SpillMarks();

    private boolean isListed;
    private long waitingBytes;
    private long budgetBytes;

    /** Whether the journal had no space for what should be spilled; written by the spiller. */
    private volatile boolean isJournalFull;

    /**
     * When the oldest record that may not be on disk was appended, at the earliest, as the spiller
     * counts time; written under the log's lock, read by anyone.
     */
    private volatile long unsyncedSinceNs = EVERYTHING_SYNCED;

    HybridLog(
            Topic topic,
            int partition,
            Shard shard,
            int leaderEpoch,
            PartitionState state,
            ProducerStates producers,
            MemoryLog memory,
            LongSupplier defaultBudgetBytes,
            ColdReader coldReader,
            Projector projector) {
        super(topic, partition, shard, leaderEpoch, state, producers);
        this.spiller = shard.spiller();
        this.memory = memory;
        this.coldReader = coldReader;
        this.tier = new JournalTier(this, shard, state, coldReader, projector);
        this.defaultBudgetBytes = defaultBudgetBytes;
        this.budgetBytes = budgetBytes(topic, defaultBudgetBytes.getAsLong());
        memory.keepFrom(state.recordsEndOffset);
    }

    /** Most bytes that a partition of the topic holds in memory. */
    static long budgetBytes(Topic topic, long defaultBudgetBytes) {
        long own = topic.config().memoryBudgetBytes();
        return own > 0 ? own : defaultBudgetBytes;
    }

    @Override
    Object appendLock() {
        return lock;
    }

    @Override
    long journaledEndOffset() {
        return tier.endOffset();
    }

    @Override
    boolean syncsBeforeAcknowledging() {
        return false;
    }

    @Override
    void topic(Topic altered) {
        super.topic(altered);
        synchronized (lock) {
            budgetBytes = budgetBytes(altered, defaultBudgetBytes.getAsLong());
            if (!isClosed()) {
                memory.budgetBytes(budgetBytes);
            }
        }
    }

    @Override
    long appendUnlessUnread(ByteBuffer batch, long appendTimeMs) {
        long checked = check(batch);
        if (checked != ProducerState.NEW) {
            return checked;
        }
        Topic current = topic();
        ByteBuffer stamped =
                current.config().logAppendTime() ? LogAppendTime.stamp(batch, appendTimeMs) : batch;
        long baseOffset;
        synchronized (lock) {
            baseOffset = appendLocked(stamped, current.config().spillMs());
        }
        if (baseOffset >= 0) {
            publishHighWatermark();
        }
        return baseOffset;
    }

    private long appendLocked(ByteBuffer batch, long windowMs) {
        long admitted = admit(batch);
        if (admitted != ProducerState.NEW) {
            return admitted;
        }
        if (isJournalFull) {
            return OUT_OF_SPACE;
        }
        long nowMs = shard.nowMs();
        long baseOffset = memory.append(batch, leaderEpoch, nowMs);
        if (baseOffset < 0) {
            spiller.request();
            return baseOffset;
        }
        onAppended(batch, baseOffset, nowMs);
        awaitSpill(batch.remaining(), windowMs);
        return baseOffset;
    }

    /** Has what was appended spilled; the caller holds the log's lock. */
    private void awaitSpill(int length, long windowMs) {
        if (unsyncedSinceNs == EVERYTHING_SYNCED) {
            unsyncedSinceNs = spiller.elapsedNs();
        }
        if (!isListed) {
            isListed = true;
            spiller.add(this, windowMs);
        }
        long urgentBytes = budgetBytes / WAITING_PER_BUDGET;
        boolean wasUrgent = waitingBytes >= urgentBytes;
        waitingBytes += length;
        if (!wasUrgent && waitingBytes >= urgentBytes) {
            spiller.request();
        }
    }

    /** What may be acknowledged: everything, unless the window is over for the oldest of it. */
    @Override
    long acknowledgeableEndOffset() {
        // The end first: what is appended after this read is not covered by it.
        long end = recordsEndOffset();
        long sinceNs = unsyncedSinceNs;
        long windowNs = TimeUnit.MILLISECONDS.toNanos(topic().config().spillMs());
        if (sinceNs != EVERYTHING_SYNCED && spiller.elapsedNs() - sinceNs > windowNs) {
            spiller.onLate();
            return highWatermark();
        }
        return end;
    }

    /**
     * Appends to the journal what is in the ring now and not there yet; on the spiller's thread.
     * Where the journal has no space, the log is spilled again later.
     *
     * @return how many bytes it was
     */
    long spill() {
        long end = beginSpill();
        long bytes = 0;
        while (tier.endOffset() < end) {
            int length = spillUpTo(end);
            if (length == NOT_SPILLED) {
                return bytes;
            }
            bytes += length;
        }
        isJournalFull = false; // where what did not fit in has been deleted
        return bytes;
    }

    private long beginSpill() {
        synchronized (lock) {
            isListed = false;
            waitingBytes = 0;
            marks.add(recordsEndOffset(), spiller.elapsedNs());
            return recordsEndOffset();
        }
    }

    /** Spills the next batches; returns their length, or {@link #NOT_SPILLED}. */
    private int spillUpTo(long end) {
        long from = tier.behindSkipped(tier.endOffset());
        try (ReadResult next = memory.read(from, SPILL_LENGTH, end)) {
            if (next == Unavailable.CLOSED) {
                return NOT_SPILLED;
            }
            if (!(next instanceof RecordsLease lease)) {
                if (from >= end || tier.endOffset() > from) {
                    return 0; // deleted meanwhile
                }
                throw new IllegalStateException(
                        "what is to be spilled is not in memory: topic="
                                + topic().name()
                                + " partition="
                                + partition()
                                + " offset="
                                + from
                                + " found="
                                + next);
            }
            boolean isSpilled = tier.appendAll(lease);
            memory.keepFrom(tier.endOffset());
            onJournalFull(!isSpilled);
            return isSpilled ? lease.length() : NOT_SPILLED;
        }
    }

    private void onJournalFull(boolean isFull) {
        if (!isFull) {
            isJournalFull = false;
            return;
        }
        isJournalFull = true;
        synchronized (lock) {
            spiller.addAgain(this, isListed);
            isListed = true;
        }
        syncWaiters.wake(Long.MAX_VALUE);
    }

    @Override
    void onSynced(long syncedEndOffset) {
        synchronized (lock) {
            long sinceNs = marks.removeCovered(syncedEndOffset, unsyncedSinceNs);
            unsyncedSinceNs = syncedEndOffset >= recordsEndOffset() ? EVERYTHING_SYNCED : sinceNs;
        }
        syncWaiters.wake(syncedEndOffset);
    }

    @Override
    CompletableFuture<Void> whenSpilled() {
        return whenSynced(recordsEndOffset());
    }

    /** Completes when the records below the offset are on disk. */
    private CompletableFuture<Void> whenSynced(long offset) {
        CompletableFuture<Void> synced = new CompletableFuture<>();
        Runnable wake = () -> complete(synced, offset);
        syncWaiters.add(offset, wake);
        if ((syncedEndOffset() >= offset || isClosed() || isJournalFull)
                && syncWaiters.remove(wake)) {
            wake.run();
        } else {
            spiller.request();
        }
        return synced;
    }

    private void complete(CompletableFuture<Void> synced, long offset) {
        if (syncedEndOffset() >= offset) {
            synced.complete(null);
        } else if (isClosed()) {
            synced.completeExceptionally(new LogClosedException(topic().name()));
        } else {
            synced.completeExceptionally(new OutOfSpaceException(topic().name()));
        }
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        touch();
        Unavailable why = unavailable(fromOffset);
        if (why != null) {
            return why;
        }
        long offset = tier.behindSkipped(fromOffset);
        ReadResult result = memory.read(offset, lengthMax, highWatermark());
        // Out of the ring's range is in the journal's: see keepFrom.
        return result == Unavailable.OFFSET_OUT_OF_RANGE
                ? tier.readRecent(offset, lengthMax)
                : result;
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        tier.readCold(fromOffset, lengthMax, whenRead);
    }

    /** Looks into the index, and behind that at what can be read: the disk may be full or hang. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return coldReader.lookUp(
                this,
                () -> {
                    long indexedEnd = coldReader.indexedEndOffset(this);
                    TimestampedOffset found = coldReader.offsetForTimestamp(this, timestampMs);
                    return found != null
                            ? found
                            : TimestampScan.first(
                                    this::readOrLoad,
                                    this::logStartOffset,
                                    LongUnaryOperator.identity(),
                                    indexedEnd,
                                    timestampMs);
                });
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return coldReader.lookUp(
                this,
                () -> {
                    long indexedEnd = coldReader.indexedEndOffset(this);
                    return TimestampScan.higher(
                            coldReader.maxTimestamp(this),
                            TimestampScan.highest(
                                    this::readOrLoad, this::logStartOffset, indexedEnd));
                });
    }

    /** Reads on a cold thread, also what has come into the index and left memory meanwhile. */
    private ReadResult readOrLoad(long fromOffset, int lengthMax) {
        ReadResult result = read(fromOffset, lengthMax);
        if (result == Unavailable.COLD) {
            result = coldReader.readOrFail(this, fromOffset, lengthMax);
        }
        return requireAnswer(result, fromOffset);
    }

    @Override
    CompletableFuture<Long> deleteRecords(long beforeOffset, Predicate<Topic> isWanted) {
        long target = deletionTarget(beforeOffset);
        if (target < 0) {
            return outOfRange(beforeOffset);
        }
        return deleteFromJournal(target, isWanted).thenApply(this::dropFromMemory);
    }

    /**
     * In the journal the mark comes behind what it deletes. Where there is no space for that, it
     * need not come there any more: what brings space back must not wait for space.
     */
    private CompletableFuture<Long> deleteFromJournal(long target, Predicate<Topic> isWanted) {
        return isJournalFull
                ? tier.deleteRecords(target, batchBegin(target), isWanted)
                : whenSynced(target).thenCompose(synced -> tier.deleteRecords(target, isWanted));
    }

    /** Base offset of the batch in memory that holds an offset; the offset if there is none. */
    private long batchBegin(long offset) {
        try (ReadResult found = memory.read(offset, 1)) {
            return found instanceof RecordsLease lease
                    ? RecordBatch.baseOffset(lease.slice(0), lease.slice(0).position())
                    : offset;
        }
    }

    private long dropFromMemory(long newStartOffset) {
        synchronized (lock) {
            if (!isClosed()) {
                memory.keepFrom(tier.endOffset());
                memory.dropBefore(newStartOffset);
            }
        }
        return newStartOffset;
    }

    /**
     * Not if a record is in memory alone: then its offset was used, and the journal knows nothing.
     */
    @Override
    boolean releaseReserve() {
        return tier.endOffset() >= recordsEndOffset() && super.releaseReserve();
    }

    @Override
    boolean moveToJournal(Predicate<CompletableFuture<?>> waits, BooleanSupplier stopped) {
        return waits.test(whenSynced(recordsEndOffset())) && appendEnd();
    }

    @Override
    long compactableEndOffset() {
        synchronized (lock) {
            return isClosed() ? 0 : memory.logStartOffset();
        }
    }

    @Override
    void onCompacted(long offset) {
        tier.forgetRecent(offset);
    }

    @Override
    void forgetUnmapped() {
        tier.forgetUnmapped();
    }

    @Override
    void onClosed() {
        synchronized (lock) {
            memory.close();
        }
        tier.close();
        syncWaiters.wake(Long.MAX_VALUE);
    }

    @Override
    boolean closeIfIdle(long idleSinceMs, long indexedPosition) {
        if (isUsedSince(idleSinceMs)) {
            return false;
        }
        synchronized (lock) {
            if (hasWaiters() || !syncWaiters.isEmpty() || isUsedSince(idleSinceMs)) {
                return false;
            }
            synchronized (shard.lock) {
                if (tier.endOffset() < recordsEndOffset() || !tier.isIndexed(indexedPosition)) {
                    return false;
                }
            }
            letGo();
        }
        close();
        return true;
    }
}
