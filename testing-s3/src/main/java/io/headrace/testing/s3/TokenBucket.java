package io.headrace.testing.s3;

import java.util.function.LongSupplier;

/**
 * A rate that is shared by whoever sends: each reservation is told how long to wait before its
 * bytes may leave. What was not used for a while is lost but for a small burst. Thread-safe.
 */
final class TokenBucket {
    /** What may leave at once after a pause, as time at the full rate. */
    private static final long BURST_NANOS = 10_000_000L;

    private static final double NANOS_PER_SECOND = 1e9;

    private final LongSupplier nanoClock;
    private long freeAt;

    TokenBucket(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
        this.freeAt = nanoClock.getAsLong();
    }

    /**
     * Takes so many bytes at a rate.
     *
     * @return nanoseconds to wait before they may leave; 0 or less means now
     */
    synchronized long reserve(long bytes, long bytesPerSecond) {
        long now = nanoClock.getAsLong();
        long begin = Math.max(freeAt, now - BURST_NANOS);
        freeAt = begin + (long) (bytes * NANOS_PER_SECOND / bytesPerSecond);
        return freeAt - now;
    }
}
