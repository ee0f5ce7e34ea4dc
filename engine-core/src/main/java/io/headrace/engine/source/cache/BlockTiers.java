package io.headrace.engine.source.cache;

import io.headrace.engine.Deadline;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The cache of all sources: blocks in memory, over blocks on an SSD, over the store. One flight
 * brings a block up, from wherever it is; whoever else wants it waits for that flight.
 *
 * <p>Thread-safe. The owner closes it before the memory and the executors.
 */
public final class BlockTiers implements AutoCloseable {
    private static final long END_WAIT_MS = 5_000;

    /** The rest of what is free is left to whoever waits for a block. */
    private static final int PREFETCH_SHARE_OF_FREE = 4;

    private final CacheContext context;
    private final CacheCounters counters = new CacheCounters();
    private final MemoryTier memory;
    private final @Nullable DiskTier disk;
    private final PrefetchWindow window;
    private final Prefetcher prefetcher;
    private final Map<Key, PartitionBlocks> partitions = new ConcurrentHashMap<>();

    private volatile boolean isClosed;

    private record Key(long topicId, int partition) {}

    /** Opens a cache; what an earlier process left on the SSD is found in the background. */
    public BlockTiers(CacheContext context) {
        this.context = context;
        memory =
                new MemoryTier(
                        context.memoryBudgetBytes(), counters, context.nanoClock(), this::evicted);
        window = new PrefetchWindow(context.prefetchBytes(), this::prefetchSpareBytes);
        prefetcher = new Prefetcher(this);
        disk = context.diskBudgetBytes() == 0 ? null : new DiskTier(context, counters);
        if (disk != null) {
            disk.start(this);
        }
    }

    private long prefetchSpareBytes() {
        return context.isPrefetchWiderWhileFree()
                ? Math.max(0, memory.budgetBytes() - memory.bytes()) / PREFETCH_SHARE_OF_FREE
                : 0;
    }

    /** A partition in the cache: the same object as long as its topic is there. */
    public PartitionBlocks partition(long topicId, int partition) {
        return partitions.computeIfAbsent(
                new Key(topicId, partition), key -> new PartitionBlocks(this, topicId, partition));
    }

    /** Drops all blocks of a topic, in memory and on the SSD. */
    public void dropTopic(long topicId) {
        List<PartitionBlocks> dropped =
                partitions.values().stream()
                        .filter(partition -> partition.topicId() == topicId)
                        .toList();
        for (PartitionBlocks partition : dropped) {
            memory.drop(partition);
            partitions.remove(new Key(topicId, partition.partition()), partition);
        }
        if (disk != null) {
            disk.dropTopic(topicId, dropped);
        }
    }

    /** Drops a block from both tiers. */
    void drop(PartitionBlocks partition, long offset) {
        memory.drop(partition, offset);
        if (disk != null) {
            disk.drop(partition, offset);
        }
    }

    /** Drops blocks of at least so many bytes, if there are as many: memory is short. */
    public void releaseMemory(long length) {
        memory.release(length);
    }

    /** Has the SSD's limits looked at, which change as others use the disk. */
    public void trim() {
        if (disk != null) {
            disk.trimLater();
        }
    }

    /** Whether there is a tier on an SSD, which asks for blocks' identities. */
    public boolean hasDisk() {
        return disk != null;
    }

    long nanoTime() {
        return context.nanoClock().getAsLong();
    }

    CacheCounters counters() {
        return counters;
    }

    MemoryTier memory() {
        return memory;
    }

    @Nullable DiskTier disk() {
        return disk;
    }

    PrefetchWindow window() {
        return window;
    }

    Prefetcher prefetcher() {
        return prefetcher;
    }

    /** Takes in a block that nobody asked for. */
    void add(PartitionBlocks partition, CachedBlock block) {
        offerToDisk(partition, block, partition.drops());
        memory.add(partition, block);
    }

    Departure departure(PartitionBlocks partition, Flight flight) {
        return new Departure(this, partition, flight);
    }

    /** Flies a flight that somebody waits for, and what is before it in line. */
    void flyOnDemand(PartitionBlocks partition, Flight flight) {
        context.demandExecutor()
                .execute(flight.isSerial() ? partition.line() : departure(partition, flight));
    }

    /** Brings a block up, and hands it to whoever waits for it. */
    void fly(PartitionBlocks partition, Flight flight) {
        CachedBlock block = null;
        Throwable failure = null;
        try {
            block = bring(partition, flight.stored());
        } catch (Throwable thrown) {
            failure = thrown;
        }
        if (flight.isPrefetch()) {
            settle(partition, flight, block);
        }
        if (block != null) {
            offerToDisk(partition, block, flight.drops());
        }
        memory.land(partition, flight, block, failure);
    }

    private CachedBlock bring(PartitionBlocks partition, StoredBlock stored) throws Exception {
        if (isClosed) {
            throw new IOException("cache is closed: " + partition);
        }
        CachedBlock block = disk == null ? null : disk.read(partition, stored);
        if (block != null) {
            return block;
        }
        counters.storeLoads.increment();
        long begun = nanoTime();
        block = stored.load();
        stored.loadTimes().add(nanoTime() - begun);
        return block;
    }

    private void settle(PartitionBlocks partition, Flight flight, @Nullable CachedBlock block) {
        if (block == null) {
            window.give(partition, flight.reservedBytes());
        } else {
            block.prefetched();
            window.correct(partition, flight.reservedBytes(), block.capacity());
        }
    }

    /** A flight that did not take off. */
    void cancel(PartitionBlocks partition, Flight flight, Throwable why) {
        settle(partition, flight, null);
        memory.land(partition, flight, null, why);
    }

    private void offerToDisk(PartitionBlocks partition, CachedBlock block, int sinceDrops) {
        if (disk != null && !partition.isDropped()) {
            disk.offer(partition, block, sinceDrops);
        }
    }

    /** A block has lost its place in memory, or found none. */
    private void evicted(MemoryTier.Evicted evicted) {
        offerToDisk(evicted.partition(), evicted.block(), evicted.drops());
        discard(evicted.partition(), evicted.block());
    }

    /** Gives back the cache's reference to a block. */
    void discard(PartitionBlocks partition, CachedBlock block) {
        if (block.takePrefetched()) {
            counters.prefetchesWasted.increment();
            window.give(partition, block.capacity());
        }
        block.release();
    }

    /** Calls the consumer with each counter and gauge. */
    public void forEachMetric(ObjLongConsumer<String> consumer) {
        counters.forEach(consumer);
        String bytes = "headrace_source_cache_bytes";
        consumer.accept(bytes + "{tier=\"memory\"}", memory.bytes());
        consumer.accept(bytes + "{tier=\"disk\"}", disk == null ? 0 : disk.bytes());
        consumer.accept("headrace_source_prefetch_window_bytes", window.bytes());
        ReaderGauges gauges = new ReaderGauges();
        long now = nanoTime();
        partitions.values().forEach(partition -> partition.addTo(gauges, now));
        gauges.forEach(consumer);
    }

    /**
     * Drops everything in memory, and keeps nothing from now on; what is on the SSD stays. Waits
     * for nothing.
     */
    public void stop() {
        isClosed = true;
        memory.close();
        if (disk != null) {
            disk.stop();
        }
    }

    /** After {@link #stop}: waits for what is being written. */
    public void awaitEnd(Deadline deadline) {
        if (disk != null) {
            disk.awaitEnd(deadline);
        }
    }

    @Override
    public void close() {
        stop();
        awaitEnd(Deadline.afterMs(END_WAIT_MS));
    }
}
