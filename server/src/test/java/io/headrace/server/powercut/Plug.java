package io.headrace.server.powercut;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Pulls a guest's plug at a moment chosen by a seed: during start-up after so many requests to the
 * disk, or under load after some time, as soon as so many writes have reached the disk and no flush
 * yet. A thread that {@link #await} ends.
 */
final class Plug {
    private static final int START_ONE_IN = 4;
    private static final int START_REQUESTS_MAX = 100;
    private static final int LOAD_MS_MAX = 8_000;
    private static final int UNFLUSHED_MAX = 3;

    /** A load that never has that many writes in flight is cut at any moment in the end. */
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(20);

    private static final long LOAD_CHECK_MS = 100;
    private static final long POLL_NS = 200_000;

    private final Guest guest;
    private final Path log;
    private final boolean duringStart;
    private final int startRequests;
    private final int loadMs;
    private final int unflushedWanted;
    private final CountDownLatch underLoad = new CountDownLatch(1);
    private final AtomicLong told = new AtomicLong();
    private final LongSupplier clock;
    private volatile long toldNs;
    private final AtomicBoolean pulled = new AtomicBoolean();
    private final Thread thread = new Thread(this::run, "plug");

    /**
     * @param clock for {@link #toldNs}
     */
    Plug(Guest guest, Path log, Random random, boolean mayBeDuringStart, LongSupplier clock) {
        this.guest = guest;
        this.log = log;
        this.duringStart = random.nextInt(START_ONE_IN) == 0 && mayBeDuringStart;
        this.startRequests = 1 + random.nextInt(START_REQUESTS_MAX);
        this.loadMs = random.nextInt(LOAD_MS_MAX);
        this.clock = clock;
        this.toldNs = clock.getAsLong();
        this.unflushedWanted = 1 + random.nextInt(UNFLUSHED_MAX);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** All clients are being answered. */
    void underLoad() {
        underLoad.countDown();
    }

    /**
     * Somebody has just been told something: it does not rely on what is asked of the disk later.
     */
    void told() {
        long nowNs = clock.getAsLong();
        told.accumulateAndGet(log.toFile().length(), Math::max);
        toldNs = nowNs;
    }

    /** Length of the log when somebody was last told something. */
    long toldPosition() {
        return told.get();
    }

    /** When somebody was last told something: the cut is not made before. */
    long toldNs() {
        return toldNs;
    }

    /** Now, whatever the plan was. */
    void pull() {
        pulled.set(true);
        guest.kill();
    }

    /** Whether it was pulled: what clients meet then is no failure. */
    boolean isPulled() {
        return pulled.get();
    }

    /** Waits until the guest is dead. */
    void await() throws InterruptedException {
        thread.join();
    }

    private void run() {
        try (WriteLog requests = WriteLog.open(log)) {
            if (duringStart) {
                awaitRequests(requests);
            } else {
                awaitLoad();
                awaitUnflushed(requests);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            pull();
        }
    }

    /** Whatever the guest is doing by then, it is cut off. */
    private void awaitRequests(WriteLog requests) throws IOException {
        int count = 0;
        while (count < startRequests && guest.isAlive() && underLoad.getCount() > 0) {
            if (requests.next() != null) {
                count++;
            } else {
                LockSupport.parkNanos(POLL_NS);
            }
        }
    }

    private void awaitLoad() throws InterruptedException {
        while (guest.isAlive() && !underLoad.await(LOAD_CHECK_MS, TimeUnit.MILLISECONDS)) {}
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(loadMs));
    }

    private void awaitUnflushed(WriteLog requests) throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NS;
        int unflushed = 0;
        while (guest.isAlive() && System.nanoTime() < deadline) {
            DiskRequest next = requests.next();
            if (next != null) {
                unflushed = next.flush() ? 0 : unflushed + 1;
            } else if (unflushed >= unflushedWanted) {
                return;
            } else {
                LockSupport.parkNanos(POLL_NS);
            }
        }
    }

    @Override
    public String toString() {
        return duringStart
                ? "after " + startRequests + " requests"
                : "under load, " + loadMs + " ms, " + unflushedWanted + " unflushed";
    }
}
