package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Asks a store again when it failed in a way that may pass, a bounded number of times, and waits in
 * between: exponentially longer, and with full jitter, so that those who failed together do not
 * come back together (Brooker, "Exponential backoff and jitter", 2015). It waits outside of the
 * store's limits, so that others go on meanwhile.
 *
 * <p>Thread-safe; owns the store around which it stands.
 */
final class RetryingObjectStore implements ObjectStore {
    private static final long BACKOFF_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long BACKOFF_MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final ObjectStore store;
    private final int attemptsMax;
    private final StoreCounters counters;
    private final LongUnaryOperator randomBelow;
    private final Sleeper sleeper;

    RetryingObjectStore(ObjectStore store, int attemptsMax, StoreCounters counters) {
        this(
                store,
                attemptsMax,
                counters,
                bound -> ThreadLocalRandom.current().nextLong(bound),
                Sleeper.THREAD);
    }

    RetryingObjectStore(
            ObjectStore store,
            int attemptsMax,
            StoreCounters counters,
            LongUnaryOperator randomBelow,
            Sleeper sleeper) {
        this.store = store;
        this.attemptsMax = attemptsMax;
        this.counters = counters;
        this.randomBelow = randomBelow;
        this.sleeper = sleeper;
    }

    @Override
    public String name() {
        return store.name();
    }

    /** One call of the store. */
    @FunctionalInterface
    private interface Call<T> {
        T ask() throws IOException;
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        return retried(() -> store.list(prefix, afterKey, limit));
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        int begin = into.position();
        retried(
                () -> {
                    into.position(begin);
                    store.read(object, offset, into);
                    return object;
                });
    }

    private <T> T retried(Call<T> call) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return call.ask();
            } catch (TransientStoreException passing) {
                if (attempt >= attemptsMax) {
                    counters.errors.increment();
                    throw passing;
                }
                counters.retries.increment();
                pause(attempt);
            } catch (IOException lasting) {
                counters.errors.increment();
                throw lasting;
            }
        }
    }

    private void pause(int attempt) throws InterruptedIOException {
        long bound = Math.min(BACKOFF_MAX_NANOS, BACKOFF_MIN_NANOS << (attempt - 1));
        try {
            sleeper.sleep(randomBelow.applyAsLong(bound));
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for a store");
        }
    }

    @Override
    public void close() {
        store.close();
    }
}
