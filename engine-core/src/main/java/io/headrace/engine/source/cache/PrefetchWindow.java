package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Bytes that were asked for ahead of readers and not read yet, and their bound, which is shared
 * evenly by the partitions that are being read, whether they hold any of it yet or not: a share of
 * those that hold some would let the first one take all, and keep the others without for as long as
 * it takes to read that. One that holds nothing may take one block in any case.
 *
 * <p>What was asked for ahead of readers who left does not count: it lies in the cache like any
 * other block, and would keep those who read from asking for theirs. While memory is free, the
 * bound is wider: what lies ahead takes the place of nothing then. Thread-safe.
 */
final class PrefetchWindow {
    /** Who was read in this stretch of time or in the one before has a share. */
    static final long STRETCH_NANOS = TimeUnit.SECONDS.toNanos(4);

    private final long limitBytes;
    private final LongSupplier spareBytes;

    /** Of the partitions that have a share. */
    private long bytes;

    private long stretch = Long.MIN_VALUE;
    private List<PartitionBlocks> read = new ArrayList<>();
    private List<PartitionBlocks> readBefore = new ArrayList<>();

    /**
     * @param spareBytes by which the bound is wider now; asked without a lock
     */
    PrefetchWindow(long limitBytes, LongSupplier spareBytes) {
        this.limitBytes = limitBytes;
        this.spareBytes = spareBytes;
    }

    /** A partition is being read. Takes no lock, except once in a stretch of time. */
    void read(PartitionBlocks partition, long nowNanos) {
        long now = Math.floorDiv(nowNanos, STRETCH_NANOS);
        if (partition.windowStretch < now) {
            count(partition, now);
        }
    }

    private synchronized void count(PartitionBlocks partition, long now) {
        if (stretch < now) {
            beginStretch(now);
        }
        if (partition.windowStretch < stretch) {
            partition.windowStretch = stretch;
            read.add(partition);
            if (!partition.hasWindowShare) {
                partition.hasWindowShare = true;
                bytes += partition.windowBytes;
            }
        }
    }

    private void beginStretch(long now) {
        boolean isNext = stretch == now - 1;
        List<PartitionBlocks> ended = readBefore;
        readBefore = read;
        read = new ArrayList<>();
        ended.forEach(partition -> endShare(partition, isNext ? stretch : now));
        if (!isNext) {
            readBefore.forEach(partition -> endShare(partition, now));
            readBefore = new ArrayList<>();
        }
        stretch = now;
    }

    /** Ends the share of who was not read in a stretch of time or after it. */
    private void endShare(PartitionBlocks partition, long since) {
        if (partition.hasWindowShare && partition.windowStretch < since) {
            partition.hasWindowShare = false;
            bytes -= partition.windowBytes;
        }
    }

    /** Takes a part; false if there is not so much left, or the partition has its share. */
    boolean tryTake(PartitionBlocks partition, long length) {
        return tryTake(partition, length, limitBytes + spareBytes.getAsLong());
    }

    private synchronized boolean tryTake(PartitionBlocks partition, long length, long limit) {
        long held = partition.windowBytes;
        long share = limit / Math.max(1, Math.max(read.size(), readBefore.size()));
        boolean isLeft = held + length <= share && bytes + length <= limit;
        if (limit == 0 || held > 0 && !isLeft) {
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

    private void add(PartitionBlocks partition, long length) {
        partition.windowBytes += length;
        if (partition.hasWindowShare) {
            bytes += length;
        }
    }

    /** Asked for ahead of those who read, and not read yet. */
    synchronized long bytes() {
        return bytes;
    }
}
