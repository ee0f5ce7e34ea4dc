package io.headrace.rocks;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.Disk;

/**
 * How much memory and how many descriptors a {@link RocksMetadataStore} may use. Set, then {@link
 * #conclude}d once when the store is opened, and not changed afterwards.
 */
@Experimental
public final class RocksContext {
    private static final long MIB = 1 << 20;

    private long blockCacheBytes = 32 * MIB;
    private long writeBufferBytes = 32 * MIB;
    private int openFilesMax = 64;
    private int backgroundThreadCount = 2;
    private Disk disk = Disk.SYSTEM;

    /**
     * Bytes of blocks, indexes and filters kept in memory; 1 MiB to 64 GiB. A million topics of
     * three keys have about 6 MiB of indexes and filters, which should fit.
     *
     * @return this
     */
    public RocksContext blockCacheBytes(long bytes) {
        this.blockCacheBytes = bytes;
        return this;
    }

    /** Bytes of blocks, indexes and filters kept in memory. */
    public long blockCacheBytes() {
        return blockCacheBytes;
    }

    /**
     * Bytes of changes kept in memory before they are written to a file, all buffers together; 1
     * MiB to 4 GiB.
     *
     * @return this
     */
    public RocksContext writeBufferBytes(long bytes) {
        this.writeBufferBytes = bytes;
        return this;
    }

    /** Bytes of changes kept in memory. */
    public long writeBufferBytes() {
        return writeBufferBytes;
    }

    /**
     * Files held open at a time, about; 32 to 10000.
     *
     * @return this
     */
    public RocksContext openFilesMax(int count) {
        this.openFilesMax = count;
        return this;
    }

    /** Files held open at a time. */
    public int openFilesMax() {
        return openFilesMax;
    }

    /**
     * Native threads that flush and compact, shared by all stores of the process; 2 to 64.
     *
     * @return this
     */
    public RocksContext backgroundThreadCount(int count) {
        this.backgroundThreadCount = count;
        return this;
    }

    /** Native threads that flush and compact. */
    public int backgroundThreadCount() {
        return backgroundThreadCount;
    }

    /**
     * The calls with which checkpoints are made durable; RocksDB's own files are not among them.
     *
     * @return this
     */
    public RocksContext disk(Disk calls) {
        this.disk = calls;
        return this;
    }

    /** The calls with which checkpoints are made durable. */
    public Disk disk() {
        return disk;
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public RocksContext conclude() {
        check("blockCacheBytes", blockCacheBytes, MIB, 64 * 1024 * MIB);
        check("writeBufferBytes", writeBufferBytes, MIB, 4 * 1024 * MIB);
        check("openFilesMax", openFilesMax, 32, 10_000);
        check("backgroundThreadCount", backgroundThreadCount, 2, 64);
        return this;
    }

    private static void check(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new InvalidConfigException(key, Long.toString(value), min + " to " + max);
        }
    }
}
