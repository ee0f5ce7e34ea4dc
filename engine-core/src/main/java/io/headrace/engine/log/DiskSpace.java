package io.headrace.engine.log;

import java.io.IOException;

/**
 * What of the disk is kept free, and from whom. Space comes back only through deletions that are
 * journaled, through sealing, and under a checkpoint; so that there is room for each of these when
 * it is needed, record batches leave it. docs/design/sealing.md has the arithmetic.
 *
 * <p>Thread-safe; {@link #look} is called by maintenance, now and then.
 */
final class DiskSpace {
    private final DataFolder folder;
    private final long reserveBytes;
    private final long cycleBytes;

    /** Of the last look: asking for it is a look at each file of the store. */
    private volatile long checkpointBytes;

    /**
     * @param reserveBytes that are kept for what brings space back
     * @param cycleBytes of a journal file, more than twice what sealing one writes
     */
    DiskSpace(DataFolder folder, long reserveBytes, long cycleBytes) throws IOException {
        this.folder = folder;
        this.reserveBytes = reserveBytes;
        this.cycleBytes = cycleBytes;
        look();
    }

    /** Notes how long the next checkpoint would be. */
    void look() throws IOException {
        checkpointBytes = folder.checkpointBytes();
    }

    /** How long the next checkpoint would have been at the last look, at most. */
    long checkpointBytes() {
        return checkpointBytes;
    }

    /** Free bytes that record batches leave. */
    long keptBytes() {
        return reserveBytes + checkpointBytes + cycleBytes;
    }

    /**
     * Free bytes below which the disk is short: what brings space back hurries, and everything that
     * could do without gives way. A reserve before record batches are refused.
     */
    long shortBytes() {
        return keptBytes() + reserveBytes;
    }

    /** Whether the disk is short. */
    boolean isShort() throws IOException {
        return folder.usableBytes() < shortBytes();
    }

    /**
     * Bytes that may be written before any of them come back, which takes a checkpoint and entries
     * in the journal. Half of what is there beyond these; of a disk that is short all of it, and
     * half of the reserve.
     */
    long spareBytes() throws IOException {
        long spare = folder.usableBytes() - folder.checkpointBytes() - reserveBytes;
        return Math.max(0, isShort() ? spare + reserveBytes / 2 : spare / 2);
    }
}
