package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The thread that carries what is synced in the data journals over into the metadata store.
 * Recovery is the same work, done once before the engine serves.
 *
 * <p>Owned by the engine: shards are added and recovered first, then it is started; closed after
 * the syncers have ended.
 */
final class Projector implements Background.Work {
    /** Journal bytes after which the metadata store is flushed: bounds replay. */
    private static final long FLUSH_BYTES = 256L << 20;

    /**
     * Time from one turn to the next under load, unless {@link #TURN_BYTES} come together before or
     * somebody waits. What a turn costs beyond its entries (the rows of partitions and producers, a
     * write to the store, waking up) is shared by all of these; what waits meanwhile is known to
     * the partitions' own rings.
     */
    private static final long TURN_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(50);

    /** Synced bytes of a journal that are worth a turn at once. */
    private static final long TURN_BYTES = 16L << 20;

    private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(1);

    private final MetadataStore store;
    private final Set<Long> unionIds;
    private final Background background;
    private final List<ShardProjection> projections = new ArrayList<>();
    private final List<Waiter> waiters = new ArrayList<>();
    private final Background.Worker worker;

    private final Doorbell doorbell = new Doorbell();

    /** What to do between two turns; null if nothing. */
    private final AtomicReference<@Nullable Runnable> task = new AtomicReference<>();

    /** How many wait; written under the monitor of the waiters. */
    private volatile int waiterCount;

    private volatile boolean closed;
    private long unflushedBytes;

    /** When the last turn began. Of the thread alone. */
    private long turnNs;

    private record Waiter(ShardProjection projection, long position, Runnable action) {
        boolean isDue() {
            return projection.appliedPosition() > position;
        }
    }

    /**
     * @param unionIds as in {@link ShardProjection}
     */
    Projector(
            MetadataStore store,
            Set<Long> unionIds,
            Background background,
            Consumer<Throwable> failureHandler) {
        this.store = store;
        this.unionIds = unionIds;
        this.background = background;
        this.worker = background.worker("headrace-projector", this, failureHandler);
        this.turnNs = background.nanoTime() - TURN_INTERVAL_NS;
    }

    /**
     * Adds a shard's journal and replays what the metadata store does not have. Shards are added in
     * order of id.
     */
    void recover(int shardId, Journal journal) {
        if (shardId != projections.size() + 1) {
            throw new IllegalArgumentException("shards out of order: shardId=" + shardId);
        }
        ShardProjection projection = new ShardProjection(shardId, journal, store, unionIds);
        projections.add(projection);
        turn(projection);
    }

    /** Connects a recovered projection with the shard it reports to. */
    void attach(Shard shard) {
        projection(shard.id()).attach(shard);
    }

    void start() {
        worker.start();
    }

    private ShardProjection projection(int shardId) {
        return projections.get(shardId - 1);
    }

    /** Entries below are in the metadata store. */
    long appliedPosition(int shardId) {
        return projection(shardId).appliedPosition();
    }

    /**
     * Bytes of live batches in a cycle or segment, as far as the projection has come.
     *
     * @param file upper half of the positions in it
     */
    long liveBytes(int shardId, int file) {
        return projection(shardId).liveBytes(file);
    }

    /** As {@link #liveBytes(int, int)}, of each file that has any. */
    Map<Integer, Long> liveBytes(int shardId) {
        return projection(shardId).liveBytes();
    }

    /**
     * Runs the action once the entry at the position is in the metadata store: on this thread, if
     * it is already. Asks for no sync.
     */
    void whenApplied(int shardId, long position, Runnable action) {
        Waiter waiter = new Waiter(projection(shardId), position, action);
        if (isAdded(waiter)) {
            doorbell.ring(Doorbell.URGENT);
        } else {
            action.run();
        }
    }

    private boolean isAdded(Waiter waiter) {
        synchronized (waiters) {
            if (waiter.isDue()) {
                return false;
            }
            waiters.add(waiter);
            waiterCount = waiters.size();
            return true;
        }
    }

    /**
     * Runs a task on the projector's thread between two turns, when no row is half-way between
     * store and projection; false if another one waits already.
     */
    boolean offer(Runnable betweenTurns) {
        boolean taken = task.compareAndSet(null, betweenTurns);
        doorbell.ring(Doorbell.URGENT);
        return taken;
    }

    private void runTask() {
        Runnable waiting = task.getAndSet(null);
        if (waiting != null) {
            waiting.run();
        }
    }

    /** Tells that something was synced; by a syncer. */
    void onSynced() {
        doorbell.ring(waitingBytes());
    }

    /** What is there to do: bytes, or {@link Doorbell#URGENT} if somebody waits for it. */
    private long waitingBytes() {
        if (closed || task.get() != null) {
            return Doorbell.URGENT;
        }
        long bytes = 0;
        boolean dropping = false;
        for (ShardProjection projection : projections) {
            if (projection.isBehind()) {
                bytes = Math.max(bytes, Math.max(1, projection.waitingBytes()));
            }
            dropping |= projection.isDropping();
        }
        if (bytes == 0) {
            return dropping ? 1 : 0; // never urgent: nobody waits for it
        }
        return waiterCount > 0 ? Doorbell.URGENT : bytes;
    }

    @Override
    public boolean isDue() {
        long bytes = waitingBytes();
        return bytes >= TURN_BYTES || bytes > 0 && pauseNs() <= 0;
    }

    private long pauseNs() {
        return turnNs + TURN_INTERVAL_NS - background.nanoTime();
    }

    @Override
    public void turn() {
        turnNs = background.nanoTime();
        turnAll();
    }

    @Override
    public void await() {
        if (waitingBytes() == 0) {
            doorbell.await(this::waitingBytes, 1, IDLE_NS);
        } else {
            doorbell.await(this::waitingBytes, TURN_BYTES, pauseNs());
        }
    }

    @Override
    public void end() {
        turnAll();
        store.flush();
    }

    private void turnAll() {
        projections.forEach(this::turn);
        runDueWaiters();
        projections.forEach(ShardProjection::dropStretch);
        runTask();
    }

    private void turn(ShardProjection projection) {
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
    }

    private void runDueWaiters() {
        List<Runnable> due = new ArrayList<>();
        synchronized (waiters) {
            waiters.removeIf(waiter -> waiter.isDue() && due.add(waiter.action));
            waiterCount = waiters.size();
        }
        due.forEach(Runnable::run);
    }

    /** Applies what is synced, flushes the metadata store, and ends the thread. */
    void close() {
        closed = true;
        worker.close();
    }
}
