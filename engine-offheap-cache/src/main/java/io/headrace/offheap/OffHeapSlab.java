package io.headrace.offheap;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of off-heap memory with a reference count: at once what is leased, and a node in the
 * tree that the arena splits and merges. The object lives as long as its chunk and is used again,
 * so that leasing a slab allocates nothing on the heap.
 *
 * <p>The count is free for any thread; everything else is guarded by the arena's lock.
 */
final class OffHeapSlab implements Slab {
    private static final VarHandle REFERENCES = varHandle();

    private final SlabArena arena;
    private final long address;
    private final int capacity;

    /** Null if this slab is an allocation of its own. */
    final @Nullable Chunk chunk;

    final int sizeClass;

    /** Which this one merges into; null if it is the largest that its chunk has in this place. */
    final @Nullable OffHeapSlab parent;

    /** Kept once they were made: splitting again allocates nothing. */
    OffHeapSlab @Nullable [] children;

    @Nullable OffHeapSlab previousFree;
    @Nullable OffHeapSlab nextFree;
    boolean isFree;
    @Nullable TagCounter tag;

    @SuppressWarnings("unused") // through REFERENCES
    private volatile int references;

    /** For the logs: never leaves this package, and lives as long as the slab. */
    private @Nullable ByteBuffer memory;

    /** For whoever leased the slab: made useless with the last release. */
    private @Nullable ByteBuffer buffer;

    private @Nullable BatchRun batchRun;

    OffHeapSlab(
            SlabArena arena,
            @Nullable Chunk chunk,
            @Nullable OffHeapSlab parent,
            int sizeClass,
            long address,
            int capacity) {
        this.arena = arena;
        this.chunk = chunk;
        this.parent = parent;
        this.sizeClass = sizeClass;
        this.address = address;
        this.capacity = capacity;
    }

    long address() {
        return address;
    }

    /** Bytes. */
    int capacity() {
        return capacity;
    }

    /** Called by the arena on handing out. */
    void lease(TagCounter forTag) {
        tag = forTag;
        // Release: whoever retains this slab by a stale reference sees all that was written before
        // it was handed out again, the log's moved head above all.
        REFERENCES.setRelease(this, 1);
    }

    @Override
    public ByteBuffer buffer() {
        ByteBuffer view = buffer;
        if (view == null) {
            view = NativeMemory.view(address, capacity);
            buffer = view;
        }
        return view;
    }

    /** The bytes, for this package alone; accessed by index, position and limit never moved. */
    ByteBuffer memory() {
        ByteBuffer view = memory;
        if (view == null) {
            view = NativeMemory.view(address, capacity);
            memory = view;
        }
        return view;
    }

    /** This slab as a run of record batches; the object is kept with the slab. */
    BatchRun batchRun() {
        BatchRun run = batchRun;
        if (run == null) {
            run = new BatchRun(this);
            batchRun = run;
        }
        return run;
    }

    /** Makes the buffer that was handed out useless; the next lease gets another. */
    void blankBuffer() {
        ByteBuffer view = buffer;
        if (view != null) {
            NativeMemory.blank(view);
            buffer = null;
        }
    }

    /** A direct buffer of its own over a part of the slab. */
    ByteBuffer view(int position, int length) {
        return NativeMemory.view(address + position, length);
    }

    @Override
    public boolean retain() {
        int count = (int) REFERENCES.getVolatile(this);
        while (count > 0) {
            // Full fence: what is read afterwards (the log's head) is no older than the reference.
            int seen = (int) REFERENCES.compareAndExchange(this, count, count + 1);
            if (seen == count) {
                return true;
            }
            count = seen;
        }
        return false;
    }

    @Override
    public void release() {
        // Full fence: all reads through this reference come before the memory is handed out again.
        int before = (int) REFERENCES.getAndAdd(this, -1);
        if (before <= 0) {
            throw new IllegalStateException(
                    "slab released more often than retained: capacity=" + capacity);
        }
        if (before == 1) {
            arena.free(this);
        }
    }

    private static VarHandle varHandle() {
        try {
            return MethodHandles.lookup().findVarHandle(OffHeapSlab.class, "references", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
