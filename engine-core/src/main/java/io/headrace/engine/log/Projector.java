package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The thread that carries what is synced in the data journals over into the metadata store.
 * Recovery is the same work, done once before the engine serves.
 *
 * <p>Owned by the engine: shards are added and recovered first, then it is started; closed after
 * the syncers have ended.
 */
final class Projector {
    /** Journal bytes after which the metadata store is flushed: bounds replay. */
    private static final long FLUSH_BYTES = 256L << 20;

    /** Pause between two turns under load: makes the batches worth their while. */
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(1);

    private final MetadataStore store;
    private final Consumer<Throwable> failureHandler;
    private final List<ShardProjection> projections = new ArrayList<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "headrace-projector");

    private volatile boolean parked;
    private volatile boolean closed;
    private long unflushedBytes;

    private record Waiter(ShardProjection projection, long position, Runnable action) {
        boolean isDue() {
            return projection.appliedPosition() > position;
        }
    }

    Projector(MetadataStore store, Consumer<Throwable> failureHandler) {
        this.store = store;
        this.failureHandler = failureHandler;
        thread.setDaemon(true);
    }

    /**
     * Adds a shard's journal and replays what the metadata store does not have. Shards are added in
     * order of id.
     */
    void recover(int shardId, Journal journal) {
        if (shardId != projections.size() + 1) {
            throw new IllegalArgumentException("shards out of order: shardId=" + shardId);
        }
        ShardProjection projection = new ShardProjection(shardId, journal, store);
        projections.add(projection);
        turn(projection);
    }

    /** Connects a recovered projection with the shard it reports to. */
    void attach(Shard shard) {
        projection(shard.id()).attach(shard);
    }

    void start() {
        thread.start();
    }

    private ShardProjection projection(int shardId) {
        return projections.get(shardId - 1);
    }

    /** Entries below are in the metadata store. */
    long appliedPosition(int shardId) {
        return projection(shardId).appliedPosition();
    }

    /** Bytes of live batches in a cycle, as far as the projection has come. */
    long liveBytes(int shardId, int cycle) {
        return projection(shardId).liveBytes(cycle);
    }

    /**
     * Runs the action on this thread once the entry at the position is in the metadata store; at
     * once if it is.
     */
    void whenApplied(int shardId, long position, Runnable action) {
        Waiter waiter = new Waiter(projection(shardId), position, action);
        synchronized (waiters) {
            if (!waiter.isDue()) {
                waiters.add(waiter);
                return;
            }
        }
        action.run();
    }

    /** Tells that something was synced. */
    void wake() {
        if (parked) {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        try {
            while (!closed) {
                if (turnAll() > 0) {
                    LockSupport.parkNanos(PAUSE_NS);
                } else {
                    park();
                }
            }
            turnAll();
            store.flush();
        } catch (RuntimeException | Error e) {
            failureHandler.accept(e);
        }
    }

    private void park() {
        parked = true;
        // Looks again after the flag is visible: a wake before that did not unpark.
        if (!closed && projections.stream().noneMatch(ShardProjection::isBehind)) {
            LockSupport.parkNanos(IDLE_NS);
        }
        parked = false;
    }

    private long turnAll() {
        long bytes = 0;
        for (ShardProjection projection : projections) {
            bytes += turn(projection);
        }
        if (bytes > 0) {
            runDueWaiters();
        }
        return bytes;
    }

    private long turn(ShardProjection projection) {
        long bytes;
        try {
            bytes = projection.applySynced();
        } catch (IOException e) {
            throw new EngineException("journal cannot be read: shard=" + projection.shardId(), e);
        }
        unflushedBytes += bytes;
        if (unflushedBytes >= FLUSH_BYTES) {
            store.flush();
            unflushedBytes = 0;
        }
        return bytes;
    }

    private void runDueWaiters() {
        List<Waiter> due = new ArrayList<>();
        synchronized (waiters) {
            for (Waiter waiter : waiters) {
                if (waiter.isDue()) {
                    due.add(waiter);
                }
            }
            waiters.removeAll(due);
        }
        due.forEach(waiter -> waiter.action.run());
    }

    /** Applies what is synced, flushes the metadata store, and ends the thread. */
    void close() {
        closed = true;
        LockSupport.unpark(thread);
        Threads.joinUninterruptibly(thread);
    }
}
