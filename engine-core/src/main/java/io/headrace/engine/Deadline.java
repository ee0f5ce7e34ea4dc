package io.headrace.engine;

import java.util.concurrent.TimeUnit;

/**
 * A point in time that several steps share: each waits for what is left, so that together they take
 * no longer than was given. Immutable.
 */
@Experimental
public final class Deadline {
    private final long endNs;

    private Deadline(long endNs) {
        this.endNs = endNs;
    }

    /** So many milliseconds from now. */
    public static Deadline afterMs(long ms) {
        return new Deadline(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms));
    }

    /** So many milliseconds before this one: what leaves so much for the steps that follow. */
    public Deadline earlierByMs(long ms) {
        return new Deadline(endNs - TimeUnit.MILLISECONDS.toNanos(ms));
    }

    /** So many milliseconds from now, or this one if it comes first. */
    public Deadline atMostMs(long ms) {
        return new Deadline(endNs - Math.max(0, remainingNs() - TimeUnit.MILLISECONDS.toNanos(ms)));
    }

    /** Nanoseconds that are left; 0 if it is past. */
    public long remainingNs() {
        return Math.max(0, endNs - System.nanoTime());
    }

    /** Milliseconds that are left, rounded up; 0 if it is past. */
    public long remainingMs() {
        return TimeUnit.NANOSECONDS.toMillis(remainingNs() + 999_999);
    }
}
