package io.headrace.rocks;

import java.util.ArrayDeque;
import java.util.Deque;
import org.rocksdb.AbstractNativeReference;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.IndexType;
import org.rocksdb.InfoLogLevel;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.WriteBufferManager;
import org.rocksdb.WriteOptions;

/**
 * The native objects that a store is opened with, made in one place and freed in reverse order. The
 * store owns them, and closes them after the database.
 */
final class RocksResources implements AutoCloseable {
    private static final int CACHE_SHARD_BITS = 2;
    private static final int BLOCK_LENGTH = 8 * 1024;
    private static final int BLOOM_BITS_PER_KEY = 10;
    private static final int WRITE_BUFFER_COUNT = 4;
    private static final int RANGE_DELETIONS_PER_BUFFER = 500;
    private static final long TABLE_FILE_BYTES = 32 << 20;
    private static final long LEVEL_BASE_BYTES = 128 << 20;
    private static final int TABLE_CACHE_SHARD_BITS = 2;
    private static final long INFO_LOG_BYTES = 1 << 20;
    private static final int INFO_LOG_COUNT = 2;
    private static final long MANIFEST_BYTES = 16 << 20;
    private static final long MANIFEST_PREALLOCATED_BYTES = 64 << 10;

    private final Deque<AbstractNativeReference> owned = new ArrayDeque<>();

    final Cache cache;
    final Options options;
    final ReadOptions readOptions;
    final WriteOptions writeOptions;
    final FlushOptions flushOptions;

    RocksResources(RocksContext context) {
        // One cache for all: the write buffers are charged to it, so that the sum is the bound.
        cache =
                own(
                        new LRUCache(
                                context.blockCacheBytes() + context.writeBufferBytes(),
                                CACHE_SHARD_BITS));
        options = own(new Options());
        limitMemory(context);
        limitFiles(context);
        keepOrder();
        beQuiet();
        readOptions = own(new ReadOptions().setVerifyChecksums(true).setFillCache(true));
        writeOptions = own(new WriteOptions().setDisableWAL(true));
        flushOptions = own(new FlushOptions().setWaitForFlush(true));
    }

    private void limitMemory(RocksContext context) {
        WriteBufferManager writeBuffers =
                own(new WriteBufferManager(context.writeBufferBytes(), cache));
        options.setWriteBufferManager(writeBuffers)
                .setWriteBufferSize(context.writeBufferBytes() / WRITE_BUFFER_COUNT)
                .setMaxWriteBufferNumber(WRITE_BUFFER_COUNT)
                .setTableFormatConfig(tableFormat())
                // Whether a name is taken is mostly asked of names that are not.
                .setMemtablePrefixBloomSizeRatio(0.02)
                .setMemtableWholeKeyFiltering(true)
                // Each range makes every read of the buffer slower: 4 ms after 8,000 of them.
                .setMemtableMaxRangeDeletions(RANGE_DELETIONS_PER_BUFFER);
    }

    private BlockBasedTableConfig tableFormat() {
        return new BlockBasedTableConfig()
                .setBlockCache(cache)
                .setBlockSize(BLOCK_LENGTH)
                .setFilterPolicy(own(new BloomFilter(BLOOM_BITS_PER_KEY)))
                // In pieces of the length of a block: a whole filter of a table file is as long as
                // a shard of a small cache, and reading it anew takes a millisecond per get.
                .setPartitionFilters(true)
                .setIndexType(IndexType.kTwoLevelIndexSearch)
                .setPinTopLevelIndexAndFilter(true)
                // Indexes and filters count against the cache too, and stay longest in it.
                .setCacheIndexAndFilterBlocks(true)
                .setCacheIndexAndFilterBlocksWithHighPriority(true)
                .setPinL0FilterAndIndexBlocksInCache(true);
    }

    private void limitFiles(RocksContext context) {
        options.setCreateIfMissing(true)
                .setMaxOpenFiles(context.openFilesMax())
                // Each shard holds at least one file open: 64 by default, whatever the limit says.
                .setTableCacheNumshardbits(TABLE_CACHE_SHARD_BITS)
                .setMaxBackgroundJobs(context.backgroundThreadCount())
                .setTargetFileSizeBase(TABLE_FILE_BYTES)
                .setMaxBytesForLevelBase(LEVEL_BASE_BYTES)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setMaxManifestFileSize(MANIFEST_BYTES)
                .setManifestPreallocationSize(MANIFEST_PREALLOCATED_BYTES);
    }

    /**
     * Without a log of its own, what a crash leaves is what was flushed. It is a prefix of the
     * batches because there is one column family, a batch lies within one write buffer, buffers are
     * filled in the order of writes and are installed oldest first; all of which the settings here
     * would otherwise be able to undo.
     */
    private void keepOrder() {
        options.setUnorderedWrite(false)
                .setEnablePipelinedWrite(false)
                .setTwoWriteQueues(false)
                .setAllowConcurrentMemtableWrite(false)
                .setAvoidFlushDuringShutdown(false)
                .setParanoidChecks(true)
                .setForceConsistencyChecks(true);
    }

    /** No periodic statistics: an idle store does nothing at all. */
    private void beQuiet() {
        options.setStatsDumpPeriodSec(0)
                .setStatsPersistPeriodSec(0)
                .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
                .setMaxLogFileSize(INFO_LOG_BYTES)
                .setKeepLogFileNum(INFO_LOG_COUNT);
    }

    private <T extends AbstractNativeReference> T own(T reference) {
        owned.push(reference);
        return reference;
    }

    @Override
    public void close() {
        while (!owned.isEmpty()) {
            owned.pop().close();
        }
    }
}
