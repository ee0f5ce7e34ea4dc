package io.headrace.engine.source;

import io.headrace.engine.Deadline;
import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.Topic;
import io.headrace.engine.source.cache.BlockTiers;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.source.cache.LoadTimes;
import io.headrace.engine.spi.DatasetReaders;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The logs of all source topics. Owned by the engine, which
 *
 * <ul>
 *   <li>checks a topic's configs with {@link SourceSpec#wanted}, and refuses to grow it or to
 *       change the {@link SourceSpec#FIXED_CONFIGS}: ordinals and partitions are bound to both;
 *   <li>hands each {@code SOURCE_INDEX} entry to {@link #onEntry} when its projection passes it,
 *       during recovery too; applying one again changes nothing;
 *   <li>removes a deleted topic's rows with {@link #onTopicDeleted}, and calls {@link
 *       #topicDeleted} once the topic is gone from the catalog;
 *   <li>asks {@link #open} for a partition's log, and calls {@link #sweep} now and then, so that
 *       what nobody uses is let go of;
 *   <li>closes this before the stores and the executor.
 * </ul>
 *
 * <p>Thread-safe.
 */
public final class SourceLogs implements AutoCloseable {
    /** Share of the engine's memory that holds blocks where nothing else is said. */
    private static final int CACHE_SHARE = 4;

    /** Topics that have series of their own among the metrics: those that served the most bytes. */
    private static final int METRIC_TOPICS_MAX = 20;

    /** Most bytes read ahead and not framed yet, and the share of the engine's memory. */
    private static final long AHEAD_BYTES_MAX = 256L << 20;

    private static final int AHEAD_SHARE = 4;

    private final SourceJournal journal;
    private final SourceIndex index;
    private final Executor indexReader;
    private final Function<ObjectStore, StoreThreads> threads;
    private final Map<String, ObjectStore> stores;
    private final DatasetReaders datasetReaders;
    private final IntSupplier leaderEpoch;
    private final LongSupplier nanoClock = System::nanoTime;
    private final long cacheBudgetBytes;
    private final BlockCache cache;
    private final SlabSource slabs;
    private final Readers readers;
    private final StoreReader storeReader = new StoreReader();
    private final AheadBudget aheadBudget;
    private final OpenScans openScans;
    private final BlockLoader loader;
    private final Complaints complaints = new Complaints();
    private final Map<Long, SourceTopic> topics = new ConcurrentHashMap<>();
    private final Map<ObjectStore, LoadTimes> loadTimes = new ConcurrentHashMap<>();
    private final ReadCounters reads = new ReadCounters();
    private volatile boolean isClosed;

    /**
     * @param journal where the index is made durable, and from where it comes back to {@link
     *     #onEntry}
     * @param metadata where its projection is, under keys that begin with {@code 's'}
     * @param memory for blocks
     * @param indexReader runs what blocks for the metadata store alone
     * @param threads runs what blocks for an object store
     * @param stores what source topics may read, by root URI
     * @param datasetReaders the formats that they may have
     * @param leaderEpoch the engine's, for the batches
     * @param cacheContext where blocks are kept, and within which bounds; completed here. A share
     *     of the memory holds blocks if it names no bound for them
     */
    public SourceLogs(
            SourceJournal journal,
            MetadataStore metadata,
            MemoryStore memory,
            Executor indexReader,
            Function<ObjectStore, StoreThreads> threads,
            Map<String, ObjectStore> stores,
            DatasetReaders datasetReaders,
            IntSupplier leaderEpoch,
            CacheContext cacheContext) {
        this.journal = journal;
        this.index = new SourceIndex(metadata);
        this.indexReader = indexReader;
        this.threads = threads;
        this.stores = stores;
        this.datasetReaders = datasetReaders;
        this.leaderEpoch = leaderEpoch;
        if (cacheContext.memoryBudgetBytes() == 0) {
            cacheContext.memoryBudgetBytes(memory.budgetBytes() / CACHE_SHARE);
        }
        this.cacheBudgetBytes = cacheContext.memoryBudgetBytes();
        this.slabs = new SlabSource(memory, this::releaseMemory);
        this.cache =
                new BlockCache(
                        new BlockTiers(cacheContext.slabs(slabs).leaderEpoch(leaderEpoch)),
                        topics::get);
        this.readers = new Readers(datasetReaders);
        this.aheadBudget =
                new AheadBudget(Math.min(AHEAD_BYTES_MAX, memory.budgetBytes() / AHEAD_SHARE));
        this.openScans =
                new OpenScans(
                        index,
                        slabs,
                        cache,
                        threads,
                        readers,
                        storeReader,
                        aheadBudget,
                        leaderEpoch);
        this.loader =
                new BlockLoader(
                        index, slabs, threads, readers, storeReader, openScans, leaderEpoch);
    }

    private void releaseMemory(long length) {
        cache.release(length);
    }

    /** Adds to a batch what a {@code SOURCE_INDEX} entry says; uses nothing but the entry. */
    public static void onEntry(long topicId, ByteBuffer payload, Batch batch) {
        SourceIndex.apply(topicId, payload, batch);
    }

    /** Adds to a batch the removal of all that is indexed for a topic. */
    public static void onTopicDeleted(long topicId, Batch batch) {
        SourceIndex.applyTopicDeleted(topicId, batch);
    }

    /**
     * The log of one partition; the same object as long as it is not closed. Does not block:
     * listing begins on a thread of its store's at the topic's first use. If the topic's store is
     * no longer configured, reads answer {@code STORE_ERROR}.
     */
    public SourceLog open(Topic topic, int partition) {
        while (true) {
            SourceLog log = opened(topic).log(partition);
            if (!log.isClosed() || !topics.containsKey(topic.id())) {
                return log;
            }
        }
    }

    private SourceTopic opened(Topic topic) {
        return topics.computeIfAbsent(
                topic.id(), id -> new SourceTopic(this, topic, specOf(topic)));
    }

    /** Has somebody do something to a topic's state that does not block; it is made if need be. */
    void use(Topic topic, Consumer<SourceTopic> action) {
        topics.compute(
                topic.id(),
                (id, current) -> {
                    SourceTopic source =
                            current == null ? new SourceTopic(this, topic, specOf(topic)) : current;
                    action.accept(source); // not while it is being let go of
                    return source;
                });
    }

    /** The topic's state if it is in use. */
    @Nullable SourceTopic openedOrNull(long topicId) {
        return topics.get(topicId);
    }

    /** The log of one partition if it is open. */
    public @Nullable SourceLog openLog(long topicId, int partition) {
        SourceTopic source = topics.get(topicId);
        if (source == null) {
            return null;
        }
        source.touch();
        return source.logIfOpen(partition);
    }

    private SourceSpec specOf(Topic topic) {
        try {
            return SourceSpec.of(topic.configs(), stores, datasetReaders);
        } catch (InvalidConfigException refused) {
            complaints.error(
                    "source cannot be read: topic=" + topic.name() + " " + refused.getMessage());
            return AbsentStore.spec(topic.configs());
        }
    }

    /**
     * A topic's configs were altered; what its offsets are bound to is not among what can be.
     *
     * @param before as it was
     */
    public void topicAltered(Topic before, Topic topic) {
        SourceSpec spec = specOf(topic);
        SourceTopic source = topics.get(topic.id());
        if (source != null) {
            source.alter(topic, spec);
        }
        spec.skipped()
                .forEachDifference(
                        specOf(before).skipped(),
                        (partition, offset) -> cache.drop(topic.id(), partition, offset));
        if (!before.configs().equals(topic.configs())) {
            openScans.closeTopic(topic.id());
        }
    }

    /** A topic is gone: its logs close, its blocks are dropped. */
    public void topicDeleted(long topicId) {
        SourceTopic source = topics.remove(topicId);
        if (source != null) {
            source.close();
        }
        openScans.closeTopic(topicId);
        cache.dropTopic(topicId);
    }

    /** Lists a source again, if it is in use; objects that are new are appended. */
    public void refresh(long topicId) {
        SourceTopic source = topics.get(topicId);
        if (source != null) {
            source.listing().startAgain();
        }
    }

    /**
     * Lets go of what nobody has used for a while, lists again what is due, and has the cache give
     * way to whoever else fills the disk. Called by one thread, now and then.
     *
     * @param idleMs how long
     */
    public void sweep(long idleMs) {
        cache.trim();
        long now = nanoClock.getAsLong();
        for (SourceTopic source : topics.values()) {
            if (source.sweep(now, idleMs * 1_000_000)) {
                // the map's lock for the id keeps a new state out until this one is gone
                topics.computeIfPresent(
                        source.id(),
                        (id, current) -> current == source && source.retire() ? null : current);
                openScans.closeTopic(source.id());
            }
        }
    }

    /** Ids of topics that have state in memory, at most that many. */
    List<Long> inUse(int limit) {
        return topics.keySet().stream().limit(limit).toList();
    }

    /** How many topics have state in memory. */
    int openedCount() {
        return topics.size();
    }

    /** Calls the consumer with each counter and gauge. */
    public void forEachMetric(ObjLongConsumer<String> consumer) {
        long storeReads = storeReader.reads.sum();
        long storeBytes = storeReader.bytes.sum();
        long servedBytes = reads.bytes.sum();
        consumer.accept("headrace_source_store_reads_total", storeReads);
        consumer.accept("headrace_source_store_read_bytes_total", storeBytes);
        consumer.accept("headrace_source_served_bytes_total", servedBytes);
        consumer.accept("headrace_source_saved_reads", saved(reads.requests.sum(), storeReads));
        consumer.accept("headrace_source_saved_bytes", saved(servedBytes, storeBytes));
        consumer.accept("headrace_source_waits_total", reads.waits.sum());
        consumer.accept("headrace_source_wait_nanoseconds_total", reads.waitNanos.sum());
        cache.forEachMetric(consumer);
        consumer.accept("headrace_source_read_ahead_bytes", aheadBudget.heldBytes());
        consumer.accept("headrace_source_topics_in_use", topics.size());
        topics.values().stream()
                .sorted(Comparator.comparingLong(topic -> -topic.reads().bytes.sum()))
                .limit(METRIC_TOPICS_MAX)
                .forEach(topic -> forEachMetric(topic, consumer));
    }

    private static void forEachMetric(SourceTopic topic, ObjLongConsumer<String> consumer) {
        topic.reads().forEach(topic.name(), consumer);
        String series = "headrace_source_consumer_wait_nanoseconds_total{topic=\"" + topic.name();
        for (SourceStatus.Reader reader : topic.readerWaits().list()) {
            consumer.accept(series + "\",client=\"" + reader.name() + "\"}", reader.waitNanos());
        }
    }

    /** What is read ahead of all readers is no loss: they have yet to come to it. */
    private static long saved(long given, long asked) {
        return Math.max(0, given - asked);
    }

    /** How long a store takes for a block. */
    LoadTimes loadTimes(ObjectStore store) {
        return loadTimes.computeIfAbsent(store, name -> new LoadTimes());
    }

    /** What readers of all topics were given. */
    ReadCounters reads() {
        return reads;
    }

    /**
     * Closes all logs and drops all blocks in memory; leases stay readable until they are closed.
     * Waits for nothing: {@link #awaitEnd} does.
     */
    @Override
    public void close() {
        isClosed = true;
        topics.values().forEach(SourceTopic::close);
        topics.clear();
        openScans.close();
        cache.close();
    }

    /** After {@link #close}: waits for what is being written to the SSD. */
    public void awaitEnd(Deadline deadline) {
        cache.awaitEnd(deadline);
    }

    /** As {@link SourceJournal#append}. */
    CompletableFuture<?> append(long topicId, ByteBuffer payload) {
        return journal.append(topicId, payload);
    }

    /** Where what blocks for a store runs. */
    StoreThreads threads(ObjectStore store) {
        return threads.apply(store);
    }

    /** Asks the index on a thread of its own, whatever the stores do. */
    <T extends @Nullable Object> CompletableFuture<T> askIndex(Callable<T> question) {
        return ask(indexReader, question);
    }

    /** Answers on a thread of an executor; fails if that takes no more. */
    static <T extends @Nullable Object> CompletableFuture<T> ask(
            Executor executor, Callable<T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        try {
            executor.execute(() -> answer(question, answer));
        } catch (RejectedExecutionException closing) {
            answer.completeExceptionally(closing);
        }
        return answer;
    }

    private static <T extends @Nullable Object> void answer(
            Callable<T> question, CompletableFuture<T> answer) {
        try {
            answer.complete(question.call());
        } catch (RuntimeException failed) {
            answer.completeExceptionally(failed);
        } catch (Throwable failed) { // an Error as well: somebody waits
            answer.completeExceptionally(
                    new EngineException(String.valueOf(failed.getMessage()), failed));
        }
    }

    SourceIndex index() {
        return index;
    }

    Readers readers() {
        return readers;
    }

    StoreReader storeReader() {
        return storeReader;
    }

    Map<String, ObjectStore> stores() {
        return stores;
    }

    DatasetReaders datasetReaders() {
        return datasetReaders;
    }

    long cacheBudgetBytes() {
        return cacheBudgetBytes;
    }

    /** Reads one object ahead. */
    ReadAhead readAhead(SourceSpec spec, StoredObject object) {
        return new ReadAhead(
                spec,
                ordinal -> object,
                0,
                OpenScans.DEPTH_MAX,
                storeReader,
                slabs,
                aheadBudget,
                threads(spec.store()).demand());
    }

    /** Reads the objects of a topic's partition ahead. */
    ReadAhead readAhead(SourceTopic topic) {
        return new ReadAhead(
                topic.spec(),
                ordinal -> index.object(topic.id(), ordinal),
                topic.partitionCount(),
                ReadAhead.DEPTH_MAX,
                storeReader,
                slabs,
                aheadBudget,
                topic.threads().ahead());
    }

    boolean isClosed() {
        return isClosed;
    }

    /** Sources for those who read blocks in an order of their own. */
    public SourceBlocks blocks() {
        return new SourceBlocks(this);
    }

    BlockCache cache() {
        return cache;
    }

    SlabSource slabs() {
        return slabs;
    }

    BlockLoader loader() {
        return loader;
    }

    Complaints complaints() {
        return complaints;
    }

    LongSupplier nanoClock() {
        return nanoClock;
    }

    int leaderEpoch() {
        return leaderEpoch.getAsInt();
    }
}
