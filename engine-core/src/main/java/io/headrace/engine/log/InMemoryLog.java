package io.headrace.engine.log;

import io.headrace.engine.LogClosedException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a memory topic. Its batches live in a ring of slabs; the journal only knows which
 * offsets may have been used. The log start offset is the ring's: the oldest are overwritten.
 *
 * <p>If the topic was of another mode before, the journal has records from that time, which are
 * read until the ring begins to overwrite: then they are the oldest, and go.
 */
final class InMemoryLog extends PartitionLogBase {
    /** Bytes that are moved to the journal under the shard's lock at a time, or one batch. */
    private static final int MOVE_LENGTH = 256 << 10;

    private final Object lock = new Object();
    private final MemoryLog memory;
    private final LongSupplier defaultBudgetBytes;
    private final ColdReader coldReader;
    private final Projector projector;

    /** Offset of the first record that the ring ever held, or will. */
    private final long ringBeginOffset;

    /**
     * What the journal has, from a time in another mode or for one to come; null if nothing.
     * Written by the housekeeping and the catalog's thread, under the log's lock.
     */
    private volatile @Nullable JournalTier past;

    /** The start that the journal was told last, by {@link #releasePast}; under the log's lock. */
    private long journaledStart = -1;

    InMemoryLog(
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
        this.memory = memory;
        this.defaultBudgetBytes = defaultBudgetBytes;
        this.coldReader = coldReader;
        this.projector = projector;
        this.ringBeginOffset = state.logEndOffset;
        this.past =
                state.liveBytes == 0
                        ? null
                        : new JournalTier(this, shard, state, coldReader, projector);
    }

    static long budgetBytes(Topic topic, long defaultBudgetBytes) {
        long own = topic.config().memoryBudgetBytes();
        long kept = own > 0 ? own : topic.config().retentionBytes();
        return kept > 0 ? kept : defaultBudgetBytes;
    }

    @Override
    Object appendLock() {
        return lock;
    }

    @Override
    long journaledEndOffset() {
        return 0;
    }

    @Override
    boolean syncsBeforeAcknowledging() {
        return false;
    }

    /** Its batches are not journaled, so however far the index lags, they are not why. */
    @Override
    boolean waitsForIndex() {
        return false;
    }

    @Override
    void topic(Topic altered) {
        super.topic(altered);
        synchronized (lock) {
            if (!isClosed()) {
                memory.budgetBytes(budgetBytes(altered, defaultBudgetBytes.getAsLong()));
                releasePast();
            }
        }
    }

    @Override
    long appendUnlessUnread(ByteBuffer batch, long appendTimeMs) {
        if (!RecordBatch.isSound(batch)) {
            return CORRUPT_BATCH;
        }
        Topic current = topic();
        if (batch.remaining() > current.config().maxMessageBytes()) {
            return BATCH_TOO_LARGE;
        }
        ByteBuffer stamped =
                current.config().logAppendTime() ? LogAppendTime.stamp(batch, appendTimeMs) : batch;
        long baseOffset;
        synchronized (lock) {
            baseOffset = admit(stamped);
            if (baseOffset != ProducerState.NEW) {
                return baseOffset;
            }
            long nowMs = shard.nowMs();
            baseOffset = memory.append(stamped, leaderEpoch, nowMs);
            if (baseOffset < 0) {
                return baseOffset;
            }
            onAppended(stamped, baseOffset, nowMs);
            releasePast();
        }
        publishHighWatermark();
        return baseOffset;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable why = unavailable(fromOffset);
        if (why != null) {
            return why;
        }
        JournalTier journal = past;
        if (journal == null) {
            return readRing(fromOffset, lengthMax);
        }
        long offset = journal.behindSkipped(fromOffset);
        return offset < ringBeginOffset
                ? journal.readRecent(offset, lengthMax)
                : readRing(offset, lengthMax);
    }

    private ReadResult readRing(long fromOffset, int lengthMax) {
        ReadResult result = memory.read(fromOffset, lengthMax);
        if (result instanceof RecordsLease lease && !mayBeRead(lease.nextOffset())) {
            lease.close();
            return Unavailable.CAUGHT_UP;
        }
        return result;
    }

    /** The oldest are overwritten without asking: the ring knows where it begins. */
    @Override
    public long logStartOffset() {
        long ringStart = memory.logStartOffset();
        long start = super.logStartOffset();
        return ringStart == ringBeginOffset ? start : Math.max(start, ringStart);
    }

    private boolean isPastOverwritten() {
        return memory.logStartOffset() > ringBeginOffset;
    }

    /** Nothing is ever cold in memory; answered like {@link #read}. */
    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        JournalTier journal = past;
        if (journal != null && fromOffset < ringBeginOffset) {
            journal.readCold(fromOffset, lengthMax, whenRead);
        } else {
            whenRead.onRead(read(fromOffset, lengthMax));
        }
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        JournalTier journal = past;
        if (journal == null || isPastOverwritten()) {
            return scan(timestampMs);
        }
        return journal.offsetForTimestamp(timestampMs)
                .thenCompose(
                        found ->
                                found == null
                                        ? scan(timestampMs)
                                        : CompletableFuture.completedFuture(found));
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        JournalTier journal = past;
        if (journal == null || isPastOverwritten()) {
            return coldReader.lookUp(this, this::scanForHighest);
        }
        return journal.maxTimestamp()
                .thenCompose(
                        found ->
                                coldReader.lookUp(
                                        this, () -> TimestampScan.higher(found, scanForHighest())));
    }

    /** The first offset that can be read from the ring. */
    private long firstInRing() {
        return Math.max(logStartOffset(), ringBeginOffset);
    }

    /**
     * As {@link #offsetForTimestamp}, of what the ring has. On a cold thread, although nothing is
     * cold: who asks may be a shell's event loop, and a ring has a million batches to look at.
     */
    private CompletableFuture<@Nullable TimestampedOffset> scan(long timestampMs) {
        return coldReader.lookUp(
                this,
                () ->
                        TimestampScan.first(
                                this::readOrThrow,
                                this::firstInRing,
                                offset -> memory.firstReaching(offset, timestampMs),
                                firstInRing(),
                                timestampMs));
    }

    private @Nullable TimestampedOffset scanForHighest() {
        return TimestampScan.highest(this::readOrThrow, this::firstInRing, firstInRing());
    }

    /** The log may have been closed while the look-up waited for a thread. */
    private ReadResult readOrThrow(long fromOffset, int lengthMax) {
        return requireAnswer(read(fromOffset, lengthMax), fromOffset);
    }

    @Override
    CompletableFuture<Long> deleteRecords(long beforeOffset, Predicate<Topic> isWanted) {
        long target = deletionTarget(beforeOffset);
        if (target < 0) {
            return outOfRange(beforeOffset);
        }
        JournalTier journal = past;
        return journal == null
                ? dropBefore(target)
                : journal.deleteRecords(target, isWanted).thenCompose(start -> dropBefore(target));
    }

    private CompletableFuture<Long> dropBefore(long target) {
        synchronized (lock) {
            if (isRefusingAppends()) {
                return CompletableFuture.failedFuture(new LogClosedException(topic().name()));
            }
            memory.dropBefore(target);
            advanceLogStart(target);
        }
        return CompletableFuture.completedFuture(logStartOffset());
    }

    /**
     * Has the journal give up what the ring has overwritten, or what is older; not synced. Where
     * there is no space to say so, whoever calls next says it.
     */
    void releasePast() {
        synchronized (lock) {
            JournalTier journal = past;
            long start = logStartOffset();
            if (journal == null
                    || isRefusingAppends()
                    || !isPastOverwritten()
                    || start == journaledStart
                    || journal.appendStart(start) < 0) {
                return;
            }
            journaledStart = start;
            if (start >= journal.endOffset()) {
                past = null;
            }
        }
    }

    /** What the ring has overwritten stays gone: the rows would have it begin where it did. */
    @Override
    boolean releaseReserve() {
        JournalTier journal = past;
        return (journal == null
                        || !isPastOverwritten()
                        || journal.appendStart(logStartOffset()) >= 0)
                && super.releaseReserve();
    }

    @Override
    boolean moveToJournal(Predicate<CompletableFuture<?>> waits, BooleanSupplier stopped) {
        memory.keepFrom(0);
        long start = logStartOffset();
        JournalTier journal = past;
        boolean isStartKnown = journal != null && !isPastOverwritten();
        if (journal == null) {
            long first = Math.max(start, ringBeginOffset);
            journal = new JournalTier(this, shard, first, first, coldReader, projector);
        }
        if (!isStartKnown && journal.appendStart(start) < 0) {
            return false; // and nothing is the past yet: whoever tries again tells where it begins
        }
        past = journal;
        return moveRing(journal, Math.max(firstInRing(), journal.endOffset()), stopped)
                && appendEnd();
    }

    private boolean moveRing(JournalTier journal, long fromOffset, BooleanSupplier stopped) {
        long offset = fromOffset;
        while (offset < logEndOffset()) {
            try (ReadResult next = memory.read(offset, MOVE_LENGTH)) {
                if (stopped.getAsBoolean()
                        || !(next instanceof RecordsLease lease)
                        || !journal.appendAll(lease)) {
                    return false;
                }
                offset = lease.nextOffset();
            }
        }
        return true;
    }

    @Override
    void acceptAppends() {
        memory.keepFrom(MemoryLog.NOTHING_KEPT);
        super.acceptAppends();
    }

    /** Drops what is older than the topic's retention. */
    void expire(long nowMs) {
        long retentionMs = topic().config().retentionMs();
        if (retentionMs < 0) {
            return;
        }
        synchronized (lock) {
            if (!isClosed()) {
                memory.dropOlderThan(nowMs - retentionMs);
            }
        }
    }

    long bytes() {
        return memory.bytes();
    }

    @Override
    void onClosed() {
        synchronized (lock) {
            memory.close();
        }
    }

    /** Memory is the only place where the records are: it stays until the topic goes. */
    @Override
    boolean closeIfIdle(long idleSinceMs, long indexedPosition) {
        return false;
    }
}
