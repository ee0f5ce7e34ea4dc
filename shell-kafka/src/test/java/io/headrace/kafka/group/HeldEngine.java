package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineMetrics;
import io.headrace.engine.OffsetOutOfRangeException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Sources;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.jspecify.annotations.Nullable;

/**
 * An engine in memory whose syncs are held back at will, and that loses at {@link #crash} what was
 * not synced: what no real engine lets a test decide.
 */
final class HeldEngine implements Engine, TopicCatalog {
    private final Map<String, Topic> topics = new TreeMap<>();
    private final Map<String, HeldLog> logs = new ConcurrentHashMap<>();
    private final AtomicLong nextTopicId = new AtomicLong(1);
    private final AtomicLong nextProducerId = new AtomicLong(1);
    private final List<Consumer<CatalogChange>> listeners = new CopyOnWriteArrayList<>();
    private volatile boolean holdingSync;
    private volatile int epoch = 1;

    /** From now on nothing becomes durable, until {@link #releaseSync}. */
    void holdSync() {
        holdingSync = true;
    }

    void releaseSync() {
        holdingSync = false;
        logs.values().forEach(HeldLog::sync);
    }

    /** Forgets what was not synced, and everyone who listens: the server is gone. */
    void crash() {
        listeners.clear();
        holdingSync = false;
        epoch++;
        logs.values().forEach(HeldLog::crash);
    }

    HeldLog log(String topic, int partition) {
        PartitionLog log = partitionLog(find(topic), partition);
        return (HeldLog) log;
    }

    Topic create(String name, int partitionCount) {
        return create(List.of(new TopicSpec(name, partitionCount, Map.of())), false)
                .join()
                .get(0)
                .topic();
    }

    void delete(String name) {
        delete(List.of(find(name).id())).join();
    }

    @Override
    public TopicCatalog catalog() {
        return this;
    }

    @Override
    public @Nullable PartitionLog partitionLog(Topic topic, int partition) {
        Topic current = find(topic.id());
        return current == null || partition >= current.partitionCount()
                ? null
                : logs.computeIfAbsent(
                        topic.id() + "-" + partition, key -> new HeldLog(current, partition));
    }

    @Override
    public int leaderEpoch() {
        return epoch;
    }

    @Override
    public Sources sources() {
        throw new UnsupportedOperationException("no sources here");
    }

    @Override
    public EngineMetrics metrics() {
        return new EngineMetrics() {
            @Override
            public void forEach(ObjLongConsumer<String> consumer) {}

            @Override
            public void forEachOffHeapTag(ObjLongConsumer<String> consumer) {}
        };
    }

    @Override
    public void close() {}

    @Override
    public synchronized @Nullable Topic find(String name) {
        return topics.get(name);
    }

    @Override
    public synchronized @Nullable Topic find(long topicId) {
        return topics.values().stream().filter(t -> t.id() == topicId).findFirst().orElse(null);
    }

    @Override
    public synchronized List<Topic> list(String fromName, int limit) {
        return ((TreeMap<String, Topic>) topics)
                .tailMap(fromName, true).values().stream().limit(limit).toList();
    }

    @Override
    public synchronized long topicCount() {
        return topics.size();
    }

    @Override
    public synchronized CompletableFuture<List<CatalogResult>> create(
            List<TopicSpec> specs, boolean validateOnly) {
        List<CatalogResult> results = new ArrayList<>();
        for (TopicSpec spec : specs) {
            Topic topic =
                    new Topic(
                            nextTopicId.getAndIncrement(),
                            spec.name(),
                            spec.partitionCount(),
                            spec.configs(),
                            TopicConfig.DEFAULTS.with(spec.configs()),
                            0);
            results.add(changed(CatalogChange.Kind.CREATED, topic));
        }
        return CompletableFuture.completedFuture(results);
    }

    private CatalogResult changed(CatalogChange.Kind kind, Topic topic) {
        if (kind == CatalogChange.Kind.DELETED) {
            topics.remove(topic.name());
        } else {
            topics.put(topic.name(), topic);
        }
        listeners.forEach(listener -> listener.accept(new CatalogChange(kind, topic, null)));
        return CatalogResult.of(topic);
    }

    @Override
    public synchronized CompletableFuture<List<CatalogResult>> delete(List<Long> topicIds) {
        List<CatalogResult> results = new ArrayList<>();
        topicIds.forEach(id -> results.add(changed(CatalogChange.Kind.DELETED, find(id))));
        return CompletableFuture.completedFuture(results);
    }

    @Override
    public synchronized CompletableFuture<CatalogResult> grow(
            long topicId, int partitionCount, boolean validateOnly) {
        Topic old = find(topicId);
        Topic grown =
                new Topic(old.id(), old.name(), partitionCount, old.configs(), old.config(), 0);
        return CompletableFuture.completedFuture(changed(CatalogChange.Kind.ALTERED, grown));
    }

    @Override
    public CompletableFuture<CatalogResult> alterConfigs(
            long topicId, Map<String, @Nullable String> changes, boolean validateOnly) {
        throw new UnsupportedOperationException();
    }

    /** Gives a topic other configs. */
    synchronized void configs(String name, Map<String, String> configs) {
        Topic old = find(name);
        changed(
                CatalogChange.Kind.ALTERED,
                new Topic(
                        old.id(),
                        name,
                        old.partitionCount(),
                        configs,
                        TopicConfig.DEFAULTS.with(configs),
                        0));
    }

    @Override
    public CompletableFuture<Long> allocateProducerIds(int count) {
        return CompletableFuture.completedFuture(nextProducerId.getAndAdd(count));
    }

    @Override
    public void listen(Consumer<CatalogChange> listener) {
        listeners.add(listener);
    }

    /** A log of whole batches. */
    final class HeldLog implements PartitionLog {
        private final Topic topic;
        private final int partition;
        private final TreeMap<Long, ByteBuffer> batches = new TreeMap<>();
        private final Map<Runnable, Long> waiters = new ConcurrentHashMap<>();
        private volatile long logStartOffset;
        private volatile long highWatermark;
        private volatile long logEndOffset;
        volatile boolean cold;

        /** So many reads of what is there fail before one succeeds; guarded by this. */
        private int storeErrorsLeft;

        volatile long refusal;

        /** So many appends are taken before they are refused; guarded by this. */
        private int appendsLeft = Integer.MAX_VALUE;

        HeldLog(Topic topic, int partition) {
            this.topic = topic;
            this.partition = partition;
        }

        void crash() {
            List<Runnable> closed;
            synchronized (this) {
                batches.tailMap(highWatermark, true).clear();
                logEndOffset = highWatermark;
                closed = List.copyOf(waiters.keySet());
                waiters.clear();
            }
            closed.forEach(Runnable::run);
        }

        void sync() {
            List<Runnable> reached = new ArrayList<>();
            synchronized (this) {
                highWatermark = logEndOffset;
                waiters.forEach(
                        (wake, offset) -> {
                            if (offset <= highWatermark) {
                                reached.add(wake);
                            }
                        });
                reached.forEach(waiters::remove);
            }
            reached.forEach(Runnable::run);
        }

        @Override
        public Topic topic() {
            return topic;
        }

        @Override
        public int partition() {
            return partition;
        }

        @Override
        public long logStartOffset() {
            return logStartOffset;
        }

        @Override
        public long highWatermark() {
            return highWatermark;
        }

        @Override
        public long logEndOffset() {
            return logEndOffset;
        }

        @Override
        public long append(ByteBuffer batch, long appendTimeMs) {
            long baseOffset;
            synchronized (this) {
                if (refusal < 0) {
                    return refusal;
                }
                if (appendsLeft-- <= 0) {
                    return OUT_OF_SPACE;
                }
                baseOffset = logEndOffset;
                ByteBuffer copy = ByteBuffer.allocateDirect(batch.remaining());
                copy.put(batch.duplicate()).flip();
                MutableRecordBatch parsed =
                        MemoryRecords.readableRecords(copy).batches().iterator().next();
                parsed.ensureValid();
                logEndOffset += parsed.lastOffset() - parsed.baseOffset() + 1;
                parsed.setLastOffset(logEndOffset - 1);
                batches.put(baseOffset, copy);
            }
            if (!holdingSync) {
                sync();
            }
            return baseOffset;
        }

        @Override
        public ReadResult read(long fromOffset, int lengthMax) {
            return readNow(fromOffset, lengthMax);
        }

        /** Refuses all appends but so many. */
        synchronized void takeAppends(int count) {
            appendsLeft = count;
        }

        synchronized void failReads(int count) {
            storeErrorsLeft = count;
        }

        private synchronized ReadResult readNow(long fromOffset, int lengthMax) {
            if (storeErrorsLeft > 0 && fromOffset < highWatermark) {
                storeErrorsLeft--;
                return Unavailable.STORE_ERROR;
            }
            return cold && fromOffset < highWatermark
                    ? Unavailable.COLD
                    : at(fromOffset, lengthMax);
        }

        private ReadResult at(long fromOffset, int lengthMax) {
            if (fromOffset < logStartOffset || fromOffset > logEndOffset) {
                return Unavailable.OFFSET_OUT_OF_RANGE;
            }
            if (fromOffset >= highWatermark) {
                return Unavailable.CAUGHT_UP;
            }
            List<ByteBuffer> slices = new ArrayList<>();
            long nextOffset = fromOffset;
            int length = 0;
            var from = batches.tailMap(batches.floorKey(fromOffset), true);
            for (var entry : from.entrySet()) {
                boolean full = length > 0 && length + entry.getValue().capacity() > lengthMax;
                if (full || entry.getKey() >= highWatermark || slices.size() == 512) {
                    break;
                }
                slices.add(entry.getValue().duplicate());
                length += entry.getValue().capacity();
                Long after = batches.higherKey(entry.getKey());
                nextOffset = after == null ? logEndOffset : after;
            }
            return new Lease(slices, length, nextOffset);
        }

        @Override
        public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
            ReadResult result;
            synchronized (this) {
                result = at(fromOffset, lengthMax);
            }
            new Thread(() -> whenRead.onRead(result)).start();
        }

        @Override
        public void onHighWatermark(long offset, Runnable wake) {
            synchronized (this) {
                if (highWatermark < offset) {
                    waiters.put(wake, offset);
                    return;
                }
            }
            wake.run();
        }

        @Override
        public void cancel(Runnable wake) {
            waiters.remove(wake);
        }

        @Override
        public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
            throw new UnsupportedOperationException();
        }

        @Override
        public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
            throw new UnsupportedOperationException();
        }

        @Override
        public synchronized CompletableFuture<Long> deleteRecords(long beforeOffset) {
            if (beforeOffset > highWatermark) {
                return CompletableFuture.failedFuture(
                        new OffsetOutOfRangeException(beforeOffset, logStartOffset, highWatermark));
            }
            logStartOffset = Math.max(logStartOffset, beforeOffset);
            // Only whole batches go: the one that holds the start offset stays.
            Long holding = batches.floorKey(logStartOffset);
            if (holding != null && logStartOffset < logEndOffset) {
                batches.headMap(holding, false).clear();
            }
            return CompletableFuture.completedFuture(logStartOffset);
        }
    }

    private record Lease(List<ByteBuffer> slices, int length, long nextOffset)
            implements RecordsLease {
        @Override
        public int sliceCount() {
            return slices.size();
        }

        @Override
        public ByteBuffer slice(int index) {
            return slices.get(index);
        }

        @Override
        public void close() {}
    }
}
