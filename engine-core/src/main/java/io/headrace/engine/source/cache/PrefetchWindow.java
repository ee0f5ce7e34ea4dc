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
        int sharers = held == 0 ? holderCount + 1 : holderCount;
        boolean isOverShare = held > 0 && held + length > limitBytes / sharers;
        if (isOverShare || bytes + length > limitBytes) {
            return false;
        }
        holderCount = sharers;
        partition.windowBytes = held + length;
        bytes += length;
        return true;
    }

    /** What was taken has turned out to be more or less. */
    synchronized void correct(PartitionBlocks partition, long taken, long found) {
        partition.windowBytes += found - taken;
        bytes += found - taken;
    }

    /** Gives back what was taken. */
    synchronized void give(PartitionBlocks partition, long length) {
        partition.windowBytes -= length;
        bytes -= length;
        if (partition.windowBytes == 0) {
            holderCount--;
        }
    }

    synchronized long bytes() {
        return bytes;
    }
}
