package io.headrace.offheap;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A memory topic's partition: a ring of slabs, the oldest overwritten.
 *
 * <p>Slabs grow with what the log holds: the next one is at most as large as all before it
 * together, and at most an eighth of the budget, so that an idle log costs 1 KiB and overwriting
 * loses little at a time. A log holds at least its newest batch, even if that exceeds the budget.
 *
 * <p>The lock is taken to append and to drop; who takes memory from an idle log only tries it.
 * Reads take no lock.
 */
final class RingLog implements MemoryLog {
    /** A slab is at most this part of its log's budget. */
    private static final int SLABS_PER_BUDGET = 8;

    /** Searches that may be overtaken by overwriting before a read takes the lock. */
    private static final int OPTIMISTIC_READS_MAX = 16;

    private static final VarHandle START;
    private static final VarHandle END;
    private static final VarHandle TOUCHED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            START = lookup.findVarHandle(RingLog.class, "logStartOffset", long.class);
            END = lookup.findVarHandle(RingLog.class, "logEndOffset", long.class);
            TOUCHED = lookup.findVarHandle(RingLog.class, "isTouched", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final OffHeapMemoryStore store;
    private final ReentrantLock lock = new ReentrantLock();
    private final RunRing ring = new RunRing();

    /** Where it stands in the clock of all logs. Guarded by the clock. */
    int clockIndex = LogClock.NOT_IN;

    /** The run that is appended to: the ring's last, or null if the ring is empty. */
    private @Nullable BatchRun current;

    private long budgetBytes;

    /** Batches that end beyond this offset are not dropped. Guarded by the lock. */
    private long keptFrom = NOTHING_KEPT;

    private volatile long bytes;
    private volatile boolean isClosed;

    @SuppressWarnings("unused") // through START
    private long logStartOffset;

    @SuppressWarnings("unused") // through END
    private long logEndOffset;

    @SuppressWarnings("unused") // through TOUCHED
    private boolean isTouched;

    RingLog(OffHeapMemoryStore store, long startOffset, long budgetBytes) {
        this.store = store;
        this.budgetBytes = budgetBytes;
        START.setRelease(this, startOffset);
        END.setRelease(this, startOffset);
    }

    @Override
    public long append(ByteBuffer batch, int leaderEpoch, long nowMs) {
        lock.lock();
        try {
            touch();
            BatchRun run = current;
            if (run == null || !run.fits(batch.remaining())) {
                run = roll(batch.remaining());
            }
            return run == null ? BACK_PRESSURED : append(run, batch, leaderEpoch, nowMs);
        } finally {
            lock.unlock();
        }
    }

    private long append(BatchRun run, ByteBuffer batch, int leaderEpoch, long nowMs) {
        long offset = (long) END.get(this);
        int count = run.append(batch, offset, leaderEpoch, nowMs);
        // Release: whoever sees the new end finds its batch.
        END.setRelease(this, offset + count);
        return offset;
    }

    private @Nullable BatchRun roll(int length) {
        if (isClosed) {
            throw new IllegalStateException("log is closed: logEndOffset=" + logEndOffset());
        }
        int preferred = preferredClass(length);
        makeRoom(slabBytes(length, preferred));
        preferred = classWithinBudget(length, preferred);
        if (!isWithinBudget(slabBytes(length, preferred))) {
            return null;
        }
        OffHeapSlab slab = store.allocateForLog(this, length, preferred);
        if (slab == null) {
            return null;
        }
        BatchRun run = slab.batchRun();
        run.begin(logEndOffset());
        ring.addLast(run, logEndOffset());
        if (current == null) {
            store.onFilled(this);
        }
        current = run;
        addBytes(slab.capacity());
        return run;
    }

    /** Class of the next slab; {@link SizeClass#COUNT} for a batch that exceeds the largest. */
    private int preferredClass(int length) {
        int grown = SizeClass.within(Math.min(bytes, budgetBytes / SLABS_PER_BUDGET));
        return Math.max(grown, SizeClass.holding(length));
    }

    /**
     * A smaller one, as long as the batch fits, where what is kept takes the preferred one's room.
     */
    private int classWithinBudget(int length, int preferred) {
        int smallest = SizeClass.holding(length);
        int sizeClass = preferred;
        while (sizeClass > smallest && !isWithinBudget(slabBytes(length, sizeClass))) {
            sizeClass--;
        }
        return sizeClass;
    }

    private static long slabBytes(int length, int sizeClass) {
        return Math.max(length, sizeClass < SizeClass.COUNT ? SizeClass.bytes(sizeClass) : 0);
    }

    private void makeRoom(long wanted) {
        while (!isWithinBudget(wanted) && isFirstDroppable()) {
            dropFirst();
        }
    }

    /** Whether so many bytes more may be held; an empty log may hold anything. */
    private boolean isWithinBudget(long wanted) {
        return current == null || bytes + wanted <= budgetBytes;
    }

    /** Under the lock; false when empty. */
    private boolean isFirstDroppable() {
        return current != null && ring.secondBaseOffset(logEndOffset()) <= keptFrom;
    }

    /** Under the lock; not when empty. */
    private void dropFirst() {
        BatchRun run = ring.first();
        if (run == null) {
            throw new IllegalStateException("nothing to drop: logEndOffset=" + logEndOffset());
        }
        long nextStart = ring.secondBaseOffset(logEndOffset());
        // Before the run is unlinked: a reader that does not find it sees why.
        START.setRelease(this, Math.max(nextStart, (long) START.get(this)));
        addBytes(-run.slab.capacity());
        if (run == current) {
            current = null;
            store.onEmptied(this);
        }
        ring.removeFirst();
    }

    private void addBytes(long difference) {
        bytes = Math.max(0, bytes + difference);
    }

    /**
     * Drops the oldest slab for somebody else's sake; false if this log is empty, or locked, or was
     * used since it was last asked, or keeps that slab.
     *
     * @param isUsedLogDropped also if it was used
     */
    boolean tryDropFirst(boolean isUsedLogDropped) {
        // Opaque: a lost touch costs one early eviction and nothing else.
        if ((boolean) TOUCHED.getOpaque(this) && !isUsedLogDropped) {
            TOUCHED.setOpaque(this, false);
            return false;
        }
        if (!lock.tryLock()) {
            return false;
        }
        try {
            return dropFirstIfAny();
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #tryDropFirst}, from within this log's own append. */
    boolean dropFirstIfAny() {
        if (!isFirstDroppable()) {
            return false;
        }
        dropFirst();
        return true;
    }

    private void touch() {
        if (!(boolean) TOUCHED.getOpaque(this)) {
            TOUCHED.setOpaque(this, true);
        }
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax, long endOffset) {
        touch();
        for (int attempt = 0; attempt < OPTIMISTIC_READS_MAX; attempt++) {
            ReadResult result = tryRead(fromOffset, lengthMax, endOffset);
            if (result != null) {
                return result;
            }
        }
        lock.lock();
        try {
            ReadResult result = tryRead(fromOffset, lengthMax, endOffset);
            if (result == null) {
                throw new IllegalStateException(
                        "no run holds an offset of the log: offset=" + fromOffset);
            }
            return result;
        } finally {
            lock.unlock();
        }
    }

    /** Null if the ring changed in the way. */
    private @Nullable ReadResult tryRead(long fromOffset, int lengthMax, long endOffset) {
        // The end first: it is never below a start that was read before it.
        long end = logEndOffset();
        if (isClosed) {
            return Unavailable.CLOSED;
        }
        if (fromOffset < logStartOffset() || fromOffset > end) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        return fromOffset >= Math.min(end, endOffset)
                ? Unavailable.CAUGHT_UP
                : tryLease(fromOffset, lengthMax, endOffset);
    }

    private @Nullable ReadResult tryLease(long fromOffset, int lengthMax, long endOffset) {
        long index = ring.indexOf(fromOffset);
        BatchRun run = index < 0 ? null : ring.retain(index);
        if (run == null) {
            return null;
        }
        int position = run.positionOf(fromOffset, run.end());
        int end = run.endAtOrBelow(endOffset);
        if (position < 0 || position >= end) {
            run.slab.release();
            return position < 0 ? null : Unavailable.CAUGHT_UP;
        }
        RingLease lease = new RingLease();
        long limit = Math.min(end, (long) position + lengthMax);
        lease.add(run, position, Math.max(position, run.lastWithin(position, limit)));
        addFollowing(lease, index + 1, lengthMax, endOffset);
        return lease;
    }

    private void addFollowing(RingLease lease, long firstIndex, int lengthMax, long endOffset) {
        long index = firstIndex;
        while (lease.sliceCount() < RecordsLease.SLICE_COUNT_MAX && index < ring.tail()) {
            BatchRun run = ring.retain(index);
            if (run == null) {
                return;
            }
            int last = lastFollowing(lease, run, lengthMax, endOffset);
            if (last < 0) {
                run.slab.release();
                return;
            }
            lease.add(run, 0, last);
            index++;
        }
    }

    /** Last batch of a run that may join a lease; −1 if none may. */
    private static int lastFollowing(RingLease lease, BatchRun run, int lengthMax, long endOffset) {
        int end = run.endAtOrBelow(endOffset);
        int rest = lengthMax - lease.length();
        boolean isNext = end > 0 && run.positionOf(lease.nextOffset(), end) == 0;
        return isNext && rest > 0 ? run.lastWithin(0, Math.min(end, rest)) : -1;
    }

    @Override
    public long firstReaching(long fromOffset, long timestampMs) {
        // The end first: every run that holds a batch below it is in the ring, or dropped.
        long end = logEndOffset();
        for (long i = Math.max(ring.head(), ring.indexOf(fromOffset)); i < ring.tail(); i++) {
            BatchRun run = ring.retain(i);
            if (run != null) {
                boolean isReached = run.maxTimestampMs() >= timestampMs;
                long begin = run.baseOffset();
                run.slab.release();
                if (isReached) {
                    return Math.max(fromOffset, begin);
                }
            }
        }
        return Math.max(fromOffset, end);
    }

    @Override
    public long logStartOffset() {
        // Acquire: pairs with the releases in dropFirst and dropBefore.
        return (long) START.getAcquire(this);
    }

    @Override
    public long logEndOffset() {
        // Acquire: pairs with the release in append.
        return (long) END.getAcquire(this);
    }

    @Override
    public void keepFrom(long offset) {
        lock.lock();
        try {
            keptFrom = offset;
        } finally {
            lock.unlock();
        }
    }

    /** {@inheritDoc} At most up to the log end offset. */
    @Override
    public void dropBefore(long offset) {
        lock.lock();
        try {
            long start = Math.min(offset, Math.min(keptFrom, logEndOffset()));
            if (start <= logStartOffset()) {
                return;
            }
            START.setRelease(this, start);
            while (current != null && ring.secondBaseOffset(logEndOffset()) <= start) {
                dropFirst();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long dropOlderThan(long timestampMs) {
        lock.lock();
        try {
            BatchRun first = ring.first();
            while (first != null
                    && first.end() > 0
                    && first.newestMs() < timestampMs
                    && isFirstDroppable()) {
                dropFirst();
                first = ring.first();
            }
            return logStartOffset();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void budgetBytes(long limitBytes) {
        lock.lock();
        try {
            budgetBytes = limitBytes;
            makeRoom(0);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            isClosed = true;
            while (current != null) {
                dropFirst();
            }
        } finally {
            lock.unlock();
        }
    }
}
