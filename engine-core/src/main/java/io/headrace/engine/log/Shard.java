package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * One data journal with its lock and its syncer thread: the group commit. Whoever appends does so
 * on its own thread while it holds {@link #lock}; the syncer forces for all that is waiting, then
 * raises the high watermarks.
 *
 * <p>Owned by the engine; {@link #start} after recovery, {@link #close} when no log appends any
 * more.
 */
final class Shard {
    /**
     * Unsynced bytes after which the syncer runs although nobody waits: bounds what replay and the
     * index lag by.
     */
    private static final long UNSYNCED_BYTES_MAX = 64L << 20;

    /** Appended bytes that the index may lag by before appends are refused. */
    private static final long UNINDEXED_BYTES_MAX = 1L << 30;

    /** Time after which the syncer runs although nobody waits. */
    private static final long SYNC_INTERVAL_NS = TimeUnit.SECONDS.toNanos(1);

    private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocateDirect(0);

    /** Guards the journal's appends, and the append state of every log on this shard. */
    final Object lock = new Object();

    private final int id;
    private final Journal journal;
    private final Projector projector;
    private final Consumer<Throwable> failureHandler;
    private final int batchBytesMax;
    private final Thread syncer;

    /** Logs with something appended since the last sync began; guarded by {@link #lock}. */
    private PartitionLogBase[] dirty = new PartitionLogBase[64];

    private int dirtyCount;

    /** Written under the lock, read by anyone. */
    private volatile long appendedBytes;

    /** Written by the syncer. */
    private volatile long syncedBytes;

    private volatile long indexedBytes;

    private volatile boolean syncRequested;
    private volatile boolean syncerParked;
    private volatile boolean closed;

    private volatile long syncCount;
    private volatile long syncTimeNs;

    Shard(
            int id,
            Journal journal,
            int batchBytesMax,
            Projector projector,
            Consumer<Throwable> failureHandler) {
        this.id = id;
        this.journal = journal;
        this.batchBytesMax = batchBytesMax;
        this.projector = projector;
        this.failureHandler = failureHandler;
        this.syncer = new Thread(this::runSyncer, "headrace-syncer-" + id);
        syncer.setDaemon(true);
    }

    void start() {
        syncer.start();
    }

    /** Longest batch that the journal takes. */
    int batchBytesMax() {
        return batchBytesMax;
    }

    int id() {
        return id;
    }

    Journal journal() {
        return journal;
    }

    /** Whether the index lags so far behind that appends have to wait. */
    boolean isBackPressured() {
        return appendedBytes - indexedBytes > UNINDEXED_BYTES_MAX;
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
        if (position >= 0) {
            markDirty(log);
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
        long position;
        try {
            position = journal.append(type, topicId, partition, offset, leaderEpoch, payload);
        } catch (JournalFailedException | Error e) {
            failureHandler.accept(e);
            throw e;
        }
        if (position >= 0) {
            appendedBytes = appendedBytes + Journal.ENVELOPE_LENGTH + payload.remaining();
        }
        return position;
    }

    private void markDirty(PartitionLogBase log) {
        if (log.dirty) {
            return;
        }
        log.dirty = true;
        if (dirtyCount == dirty.length) {
            dirty = Arrays.copyOf(dirty, dirtyCount * 2);
        }
        dirty[dirtyCount++] = log;
    }

    /** Asks for a sync of everything appended so far; returns at once. */
    void requestSync() {
        syncRequested = true;
        if (syncerParked) {
            LockSupport.unpark(syncer);
        }
    }

    /** Tells that entries of so many bytes more are in the index. */
    void onIndexed(long bytes) {
        indexedBytes = indexedBytes + bytes;
    }

    private void runSyncer() {
        PartitionLogBase[] taken = new PartitionLogBase[64];
        long lastSyncNs = System.nanoTime();
        try {
            while (!closed) {
                if (isSyncDue(lastSyncNs)) {
                    taken = syncOnce(taken);
                    lastSyncNs = System.nanoTime();
                } else {
                    park();
                }
            }
            syncOnce(taken);
        } catch (RuntimeException | Error e) {
            failureHandler.accept(e);
        }
    }

    private boolean isSyncDue(long lastSyncNs) {
        if (syncRequested) {
            return true;
        }
        long unsyncedBytes = appendedBytes - syncedBytes;
        return unsyncedBytes > UNSYNCED_BYTES_MAX
                || (unsyncedBytes > 0 && System.nanoTime() - lastSyncNs > SYNC_INTERVAL_NS);
    }

    private void park() {
        syncerParked = true;
        // Looks again after the flag is visible: a request before that did not unpark.
        if (!syncRequested && !closed) {
            LockSupport.parkNanos(SYNC_INTERVAL_NS / 4);
        }
        syncerParked = false;
    }

    private PartitionLogBase[] syncOnce(PartitionLogBase[] spare) {
        syncRequested = false;
        PartitionLogBase[] taken;
        int count;
        long bytes;
        synchronized (lock) {
            taken = dirty;
            count = dirtyCount;
            dirty = spare;
            dirtyCount = 0;
            bytes = appendedBytes;
            for (int i = 0; i < count; i++) {
                taken[i].beforeSync();
            }
        }
        long startNs = System.nanoTime();
        journal.sync();
        syncTimeNs = syncTimeNs + System.nanoTime() - startNs;
        syncCount = syncCount + 1;
        syncedBytes = bytes;
        for (int i = 0; i < count; i++) {
            taken[i].afterSync();
        }
        Arrays.fill(taken, 0, count, null);
        projector.wake();
        return taken;
    }

    /** Syncs what is left, ends the syncer, and closes the journal. */
    void close() {
        endSyncer();
        journal.close();
    }

    /** Syncs what is left and ends the syncer; the journal stays open for the projector. */
    void endSyncer() {
        closed = true;
        LockSupport.unpark(syncer);
        Threads.joinUninterruptibly(syncer);
    }

    long appendedBytes() {
        return appendedBytes;
    }

    long unsyncedBytes() {
        return appendedBytes - syncedBytes;
    }

    long unindexedBytes() {
        return appendedBytes - indexedBytes;
    }

    long syncCount() {
        return syncCount;
    }

    long syncTimeNs() {
        return syncTimeNs;
    }

    /**
     * Header of a batch that starts a buffer; kept here so that logs and projector agree on what is
     * counted.
     */
    static long entryLength(ByteBuffer payload) {
        return Journal.ENVELOPE_LENGTH + payload.remaining();
    }

    static int offsetCount(ByteBuffer batch) {
        return RecordBatch.offsetCount(batch, batch.position());
    }
}
