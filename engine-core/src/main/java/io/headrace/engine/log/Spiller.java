package io.headrace.engine.log;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * The thread that carries what a shard's hybrid logs hold in memory alone over into the journal, in
 * turns: all logs with news at once, then one sync for them. It sleeps until half of the smallest
 * window is over that one of them allows; the other half is for writing and forcing.
 *
 * <p>Owned by its {@link Shard}; ended before the {@link Syncer}.
 */
final class Spiller implements Background.Work {
    /** From one try to the next where the journal has no space. */
    private static final long RETRY_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long NEVER = Long.MAX_VALUE;

    private final Shard shard;
    private final Background background;
    private final Background.Worker worker;
    private final Doorbell doorbell = new Doorbell();

    /** What the clock said when this began, so that times are numbers that only grow, from 0. */
    private final long beginNs;

    private final Object listLock = new Object();

    /** Logs with something to spill, each once; guarded by the list's lock. */
    private List<HybridLog> listed = new ArrayList<>();

    /** Those of the turn; empty between two turns. Used by the thread alone. */
    private List<HybridLog> spilling = new ArrayList<>();

    /** When the next turn has to begin; written under the list's lock. */
    private volatile long dueNs = NEVER;

    private volatile boolean requested;
    private volatile boolean closed;

    private final LongAdder lateCount = new LongAdder();

    /** Both written by the thread, read by anyone. */
    private volatile long turnCount;

    private volatile long spilledBytes;

    Spiller(Shard shard, Background background, Consumer<Throwable> failureHandler) {
        this.shard = shard;
        this.background = background;
        this.worker = background.worker("headrace-spiller-" + shard.id(), this, failureHandler);
        this.beginNs = background.nanoTime();
    }

    void start() {
        worker.start();
    }

    /** Nanoseconds since this began. */
    long elapsedNs() {
        return background.nanoTime() - beginNs;
    }

    /** Has a log spilled in time for its window; the caller holds the log's lock. */
    void add(HybridLog log, long windowMs) {
        addDue(log, false, elapsedNs() + TimeUnit.MILLISECONDS.toNanos(windowMs) / 2);
    }

    /**
     * Has a log spilled after a while, because now there was no space.
     *
     * @param isListed whether it has been added since, be it for much later
     */
    void addAgain(HybridLog log, boolean isListed) {
        addDue(log, isListed, elapsedNs() + RETRY_NS);
    }

    private void addDue(HybridLog log, boolean isListed, long logDueNs) {
        synchronized (listLock) {
            if (!isListed) {
                listed.add(log);
            }
            if (logDueNs >= dueNs) {
                return;
            }
            dueNs = logDueNs;
        }
        doorbell.ring(1);
    }

    /** Asks for a turn now. */
    void request() {
        requested = true;
        doorbell.ring(1);
    }

    @Override
    public boolean isDue() {
        return requested || elapsedNs() >= dueNs;
    }

    @Override
    public void end() {
        turn();
    }

    /** A request is enough, and so is a turn that is due earlier than was known. */
    @Override
    public void await() {
        long knownNs = dueNs;
        long pauseNs = knownNs - elapsedNs();
        if (pauseNs > 0) {
            doorbell.await(() -> requested || closed || dueNs != knownNs ? 1 : 0, 1, pauseNs);
        }
    }

    @Override
    public void turn() {
        requested = false;
        synchronized (listLock) {
            List<HybridLog> empty = spilling;
            spilling = listed;
            listed = empty;
            dueNs = NEVER;
        }
        if (spilling.isEmpty()) {
            return;
        }
        long bytes = 0;
        for (int i = 0; i < spilling.size(); i++) {
            bytes += spilling.get(i).spill();
        }
        spilling.clear();
        spilledBytes = spilledBytes + bytes;
        turnCount = turnCount + 1;
        shard.requestSync();
    }

    /** Notes that a high watermark waits for the disk, because a window is over. */
    void onLate() {
        lateCount.increment();
    }

    /** Spills what is left, as far as there is space, and ends the thread. */
    void close() {
        closed = true;
        worker.close();
    }

    long turnCount() {
        return turnCount;
    }

    long spilledBytes() {
        return spilledBytes;
    }

    long lateCount() {
        return lateCount.sum();
    }
}
