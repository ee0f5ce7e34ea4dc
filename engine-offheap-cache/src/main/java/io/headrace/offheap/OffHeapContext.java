package io.headrace.offheap;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;

/** What an {@link OffHeapMemoryStore} is made of. Set, then {@link #conclude}d once. */
@Experimental
public final class OffHeapContext {
    private static final long MIB = 1 << 20;

    /** Larger than any allocation that malloc keeps in its own heap, so that freeing gives back. */
    private static final long CHUNK_BYTES_DEFAULT = 64 * MIB;

    private static final long UNSET = -1;

    private long budgetBytes = 256 * MIB;
    private long chunkBytes = UNSET;
    private long logReserveBytes = UNSET;

    /**
     * Most bytes that are taken from the operating system; at least 4 KiB. Pages count, and are
     * resident, from the first write to them on.
     *
     * @return this
     */
    public OffHeapContext budgetBytes(long bytes) {
        this.budgetBytes = bytes;
        return this;
    }

    /** Most bytes that are taken from the operating system. */
    public long budgetBytes() {
        return budgetBytes;
    }

    /**
     * Bytes taken from the operating system at a time, from which slabs are carved; 4 KiB to 1 GiB,
     * by default 64 MiB or the budget, whichever is less.
     *
     * @return this
     */
    public OffHeapContext chunkBytes(long bytes) {
        this.chunkBytes = bytes;
        return this;
    }

    /** Bytes taken from the operating system at a time. */
    public int chunkBytes() {
        return (int)
                (chunkBytes == UNSET ? Math.min(CHUNK_BYTES_DEFAULT, budgetBytes) : chunkBytes);
    }

    /**
     * Bytes of the budget that only logs may use; 0 to the budget, by default half of it. Logs may
     * use all that is free beyond it, and give it back, oldest records first, when slabs for others
     * are asked for.
     *
     * @return this
     */
    public OffHeapContext logReserveBytes(long bytes) {
        this.logReserveBytes = bytes;
        return this;
    }

    /** Bytes of the budget that only logs may use. */
    public long logReserveBytes() {
        return logReserveBytes == UNSET ? budgetBytes / 2 : logReserveBytes;
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public OffHeapContext conclude() {
        check("budgetBytes", budgetBytes, 4096, Long.MAX_VALUE);
        check("chunkBytes", chunkBytes == UNSET ? chunkBytes() : chunkBytes, 4096, 1024 * MIB);
        check("logReserveBytes", logReserveBytes(), 0, budgetBytes);
        return this;
    }

    private static void check(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new InvalidConfigException(key, Long.toString(value), min + " to " + max);
        }
    }
}
