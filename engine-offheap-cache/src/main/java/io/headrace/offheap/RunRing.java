package io.headrace.offheap;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The runs of a log from the oldest to the newest, numbered without end; run <i>n</i> stands in
 * slot <i>n</i> mod the table's length. Each run in the ring holds one reference to its slab.
 *
 * <p>Changed under the log's lock; searched by any thread without it. A searcher may read slots
 * that are being used again: so what it finds counts only after {@link #retain} has confirmed it.
 * Removal moves the head first and gives the reference back afterwards.
 */
final class RunRing {
    private static final int LENGTH_INITIAL = 2;
    private static final VarHandle RUNS = MethodHandles.arrayElementVarHandle(BatchRun[].class);
    private static final VarHandle OFFSETS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;
    private static final VarHandle TABLE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HEAD = lookup.findVarHandle(RunRing.class, "head", long.class);
            TAIL = lookup.findVarHandle(RunRing.class, "tail", long.class);
            TABLE = lookup.findVarHandle(RunRing.class, "table", Table.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Slots; the length is a power of two. */
    private record Table(@Nullable BatchRun[] runs, long[] baseOffsets) {
        Table(int length) {
            this(new BatchRun[length], new long[length]);
        }

        int slot(long index) {
            return (int) index & (runs.length - 1);
        }
    }

    @SuppressWarnings("unused") // through HEAD
    private long head;

    @SuppressWarnings("unused") // through TAIL
    private long tail;

    private Table table = new Table(LENGTH_INITIAL);

    /** Number of the oldest run. */
    long head() {
        // Acquire: pairs with removeFirst; see retain.
        return (long) HEAD.getAcquire(this);
    }

    /** Number that the next run will have. */
    long tail() {
        // Acquire: pairs with addLast, so that the slots below are filled and in the table.
        return (long) TAIL.getAcquire(this);
    }

    boolean isEmpty() {
        return head() == tail();
    }

    /** Publishes a run; its slab's first reference is the ring's from now on. Under the lock. */
    void addLast(BatchRun run, long baseOffset) {
        long index = (long) TAIL.get(this);
        if (index - (long) HEAD.get(this) == table.runs.length) {
            grow();
        }
        int slot = table.slot(index);
        OFFSETS.setRelease(table.baseOffsets, slot, baseOffset);
        RUNS.setRelease(table.runs, slot, run);
        // Release: whoever sees the new tail sees the slot, and the table that has it.
        TAIL.setRelease(this, index + 1);
    }

    /** The oldest run, or null. Under the lock. */
    @Nullable BatchRun first() {
        return isEmpty() ? null : table.runs[table.slot((long) HEAD.get(this))];
    }

    /**
     * Base offset of the second oldest run, or {@code otherwise} if there is none. Under the lock.
     */
    long secondBaseOffset(long otherwise) {
        long second = (long) HEAD.get(this) + 1;
        return second < (long) TAIL.get(this) ? table.baseOffsets[table.slot(second)] : otherwise;
    }

    /** Unlinks the oldest run and gives its reference back. Under the lock; not when empty. */
    void removeFirst() {
        long index = (long) HEAD.get(this);
        int slot = table.slot(index);
        BatchRun run = table.runs[slot];
        // Release, and before the reference goes: see retain.
        HEAD.setRelease(this, index + 1);
        RUNS.setRelease(table.runs, slot, null);
        if (run != null) {
            run.slab.release();
        }
    }

    /**
     * Number of the run that should hold an offset: the last one whose base offset is not above it;
     * below {@link #head} if there is none.
     */
    long indexOf(long offset) {
        long low = head();
        long high = tail() - 1;
        Table seen = table();
        long found = low - 1;
        while (low <= high) {
            long middle = (low + high) >>> 1;
            if ((long) OFFSETS.getAcquire(seen.baseOffsets, seen.slot(middle)) <= offset) {
                found = middle;
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return found;
    }

    /**
     * The run of that number with a reference added, or null if it is not in the ring any more.
     *
     * <p>Between reading the slot and adding the reference, the slab may have been handed out
     * again, to anyone. But then its new count was written after the head had moved on, and the
     * compare-and-set that added our reference read that count or a later one: so the head read
     * below shows it.
     */
    @Nullable BatchRun retain(long index) {
        Table seen = table();
        BatchRun run = (BatchRun) RUNS.getAcquire(seen.runs, seen.slot(index));
        if (run == null || !run.slab.retain()) {
            return null;
        }
        if (head() > index) {
            run.slab.release();
            return null;
        }
        return run;
    }

    private Table table() {
        // Acquire: pairs with grow. A table is at least as new as the tail that was read before.
        return (Table) TABLE.getAcquire(this);
    }

    private void grow() {
        Table old = table;
        Table larger = new Table(old.runs.length * 2);
        for (long i = (long) HEAD.get(this); i < (long) TAIL.get(this); i++) {
            larger.runs[larger.slot(i)] = old.runs[old.slot(i)];
            larger.baseOffsets[larger.slot(i)] = old.baseOffsets[old.slot(i)];
        }
        TABLE.setRelease(this, larger);
    }
}
