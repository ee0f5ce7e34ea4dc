package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.ObjectStore;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.ObjLongConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The logs of all source topics. Owned by the engine, which
 *
 * <ul>
 *   <li>checks a new topic's configs with {@link SourceSpec#of}, and refuses to grow it or to
 *       change what it reads: ordinals and partitions are bound to both;
 *   <li>hands each {@code SOURCE_INDEX} entry to {@link #onEntry} when its projection passes it,
 *       during recovery too; applying one again changes nothing;
 *   <li>removes a deleted topic's rows with {@link #onTopicDeleted}, and calls {@link
 *       #topicDeleted} once the topic is gone from the catalog;
 *   <li>asks {@link #open} for a partition's log, and may {@link SourceLog#close} it when it is
 *       idle;
 *   <li>closes this before the stores and the executor.
 * </ul>
 *
 * <p>Not there yet: a cache on SSD, prefetch, formats other than files and lines, and a listing
 * that is repeated while the server runs (one follows the first use after each start; {@link
 * #refresh} asks for one).
 *
 * <p>Thread-safe.
 */
public final class SourceLogs implements AutoCloseable {
    /** Most bytes of blocks kept, and the share of the engine's memory that it may be. */
    private static final long CACHE_BYTES_MAX = 256L << 20;

    private static final int CACHE_SHARE = 4;

    private final SourceJournal journal;
    private final SourceIndex index;
    private final Executor cold;
    private final Map<String, ObjectStore> stores;
    private final IntSupplier leaderEpoch;
    private final LongSupplier nanoClock;
    private final BlockCache cache;
    private final SlabSource slabs;
    private final BlockLoader loader;
    private final Complaints complaints = new Complaints();
    private final Map<Long, SourceTopic> topics = new ConcurrentHashMap<>();

    /**
     * @param journal where the index is made durable
     * @param metadata where its projection is, under keys that begin with {@code 's'}
     * @param memory for blocks
     * @param cold runs what blocks for a store; at least one thread, and a bound on waiting tasks
     *     is not needed: each log has at most one step and each parked fetch one read in it
     * @param stores what source topics may read, by root URI
     * @param leaderEpoch the engine's, for the batches
     */
    public SourceLogs(
            SourceJournal journal,
            MetadataStore metadata,
            MemoryStore memory,
            Executor cold,
            Map<String, ObjectStore> stores,
            IntSupplier leaderEpoch) {
        this(journal, metadata, memory, cold, stores, leaderEpoch, System::nanoTime);
    }

    SourceLogs(
            SourceJournal journal,
            MetadataStore metadata,
            MemoryStore memory,
            Executor cold,
            Map<String, ObjectStore> stores,
            IntSupplier leaderEpoch,
            LongSupplier nanoClock) {
        this.journal = journal;
        this.index = new SourceIndex(metadata);
        this.cold = cold;
        this.stores = stores;
        this.leaderEpoch = leaderEpoch;
        this.nanoClock = nanoClock;
        this.cache = new BlockCache(Math.min(CACHE_BYTES_MAX, memory.budgetBytes() / CACHE_SHARE));
        this.slabs = new SlabSource(memory, cache);
        this.loader = new BlockLoader(index, slabs, cold, leaderEpoch);
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
     * listing begins on a cold thread at the topic's first use. If the topic's store is no longer
     * configured, reads answer {@code STORE_ERROR}.
     */
    public SourceLog open(Topic topic, int partition) {
        return topics.computeIfAbsent(topic.id(), id -> new SourceTopic(this, topic, specOf(topic)))
                .log(partition);
    }

    /** The log of one partition if it is open. */
    public @Nullable SourceLog openLog(long topicId, int partition) {
        SourceTopic source = topics.get(topicId);
        return source == null ? null : source.logIfOpen(partition);
    }

    private SourceSpec specOf(Topic topic) {
        try {
            return SourceSpec.of(topic.configs(), stores);
        } catch (InvalidConfigException refused) {
            complaints.error(
                    "source cannot be read: topic=" + topic.name() + " " + refused.getMessage());
            return AbsentStore.spec(topic.configs());
        }
    }

    /** A topic's configs were altered; what it reads is not among what can be. */
    public void topicAltered(Topic topic) {
        SourceTopic source = topics.get(topic.id());
        if (source != null) {
            source.topic(topic);
        }
    }

    /** A topic is gone: its logs close, its blocks are dropped. */
    public void topicDeleted(long topicId) {
        SourceTopic source = topics.remove(topicId);
        if (source != null) {
            source.close();
        }
        cache.dropTopic(topicId);
    }

    /** Lists a source again, if it is in use; objects that are new are appended. */
    public void refresh(long topicId) {
        SourceTopic source = topics.get(topicId);
        if (source != null) {
            source.listing().startAgain();
        }
    }

    /** Calls the consumer with each counter and gauge. */
    public void forEachMetric(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_source_store_reads_total", loader.storeReads.sum());
        consumer.accept("headrace_source_store_read_bytes_total", loader.storeBytes.sum());
        consumer.accept("headrace_source_block_hits_total", cache.hits.sum());
        consumer.accept("headrace_source_block_loads_total", cache.loads.sum());
        consumer.accept("headrace_source_block_bytes", cache.bytes());
    }

    /** Closes all logs and drops all blocks; leases stay readable until they are closed. */
    @Override
    public void close() {
        topics.values().forEach(SourceTopic::close);
        topics.clear();
        cache.close();
    }

    /**
     * Journals an entry; when it is durable, applies it and goes on, on a cold thread.
     *
     * @param whenApplied runs on a cold thread
     * @param whenFailed runs on any thread
     */
    void append(
            long topicId,
            ByteBuffer payload,
            Runnable whenApplied,
            Consumer<Throwable> whenFailed) {
        ByteBuffer entry = payload.duplicate();
        journal.append(topicId, payload)
                .whenComplete(
                        (done, failure) -> {
                            if (failure != null) {
                                whenFailed.accept(failure);
                                return;
                            }
                            runCold(
                                    () -> applied(topicId, entry, whenApplied, whenFailed),
                                    () -> whenFailed.accept(new RejectedExecutionException()));
                        });
    }

    private void applied(
            long topicId, ByteBuffer entry, Runnable whenApplied, Consumer<Throwable> whenFailed) {
        try {
            index.write(topicId, entry);
        } catch (RuntimeException failed) {
            whenFailed.accept(failed);
            return;
        }
        whenApplied.run();
    }

    /** Runs a task on a cold thread; or the other one here, if the executor takes no more. */
    void runCold(Runnable task, Runnable whenRefused) {
        try {
            cold.execute(task);
        } catch (RejectedExecutionException closing) {
            whenRefused.run();
        }
    }

    <T> CompletableFuture<@Nullable T> supplyCold(Supplier<@Nullable T> supplier) {
        CompletableFuture<@Nullable T> result = new CompletableFuture<>();
        runCold(
                () -> {
                    try {
                        result.complete(supplier.get());
                    } catch (RuntimeException failed) {
                        result.completeExceptionally(failed);
                    }
                },
                () -> result.completeExceptionally(new RejectedExecutionException()));
        return result;
    }

    SourceIndex index() {
        return index;
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
