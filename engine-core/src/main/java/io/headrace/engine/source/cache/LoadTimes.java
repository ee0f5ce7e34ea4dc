package io.headrace.engine.source.cache;

/** How long a store takes for a block: an exponential average. Thread-safe. */
public final class LoadTimes {
    private static final double WEIGHT = 1.0 / 8;

    private volatile double averageNanos;

    /** A block took so long. */
    synchronized void add(long nanos) {
        double before = averageNanos;
        averageNanos = before == 0 ? nanos : before + WEIGHT * (nanos - before);
    }

    /** 0 while nothing was measured. */
    double averageNanos() {
        return averageNanos;
    }
}
