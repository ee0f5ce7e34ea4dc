package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides which blocks are held in memory, within a budget that holds at every time: what is being
 * prefetched counts from the moment it is called for. Which one goes is told in {@link Cursors}; of
 * two that are needed at the same time, the one that is on disk as well goes first, since it comes
 * back without the store.
 *
 * <p>Thread-safe. One lock for decisions; it may be held while taking that of a partition, never
 * the other way round. Looking a block up takes the partition's lock alone.
 */
final class MemoryTier {
    /** How much less a block is worth that can be read from disk again. */
    private static final double WEIGHT_ON_DISK = 16;

    private final long budgetBytes;
    private final CacheCounters counters;
    private final LongSupplier nanoClock;
    private final Consumer<Evicted> whenEvicted;
    private final Occupants occupants = new Occupants();
    private final Victim victim = new Victim();
    private final Cursors.Farthest scratch = new Cursors.Farthest();
    private long bytes;
    private boolean isClosed;

    /**
     * A block that lost its place, with the reference that was the cache's.
     *
     * @param drops as in {@link PartitionBlocks#drops} when it did
     */
    record Evicted(PartitionBlocks partition, CachedBlock block, int drops) {}

    /**
     * @param whenEvicted takes over the reference; called without a lock
     */
    MemoryTier(
            long budgetBytes,
            CacheCounters counters,
            LongSupplier nanoClock,
            Consumer<Evicted> whenEvicted) {
        this.budgetBytes = budgetBytes;
        this.counters = counters;
        this.nanoClock = nanoClock;
        this.whenEvicted = whenEvicted;
    }

    /** Weighs the time until a block is needed by how cheaply it comes back. */
    static double score(double useNanos, boolean isOnDisk, boolean isAskedFor) {
        return isOnDisk && !isAskedFor ? useNanos * WEIGHT_ON_DISK : useNanos;
    }

    /** Most bytes held. */
    long budgetBytes() {
        return budgetBytes;
    }

    /** Bytes held or reserved. */
    synchronized long bytes() {
        return bytes;
    }

    /**
     * Makes room for a block that is not there yet, at the cost of blocks that are needed later;
     * false if there are not enough of them.
     */
    boolean reserve(PartitionBlocks partition, StoredBlock stored, long length) {
        List<Evicted> evicted = new ArrayList<>(0);
        boolean isReserved;
        synchronized (this) {
            long now = nanoClock.getAsLong();
            isReserved =
                    !isClosed && makeRoom(length, partition.useNanos(stored, now), now, evicted);
            if (isReserved) {
                bytes += length;
            }
        }
        evicted.forEach(whenEvicted);
        return isReserved;
    }

    /** Gives back what was reserved and is not needed. */
    synchronized void unreserve(long length) {
        bytes -= length;
    }

    /**
     * Ends a flight: takes the block in, if it is worth it, and gives it to the passengers.
     *
     * @param block with a reference, which is taken over; null if the flight failed
     */
    void land(
            PartitionBlocks partition,
            Flight flight,
            @Nullable CachedBlock block,
            @Nullable Throwable failure) {
        List<Evicted> evicted = new ArrayList<>(0);
        List<LoadCallback> passengers;
        boolean isTakenIn;
        synchronized (this) {
            bytes -= flight.reservedBytes();
            // Into the map before the flight is gone: whoever looks sees one of the two.
            isTakenIn =
                    block != null
                            && partition.drops() == flight.drops()
                            && takeIn(partition, block, evicted);
            passengers = partition.land(flight, block);
        }
        if (block != null && !isTakenIn) {
            counters.memoryBypasses.increment();
            partition.tiers().discard(partition, block); // offered to the disk already
        }
        evicted.forEach(whenEvicted);
        passengers.forEach(passenger -> passenger.onLoaded(block, failure));
    }

    /** Takes in a block that nobody asked for, if it is worth it. The reference is taken over. */
    void add(PartitionBlocks partition, CachedBlock block) {
        List<Evicted> evicted = new ArrayList<>(0);
        synchronized (this) {
            if (!takeIn(partition, block, evicted)) {
                evicted.add(new Evicted(partition, block, partition.drops()));
            }
        }
        evicted.forEach(whenEvicted);
    }

    private boolean takeIn(PartitionBlocks partition, CachedBlock block, List<Evicted> evicted) {
        long now = nanoClock.getAsLong();
        if (isClosed
                || !makeRoom(block.capacity(), partition.score(block, now), now, evicted)
                || !partition.insert(block)) {
            return false;
        }
        bytes += block.capacity();
        occupants.add(partition);
        return true;
    }

    private boolean makeRoom(long length, double score, long nowNanos, List<Evicted> evicted) {
        if (length > budgetBytes) {
            return false;
        }
        while (bytes + length > budgetBytes) {
            findVictim(nowNanos);
            PartitionBlocks partition = victim.partition();
            if (partition == null || victim.score() <= score) {
                return false;
            }
            evict(partition, victim.key(), evicted);
        }
        return true;
    }

    private void findVictim(long nowNanos) {
        victim.reset();
        occupants.sample(partition -> partition.offerFarthest(nowNanos, scratch, victim));
    }

    private void evict(PartitionBlocks partition, long key, List<Evicted> evicted) {
        CachedBlock block = partition.removeFromMemory(key);
        if (block == null) {
            throw new IllegalStateException(
                    "victim is not there: " + partition + " firstOffset=" + key);
        }
        bytes -= block.capacity();
        counters.memoryEvictions.increment();
        evicted.add(new Evicted(partition, block, partition.drops()));
        if (partition.isMemoryEmpty()) {
            occupants.remove(partition);
        }
    }

    /**
     * Drops blocks of at least so many bytes, if there are as many: memory is short. They are not
     * offered to the disk, where they would hold the memory until they are written.
     */
    void release(long length) {
        List<Evicted> evicted = new ArrayList<>();
        synchronized (this) {
            long now = nanoClock.getAsLong();
            long goal = Math.max(0, bytes - length);
            while (bytes > goal) {
                findVictim(now);
                PartitionBlocks partition = victim.partition();
                if (partition == null) {
                    break;
                }
                evict(partition, victim.key(), evicted);
            }
        }
        evicted.forEach(gone -> gone.partition().tiers().discard(gone.partition(), gone.block()));
    }

    /** Drops the block that holds an offset, if there is one. */
    void drop(PartitionBlocks partition, long offset) {
        CachedBlock block;
        synchronized (this) {
            block = partition.removeHolding(offset);
            if (block != null) {
                bytes -= block.capacity();
            }
        }
        if (block != null) {
            partition.tiers().discard(partition, block);
        }
    }

    /** Drops all blocks of a partition, which takes no more. */
    void drop(PartitionBlocks partition) {
        List<CachedBlock> dropped;
        synchronized (this) {
            dropped = partition.clearMemory();
            dropped.forEach(block -> bytes -= block.capacity());
            occupants.remove(partition);
        }
        dropped.forEach(block -> partition.tiers().discard(partition, block));
    }

    /** Drops everything, and takes nothing in from now on. */
    void close() {
        synchronized (this) {
            isClosed = true;
        }
        occupants.all().forEach(this::drop);
    }
}
