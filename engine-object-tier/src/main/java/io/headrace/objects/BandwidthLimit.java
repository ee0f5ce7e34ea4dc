package io.headrace.objects;

import java.util.function.LongSupplier;

/**
 * Bytes per second that all reads of a store share: each is told when it may begin, one after the
 * other at the rate. Thread-safe.
 */
final class BandwidthLimit {
    private static final double NANOS_PER_SECOND = 1e9;

    private final long bytesPerSecond;
    private final LongSupplier nanoClock;
    private long freeAt;

    /**
     * @param bytesPerSecond 0 for no limit
     */
    BandwidthLimit(long bytesPerSecond, LongSupplier nanoClock) {
        this.bytesPerSecond = bytesPerSecond;
        this.nanoClock = nanoClock;
        this.freeAt = nanoClock.getAsLong();
    }

    /** Reserves the time of so many bytes; nanoseconds to wait before it begins. */
    long reserve(int bytes) {
        // a listing does not queue behind reads
        return bytesPerSecond == 0 || bytes == 0
                ? 0
                : queue((long) (bytes * NANOS_PER_SECOND / bytesPerSecond));
    }

    private synchronized long queue(long nanos) {
        long now = nanoClock.getAsLong();
        long begin = freeAt - now > 0 ? freeAt : now;
        freeAt = begin + nanos;
        return begin - now;
    }
}
