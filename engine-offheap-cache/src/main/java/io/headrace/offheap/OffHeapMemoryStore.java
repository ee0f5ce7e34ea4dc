package io.headrace.offheap;

import io.headrace.engine.Experimental;
import io.headrace.engine.spi.MemoryStore;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory under one budget: ring logs for memory topics, and slabs for others.
 *
 * <p>Who wins when memory is short: logs may use all that is free. Others may use all but the
 * configured reserve of the logs, and the oldest slabs of idle logs are dropped for them. Slabs of
 * others are never taken back; they are their holders' to release. A slab that a lease still holds
 * counts until the lease is closed. The work that one call spends on finding memory is bounded, so
 * a call may fail while the next one succeeds.
 *
 * <p>Thread-safe. The owner closes it after everything that was leased from it.
 */
@Experimental
public final class OffHeapMemoryStore implements MemoryStore {
    /** The tag of logs' slabs. */
    public static final String LOG_TAG = "memory-log";

    /** Logs that one allocation looks at in search of an idle one. */
    private static final int EVICTION_VISITS_MAX = 64;

    /** Slabs that a log drops of its own for one append. */
    private static final int OWN_DROPS_MAX = 64;

    /** An allocation of its own takes whole pages. */
    private static final int PAGE_BYTES = 4096;

    private final SlabArena arena;
    private final LogClock clock = new LogClock();
    private final long budgetBytes;
    private final long logReserveBytes;
    private volatile boolean isClosed;

    /**
     * @param context is concluded here
     */
    public OffHeapMemoryStore(OffHeapContext context) {
        context.conclude();
        budgetBytes = context.budgetBytes();
        logReserveBytes = context.logReserveBytes();
        arena = new SlabArena(budgetBytes, context.chunkBytes());
    }

    @Override
    public MemoryLog openLog(long startOffset, long logBudgetBytes) {
        return new RingLog(this, startOffset, logBudgetBytes);
    }

    @Override
    public @Nullable Slab allocate(int length, String tag) {
        int sizeClass = SizeClass.holding(length);
        if (SizeClass.isWastedOn(sizeClass, length)) {
            int capacity = capacity(length, SizeClass.COUNT);
            Slab slab = mayTake(capacity) ? arena.allocateLarge(capacity, tag) : null;
            if (slab != null) {
                return slab; // else the budget's rest is in chunks, of which a slab may be free
            }
        }
        int capacity = capacity(length, sizeClass);
        if (!mayTake(capacity)) {
            return null;
        }
        Slab slab = allocateOrEvict(null, sizeClass, capacity, tag, false);
        return slab != null ? slab : allocateOrEvict(null, sizeClass, capacity, tag, true);
    }

    /** Whether others than logs may have so much more. */
    private boolean mayTake(int capacity) {
        if (isClosed) {
            throw new IllegalStateException("memory store is closed");
        }
        // Two callers at once may both pass; the arena's budget holds all the same.
        long othersBytes = arena.usedBytes() - arena.usedBytes(LOG_TAG);
        return othersBytes + capacity <= budgetBytes - logReserveBytes;
    }

    /**
     * A slab for a log's next batches: of the preferred class if idle logs can give that up, else
     * of a smaller one that the batch fits in, else in place of the log's own oldest, else of
     * anybody's.
     *
     * @param log whose lock the caller holds
     */
    @Nullable OffHeapSlab allocateForLog(RingLog log, int length, int preferredClass) {
        int preferredCapacity = capacity(length, preferredClass);
        OffHeapSlab slab = allocateOrEvict(log, preferredClass, preferredCapacity, LOG_TAG, false);
        int smallest = SizeClass.holding(length);
        for (int i = preferredClass - 1; slab == null && i >= smallest; i--) {
            slab = arena.allocate(i, LOG_TAG);
        }
        int capacity = capacity(length, smallest);
        for (int i = 0; slab == null && i < OWN_DROPS_MAX && log.dropFirstIfAny(); i++) {
            slab = tryAllocate(smallest, capacity, LOG_TAG);
        }
        return slab != null ? slab : allocateOrEvict(log, smallest, capacity, LOG_TAG, true);
    }

    private @Nullable OffHeapSlab allocateOrEvict(
            @Nullable RingLog forLog,
            int sizeClass,
            int capacity,
            String tag,
            boolean isUsedLogDropped) {
        OffHeapSlab slab = tryAllocate(sizeClass, capacity, tag);
        for (int visit = 0; slab == null && visit < EVICTION_VISITS_MAX; visit++) {
            RingLog log = clock.next();
            if (log == null) {
                return null;
            }
            if (log != forLog && log.tryDropFirst(isUsedLogDropped)) {
                slab = tryAllocate(sizeClass, capacity, tag);
            }
        }
        return slab;
    }

    private @Nullable OffHeapSlab tryAllocate(int sizeClass, int capacity, String tag) {
        if (isClosed) {
            throw new IllegalStateException("memory store is closed: tag=" + tag);
        }
        return sizeClass < SizeClass.COUNT
                ? arena.allocate(sizeClass, tag)
                : arena.allocateLarge(capacity, tag);
    }

    private static int capacity(int length, int sizeClass) {
        if (sizeClass < SizeClass.COUNT) {
            return SizeClass.bytes(sizeClass);
        }
        long pages = ((long) length + PAGE_BYTES - 1) / PAGE_BYTES;
        return (int) Math.min(pages * PAGE_BYTES, Integer.MAX_VALUE);
    }

    /** A log holds its first slab. */
    void onFilled(RingLog log) {
        clock.add(log);
    }

    /** A log holds nothing any more. */
    void onEmptied(RingLog log) {
        clock.remove(log);
    }

    @Override
    public long budgetBytes() {
        return budgetBytes;
    }

    /** Bytes taken from the operating system, in use or not; never above the budget. */
    public long reservedBytes() {
        return arena.reservedBytes();
    }

    @Override
    public void forEachTag(ObjLongConsumer<String> consumer) {
        arena.forEachTag(consumer);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if something is still leased; what is not is freed
     */
    @Override
    public void close() {
        isClosed = true;
        for (RingLog log = clock.last(); log != null; log = clock.last()) {
            log.close();
        }
        arena.freeSpareChunks();
        if (arena.usedBytes() > 0) {
            throw new IllegalStateException("off-heap memory is still leased:" + usedByTag());
        }
    }

    private String usedByTag() {
        StringBuilder text = new StringBuilder();
        forEachTag((tag, bytes) -> text.append(' ').append(tag).append('=').append(bytes));
        return text.toString();
    }
}
