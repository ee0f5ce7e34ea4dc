package io.headrace.bench;

import io.headrace.engine.source.cache.BlockSource;
import io.headrace.engine.source.cache.BlockTiers;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.source.cache.CachedBlock;
import io.headrace.engine.source.cache.LoadTimes;
import io.headrace.engine.source.cache.PartitionBlocks;
import io.headrace.engine.source.cache.StoredBlock;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The bookkeeping of the cache of sources, without bytes: looking up a block that is in memory,
 * with and without noting who read it; and taking in a block in place of the one that is needed
 * last.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class SourceCacheBenchmark implements BlockSource {
    private static final int RECORDS = 100;
    private static final int SLAB_BYTES = 16;

    /** A prime: consecutive reads fall into different blocks. */
    private static final int STEP = 7919;

    /** Blocks in memory. */
    @Param({"1000", "100000"})
    public int blockCount;

    /** Readers at different places, each of which goes around. */
    @Param({"1", "8"})
    public int readerCount;

    private final LoadTimes loadTimes = new LoadTimes();
    private final Slab slab = new EndlessSlab();
    private PartitionBlocks partition;
    private long[] positions;
    private int turn;
    private long number;

    /** Memory that is never given back, so that only the bookkeeping is measured. */
    private static final class EndlessSlab implements Slab {
        private final ByteBuffer bytes = ByteBuffer.allocate(SLAB_BYTES);

        @Override
        public ByteBuffer buffer() {
            return bytes;
        }

        @Override
        public boolean retain() {
            return true;
        }

        @Override
        public void release() {}
    }

    /** Fills the cache, and has readers found out. */
    @Setup
    public void setUp() {
        BlockTiers tiers =
                new BlockTiers(
                        new CacheContext().memoryBudgetBytes((long) blockCount * SLAB_BYTES));
        partition = tiers.partition(1, 0);
        for (int i = 0; i < blockCount; i++) {
            partition.add(block(2L * i)); // every other one of the partition
        }
        positions = new long[readerCount];
        for (int i = 0; i < readerCount; i++) {
            positions[i] = endOffset() / readerCount * i / RECORDS * RECORDS;
        }
        for (int i = 0; i < 4 * readerCount; i++) {
            readOn();
        }
    }

    private CachedBlock block(long at) {
        return CachedBlock.fromStore(at * RECORDS, RECORDS, slab, SLAB_BYTES, 0);
    }

    private void readOn() {
        turn = (turn + 1) % readerCount;
        long from = positions[turn];
        long to = (from + RECORDS) % endOffset();
        partition.onRead(this, from, from + RECORDS, RECORDS);
        positions[turn] = to;
    }

    /** Finds a block. */
    @Benchmark
    public @Nullable CachedBlock lookUp() {
        number = (number + STEP) % blockCount;
        return partition.resident(2 * number * RECORDS);
    }

    /** Notes that a reader has gone on by a block. */
    @Benchmark
    public void read() {
        readOn();
    }

    /** Takes in a block that is needed soon, for which another one goes. */
    @Benchmark
    public void replace() {
        readOn();
        partition.add(block(positions[turn] / RECORDS + 1));
    }

    @Override
    public @Nullable StoredBlock blockAt(long offset) {
        return null;
    }

    @Override
    public long endOffset() {
        return 2L * blockCount * RECORDS;
    }

    @Override
    public boolean isIndexComplete() {
        return true;
    }

    @Override
    public LoadTimes loadTimes() {
        return loadTimes;
    }

    @Override
    public Executor ahead() {
        return task -> {};
    }
}
