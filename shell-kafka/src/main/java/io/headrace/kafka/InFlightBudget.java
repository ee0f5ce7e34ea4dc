package io.headrace.kafka;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The bytes of requests that all connections together hold, from the first byte that arrives until
 * there is an answer. A connection that finds it used up begins no further request, and is called
 * when bytes come back. Responses are not in here: who does not take his own holds up himself.
 *
 * <p>Requests that wait for something to happen are charged apart, so that those who only wait take
 * nothing from those who work.
 *
 * <p>Thread-safe. The bound is exceeded by at most one frame per connection: what was admitted is
 * received to its end, so that no two connections can wait for each other.
 */
final class InFlightBudget {
    private final long bytesMax;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong parkedBytes = new AtomicLong();
    private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();

    InFlightBudget(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    boolean isUsedUp() {
        return bytes.get() >= bytesMax;
    }

    /** Whether there is so much that a frame may be given room before its bytes are there. */
    boolean hasPlenty() {
        return bytes.get() < bytesMax / 2;
    }

    long bytes() {
        return bytes.get();
    }

    /** Bytes of requests that wait for something to happen. */
    long parkedBytes() {
        return parkedBytes.get();
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
     * Charges a request, which has been taken, as one that waits; as many bytes may wait as may be
     * in work.
     *
     * @return false if too many do; it stays charged as it was
     */
    boolean park(long length) {
        if (parkedBytes.addAndGet(length) > bytesMax) {
            parkedBytes.addAndGet(-length);
            return false;
        }
        giveBack(length);
        return true;
    }

    /** Gives back what was parked. */
    void unpark(long length) {
        parkedBytes.addAndGet(-length);
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
