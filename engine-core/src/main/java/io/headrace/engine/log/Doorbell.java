package io.headrace.engine.log;

import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets one thread park until enough of something has come together. Who adds to it rings with what
 * there is now: that costs a read, and wakes the thread only where it is parked and that is enough.
 *
 * <p>One thread waits; any thread rings. The amount is published by a volatile write before {@link
 * #ring} reads the target, and {@link #await} writes the target before it reads the amount, so that
 * one of the two sees the other.
 */
final class Doorbell {
    /** {@link #ring}: whatever the thread waits for, it should look again. */
    static final long URGENT = Long.MAX_VALUE - 1;

    private static final long NOT_PARKED = Long.MAX_VALUE;

    /** Written before the target, read after it. */
    private @Nullable Thread sleeper;

    private volatile long target = NOT_PARKED;

    /**
     * Parks until the amount is at the target, at most for so many nanoseconds; may return earlier,
     * so that the caller looks again.
     */
    void await(LongSupplier amount, long enough, long atMostNs) {
        sleeper = Thread.currentThread();
        target = enough;
        if (amount.getAsLong() < enough) {
            LockSupport.parkNanos(this, atMostNs);
        }
        target = NOT_PARKED;
    }

    /** Tells how much there is now. */
    void ring(long amount) {
        if (amount >= target) {
            LockSupport.unpark(sleeper);
        }
    }
}
