package io.headrace.engine.source.cache;

import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** A cache over synthetic sources, with a clock that is set. */
final class TestCache implements AutoCloseable {
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(30);

    final AtomicLong slabBytes = new AtomicLong();
    final AtomicLong nanos = new AtomicLong();
    final FaultyCacheFiles files = new FaultyCacheFiles();
    final int leaderEpoch;
    private final CacheContext context;
    private Executor ahead = Runnable::run;
    private BlockTiers tiers;

    TestCache(Path folder, int memoryBlocks, int diskBlocks, int leaderEpoch) {
        this.leaderEpoch = leaderEpoch;
        context =
                new CacheContext()
                        .memoryBudgetBytes((long) memoryBlocks * SyntheticSource.SLAB_BYTES)
                        .diskBudgetBytes((long) diskBlocks * SyntheticSource.SLAB_BYTES)
                        .diskFolder(folder)
                        .files(files)
                        .leaderEpoch(() -> leaderEpoch)
                        .slabs(length -> new HeapSlab(SyntheticSource.SLAB_BYTES, slabBytes))
                        .nanoClock(nanos::get);
    }

    CacheContext context() {
        return context;
    }

    /** Runs what nobody waits for: by default the thread that asks. */
    TestCache ahead(Executor executor) {
        ahead = executor;
        return this;
    }

    TestCache open() {
        tiers = new BlockTiers(context);
        return this;
    }

    BlockTiers tiers() {
        return tiers;
    }

    PartitionBlocks partition(long topicId) {
        return tiers.partition(topicId, 0);
    }

    SyntheticSource source(long topicId, int blockCount) {
        return new SyntheticSource(topicId, blockCount, slabBytes, ahead);
    }

    /** Reads a block as a reader does, and checks it; a store's failure is thrown. */
    void read(long topicId, SyntheticSource source, int number) throws Exception {
        StoredBlock stored = source.block(number);
        PartitionBlocks partition = partition(topicId);
        AtomicReference<Throwable> failed = new AtomicReference<>();
        nanos.addAndGet(1_000_000);
        CachedBlock resident = partition.resident(stored.firstOffset());
        if (resident != null) {
            take(partition, source, number, resident);
            return;
        }
        partition.load(
                stored.firstOffset(),
                stored,
                (block, failure) -> {
                    failed.set(failure);
                    if (block != null) {
                        take(partition, source, number, block);
                    }
                });
        if (failed.get() instanceof Exception exception) {
            throw exception;
        }
        if (failed.get() != null) {
            throw new AssertionError(failed.get());
        }
    }

    private void take(
            PartitionBlocks partition, SyntheticSource source, int number, CachedBlock block) {
        try {
            source.verify(number, block.isFromStore() ? 1 : leaderEpoch, block);
            partition.onRead(source, block.firstOffset(), block.endOffset(), block.recordCount());
            partition.visited(block);
        } finally {
            block.release();
        }
    }

    /** Until the SSD's writer has nothing to do. */
    TestCache settle() {
        await(() -> tiers.disk().isIdle(), "writer is idle");
        return this;
    }

    static void await(BooleanSupplier condition, String what) {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("did not come true: " + what);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    long metric(String series) {
        AtomicLong found = new AtomicLong(-1);
        tiers.forEachMetric(
                (name, value) -> {
                    if (name.equals(series)) {
                        found.set(value);
                    }
                });
        return found.get();
    }

    @Override
    public void close() {
        tiers.close();
        if (slabBytes.get() != 0) {
            throw new AssertionError("slabs left: bytes=" + slabBytes);
        }
    }
}
