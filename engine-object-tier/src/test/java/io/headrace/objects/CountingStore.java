package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/** Counts what is read of each object, and fails or holds reads on demand. */
final class CountingStore implements ObjectStore {
    private static final long NANOS_PER_MICRO = 1000;

    private final ObjectStore delegate;
    final LongAdder listings = new LongAdder();
    final LongAdder reads = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final Map<String, LongAdder> bytesByKey = new ConcurrentHashMap<>();
    final AtomicInteger waiting = new AtomicInteger();
    volatile boolean isDown;

    /** Listings end in an error, as if a class were not there. */
    volatile boolean isBroken;

    final LongAdder brokenListings = new LongAdder();
    volatile CountDownLatch gate = new CountDownLatch(0);

    /** Answers come late by up to so much, and so in any order. */
    volatile int jitterMicros;

    final AtomicInteger underWay = new AtomicInteger();
    final AtomicInteger mostUnderWay = new AtomicInteger();

    CountingStore(ObjectStore delegate) {
        this.delegate = delegate;
    }

    @Override
    public String name() {
        return delegate.name();
    }

    @Override
    public List<StoredObject> list(String prefix, String afterKey, int limit) throws IOException {
        requireUp();
        if (isBroken) {
            brokenListings.increment();
            throw new NoClassDefFoundError("of a store");
        }
        listings.increment();
        return delegate.list(prefix, afterKey, limit);
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        requireUp();
        waiting.incrementAndGet();
        try {
            gate.await();
        } catch (InterruptedException interrupted) {
            throw new IOException(interrupted);
        } finally {
            waiting.decrementAndGet();
        }
        int length = into.remaining();
        mostUnderWay.accumulateAndGet(underWay.incrementAndGet(), Math::max);
        try {
            LockSupport.parkNanos(
                    ThreadLocalRandom.current().nextInt(jitterMicros + 1) * NANOS_PER_MICRO);
            delegate.read(object, offset, into);
        } finally {
            underWay.decrementAndGet();
        }
        reads.increment();
        bytes.add(length);
        bytesByKey.computeIfAbsent(object.key(), key -> new LongAdder()).add(length);
    }

    private void requireUp() throws IOException {
        if (isDown) {
            throw new IOException("store is down");
        }
    }

    @Override
    public void close() {
        delegate.close();
    }
}
