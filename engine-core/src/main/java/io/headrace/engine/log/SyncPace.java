package io.headrace.engine.log;

import java.util.concurrent.TimeUnit;

/**
 * When the next force may begin: how group commit makes groups.
 *
 * <p>A force costs nearly the same for one append as for ten. Producers that keep a few requests in
 * flight send the next ones when the last are acknowledged; forced at once, they fall into two
 * halves that take turns, each force covering only one. So after a force that found company, the
 * next one waits until as many appends are there as the last force covered and found waiting at its
 * end, at most for as long as that force took, and never longer than {@value #PAUSE_US_MAX} µs.
 * (The commit delay of databases, bounded by its own measure: DeWitt et al., "Implementation
 * Techniques for Main Memory Database Systems", 1984.) Measured with five requests of 64 KiB in
 * flight: 2.5 appends to a force instead of 1.5.
 *
 * <p>The pause begins at the end of the last force, so that an append which comes later than that
 * never waits; and a producer alone, with one append at a time, never makes one.
 *
 * <p>Used by the syncer's thread.
 */
final class SyncPace {
    /** Appends in flight from which on one force may do for two. */
    static final int COMPANY_MIN = 2;

    static final long PAUSE_US_MAX = 1000;

    private static final long PAUSE_NS_MAX = TimeUnit.MICROSECONDS.toNanos(PAUSE_US_MAX);

    private long expectedCount;
    private long pauseEndNs;

    /**
     * Notes a force.
     *
     * @param coveredCount appends that it made durable
     * @param waitingCount appends that came while it ran
     */
    void onForced(long coveredCount, long waitingCount, long startNs, long endNs) {
        long inFlight = coveredCount + waitingCount;
        expectedCount = inFlight < COMPANY_MIN ? 0 : inFlight;
        pauseEndNs = endNs + Math.min(endNs - startNs, PAUSE_NS_MAX);
    }

    /** Appends that need not wait any longer for more to come. */
    long expectedCount() {
        return expectedCount;
    }

    /** Nanoseconds to wait for more; 0 or less if so many appends are to be forced now. */
    long pauseNs(long waitingCount, long nowNs) {
        return waitingCount >= expectedCount ? 0 : pauseEndNs - nowNs;
    }
}
