package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the use of a store within a number of requests at a time and a bandwidth. Whoever is too
 * much waits, first come first served. A store that says it is busy is asked less, see {@link
 * AdaptiveLimit}.
 *
 * <p>Thread-safe; owns the store around which it stands. Waiting is bounded by the number of
 * threads that call, and by the time that the store takes for each request.
 */
final class ThrottledObjectStore implements ObjectStore {
    private final ObjectStore store;
    private final StoreCounters counters;
    private final BandwidthLimit bandwidth;
    private final LongSupplier nanoClock;
    private final Sleeper sleeper;
    private final ReentrantLock lock = new ReentrantLock(true);
    private final Condition freed = lock.newCondition();

    // guarded by the lock
    private final AdaptiveLimit limit;
    private int inFlight;

    ThrottledObjectStore(ObjectStore store, StoreLimits limits, StoreCounters counters) {
        this(store, limits, counters, System::nanoTime, Sleeper.THREAD);
    }

    ThrottledObjectStore(
            ObjectStore store,
            StoreLimits limits,
            StoreCounters counters,
            LongSupplier nanoClock,
            Sleeper sleeper) {
        this.store = store;
        this.counters = counters;
        this.bandwidth = new BandwidthLimit(limits.bandwidthMaxBytes(), nanoClock);
        this.nanoClock = nanoClock;
        this.sleeper = sleeper;
        this.limit = new AdaptiveLimit(limits.requestsMax());
        counters.limit = limit.current();
    }

    @Override
    public String name() {
        return store.name();
    }

    /** A request to the store. */
    @FunctionalInterface
    private interface Request<T> {
        T send() throws IOException;
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        return within(0, () -> store.list(prefix, afterKey, limit));
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        int length = into.remaining();
        within(
                length,
                () -> {
                    store.read(object, offset, into);
                    return object;
                });
        counters.bytes.add(length);
    }

    private <T> T within(int bytes, Request<T> request) throws IOException {
        try {
            acquire();
        } catch (InterruptedException closing) {
            throw interrupted();
        }
        long begun = 0;
        boolean isDone = false;
        boolean isBusy = false;
        try {
            sleeper.sleep(bandwidth.reserve(bytes));
            begun = nanoClock.getAsLong();
            counters.requests.increment();
            T answer = request.send();
            isDone = true;
            return answer;
        } catch (StoreBusyException busy) {
            isBusy = true;
            counters.throttled.increment();
            throw busy;
        } catch (InterruptedException closing) {
            throw interrupted();
        } finally {
            release(isDone, isBusy, begun);
        }
    }

    private static InterruptedIOException interrupted() {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("interrupted while waiting for a store");
    }

    private void acquire() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (inFlight >= limit.current()) {
                freed.await();
            }
            inFlight++;
        } finally {
            lock.unlock();
        }
        counters.inFlight.incrementAndGet();
    }

    private void release(boolean isDone, boolean isBusy, long begun) {
        counters.inFlight.decrementAndGet();
        lock.lock();
        try {
            inFlight--;
            if (isDone) {
                limit.onSuccess();
            } else if (isBusy) {
                limit.onBusy(begun, nanoClock.getAsLong());
            }
            counters.limit = limit.current();
            // one place was given back, and the limit may have grown by one
            freed.signal();
            freed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        store.close();
    }
}
