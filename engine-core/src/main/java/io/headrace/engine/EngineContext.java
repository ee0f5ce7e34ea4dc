package io.headrace.engine;

import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.source.NoReaders;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.ObjectStore;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What an engine is made of. Set, then {@link #conclude}d once by whoever opens the engine, and not
 * changed afterwards.
 */
@Stable
public final class EngineContext {
    private static final long MIB = 1 << 20;

    /** Keys that compaction has room for at least are 32. */
    private static final long COMPACTION_MEMORY_MIN = 1024;

    private @Nullable Path directory;
    private @Nullable MemoryStore memoryStore;
    private @Nullable Function<Path, MetadataStore> metadataStoreFactory;
    private final Map<String, ObjectStore> objectStores = new LinkedHashMap<>();
    private DatasetReaders datasetReaders = new NoReaders();
    private TopicConfig topicDefaults = TopicConfig.DEFAULTS;
    private List<TopicPolicy> topicPolicies = List.of();
    private int journalCount =
            Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors() / 2));
    private long journalCycleBytes = 128 * MIB;
    private long diskReserveBytes = 256 * MIB;
    private long sealingBytesPerSecond = 64 * MIB;
    private long compactionMemoryBytes;
    private long compactionPassBytes = 256 * MIB;
    private @Nullable RecordFilter recordFilter;
    private long memoryTopicBudgetBytes = 64 * MIB;
    private int coldReaderCount = 4;
    private int sourceThreadCount = 64;
    private long cacheMemoryBytes;
    private long cacheDiskBytes = 10 * 1024 * MIB;
    private @Nullable Path cacheDirectory;
    private long cachePrefetchBytes = -1;
    private long retentionCheckIntervalMs = 5 * 60 * 1000L;
    private long partitionIdleMs = 60 * 1000L;
    private long producerExpirationMs = 24 * 3600 * 1000L;
    private @Nullable String bootId;
    private Disk disk = Disk.SYSTEM;
    private LongSupplier clockMs = System::currentTimeMillis;
    private @Nullable LongSupplier uptimeMs;
    private Consumer<Throwable> failureHandler = EngineContext::halt;

    /** Topic configs for names with a prefix, applied where the creator says nothing else. */
    public record TopicPolicy(String namePrefix, Map<String, String> configs) {}

    /**
     * The data folder; created if it is not there. One process uses it at a time.
     *
     * @return this
     */
    public EngineContext directory(Path path) {
        this.directory = path;
        return this;
    }

    /** The data folder. */
    public Path directory() {
        return Objects.requireNonNull(directory, "directory");
    }

    /**
     * Off-heap memory. The caller owns it, and closes it after the engine.
     *
     * @return this
     */
    public EngineContext memoryStore(MemoryStore store) {
        this.memoryStore = store;
        return this;
    }

    /** Off-heap memory. */
    public MemoryStore memoryStore() {
        return Objects.requireNonNull(memoryStore, "memoryStore");
    }

    /**
     * Opens the metadata store in a folder; the engine owns what it opens.
     *
     * @return this
     */
    public EngineContext metadataStoreFactory(Function<Path, MetadataStore> factory) {
        this.metadataStoreFactory = factory;
        return this;
    }

    /** Opens the metadata store. */
    public Function<Path, MetadataStore> metadataStoreFactory() {
        return Objects.requireNonNull(metadataStoreFactory, "metadataStoreFactory");
    }

    /**
     * Adds a named store that source topics may read: {@code headrace.source.uri=NAME://prefix} or
     * the URI of the store itself. The caller owns it.
     *
     * @param uri the store's root as it may be named in a topic, e.g. {@code s3://bucket/} or
     *     {@code file:///srv/data/}
     * @return this
     */
    public EngineContext objectStore(String uri, ObjectStore store) {
        objectStores.put(uri, store);
        return this;
    }

    /** The stores that source topics may read, by root URI. */
    public Map<String, ObjectStore> objectStores() {
        return objectStores;
    }

    /**
     * The formats that objects of source topics may have; without this each object is a record.
     *
     * @return this
     */
    public EngineContext datasetReaders(DatasetReaders readers) {
        this.datasetReaders = readers;
        return this;
    }

    /** The formats that objects of source topics may have. */
    public DatasetReaders datasetReaders() {
        return datasetReaders;
    }

    /**
     * What a topic config is where neither the topic nor a policy says.
     *
     * @return this
     */
    public EngineContext topicDefaults(TopicConfig defaults) {
        this.topicDefaults = defaults;
        return this;
    }

    /** What a topic config is where neither the topic nor a policy says. */
    public TopicConfig topicDefaults() {
        return topicDefaults;
    }

    /**
     * Configs by name prefix, longest prefix first wins.
     *
     * @return this
     */
    public EngineContext topicPolicies(List<TopicPolicy> policies) {
        this.topicPolicies = List.copyOf(policies);
        return this;
    }

    /** Configs by name prefix. */
    public List<TopicPolicy> topicPolicies() {
        return topicPolicies;
    }

    /**
     * Data journals (shards), each with a lock, a syncer and files of its own; 1 to 16.
     *
     * @return this
     */
    public EngineContext journalCount(int count) {
        this.journalCount = count;
        return this;
    }

    /** Data journals. */
    public int journalCount() {
        return journalCount;
    }

    /**
     * Bytes of one journal file before the next is begun; 1 MiB to 1 GiB. A file takes 1.25 times
     * that on disk.
     *
     * @return this
     */
    public EngineContext journalCycleBytes(long bytes) {
        this.journalCycleBytes = bytes;
        return this;
    }

    /** Bytes of one journal file. */
    public long journalCycleBytes() {
        return journalCycleBytes;
    }

    /**
     * Free bytes of the disk that are kept for what brings space back. Appends are refused before:
     * while less is free than these, the next checkpoint of the metadata store and two journal
     * files.
     *
     * @return this
     */
    public EngineContext diskReserveBytes(long bytes) {
        this.diskReserveBytes = bytes;
        return this;
    }

    /** Free bytes of the disk that are kept for what brings space back. */
    public long diskReserveBytes() {
        return diskReserveBytes;
    }

    /**
     * Most bytes that are read and written, taken together, in a second to move what lives out of
     * files that are mostly dead; more if the disk is short of space.
     *
     * @return this
     */
    public EngineContext sealingBytesPerSecond(long bytes) {
        this.sealingBytesPerSecond = bytes;
        return this;
    }

    /** Most bytes that are read and written in a second for sealing. */
    public long sealingBytesPerSecond() {
        return sealingBytesPerSecond;
    }

    /**
     * What looks into batches for compacted topics; without it there are none. It is not the
     * engine's: {@code io.headrace.kafka.KafkaRecordFilter} is one over Kafka's own classes.
     *
     * @return this
     */
    public EngineContext recordFilter(RecordFilter filter) {
        this.recordFilter = filter;
        return this;
    }

    /** What looks into batches for compacted topics; null if nothing does. */
    public @Nullable RecordFilter recordFilter() {
        return recordFilter;
    }

    /**
     * Most bytes of the memory store in which a compaction notes keys, 32 each; more keys take more
     * passes. A quarter of the store's at most; 0, the default, for 16 MiB or that quarter,
     * whichever is less.
     *
     * @return this
     */
    public EngineContext compactionMemoryBytes(long bytes) {
        this.compactionMemoryBytes = bytes;
        return this;
    }

    /** Most bytes of the memory store in which a compaction notes keys. */
    public long compactionMemoryBytes() {
        return compactionMemoryBytes == 0
                ? Math.min(16 * MIB, compactionMemoryBytesMax(memoryStore()))
                : compactionMemoryBytes;
    }

    /** Most that may be set: others than logs have a half, of which as much is left to batches. */
    public static long compactionMemoryBytesMax(MemoryStore store) {
        return Math.max(COMPACTION_MEMORY_MIN, Math.min(1024 * MIB, store.budgetBytes() / 4));
    }

    /**
     * Bytes after which compaction lets sealing have its turn, and goes on later.
     *
     * @return this
     */
    public EngineContext compactionPassBytes(long bytes) {
        this.compactionPassBytes = bytes;
        return this;
    }

    /** Bytes after which compaction lets sealing have its turn. */
    public long compactionPassBytes() {
        return compactionPassBytes;
    }

    /**
     * Most bytes of memory that one partition of a memory or hybrid topic holds where its configs
     * do not say: {@link TopicConfig#memoryBudgetBytes}, in a memory topic {@code retention.bytes}
     * too.
     *
     * @return this
     */
    public EngineContext memoryTopicBudgetBytes(long bytes) {
        this.memoryTopicBudgetBytes = bytes;
        return this;
    }

    /** Most bytes of memory that one partition of a memory or hybrid topic holds. */
    public long memoryTopicBudgetBytes() {
        return memoryTopicBudgetBytes;
    }

    /**
     * Threads that read what is not in memory; 1 to 64.
     *
     * @return this
     */
    public EngineContext coldReaderCount(int count) {
        this.coldReaderCount = count;
        return this;
    }

    /** Threads that read what is not in memory. */
    public int coldReaderCount() {
        return coldReaderCount;
    }

    /**
     * Threads that read object stores, one request each; 2 to 1024 for each store. They end while
     * there is nothing to read.
     *
     * @return this
     */
    public EngineContext sourceThreadCount(int count) {
        this.sourceThreadCount = count;
        return this;
    }

    /** Threads that read object stores. */
    public int sourceThreadCount() {
        return sourceThreadCount;
    }

    /**
     * Most bytes of the memory store that hold blocks of sources; 0, the default, for a quarter of
     * it.
     *
     * @return this
     */
    public EngineContext cacheMemoryBytes(long bytes) {
        this.cacheMemoryBytes = bytes;
        return this;
    }

    /** Most bytes of the memory store that hold blocks of sources; 0 for a quarter of it. */
    public long cacheMemoryBytes() {
        return cacheMemoryBytes;
    }

    /**
     * Most bytes of files that hold blocks of sources; 0 for none. The cache takes at most half of
     * what its disk has for it, and leaves what is kept free for the journals.
     *
     * @return this
     */
    public EngineContext cacheDiskBytes(long bytes) {
        this.cacheDiskBytes = bytes;
        return this;
    }

    /** Most bytes of files that hold blocks of sources; 0 for none. */
    public long cacheDiskBytes() {
        return cacheDiskBytes;
    }

    /**
     * Most bytes of sources that are read ahead of readers and not given to them yet; 0 for none,
     * −1, the default, for a sixteenth of memory and disk together, within an eighth and a half of
     * the memory.
     *
     * @return this
     */
    public EngineContext cachePrefetchBytes(long bytes) {
        this.cachePrefetchBytes = bytes;
        return this;
    }

    /** Most bytes of sources that are read ahead of readers; −1 for a share. */
    public long cachePrefetchBytes() {
        return cachePrefetchBytes;
    }

    /**
     * Folder of the files that hold blocks of sources, by default {@code cache} in the data folder.
     *
     * @return this
     */
    public EngineContext cacheDirectory(Path path) {
        this.cacheDirectory = path;
        return this;
    }

    /** Folder of the files that hold blocks of sources. */
    public Path cacheDirectory() {
        Path path = cacheDirectory;
        return path == null ? directory().resolve("cache") : path;
    }

    /**
     * Time between two passes of retention, in milliseconds.
     *
     * @return this
     */
    public EngineContext retentionCheckIntervalMs(long ms) {
        this.retentionCheckIntervalMs = ms;
        return this;
    }

    /** Time between two passes of retention, in milliseconds. */
    public long retentionCheckIntervalMs() {
        return retentionCheckIntervalMs;
    }

    /**
     * Time without use after which a partition's log is let go of, in milliseconds; it comes back
     * when it is used.
     *
     * @return this
     */
    public EngineContext partitionIdleMs(long ms) {
        this.partitionIdleMs = ms;
        return this;
    }

    /** Time without use after which a partition's log is let go of, in milliseconds. */
    public long partitionIdleMs() {
        return partitionIdleMs;
    }

    /**
     * How long an idempotent producer is remembered after its last batch, in milliseconds.
     *
     * @return this
     */
    public EngineContext producerExpirationMs(long ms) {
        this.producerExpirationMs = ms;
        return this;
    }

    /** How long an idempotent producer is remembered, in milliseconds. */
    public long producerExpirationMs() {
        return producerExpirationMs;
    }

    /**
     * What tells one boot of the machine from the next: if it has changed after a crash, what was
     * not synced may be lost. The kernel's own by default.
     *
     * @return this
     */
    public EngineContext bootId(String id) {
        this.bootId = id;
        return this;
    }

    /** What tells one boot of the machine from the next; null for the kernel's own. */
    public @Nullable String bootId() {
        return bootId;
    }

    /**
     * The wall clock, in milliseconds since 1970; the machine's by default.
     *
     * @return this
     */
    public EngineContext clockMs(LongSupplier clock) {
        this.clockMs = clock;
        return this;
    }

    /** The wall clock. */
    public LongSupplier clockMs() {
        return clockMs;
    }

    /**
     * Milliseconds since the boot of the machine, which nobody can set; the kernel's own by
     * default.
     *
     * @return this
     */
    public EngineContext uptimeMs(LongSupplier uptime) {
        this.uptimeMs = uptime;
        return this;
    }

    /** Milliseconds since the boot of the machine; null for the kernel's own. */
    public @Nullable LongSupplier uptimeMs() {
        return uptimeMs;
    }

    /**
     * The calls to the file system of whatever has to be durable; the operating system's by
     * default, another in tests.
     *
     * @return this
     */
    public EngineContext disk(Disk calls) {
        this.disk = calls;
        return this;
    }

    /** The calls to the file system of whatever has to be durable. */
    public Disk disk() {
        return disk;
    }

    /**
     * Called when durability can no longer be kept (a failed force); by default the process is
     * halted at once, with status 70, because what is acknowledged afterwards might be lost.
     *
     * @return this
     */
    public EngineContext failureHandler(Consumer<Throwable> handler) {
        this.failureHandler = handler;
        return this;
    }

    /** Called when durability can no longer be kept. */
    public Consumer<Throwable> failureHandler() {
        return failureHandler;
    }

    /**
     * Checks every value, and the flags of the JVM.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     * @throws EngineException naming the JVM flags that are missing
     */
    public EngineContext conclude() {
        JvmFlags.check();
        directory();
        memoryStore();
        metadataStoreFactory();
        check("journalCount", journalCount, 1, 16);
        check("journalCycleBytes", journalCycleBytes, MIB, 1024 * MIB);
        check("diskReserveBytes", diskReserveBytes, 0, Long.MAX_VALUE);
        check("sealingBytesPerSecond", sealingBytesPerSecond, MIB, Long.MAX_VALUE);
        check(
                "compactionMemoryBytes",
                compactionMemoryBytes(),
                COMPACTION_MEMORY_MIN,
                compactionMemoryBytesMax(memoryStore()));
        check("compactionPassBytes", compactionPassBytes, 1, Long.MAX_VALUE);
        check("memoryTopicBudgetBytes", memoryTopicBudgetBytes, 1024, Long.MAX_VALUE);
        check("coldReaderCount", coldReaderCount, 1, 64);
        check("sourceThreadCount", sourceThreadCount, 2, 1024);
        check("cacheMemoryBytes", cacheMemoryBytes, 0, memoryStore().budgetBytes());
        check("cacheDiskBytes", cacheDiskBytes, 0, Long.MAX_VALUE);
        check("cachePrefetchBytes", cachePrefetchBytes, -1, Long.MAX_VALUE);
        check("retentionCheckIntervalMs", retentionCheckIntervalMs, 1, Long.MAX_VALUE);
        check("partitionIdleMs", partitionIdleMs, 0, Long.MAX_VALUE);
        check("producerExpirationMs", producerExpirationMs, 1, Long.MAX_VALUE);
        return this;
    }

    private static void check(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new InvalidConfigException(key, Long.toString(value), min + " to " + max);
        }
    }

    private static void halt(Throwable failure) {
        System.err.println(
                "headrace: stopping at once, durability can no longer be kept: " + failure);
        Runtime.getRuntime().halt(70);
    }
}
