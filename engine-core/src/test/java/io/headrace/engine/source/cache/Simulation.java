package io.headrace.engine.source.cache;

import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntUnaryOperator;
import java.util.function.LongFunction;

/**
 * The cache in a time of its own, which passes from event to event: readers that take a block at a
 * time, and a store that answers after a while. What happens follows from what is set, and nothing
 * else; the SSD's writer is waited for.
 */
final class Simulation implements BlockSource, AutoCloseable {
    static final int RECORDS = 10;
    static final int BLOCK_BYTES = 4096;
    private static final int BODY_BYTES = BLOCK_BYTES - BlockFile.HEADER_LENGTH;
    private static final int BATCH_LENGTH_AT = 8;
    private static final long TOPIC = 7;

    private final int blockCount;
    private final long loadNanos;
    private final BlockTiers tiers;
    private PartitionBlocks partition;
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private LoadTimes loadTimes = new LoadTimes();
    private final LoadTimes ignored = new LoadTimes();
    private final List<Integer> trace = new ArrayList<>();
    private final Map<Integer, Integer> loads = new HashMap<>();
    final AtomicLong slabBytes = new AtomicLong();
    private long nowNanos;
    private long sequence;
    private long storeLoads;
    private long stallNanos;
    private final Map<Integer, Long> stalls = new HashMap<>();
    private boolean isIndexComplete = true;
    private long peakMemoryBytes;

    private record Event(long atNanos, long sequence, Runnable action)
            implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atNanos != other.atNanos
                    ? Long.compare(atNanos, other.atNanos)
                    : Long.compare(sequence, other.sequence);
        }
    }

    Simulation(int blockCount, int memoryBlocks, int diskBlocks, Path folder, long loadMs) {
        this.blockCount = blockCount;
        this.loadNanos = loadMs * 1_000_000;
        if (loadNanos > 0) {
            loadTimes.add(loadNanos);
        }
        tiers =
                new BlockTiers(
                        new CacheContext()
                                .memoryBudgetBytes((long) memoryBlocks * BLOCK_BYTES)
                                .diskBudgetBytes((long) diskBlocks * BLOCK_BYTES)
                                .diskFolder(folder)
                                .slabs(length -> new HeapSlab(BLOCK_BYTES, slabBytes))
                                .nanoClock(() -> nowNanos)
                                .demandExecutor(task -> schedule(loadNanos, task)));
        partition = tiers.partition(TOPIC, 0);
    }

    private void prefetch(Runnable task) {
        schedule(task instanceof Departure ? loadNanos : 0, task);
    }

    private void schedule(long delayNanos, Runnable action) {
        events.add(new Event(nowNanos + delayNanos, sequence++, action));
    }

    /** A reader that takes a block each so many milliseconds. */
    final class Reader {
        private final long blockNanos;
        private final int count;
        private final IntUnaryOperator order;
        private final PartitionBlocks blocks = partition;
        private int read;
        private long askedNanos;
        private long waitedNanos;

        private Reader(long blockNanos, int count, IntUnaryOperator order) {
            this.blockNanos = blockNanos;
            this.count = count;
            this.order = order;
        }

        double waitedSeconds() {
            return waitedNanos / 1e9;
        }

        private void next() {
            if (read == count) {
                return;
            }
            int block = order.applyAsInt(read);
            askedNanos = nowNanos;
            CachedBlock resident = blocks.resident((long) block * RECORDS);
            if (resident != null) {
                take(resident);
                return;
            }
            blocks.load(
                    (long) block * RECORDS,
                    new Stored(block),
                    (loaded, failure) -> {
                        if (loaded == null) {
                            throw new AssertionError(failure);
                        }
                        take(loaded);
                    });
        }

        private void take(CachedBlock block) {
            int number = (int) (block.firstOffset() / RECORDS);
            waitedNanos += nowNanos - askedNanos;
            stallNanos += nowNanos - askedNanos;
            stalls.merge(number, nowNanos - askedNanos, Long::sum);
            trace.add(number);
            blocks.onRead(
                    Simulation.this, block.firstOffset(), block.endOffset(), block.recordCount());
            blocks.visited(block);
            block.release();
            read++;
            schedule(blockNanos, this::next);
        }
    }

    /** Readers that are added from now on read this partition, which is like the others. */
    Simulation inPartition(int number) {
        partition = tiers.partition(TOPIC, number);
        return this;
    }

    /** Adds a reader of so many blocks in a given order, which begins at a given time. */
    Reader reader(long startMs, double blockMs, int count, IntUnaryOperator order) {
        Reader reader = new Reader((long) (blockMs * 1e6), count, order);
        events.add(new Event(startMs * 1_000_000, sequence++, reader::next));
        return reader;
    }

    /**
     * Adds a reader that takes the blocks in an order that it tells, and says where it is once for
     * a window of so many.
     */
    void toldReader(double blockMs, int epochs, int windowBlocks, LongFunction<int[]> order) {
        PartitionBlocks read = partition;
        ToldOrder told = new ToldOrder(new Numbered(), epochs, windowBlocks, order);
        read.tell(told);
        schedule(0, () -> next(read, told, (long) (blockMs * 1e6), epochs, windowBlocks, order, 0));
    }

    private void next(
            PartitionBlocks read,
            ToldOrder told,
            long blockNanos,
            int epochs,
            int windowBlocks,
            LongFunction<int[]> order,
            int count) {
        int place = count % blockCount;
        if (count == epochs * blockCount) {
            read.forget(told);
            return;
        }
        if (place % windowBlocks == 0) {
            told.at(count / blockCount, place, nowNanos);
        }
        int block = order.apply(count / blockCount)[place];
        told.read(block, RECORDS, nowNanos);
        trace.add(block);
        read.loadAside(
                new Stored(block),
                (loaded, failure) -> {
                    if (loaded == null) {
                        throw new AssertionError(failure);
                    }
                    loaded.release();
                    schedule(
                            blockNanos,
                            () ->
                                    next(
                                            read,
                                            told,
                                            blockNanos,
                                            epochs,
                                            windowBlocks,
                                            order,
                                            count + 1));
                });
    }

    private final class Numbered implements ToldOrder.Blocks {
        @Override
        public int blockCount() {
            return blockCount;
        }

        @Override
        public int partition(int block) {
            return 0;
        }

        @Override
        public long firstOffset(int block) {
            return (long) block * RECORDS;
        }

        @Override
        public int recordCount(int block) {
            return RECORDS;
        }
    }

    /** Adds a reader that goes around so many times. */
    void loop(long startMs, double blockMs, int epochs) {
        reader(startMs, blockMs, epochs * blockCount, i -> i % blockCount);
    }

    /** Until nothing happens any more. */
    Simulation run() {
        while (!events.isEmpty()) {
            Event event = events.poll();
            nowNanos = event.atNanos();
            event.action().run();
            awaitWriter();
            peakMemoryBytes = Math.max(peakMemoryBytes, tiers.memory().bytes());
        }
        return this;
    }

    private void awaitWriter() {
        while (tiers.disk() != null && !tiers.disk().isIdle()) {
            LockSupport.parkNanos(20_000);
        }
    }

    /** Blocks in the order in which readers came to them. */
    List<Integer> trace() {
        return trace;
    }

    long storeLoads() {
        return storeLoads;
    }

    /** Time that readers waited, all together. */
    double stallSeconds() {
        return stallNanos / 1e9;
    }

    long peakMemoryBytes() {
        return peakMemoryBytes;
    }

    /** Time that readers waited for a block. */
    double stallSecondsAt(int block) {
        return stalls.get(block) / 1e9;
    }

    /** More may be found behind the last block. */
    void growing() {
        isIndexComplete = false;
    }

    /** The store's time has to be found out. */
    void forgetLoadTimes() {
        loadTimes = new LoadTimes();
    }

    /** Blocks that were brought up ahead of a reader and dropped before it came. */
    long wasted() {
        return tiers.counters().prefetchesWasted.sum();
    }

    BlockTiers tiers() {
        return tiers;
    }

    Map<Integer, Integer> loadsByBlock() {
        return loads;
    }

    private final class Stored implements StoredBlock {
        private final int block;

        Stored(int block) {
            this.block = block;
        }

        @Override
        public long firstOffset() {
            return (long) block * RECORDS;
        }

        @Override
        public int recordCount() {
            return RECORDS;
        }

        @Override
        public long storedLength() {
            return BLOCK_BYTES;
        }

        @Override
        public long identity() {
            return 1000L + block;
        }

        @Override
        public boolean isSerial() {
            return false;
        }

        @Override
        public LoadTimes loadTimes() {
            return ignored;
        }

        @Override
        public CachedBlock load() {
            storeLoads++;
            loads.merge(block, 1, Integer::sum);
            HeapSlab slab = new HeapSlab(BLOCK_BYTES, slabBytes);
            ByteBuffer bytes = slab.buffer();
            bytes.putInt(BATCH_LENGTH_AT, BODY_BYTES - RecordBatch.LENGTH_OVERHEAD);
            bytes.putInt(BODY_BYTES - Integer.BYTES, block);
            return CachedBlock.fromStore(firstOffset(), RECORDS, slab, BODY_BYTES, identity());
        }
    }

    @Override
    public StoredBlock blockAt(long offset) {
        return offset < endOffset() ? new Stored((int) (offset / RECORDS)) : null;
    }

    @Override
    public long endOffset() {
        return (long) blockCount * RECORDS;
    }

    @Override
    public boolean isIndexComplete() {
        return isIndexComplete;
    }

    @Override
    public LoadTimes loadTimes() {
        return loadTimes;
    }

    @Override
    public Executor ahead() {
        return this::prefetch;
    }

    @Override
    public void close() {
        tiers.close();
        if (slabBytes.get() != 0) {
            throw new AssertionError("slabs left: bytes=" + slabBytes);
        }
    }
}
