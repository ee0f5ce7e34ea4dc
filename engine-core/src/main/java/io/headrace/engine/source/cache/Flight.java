package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.List;

/**
 * A block on its way into memory, from whichever tier, and who waits for it. Guarded by the lock of
 * its partition.
 */
final class Flight {
    private final StoredBlock stored;
    private final boolean isPrefetch;
    private final long reservedBytes;
    private final long calledNanos;
    private final List<LoadCallback> passengers = new ArrayList<>(1);
    private boolean isStarted;

    private Flight(StoredBlock stored, boolean isPrefetch, long reservedBytes, long calledNanos) {
        this.stored = stored;
        this.isPrefetch = isPrefetch;
        this.reservedBytes = reservedBytes;
        this.calledNanos = calledNanos;
    }

    /** Somebody waits for the block. */
    static Flight onDemand(StoredBlock stored, long nowNanos) {
        return new Flight(stored, false, 0, nowNanos);
    }

    /**
     * Somebody will.
     *
     * @param reservedBytes of the memory's budget
     */
    static Flight ahead(StoredBlock stored, long reservedBytes, long nowNanos) {
        return new Flight(stored, true, reservedBytes, nowNanos);
    }

    StoredBlock stored() {
        return stored;
    }

    boolean isPrefetch() {
        return isPrefetch;
    }

    long reservedBytes() {
        return reservedBytes;
    }

    /** When it was called for, which may be some time before it started. */
    long calledNanos() {
        return calledNanos;
    }

    void board(LoadCallback passenger) {
        passengers.add(passenger);
    }

    List<LoadCallback> passengers() {
        return passengers;
    }

    /** True for the first who asks: it flies. */
    boolean start() {
        boolean isFirst = !isStarted;
        isStarted = true;
        return isFirst;
    }
}
