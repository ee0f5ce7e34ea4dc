package io.headrace.engine.log;

import io.headrace.engine.spi.Journal;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The thread that forces a shard's journal for all that is waiting, then raises the high
 * watermarks: the group commit. {@link SyncPace} says when.
 *
 * <p>Owned by its {@link Shard}.
 */
final class Syncer implements Background.Work {
    /**
     * Unsynced bytes after which it runs although nobody waits: bounds what replay and the index
     * lag by.
     */
    private static final long UNSYNCED_BYTES_MAX = 64L << 20;

    /** Time after which it runs although nobody waits. */
    private static final long INTERVAL_NS = TimeUnit.SECONDS.toNanos(1);

    /** From one look at that time to the next. */
    private static final long LOOK_NS = INTERVAL_NS / 4;

    /** A topic that asks for a sync no sooner than this gets one without asking. */
    private static final long SOON_MS = TimeUnit.NANOSECONDS.toMillis(INTERVAL_NS + LOOK_NS);

    private static final long NEVER = Long.MAX_VALUE;

    private final Shard shard;
    private final Journal journal;
    private final Projector projector;
    private final Background background;
    private final Background.Worker worker;
    private final SyncPace pace = new SyncPace();
    private final Doorbell doorbell = new Doorbell();

    /** Empty; takes the place of the shard's list while that is being synced. */
    private DirtyLogs spare = new DirtyLogs();

    /** What the clock said when this began, so that a deadline is a number that only grows. */
    private final long beginNs;

    /**
     * When what is unsynced has to be synced, for the topic that allows the least time; {@link
     * #NEVER} if none of them says. Written under the shard's lock.
     */
    private volatile long deadlineNs = NEVER;

    private long lastSyncNs;
    private long coveredCount;
    private volatile boolean requested;
    private volatile boolean closed;

    /** Written by the syncer, read by anyone. */
    private volatile long syncedBytes;

    private volatile long syncCount;
    private volatile long syncTimeNs;

    Syncer(
            Shard shard,
            Projector projector,
            Background background,
            Consumer<Throwable> failureHandler) {
        this.shard = shard;
        this.journal = shard.journal();
        this.projector = projector;
        this.background = background;
        this.worker = background.worker("headrace-syncer-" + shard.id(), this, failureHandler);
        this.beginNs = background.nanoTime();
    }

    void start() {
        lastSyncNs = background.nanoTime();
        worker.start();
    }

    /** Asks for a sync of everything appended so far; returns at once. */
    void request() {
        requested = true;
        doorbell.ring(shard.appendCount());
    }

    /**
     * Asks for a sync in so many milliseconds, at the latest; called for the first that a log
     * appends after a sync, under the shard's lock.
     */
    void syncWithin(long ms) {
        if (ms >= SOON_MS) {
            return;
        }
        long wantedNs = elapsedNs() + TimeUnit.MILLISECONDS.toNanos(ms);
        if (wantedNs < deadlineNs) {
            deadlineNs = wantedNs;
            doorbell.ring(shard.appendCount());
        }
    }

    private long elapsedNs() {
        return background.nanoTime() - beginNs;
    }

    @Override
    public void turn() {
        awaitCompany();
        sync();
    }

    @Override
    public void end() {
        sync();
    }

    @Override
    public boolean isDue() {
        if (requested || elapsedNs() >= deadlineNs) {
            return true;
        }
        long unsyncedBytes = shard.appendedBytes() - syncedBytes;
        return unsyncedBytes > UNSYNCED_BYTES_MAX
                || (unsyncedBytes > 0 && background.nanoTime() - lastSyncNs > INTERVAL_NS);
    }

    /** Any request is enough, whatever was appended, and any deadline that is set meanwhile. */
    @Override
    public void await() {
        long knownNs = deadlineNs;
        long pauseNs = Math.min(LOOK_NS, knownNs - elapsedNs());
        if (pauseNs > 0) {
            doorbell.await(() -> requested || closed || deadlineNs != knownNs ? 0 : -1, 0, pauseNs);
        }
    }

    private void awaitCompany() {
        long pauseNs = pauseNs();
        while (pauseNs > 0 && !closed) {
            doorbell.await(shard::appendCount, coveredCount + pace.expectedCount(), pauseNs);
            pauseNs = pauseNs();
        }
    }

    private long pauseNs() {
        return pace.pauseNs(shard.appendCount() - coveredCount, background.nanoTime());
    }

    private void sync() {
        requested = false;
        DirtyLogs logs;
        long count;
        long bytes;
        synchronized (shard.lock) {
            logs = shard.swapDirtyLogs(spare);
            count = shard.appendCount();
            bytes = shard.appendedBytes();
            deadlineNs = NEVER;
            logs.beforeSync();
        }
        long startNs = background.nanoTime();
        journal.sync();
        long endNs = background.nanoTime();
        onForced(count, startNs, endNs);
        syncedBytes = bytes;
        logs.afterSync();
        spare = logs;
        projector.onSynced();
    }

    private void onForced(long count, long startNs, long endNs) {
        pace.onForced(count - coveredCount, shard.appendCount() - count, startNs, endNs);
        coveredCount = count;
        lastSyncNs = endNs;
        syncTimeNs = syncTimeNs + endNs - startNs;
        syncCount = syncCount + 1;
    }

    /** Syncs what is left and ends the thread. */
    void close() {
        closed = true;
        worker.close();
    }

    long syncedBytes() {
        return syncedBytes;
    }

    long syncCount() {
        return syncCount;
    }

    long syncTimeNs() {
        return syncTimeNs;
    }
}
