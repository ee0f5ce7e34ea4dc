package io.headrace.kafka;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes of requests and responses that all connections together hold. A connection that finds
 * it used up stops reading, and is called when bytes come back.
 *
 * <p>Thread-safe. The bound is exceeded by at most one frame per connection: what was admitted is
 * received to its end, so that no two connections can wait for each other.
 */
final class InFlightBudget {
    private final long bytesMax;
    private final AtomicLong bytes = new AtomicLong();
    private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();

    InFlightBudget(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    boolean isUsedUp() {
        return bytes.get() >= bytesMax;
    }

    long bytes() {
        return bytes.get();
    }

    void take(long length) {
        bytes.addAndGet(length);
    }

    void giveBack(long length) {
        if (bytes.addAndGet(-length) < bytesMax) {
            wakeAll();
        }
    }

    /**
     * Calls once, when there are bytes to take again: at once if there are now. A connection has at
     * most one call outstanding, which bounds the queue by the number of connections.
     */
    void whenAvailable(Runnable wake) {
        waiting.add(wake);
        // Bytes may have come back between the caller's look and the line above.
        if (!isUsedUp()) {
            wakeAll();
        }
    }

    private void wakeAll() {
        for (Runnable wake = waiting.poll(); wake != null; wake = waiting.poll()) {
            wake.run();
        }
    }
}
