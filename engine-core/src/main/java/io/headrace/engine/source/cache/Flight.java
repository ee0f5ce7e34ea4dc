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
    private final boolean isSerial;
    private final long reservedBytes;
    private final List<LoadCallback> passengers = new ArrayList<>(1);
    private final int drops;
    private boolean isStarted;

    private Flight(
            StoredBlock stored,
            boolean isPrefetch,
            boolean isSerial,
            long reservedBytes,
            int drops) {
        this.stored = stored;
        this.isPrefetch = isPrefetch;
        this.isSerial = isSerial;
        this.reservedBytes = reservedBytes;
        this.drops = drops;
    }

    /**
     * Somebody waits for the block.
     *
     * @param drops as in {@link PartitionBlocks#drops} when it was called for
     */
    static Flight onDemand(StoredBlock stored, boolean isSerial, int drops) {
        return new Flight(stored, false, isSerial, 0, drops);
    }

    /**
     * Somebody will.
     *
     * @param reservedBytes of the memory's budget
     * @param drops as in {@link PartitionBlocks#drops} when it was called for
     */
    static Flight ahead(StoredBlock stored, boolean isSerial, long reservedBytes, int drops) {
        return new Flight(stored, true, isSerial, reservedBytes, drops);
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

    /** Whether it has to wait its turn in the line of its partition. */
    boolean isSerial() {
        return isSerial;
    }

    boolean isStarted() {
        return isStarted;
    }

    /** What it brings is kept only if none was dropped since. */
    int drops() {
        return drops;
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
