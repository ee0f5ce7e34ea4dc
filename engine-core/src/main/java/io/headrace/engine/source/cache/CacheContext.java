package io.headrace.engine.source.cache;

import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.IntSupplier;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What a cache is made of. Set, then given to {@link BlockTiers}, and not changed afterwards. */
public final class CacheContext {
    private static final long UNSET = -1;

    /** Of both tiers. */
    private static final int PREFETCH_SHARE = 16;

    /** Of the memory, at least. */
    private static final int PREFETCH_SHARE_MIN = 8;

    /** Of the memory, at most. */
    private static final int PREFETCH_SHARE_MAX = 2;

    private long memoryBudgetBytes;
    private long prefetchBytes = UNSET;
    private long diskBudgetBytes;
    private LongSupplier diskReserveBytes = () -> 0;
    private @Nullable Path diskFolder;
    private CacheFiles files = CacheFiles.SYSTEM;
    private @Nullable SlabAllocator slabs;
    private Executor demandExecutor = Runnable::run;
    private IntSupplier leaderEpoch = () -> 0;
    private LongPredicate isTopicKnown = topicId -> true;
    private LongSupplier nanoClock = System::nanoTime;

    /**
     * Most bytes of blocks in memory.
     *
     * @return this
     */
    public CacheContext memoryBudgetBytes(long bytes) {
        memoryBudgetBytes = bytes;
        return this;
    }

    /** Most bytes of blocks in memory. */
    public long memoryBudgetBytes() {
        return memoryBudgetBytes;
    }

    /**
     * Most bytes of blocks on the SSD; 0 for none.
     *
     * @return this
     */
    public CacheContext diskBudgetBytes(long bytes) {
        diskBudgetBytes = bytes;
        return this;
    }

    long diskBudgetBytes() {
        return diskBudgetBytes;
    }

    /**
     * Most bytes that are asked for ahead of readers and not read yet; 0 for none. By default a
     * sixteenth of both tiers, but no less than an eighth of the memory and no more than half, and
     * in addition a quarter of the memory that is free.
     *
     * @return this
     */
    public CacheContext prefetchBytes(long bytes) {
        prefetchBytes = bytes;
        return this;
    }

    long prefetchBytes() {
        return prefetchBytes == UNSET
                ? prefetchBytes(memoryBudgetBytes, diskBudgetBytes)
                : Math.min(prefetchBytes, memoryBudgetBytes);
    }

    boolean isPrefetchWiderWhileFree() {
        return prefetchBytes == UNSET;
    }

    /** What lies ahead takes the place of what would be hit later. */
    private static long prefetchBytes(long memoryBytes, long diskBytes) {
        long share = memoryBytes / PREFETCH_SHARE + diskBytes / PREFETCH_SHARE;
        return Math.max(
                memoryBytes / PREFETCH_SHARE_MIN,
                Math.min(memoryBytes / PREFETCH_SHARE_MAX, share));
    }

    /**
     * Free bytes of the SSD that are left to others.
     *
     * @return this
     */
    public CacheContext diskReserveBytes(LongSupplier bytes) {
        diskReserveBytes = bytes;
        return this;
    }

    long diskReserveBytes() {
        return diskReserveBytes.getAsLong();
    }

    /**
     * Folder of the blocks on the SSD.
     *
     * @return this
     */
    public CacheContext diskFolder(Path folder) {
        diskFolder = folder;
        return this;
    }

    Path diskFolder() {
        return Objects.requireNonNull(diskFolder, "diskFolder");
    }

    CacheContext files(CacheFiles calls) {
        files = calls;
        return this;
    }

    CacheFiles files() {
        return files;
    }

    /**
     * Where the bytes of blocks are put that come from the SSD.
     *
     * @return this
     */
    public CacheContext slabs(SlabAllocator allocator) {
        slabs = allocator;
        return this;
    }

    SlabAllocator slabs() {
        return Objects.requireNonNull(slabs, "slabs");
    }

    /** Runs what somebody waits for: by default the thread that asks. */
    CacheContext demandExecutor(Executor executor) {
        demandExecutor = executor;
        return this;
    }

    Executor demandExecutor() {
        return demandExecutor;
    }

    /**
     * The leader epoch that batches are to have.
     *
     * @return this
     */
    public CacheContext leaderEpoch(IntSupplier epoch) {
        leaderEpoch = epoch;
        return this;
    }

    IntSupplier leaderEpoch() {
        return leaderEpoch;
    }

    /**
     * Whether there is a topic of that id; blocks of others are deleted at the start.
     *
     * @return this
     */
    public CacheContext isTopicKnown(LongPredicate predicate) {
        isTopicKnown = predicate;
        return this;
    }

    LongPredicate isTopicKnown() {
        return isTopicKnown;
    }

    /**
     * The time, in nanoseconds from any moment on.
     *
     * @return this
     */
    public CacheContext nanoClock(LongSupplier clock) {
        nanoClock = clock;
        return this;
    }

    LongSupplier nanoClock() {
        return nanoClock;
    }
}
