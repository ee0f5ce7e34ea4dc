package io.headrace.testing.s3;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * How slow the wire is. May be changed at any time, by any thread; what is under way follows.
 *
 * <p>Latency is waited for by each request on its own, so that many requests wait at the same time;
 * bandwidth is that of response bodies, shared by all connections, and of each connection alone.
 */
public final class Shape {
    /** Between two looks at whether a request that is held may go on. */
    private static final long LOOK_NANOS = 2_000_000;

    private final TokenBucket shared = new TokenBucket(System::nanoTime);
    private volatile long latencyMinNanos;
    private volatile long latencyMaxNanos;
    private volatile long bytesPerSecond = Long.MAX_VALUE;
    private volatile long connectionBytesPerSecond = Long.MAX_VALUE;
    private volatile Predicate<String> held = key -> false;

    Shape() {}

    /**
     * What each request waits before the server sees it, evenly distributed.
     *
     * @return this
     */
    public Shape latency(Duration min, Duration max) {
        latencyMinNanos = min.toNanos();
        latencyMaxNanos = max.toNanos();
        return this;
    }

    /**
     * The same latency for each request.
     *
     * @return this
     */
    public Shape latency(Duration each) {
        return latency(each, each);
    }

    /**
     * Bytes per second of all connections together; {@link Long#MAX_VALUE} does not limit.
     *
     * @return this
     */
    public Shape bandwidth(long bytes) {
        bytesPerSecond = bytes;
        return this;
    }

    /**
     * Bytes per second of each connection; {@link Long#MAX_VALUE} does not limit.
     *
     * @return this
     */
    public Shape connectionBandwidth(long bytes) {
        connectionBytesPerSecond = bytes;
        return this;
    }

    /**
     * Has requests for objects with such keys wait until others are held instead, or none.
     *
     * @return this
     */
    public Shape hold(Predicate<String> keys) {
        held = keys;
        return this;
    }

    /** Waits as long as an object is held. */
    void awaitRelease(String key) {
        while (held.test(key) && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Waits as long as a request has to. */
    void delay(SplittableRandom random) {
        long min = latencyMinNanos;
        long max = Math.max(min, latencyMaxNanos);
        pause(min == max ? min : random.nextLong(min, max + 1));
    }

    /** Waits until so many bytes may leave on a connection. */
    void send(long bytes, TokenBucket connection) {
        long wait = 0;
        if (bytesPerSecond != Long.MAX_VALUE) {
            wait = shared.reserve(bytes, bytesPerSecond);
        }
        if (connectionBytesPerSecond != Long.MAX_VALUE) {
            wait = Math.max(wait, connection.reserve(bytes, connectionBytesPerSecond));
        }
        pause(wait);
    }

    private static void pause(long nanos) {
        long until = System.nanoTime() + nanos;
        long left = nanos;
        while (left > 0 && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(left);
            left = until - System.nanoTime();
        }
    }
}
