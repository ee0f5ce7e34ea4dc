package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.LogClosedException;
import io.headrace.engine.OffsetOutOfRangeException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsKeptException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Versions;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.source.HighWatermarkWaiters;
import io.headrace.engine.spi.EntryType;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What logs over a journal and logs in memory have in common: offsets, high watermark, idempotent
 * producers, leader epochs, and the offset reserve.
 *
 * <p>Append state is guarded by {@link #appendLock}. The offsets are volatile: written under that
 * lock, read by anyone.
 *
 * <p>The offset reserve: where a record may be acknowledged before it is on disk, its offset must
 * not be used again after a crash. So offsets are reserved in blocks by an entry in the journal,
 * and the high watermark never passes what is durably reserved. An append that would go beyond what
 * is reserved is refused, so that nobody waits for an offset that is never reserved.
 */
abstract class PartitionLogBase implements PartitionLog {
    /** What a topic's creation reserves for each partition, without an entry of its own. */
    static final long FIRST_RESERVE = 1 << 16;

    /** What each further reserve adds. */
    static final long RESERVE_BLOCK = 1 << 20;

    /** Producers forgotten under the append lock in one go, some ten microseconds. */
    private static final int PRODUCERS_EXPIRED_MAX = 1000;

    protected final Shard shard;
    protected final int leaderEpoch;
    private final int partition;
    private final StorageMode storageMode;
    private final LeaderEpochs epochs;
    private final ProducerStates producers;
    private final HighWatermarkWaiters waiters = new HighWatermarkWaiters();
    private final AtomicLong highWatermark = new AtomicLong();

    private volatile Topic topic;
    private volatile long logStartOffset;
    private volatile long logEndOffset;

    /**
     * End of the last record: the log's end too, unless offsets behind it are skipped because they
     * may have been used. The high watermark stays here, so that who reads to the end gets there.
     */
    private volatile long recordsEndOffset;

    /** Where this log goes on: no record has an offset from the last one's end to here. */
    private final long beginOffset;

    /** What the journal had when this log was made ends here. */
    private final long earlierEndOffset;

    /** What appends are answered with; {@link ProducerState#NEW} while they are taken. */
    private volatile long refusal;

    private volatile boolean closed;

    /**
     * Whether it was used since the housekeeping looked. Written once between two looks, however
     * many use it, so that the threads that do share the line and do not pass it around.
     */
    private volatile boolean used = true;

    /** When the housekeeping last saw that it was used. */
    private volatile long lastUsedMs;

    /** Told when the high watermark has risen, if a union is over the topic. */
    private volatile @Nullable UnionTap tap;

    /** Whether the tap was told, and has not looked since; two may both tell. */
    volatile boolean isTold;

    /** Whether the shard's syncer has this log on its list; guarded by the shard's lock. */
    boolean dirty;

    /**
     * Position of this log's newest journal entry, −1 if there is none since activation; guarded by
     * the shard's lock.
     */
    long lastPosition = -1;

    /** Offsets below are reserved in the journal, synced or not; guarded by the append lock. */
    private long reserve;

    private volatile long durableReserve;
    private volatile long syncedEndOffset;

    /**
     * What the sync that is under way will make durable; written under the shard's lock, read by
     * the syncer.
     */
    private long syncingEndOffset;

    private long syncingReserve;

    PartitionLogBase(
            Topic topic,
            int partition,
            Shard shard,
            int leaderEpoch,
            PartitionState state,
            ProducerStates producers) {
        this.topic = topic;
        this.refusal = refusalOf(topic);
        this.partition = partition;
        this.storageMode = topic.storageMode();
        this.shard = shard;
        this.leaderEpoch = leaderEpoch;
        this.epochs = state.epochs;
        this.producers = producers;
        this.logStartOffset = state.logStartOffset;
        this.logEndOffset = state.logEndOffset;
        this.recordsEndOffset = state.recordsEndOffset;
        this.beginOffset = state.logEndOffset;
        this.earlierEndOffset = state.earlierEndOffset;
        this.syncedEndOffset = state.recordsEndOffset;
        this.syncingEndOffset = state.recordsEndOffset;
        this.reserve = state.reserved();
        this.durableReserve = reserve;
        this.syncingReserve = reserve;
        this.highWatermark.set(state.recordsEndOffset);
    }

    /** Guards everything that appending changes. */
    abstract Object appendLock();

    /**
     * Records below are in the journal, so that a sync makes them durable; 0 if none ever is.
     * Called under the shard's lock.
     */
    abstract long journaledEndOffset();

    /** What may be acknowledged without waiting for the disk, where the mode allows that. */
    long acknowledgeableEndOffset() {
        return recordsEndOffset;
    }

    /**
     * Completes when the records that are there now are on disk, where memory alone may hold them
     * for a while; at once in modes that never, or always, keep them there.
     */
    CompletableFuture<Void> whenSpilled() {
        return CompletableFuture.completedFuture(null);
    }

    /** What may be compacted ends here; from here on it may be read from memory. */
    long compactableEndOffset() {
        return recordsEndOffset;
    }

    /** Told that everything below an offset has been compacted, and the index says so. */
    void onCompacted(long offset) {}

    /** Lets go of what is remembered about bytes that are not in memory any more. */
    void forgetUnmapped() {}

    /** Told by the syncer that records below an offset are on disk. */
    void onSynced(long endOffset) {}

    /** Whether an acknowledgement waits for the disk. */
    abstract boolean syncsBeforeAcknowledging();

    /** Whether appends are refused for now, because the index lags too far behind the journal. */
    boolean waitsForIndex() {
        return shard.isBackPressured();
    }

    @Override
    public final Topic topic() {
        return topic;
    }

    void topic(Topic altered) {
        boolean wasPublished = Versions.isPublished(topic);
        topic = altered;
        if (wasPublished != Versions.isPublished(altered)) {
            synchronized (appendLock()) {
                if (refusal == ProducerState.NEW || refusal == READ_ONLY) {
                    refusal = refusalOf(altered);
                }
            }
        }
    }

    /** A version stays as it was published. */
    private static long refusalOf(Topic topic) {
        return Versions.isPublished(topic) ? READ_ONLY : ProducerState.NEW;
    }

    /** The mode this log was made for. */
    final StorageMode storageMode() {
        return storageMode;
    }

    @Override
    public final int partition() {
        return partition;
    }

    @Override
    public long logStartOffset() {
        return logStartOffset;
    }

    @Override
    public final long highWatermark() {
        return highWatermark.get();
    }

    @Override
    public final long logEndOffset() {
        return logEndOffset;
    }

    @Override
    public final long recordsEndOffset() {
        return recordsEndOffset;
    }

    /** Where this log goes on: it has given out no offset before. */
    final long beginOffset() {
        return beginOffset;
    }

    /** What the journal had when this log was made ends here. */
    final long earlierEndOffset() {
        return earlierEndOffset;
    }

    /** Records below are on disk. */
    final long syncedEndOffset() {
        return syncedEndOffset;
    }

    /** Why nothing can be read from this offset on; null if something can. */
    final @Nullable Unavailable unavailable(long fromOffset) {
        if (closed) {
            return Unavailable.CLOSED;
        }
        if (fromOffset < logStartOffset() || fromOffset > logEndOffset) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        return fromOffset >= highWatermark.get() ? Unavailable.CAUGHT_UP : null;
    }

    /**
     * For a look-up, to which a failure to read is not the end of what there is.
     *
     * @return the result, if it says what is there or that nothing is
     */
    final ReadResult requireAnswer(ReadResult result, long fromOffset) {
        if (result == Unavailable.CLOSED) {
            throw new LogClosedException(topic.name());
        }
        if (result == Unavailable.STORE_ERROR || result == Unavailable.CORRUPT) {
            throw new EngineException(
                    "cannot be read: topic="
                            + topic.name()
                            + " partition="
                            + partition
                            + " offset="
                            + fromOffset
                            + " reason="
                            + result);
        }
        return result;
    }

    @Override
    public final CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return keepsAll(topic) ? kept() : deleteRecords(beforeOffset, now -> true);
    }

    private boolean keepsAll(Topic now) {
        return Versions.isPublished(now) || shard.isUnderOverlay(now.id());
    }

    /**
     * As {@link #deleteRecords(long)}.
     *
     * @param isWanted whether it still is, by the topic as it is then: asked under the lock under
     *     which it takes effect
     */
    abstract CompletableFuture<Long> deleteRecords(long beforeOffset, Predicate<Topic> isWanted);

    /**
     * Whether records may be taken away; the caller holds the lock under which that takes effect.
     */
    final boolean mayLose(Predicate<Topic> isWanted) {
        if (shard.isKeepingAll(topic.id())) {
            return false;
        }
        Topic now = topic; // which it is since, if it was about to keep all
        return !keepsAll(now) && isWanted.test(now);
    }

    final CompletableFuture<Long> kept() {
        return CompletableFuture.failedFuture(new RecordsKeptException(topic.name()));
    }

    /**
     * The offset up to which {@link #deleteRecords} drops what it is asked to drop; negative if
     * that is out of range.
     */
    final long deletionTarget(long beforeOffset) {
        long end = highWatermark();
        if (beforeOffset > end) {
            return -1;
        }
        return beforeOffset == -1 ? end : beforeOffset;
    }

    final CompletableFuture<Long> outOfRange(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new OffsetOutOfRangeException(beforeOffset, logStartOffset(), highWatermark()));
    }

    /** Raises the log start offset; never lowers it. */
    final void advanceLogStart(long offset) {
        synchronized (appendLock()) {
            logStartOffset = Math.max(logStartOffset, offset);
        }
    }

    final boolean isClosed() {
        return closed;
    }

    /** Notes a use; costs a read. */
    final void touch() {
        if (!used) {
            used = true;
        }
    }

    /** Notes when it was used, as far as the housekeeping can tell, which calls this. */
    final void noteUse(long nowMs) {
        if (used) {
            used = false;
            lastUsedMs = nowMs;
        }
    }

    final boolean isUsedSince(long ms) {
        return used || lastUsedMs > ms;
    }

    @Override
    public final long append(ByteBuffer batch, long appendTimeMs) {
        long appended = appendUnlessUnread(batch, appendTimeMs);
        while (appended == ProducerStates.UNREAD) {
            readProducer(RecordBatch.producerId(batch, batch.position()));
            appended = appendUnlessUnread(batch, appendTimeMs);
        }
        if (appended == OUT_OF_SPACE) {
            shard.onRefused();
        }
        return appended;
    }

    /**
     * As {@link #append}; {@link ProducerStates#UNREAD} where the producer has to be read first.
     */
    abstract long appendUnlessUnread(ByteBuffer batch, long appendTimeMs);

    /** Once for each producer, and without the lock that others wait for: it may take the disk. */
    private void readProducer(long producerId) {
        ProducerState state = producers.read(producerId);
        synchronized (appendLock()) {
            producers.remember(producerId, state);
        }
    }

    @Override
    public final int batchLengthMax() {
        return Math.min(topic.config().maxMessageBytes(), shard.batchBytesMax());
    }

    /**
     * What has to hold of a batch by itself.
     *
     * @return {@link ProducerState#NEW} to go on, or what {@link #append} returns
     */
    final long check(ByteBuffer batch) {
        if (storageMode == StorageMode.VIEW) {
            // A reference is one record, takes as many offsets as what it refers to, and is ours.
            boolean isShort = batch.remaining() <= shard.batchBytesMax();
            return isShort && RecordBatch.isIntact(batch) ? ProducerState.NEW : BATCH_TOO_LARGE;
        }
        if (!RecordBatch.isSound(batch)) {
            return CORRUPT_BATCH;
        }
        if (batch.remaining() > batchLengthMax()) {
            return BATCH_TOO_LARGE;
        }
        return topic.config().compact() && !RecordBatch.isControl(batch, batch.position())
                ? checkCompactable(batch)
                : ProducerState.NEW;
    }

    private long checkCompactable(ByteBuffer batch) {
        RecordFilter filter = shard.recordFilter();
        if (filter == null) {
            return READ_ONLY;
        }
        return filter.isCompactable(batch) ? ProducerState.NEW : INVALID_RECORD;
    }

    /**
     * What has to hold before a batch is appended; the caller holds the append lock.
     *
     * @return {@link ProducerState#NEW} to go on, or what {@link #appendUnlessUnread} returns
     */
    final long admit(ByteBuffer batch) {
        long refused = refusal;
        if (refused != ProducerState.NEW) {
            return refused;
        }
        touch();
        if (waitsForIndex()) {
            return BACK_PRESSURED;
        }
        long admitted = producers.check(batch, batch.position());
        if (admitted != ProducerState.NEW || syncsBeforeAcknowledging()) {
            return admitted;
        }
        long endOffset = logEndOffset + RecordBatch.offsetCount(batch, batch.position());
        return isReserved(endOffset) ? admitted : OUT_OF_SPACE;
    }

    /** Notes that a batch was appended; the caller holds the append lock. */
    final void onAppended(ByteBuffer batch, long baseOffset, long appendTimeMs) {
        producers.onAppended(batch, batch.position(), baseOffset, appendTimeMs);
        epochs.assign(leaderEpoch, baseOffset);
        logEndOffset = baseOffset + RecordBatch.offsetCount(batch, batch.position());
        recordsEndOffset = logEndOffset;
    }

    /**
     * Forgets idempotent producers that are silent for too long, as many as may be in one go.
     *
     * @return whether there may be more
     */
    final boolean expireProducers() {
        synchronized (appendLock()) {
            return producers.expire(PRODUCERS_EXPIRED_MAX);
        }
    }

    /**
     * Whether the offsets below are reserved, synced or not; reserves more in good time, so that no
     * acknowledgement waits for it.
     */
    private boolean isReserved(long endOffset) {
        if (endOffset + RESERVE_BLOCK / 4 > reserve
                && (reserve != FIRST_RESERVE || endOffset >= FIRST_RESERVE / 2)) {
            extendReserve(endOffset + RESERVE_BLOCK);
        }
        return endOffset <= reserve;
    }

    private void extendReserve(long wanted) {
        synchronized (shard.lock) {
            long position = shard.appendMark(EntryType.OFFSET_RESERVE, this, wanted, leaderEpoch);
            if (position >= 0) {
                lastPosition = position;
                reserve = wanted;
                shard.requestSync();
            }
        }
    }

    /** Called by the syncer under the shard's lock, before it forces. */
    final void beforeSync() {
        dirty = false;
        syncingEndOffset = Math.max(syncingEndOffset, journaledEndOffset());
        syncingReserve = reserve;
    }

    /** Called by the syncer after it has forced. */
    final void afterSync() {
        syncedEndOffset = syncingEndOffset;
        if (durableReserve != syncingReserve) {
            synchronized (shard.lock) {
                durableReserve = syncingReserve; // which appendEnd may just have taken back
            }
        }
        onSynced(syncedEndOffset);
        publishHighWatermark();
    }

    /** Raises the high watermark to what may be acknowledged now, and wakes who waited for it. */
    final void publishHighWatermark() {
        long target = syncedEndOffset;
        if (!syncsBeforeAcknowledging()) {
            long end = Math.min(acknowledgeableEndOffset(), durableReserve);
            // Skipped offsets alone are nothing that a reader could get past.
            target = end > beginOffset ? Math.max(target, end) : target;
        }
        // Several threads may publish; the larger value wins.
        long before = highWatermark.getAndAccumulate(target, Math::max);
        waiters.wake(Math.max(before, target));
        UnionTap told = tap;
        if (told != null && before < target) {
            told.onRisen(this);
        }
    }

    /** Has a tap told of each rise of the high watermark from now on; null for none. */
    final void tap(@Nullable UnionTap unions) {
        tap = unions;
    }

    @Override
    public final void onHighWatermark(long offset, Runnable wake) {
        touch();
        waiters.add(offset, wake);
        if ((highWatermark.get() >= offset || closed) && waiters.remove(wake)) {
            wake.run();
        }
    }

    @Override
    public final void cancel(Runnable wake) {
        waiters.remove(wake);
    }

    @Override
    public final @Nullable EpochEnd endOffsetForEpoch(int epoch) {
        synchronized (appendLock()) {
            return epochs.end(epoch, leaderEpoch, logEndOffset);
        }
    }

    /** Whether anybody waits for the high watermark. */
    final boolean hasWaiters() {
        return !waiters.isEmpty();
    }

    /**
     * Whether records up to this end may be shown although the high watermark may not have followed
     * yet.
     */
    final boolean mayBeRead(long endOffset) {
        return endOffset <= Math.max(durableReserve, highWatermark.get());
    }

    /** Answers appends with {@link #BACK_PRESSURED} from now on; reads go on. */
    final void refuseAppends() {
        refuseAppends(BACK_PRESSURED);
    }

    /** Answers appends with {@link #CLOSED} from now on, which it will be at once. */
    final void letGo() {
        refuseAppends(CLOSED);
    }

    private void refuseAppends(long status) {
        synchronized (appendLock()) {
            refusal = status;
        }
    }

    final boolean isRefusingAppends() {
        return refusal != ProducerState.NEW;
    }

    /** Takes back {@link #refuseAppends}. */
    void acceptAppends() {
        synchronized (appendLock()) {
            refusal = closed ? CLOSED : refusalOf(topic);
        }
    }

    /** Refuses further use and wakes everybody who waits; the caller holds no lock. */
    final void close() {
        synchronized (appendLock()) {
            refusal = CLOSED;
            closed = true;
        }
        onClosed();
        waiters.wake(Long.MAX_VALUE);
    }

    /**
     * Tells the journal the exact end, so that the next start goes on there instead of behind the
     * reserve; at a clean stop, after the last append. False if there is no space to do so.
     */
    boolean releaseReserve() {
        synchronized (appendLock()) {
            if (syncsBeforeAcknowledging() || logEndOffset == 0 && reserve <= FIRST_RESERVE) {
                return true;
            }
            return appendEnd();
        }
    }

    /** Tells the journal the exact end; reserves anew what is appended afterwards. */
    final boolean appendEnd() {
        synchronized (appendLock()) {
            synchronized (shard.lock) {
                long position =
                        shard.appendMark(EntryType.LOG_END, this, logEndOffset, leaderEpoch);
                if (position < 0) {
                    return false;
                }
                lastPosition = position;
                reserve = logEndOffset;
                syncingReserve = Math.min(syncingReserve, reserve);
                durableReserve = Math.min(durableReserve, reserve);
            }
        }
        shard.requestSync();
        return true;
    }

    /**
     * Brings everything that the log knows into its journal, unsynced, so that a log of another
     * mode can go on from there; while appends are refused.
     *
     * @param waits waits for the disk; false if that is in vain
     * @param stopped whether to give up
     * @return false if there is no space for it, or the disk does not answer
     */
    boolean moveToJournal(Predicate<CompletableFuture<?>> waits, BooleanSupplier stopped) {
        return appendEnd();
    }

    /** Frees what the log holds. */
    abstract void onClosed();

    /**
     * Closes the log if nothing happened since {@code idleSinceMs} and everything it appended is in
     * the index.
     */
    abstract boolean closeIfIdle(long idleSinceMs, long indexedPosition);
}
