package io.headrace.engine.source;

import io.headrace.engine.Topic;
import io.headrace.engine.source.cache.LoadTimes;
import io.headrace.engine.source.cache.Tier;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A source topic in use: what it reads, the listing of it, the logs that are open, and who indexes
 * them. Thread-safe.
 */
final class SourceTopic {
    /** Partitions that are indexed ahead at once: each takes memory. */
    static final int INDEXED_AT_ONCE_MAX = 16;

    private final SourceLogs logs;
    private final StoreThreads threads;
    private final SourceListing listing;
    private final Map<Integer, SourceLog> open = new ConcurrentHashMap<>();
    private final Map<Integer, PartitionIndexer> indexers = new ConcurrentHashMap<>();
    private final ReadCounters reads = new ReadCounters();
    private final ReaderWaits readerWaits;
    private volatile SourceSpec spec;
    private volatile Topic topic;
    private volatile boolean isClosed;
    private volatile boolean isIndexing;
    private final AtomicInteger nextToIndex = new AtomicInteger();

    /** Whether somebody has read since the last sweep. */
    private volatile boolean isUsed = true;

    private long idleSinceNanos;

    SourceTopic(SourceLogs logs, Topic topic, SourceSpec spec) {
        this.logs = logs;
        this.topic = topic;
        this.spec = spec;
        this.threads = logs.threads(spec.store()); // the same one, however the topic is altered
        this.listing = new SourceListing(this, logs);
        this.readerWaits = new ReaderWaits(logs.nanoClock());
    }

    long id() {
        return topic.id();
    }

    String name() {
        return topic.name();
    }

    int partitionCount() {
        return topic.partitionCount();
    }

    Topic topic() {
        return topic;
    }

    SourceSpec spec() {
        return spec;
    }

    SourceListing listing() {
        return listing;
    }

    /** Where what blocks for the topic's store runs. */
    StoreThreads threads() {
        return threads;
    }

    /** Runs what somebody waits for; or the other one here, if no more is taken. */
    void run(Runnable task, Runnable whenRefused) {
        try {
            threads.demand().execute(task);
        } catch (RejectedExecutionException closing) {
            whenRefused.run();
        }
    }

    /** How long this topic's store takes for a block. */
    LoadTimes loadTimes() {
        return logs.loadTimes(spec.store());
    }

    /**
     * What distinguishes a block from all others: reads its objects in the index.
     *
     * @param framedBy the spec of its bytes: not this topic's, if that was altered meanwhile
     */
    long identity(SourceBlock block, SourceSpec framedBy) {
        return BlockIdentity.of(topic, framedBy, block, logs.index());
    }

    /** Whether an object is read by decoding it from its beginning on. */
    boolean isCompressed(long ordinal) {
        ObjectFacts facts = logs.index().facts(id(), ordinal);
        StoredObject object = facts == null ? logs.index().object(id(), ordinal) : null;
        if (object != null) {
            facts = logs.readers().facts(spec, object);
        }
        return facts != null && facts.isCompressed();
    }

    /** Whether all objects are listed and a partition's are looked into. */
    boolean isIndexComplete(int partition) {
        long nextOrdinal = logs.index().end(id(), partition).ordinal();
        return listing.isDone() && logs.index().object(id(), nextOrdinal) == null;
    }

    /** A block of so many records was read to its end. */
    void visited(int epoch, Tier tier, int recordCount) {
        int requestCount = spec.isListedOnly() ? recordCount : 1;
        reads.visited(epoch, tier, requestCount);
        logs.reads().visited(epoch, tier, requestCount);
    }

    /** Bytes were given to a reader. */
    void served(int length) {
        touch();
        reads.bytes.add(length);
        logs.reads().bytes.add(length);
    }

    /** False if too many reads wait for the store; otherwise {@link #endRead} has to follow. */
    boolean beginRead() {
        return threads.reads().tryAcquire();
    }

    /** A reader waited so long, and has an answer. */
    void endRead(long nanos) {
        threads.reads().release();
        reads.waited(nanos);
        logs.reads().waited(nanos);
    }

    ReadCounters reads() {
        return reads;
    }

    /** Who waited, and how long. */
    ReaderWaits readerWaits() {
        return readerWaits;
    }

    boolean isClosed() {
        return isClosed;
    }

    /** The configs were altered; what the offsets are bound to is as it was. */
    void alter(Topic altered, SourceSpec alteredSpec) {
        topic = altered;
        spec = alteredSpec;
        indexers.values().forEach(PartitionIndexer::altered);
        listing.retry();
    }

    /** Somebody reads; may be called often. */
    void touch() {
        if (!isUsed) {
            isUsed = true;
        }
    }

    /** The open log of a partition, opened if need be. */
    SourceLog log(int partition) {
        touch();
        listing.start();
        SourceLog existing = open.get(partition);
        if (existing != null) {
            return existing;
        }
        SourceLog log = open.computeIfAbsent(partition, this::open);
        log.onObjects(); // what was listed before the log could be told
        if (isClosed) {
            log.close();
        }
        return log;
    }

    @Nullable SourceLog logIfOpen(int partition) {
        return open.get(partition);
    }

    private SourceLog open(int partition) {
        SourceLog log = new SourceLog(this, partition, logs);
        if (spec.isListedOnly()) {
            log.onIndexed(logs.index().end(id(), partition).offset());
        } else {
            PartitionIndexer indexer = indexer(partition);
            log.indexedBy(indexer);
            log.onIndexed(indexer.readableEnd());
        }
        return log;
    }

    private PartitionIndexer indexer(int partition) {
        return indexers.computeIfAbsent(
                partition, number -> new PartitionIndexer(this, number, logs));
    }

    void forget(SourceLog log) {
        open.remove(log.partition(), log);
    }

    /** More objects have ordinals. */
    void onIndexed() {
        open.values().forEach(SourceLog::onObjects);
        indexers.values().forEach(PartitionIndexer::start);
    }

    /** Indexes everything, whoever reads, some partitions at a time; or not any more. */
    void index(boolean isWanted) {
        isIndexing = isWanted;
        listing.start();
        if (!isWanted) {
            indexers.values().forEach(indexer -> indexer.everything(false));
        } else if (!spec.isListedOnly()) {
            nextToIndex.set(0);
            for (int i = 0; i < INDEXED_AT_ONCE_MAX; i++) {
                indexNext();
            }
        }
    }

    /** Has another partition indexed; one of them has come to the end of what is listed. */
    void indexNext() {
        int partition = nextToIndex.getAndIncrement();
        if (isIndexing && partition < partitionCount()) {
            indexer(partition).everything(true);
        }
    }

    /** Whether everything is being indexed. */
    boolean isIndexing() {
        return isIndexing;
    }

    /** Why a partition is not indexed further; empty if nothing is wrong. */
    String failure(int partition) {
        PartitionIndexer indexer = indexers.get(partition);
        return indexer == null ? "" : indexer.failure();
    }

    /**
     * Looks after what nobody asks for. Called by one thread, now and then.
     *
     * @return whether nobody has used the topic for that long, so that its state could go
     */
    boolean sweep(long nowNanos, long idleNanos) {
        listing.startIfDue();
        if (isIndexing) {
            goOnIndexing();
        }
        indexers.values().forEach(indexer -> indexer.sweep(nowNanos, idleNanos));
        if (isUsed || isBusy()) {
            isUsed = false;
            idleSinceNanos = nowNanos;
            return false;
        }
        return nowNanos - idleSinceNanos >= idleNanos;
    }

    private void goOnIndexing() {
        if (listing.isDone() && isIndexed()) {
            index(false);
            return;
        }
        listing.start();
        indexers.values().forEach(PartitionIndexer::start); // what has failed is tried again
    }

    private boolean isIndexed() {
        long objectCount = logs.index().state(id()).objectCount();
        for (int partition = 0; partition < partitionCount(); partition++) {
            if (logs.index().end(id(), partition).ordinal() < objectCount) {
                return false;
            }
        }
        return true;
    }

    private boolean isBusy() {
        return isIndexing || listing.isRunning() || spec.refreshMs() > 0;
    }

    /**
     * Ends this object, unless somebody is at work or waits. The caller keeps others from using it
     * meanwhile.
     */
    boolean retire() {
        if (listing.isRunning() || open.values().stream().anyMatch(SourceLog::isWaitedFor)) {
            return false;
        }
        boolean isRetired = true;
        for (Map.Entry<Integer, PartitionIndexer> entry : indexers.entrySet()) {
            if (entry.getValue().retire()) {
                indexers.remove(entry.getKey(), entry.getValue());
            } else {
                isRetired = false;
            }
        }
        if (isRetired) {
            close();
        } else {
            open.values().forEach(SourceLog::close); // theirs may be among those that ended
        }
        return isRetired;
    }

    void close() {
        isClosed = true;
        open.values().forEach(SourceLog::close);
        indexers.values().forEach(PartitionIndexer::close);
    }
}
