package io.headrace.engine.source.cache;

/**
 * Bytes that were asked for ahead of readers and not read yet, and their bound, which is shared
 * evenly by the partitions that make use of it. Thread-safe.
 */
final class PrefetchWindow {
    private final long limitBytes;
    private long bytes;
    private int holderCount;

    PrefetchWindow(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /** Takes a part; false if there is not so much left, or the partition has its share. */
    synchronized boolean tryTake(PartitionBlocks partition, long length) {
        long held = partition.windowBytes;
        boolean isOverShare = held > 0 && held + length > limitBytes / holderCount;
        if (isOverShare || bytes + length > limitBytes) {
            return false;
        }
        add(partition, length);
        return true;
    }

    /** What was taken has turned out to be more or less. */
    synchronized void correct(PartitionBlocks partition, long taken, long found) {
        add(partition, found - taken);
    }

    /** Gives back what was taken. */
    synchronized void give(PartitionBlocks partition, long length) {
        add(partition, -length);
    }

    /** A holder is who has any: a block may take nothing. */
    private void add(PartitionBlocks partition, long length) {
        boolean wasHolder = partition.windowBytes > 0;
        partition.windowBytes += length;
        bytes += length;
        boolean isHolder = partition.windowBytes > 0;
        if (isHolder != wasHolder) {
            holderCount += isHolder ? 1 : -1;
        }
    }

    synchronized long bytes() {
        return bytes;
    }
}
