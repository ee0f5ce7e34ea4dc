package io.headrace.engine.log;

import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One data journal with its lock, its {@link Syncer} and its {@link Spiller}. Whoever appends does
 * so on its own thread while it holds {@link #lock}.
 *
 * <p>Owned by the engine; {@link #start} after recovery, {@link #endSpiller} when no log is
 * appended to any more, {@link #endSyncer} when the journal is not either.
 */
final class Shard {
    /** Appended bytes that the index may lag by before appends are refused. */
    private static final long UNINDEXED_BYTES_MAX = 1L << 30;

    /** Of these, the lag from which on what is not urgent leaves way to producers. */
    private static final long UNURGENT_UNINDEXED_BYTES_MAX = UNINDEXED_BYTES_MAX / 4;

    private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocateDirect(0);

    /** Guards the journal's appends, and the append state of every log on this shard. */
    final Object lock = new Object();

    private final int id;
    private final Journal journal;
    private final SegmentFolder segments;
    private final CutOuts cutOuts;
    private final Background background;
    private final Consumer<Throwable> failureHandler;
    private final int batchBytesMax;
    private final @Nullable RecordFilter recordFilter;
    private final LongSupplier clockMs;
    private final Syncer syncer;
    private final Spiller spiller;

    /** Logs with something appended since the last sync began; guarded by {@link #lock}. */
    private DirtyLogs dirtyLogs = new DirtyLogs();

    /** Whether no entry is taken any more; guarded by {@link #lock}. */
    private boolean ended;

    /**
     * Topics from which nothing is taken away for now: of a group of the catalog's changes, which
     * is bounded. Guarded by {@link #lock}.
     */
    private final Set<Long> keepingAll = new HashSet<>();

    /** Written once, before anything is appended. */
    private volatile LongPredicate isUnderOverlay = topicId -> false;

    /** Both written under the lock, read by anyone. */
    private volatile long appendedBytes;

    private volatile long appendCount;

    /** Batches that were refused for want of space. */
    private final LongAdder refusedCount = new LongAdder();

    /** Written by the projector. */
    private volatile long indexedBytes;

    Shard(
            int id,
            Journal journal,
            SegmentFolder segments,
            int batchBytesMax,
            @Nullable RecordFilter recordFilter,
            LongSupplier clockMs,
            Projector projector,
            Background background,
            Consumer<Throwable> failureHandler) {
        this.id = id;
        this.journal = journal;
        this.segments = segments;
        this.cutOuts = new CutOuts(journal);
        this.batchBytesMax = batchBytesMax;
        this.recordFilter = recordFilter;
        this.clockMs = clockMs;
        this.background = background;
        this.failureHandler = failureHandler;
        this.syncer = new Syncer(this, projector, background, failureHandler);
        this.spiller = new Spiller(this, background, failureHandler);
    }

    void start() {
        syncer.start();
        spiller.start();
    }

    /** Where work in the background is done. */
    Background background() {
        return background;
    }

    /** What carries hybrid logs over into the journal. */
    Spiller spiller() {
        return spiller;
    }

    /** Longest batch that the journal takes. */
    int batchBytesMax() {
        return batchBytesMax;
    }

    /** What looks into batches for compacted topics; null if nothing does. */
    @Nullable RecordFilter recordFilter() {
        return recordFilter;
    }

    /** The wall clock, by which it is noted when something was appended. */
    long nowMs() {
        return clockMs.getAsLong();
    }

    int id() {
        return id;
    }

    Journal journal() {
        return journal;
    }

    /** What was sealed of the journal. */
    SegmentFolder segments() {
        return segments;
    }

    /** A position in words, for messages: which file, and where in it. */
    String place(long position) {
        return SegmentPosition.isIn(position)
                ? "file="
                        + segments.path(SegmentPosition.segment(position))
                        + " offset="
                        + SegmentPosition.offset(position)
                : journal.describe(position);
    }

    /** Whether a repair has taken the batch out, whose loss has been told: what follows counts. */
    boolean isCutOut(IndexEntry batch) {
        if (SegmentPosition.isIn(batch.position())) {
            return false; // segments are not repaired
        }
        try {
            return cutOuts.covers(batch.file(), batch.fileOffset());
        } catch (IOException e) {
            return false; // whoever asks has failed to read it, and says why
        }
    }

    /** Whether the index lags so far behind that appends have to wait. */
    boolean isBackPressured() {
        return appendedBytes - indexedBytes > UNINDEXED_BYTES_MAX;
    }

    /** Whether the index lags so far behind that what is not urgent has to wait. */
    boolean isIndexLagging() {
        return appendedBytes - indexedBytes > UNURGENT_UNINDEXED_BYTES_MAX;
    }

    /** Appends a batch; the caller holds the lock. Returns its position, or a negative status. */
    long appendBatch(PartitionLogBase log, ByteBuffer batch, long baseOffset, int leaderEpoch) {
        return append(EntryType.BATCH, log, baseOffset, leaderEpoch, batch);
    }

    /** Appends an entry without payload about a partition; the caller holds the lock. */
    long appendMark(EntryType type, PartitionLogBase log, long offset, int leaderEpoch) {
        return append(type, log, offset, leaderEpoch, NO_PAYLOAD);
    }

    private long append(
            EntryType type,
            PartitionLogBase log,
            long offset,
            int leaderEpoch,
            ByteBuffer payload) {
        long position =
                appendEntry(type, log.topic().id(), log.partition(), offset, leaderEpoch, payload);
        if (position >= 0 && dirtyLogs.add(log)) {
            syncer.syncWithin(log.topic().config().flushMs());
        }
        return position;
    }

    /** Appends an entry that no open log waits for; the caller holds the lock. */
    long appendEntry(
            EntryType type,
            long topicId,
            int partition,
            long offset,
            int leaderEpoch,
            ByteBuffer payload) {
        if (ended) {
            return Journal.OUT_OF_SPACE;
        }
        long position;
        try {
            position = journal.append(type, topicId, partition, offset, leaderEpoch, payload);
        } catch (JournalFailedException | Error e) {
            failureHandler.accept(e);
            throw e;
        }
        if (position >= 0) {
            appendedBytes = appendedBytes + entryLength(payload);
            appendCount = appendCount + 1;
        }
        return position;
    }

    /**
     * Has nothing taken away from a topic until {@link #endKeepingAll}: who takes records away asks
     * {@link #isKeepingAll} under the lock under which he says so, and what he goes by only then.
     */
    void beginKeepingAll(long topicId) {
        synchronized (lock) {
            keepingAll.add(topicId);
        }
    }

    /** Whatever came of it can be seen by now. */
    void endKeepingAll(long topicId) {
        synchronized (lock) {
            keepingAll.remove(topicId);
        }
    }

    /** Whether nothing may be taken away from a topic for now; the caller holds the lock. */
    boolean isKeepingAll(long topicId) {
        return keepingAll.contains(topicId);
    }

    /**
     * @param overlays as {@link Catalog#isUnderOverlay}
     */
    void askForOverlays(LongPredicate overlays) {
        isUnderOverlay = overlays;
    }

    /** Whether an overlay is over a topic, or is about to be. */
    boolean isUnderOverlay(long topicId) {
        return isUnderOverlay.test(topicId);
    }

    /** Hands over the list of dirty logs for an empty one; the caller holds the lock. */
    DirtyLogs swapDirtyLogs(DirtyLogs empty) {
        DirtyLogs taken = dirtyLogs;
        dirtyLogs = empty;
        return taken;
    }

    /** Asks for a sync of everything appended so far; returns at once. */
    void requestSync() {
        syncer.request();
    }

    /** Tells that entries of so many bytes more are in the index. */
    void onIndexed(long bytes) {
        indexedBytes = indexedBytes + bytes;
    }

    /** Spills what hybrid logs hold in memory alone, and ends the spiller. */
    void endSpiller() {
        spiller.close();
    }

    /**
     * Takes no more entries, syncs what is left and ends the syncer; the journal stays open for the
     * projector.
     */
    void endSyncer() {
        synchronized (lock) {
            ended = true;
        }
        syncer.close();
    }

    /** Whether everything that was appended is on stable storage. */
    boolean isSynced() {
        return journal.syncedPosition() == journal.appendedPosition();
    }

    long appendedBytes() {
        return appendedBytes;
    }

    /** Entries appended since the start. */
    long appendCount() {
        return appendCount;
    }

    /** Notes that a batch was refused for want of space. */
    void onRefused() {
        refusedCount.increment();
    }

    /** Batches that were refused for want of space since the start. */
    long refusedCount() {
        return refusedCount.sum();
    }

    long unsyncedBytes() {
        return appendedBytes - syncer.syncedBytes();
    }

    /** Bytes that are synced and not in the index yet. */
    long syncedUnindexedBytes() {
        return syncer.syncedBytes() - indexedBytes;
    }

    long unindexedBytes() {
        return appendedBytes - indexedBytes;
    }

    long syncCount() {
        return syncer.syncCount();
    }

    long syncTimeNs() {
        return syncer.syncTimeNs();
    }

    /** Bytes of an entry; kept here so that logs and projector agree on what is counted. */
    static long entryLength(ByteBuffer payload) {
        return Journal.ENVELOPE_LENGTH + payload.remaining();
    }
}
