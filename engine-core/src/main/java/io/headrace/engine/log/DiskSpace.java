package io.headrace.engine.log;

import io.headrace.engine.journal.ChronicleJournal;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What of the disk is kept free, and from whom. Space comes back only through deletions that are
 * journaled, through sealing, and under a checkpoint; so that there is room for each of these when
 * it is needed, record batches leave it. docs/design/sealing.md has the arithmetic.
 *
 * <p>Thread-safe; {@link #look} and {@link #report} are called by maintenance, now and then.
 */
final class DiskSpace {
    private static final Logger LOGGER = LoggerFactory.getLogger(DiskSpace.class);

    private final DataFolder folder;
    private final long reserveBytes;
    private final long cycleBytes;

    /** Of the last look: asking for it is a look at each file of the store. */
    private volatile long checkpointBytes;

    /** Of the last look. */
    private volatile long freeBytes;

    private long lastRefusedCount;
    private boolean isRefusing;

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

    /** Notes how long the next checkpoint would be, and what is free. */
    void look() throws IOException {
        checkpointBytes = folder.checkpointBytes();
        freeBytes = folder.usableBytes();
    }

    /**
     * Says when batches begin to be refused for want of space, and when that is over; once each.
     *
     * @param refusedCount batches that were refused since the start
     */
    void report(long refusedCount) {
        boolean isRefused = refusedCount > lastRefusedCount;
        lastRefusedCount = refusedCount;
        if (isRefused && !isRefusing) {
            isRefusing = true;
            LOGGER.warn(
                    "producers are refused until more of the disk is free: freeBytes={}"
                            + " keptBytes={} neededBytes={}",
                    freeBytes,
                    keptBytes(),
                    neededBytes());
        } else if (isRefusing && !isRefused && freeBytes >= neededBytes()) {
            isRefusing = false;
            LOGGER.warn(
                    "producers are no longer refused: freeBytes={} keptBytes={} refused={}",
                    freeBytes,
                    keptBytes(),
                    refusedCount);
        }
    }

    /** Free bytes at the last look. */
    long freeBytes() {
        return freeBytes;
    }

    /** With which the next journal file can be begun. */
    private long neededBytes() {
        return keptBytes() + ChronicleJournal.allocatedBytes(cycleBytes);
    }

    /** How long the next checkpoint would have been at the last look, at most. */
    long checkpointBytes() {
        return checkpointBytes;
    }

    /** Free bytes that record batches leave. */
    long keptBytes() {
        return reserveBytes + entryFileBytes() + checkpointBytes + cycleBytes;
    }

    /**
     * What another journal file takes beyond the half of the reserve that is there for entries: 0
     * if that half is as long.
     */
    long entryFileBytes() {
        long entryBytes = reserveBytes - reserveBytes / 2;
        return Math.max(0, ChronicleJournal.allocatedBytes(cycleBytes) - entryBytes);
    }

    /**
     * Free bytes below which the disk is short: what brings space back hurries, and everything that
     * could do without gives way. A reserve above what is kept, but never so late that record
     * batches are refused before.
     */
    long shortBytes() {
        return Math.max(keptBytes() + reserveBytes, neededBytes());
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
