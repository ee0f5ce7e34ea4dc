package io.headrace.objects;

/**
 * How many requests a store bears at a time: additive increase, multiplicative decrease, which is
 * fair among clients that do not know of each other and converges (Chiu and Jain, "Analysis of the
 * increase and decrease algorithms for congestion avoidance in computer networks", 1989).
 *
 * <p>As many successes as the limit is raise it by one; a refusal halves it. Requests that had
 * begun before it was halved say nothing about the new limit, so their refusals do not halve it
 * again.
 *
 * <p>Begins at the maximum, which the operator has chosen. Not thread-safe.
 */
final class AdaptiveLimit {
    private static final double DECREASE = 0.5;

    private final int max;
    private double limit;
    private boolean wasDecreased;
    private long decreasedAt;

    AdaptiveLimit(int max) {
        this.max = max;
        this.limit = max;
    }

    /** Requests that may be in flight now, at least 1. */
    int current() {
        return (int) limit;
    }

    /** A request was answered. */
    void onSuccess() {
        limit = Math.min(max, limit + 1 / limit);
    }

    /**
     * A request was refused.
     *
     * @param begun when it was sent, in nanoseconds
     * @param now in nanoseconds
     */
    void onBusy(long begun, long now) {
        if (!wasDecreased || begun - decreasedAt > 0) {
            limit = Math.max(1, limit * DECREASE);
            wasDecreased = true;
            decreasedAt = now;
        }
    }
}
