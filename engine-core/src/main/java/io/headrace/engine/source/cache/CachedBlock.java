package io.headrace.engine.source.cache;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * A block's ready-made record batches in memory, from index 0 of a slab. References are the slab's:
 * whoever made the block holds the first. Takes 48 bytes of heap besides the slab's.
 */
public final class CachedBlock implements Extent {
    private static final int FROM_STORE = 1;
    private static final int FROM_DISK = 2;
    private static final int PREFETCHED = 4;
    private static final VarHandle STATE = stateHandle();

    private final long firstOffset;
    private final int recordCount;
    private final int length;
    private final long identity;
    private final Slab slab;

    /** Where it came from and why, until it is first read; 0 from then on. */
    @SuppressWarnings("unused") // through STATE
    private volatile int state;

    private CachedBlock(
            long firstOffset, int recordCount, Slab slab, int length, long identity, int state) {
        this.firstOffset = firstOffset;
        this.recordCount = recordCount;
        this.slab = slab;
        this.length = length;
        this.identity = identity;
        this.state = state;
    }

    /**
     * A block that was read from its store.
     *
     * @param slab its bytes; the reference is taken over
     * @param length of its bytes
     * @param identity as in {@link StoredBlock#identity}
     */
    public static CachedBlock fromStore(
            long firstOffset, int recordCount, Slab slab, int length, long identity) {
        return new CachedBlock(firstOffset, recordCount, slab, length, identity, FROM_STORE);
    }

    static CachedBlock fromDisk(
            long firstOffset, int recordCount, Slab slab, int length, long identity) {
        return new CachedBlock(firstOffset, recordCount, slab, length, identity, FROM_DISK);
    }

    /** Offset of its first record. */
    public long firstOffset() {
        return firstOffset;
    }

    @Override
    public int recordCount() {
        return recordCount;
    }

    /** Offset after its last record. */
    public long endOffset() {
        return firstOffset + recordCount;
    }

    boolean holds(long offset) {
        return offset >= firstOffset && offset < endOffset();
    }

    /** Its bytes, from index 0 to {@link #length}; take a duplicate. */
    public ByteBuffer bytes() {
        return slab.buffer();
    }

    /** Bytes of its record batches. */
    public int length() {
        return length;
    }

    /** Bytes of memory that it takes. */
    int capacity() {
        return slab.buffer().capacity();
    }

    long identity() {
        return identity;
    }

    /** Adds a reference; false if the memory is gone already. */
    boolean retain() {
        return slab.retain();
    }

    /** Gives a reference back. */
    public void release() {
        slab.release();
    }

    /** It was loaded before anybody asked for it. */
    void prefetched() {
        STATE.getAndBitwiseOr(this, PREFETCHED);
    }

    boolean isFromStore() {
        return ((int) STATE.getVolatile(this) & FROM_STORE) != 0;
    }

    /** Whether it was loaded before anybody asked for it and nobody has; true once. */
    boolean takePrefetched() {
        return ((int) STATE.getAndBitwiseAnd(this, ~PREFETCHED) & PREFETCHED) != 0;
    }

    /** What was not accounted for yet, for {@link #wasPrefetched} and {@link #tier}; asked once. */
    int takeState() {
        return (int) STATE.getAndSet(this, 0);
    }

    static boolean wasPrefetched(int state) {
        return (state & PREFETCHED) != 0;
    }

    static Tier tier(int state) {
        if ((state & FROM_STORE) != 0) {
            return Tier.STORE;
        }
        return (state & FROM_DISK) != 0 ? Tier.DISK : Tier.MEMORY;
    }

    private static VarHandle stateHandle() {
        try {
            return MethodHandles.lookup().findVarHandle(CachedBlock.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
