package io.headrace.kafka;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineMetrics;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Sources;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.TopicSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;

/**
 * An engine whose every state a test can bring about: high watermarks that are held back, bytes
 * that are cold, statuses on demand, and a count of open leases. What the shell does with a real
 * engine is tested with a real engine.
 */
final class HeapEngine implements Engine, TopicCatalog, EngineMetrics {
    final AtomicInteger openLeases = new AtomicInteger();
    private final ExecutorService catalogThread =
            Executors.newSingleThreadExecutor(
                    task -> {
                        Thread thread = new Thread(task, "heap-catalog");
                        thread.setDaemon(true);
                        return thread;
                    });
    private final ConcurrentSkipListMap<String, Topic> topicByName = new ConcurrentSkipListMap<>();
    private final Map<Long, Topic> topicById = new ConcurrentHashMap<>();
    private final Map<String, HeapLog> logs = new ConcurrentHashMap<>();
    private final List<Consumer<CatalogChange>> listeners = new CopyOnWriteArrayList<>();
    private final AtomicLong lastTopicId = new AtomicLong();
    private final AtomicLong nextProducerId = new AtomicLong(1000);

    /** While it is set, lists of topics end with it, on their second page. */
    volatile OutOfMemoryError listFailure;

    /** Who looks for a topic of that name waits until it is null. */
    volatile String heldName;

    Topic createNow(String name, int partitionCount) {
        return createNow(name, partitionCount, Map.of());
    }

    Topic createNow(String name, int partitionCount, Map<String, String> configs) {
        return createOne(new TopicSpec(name, partitionCount, configs)).topic();
    }

    HeapLog log(String topic, int partition) {
        return (HeapLog) partitionLog(topicByName.get(topic), partition);
    }

    @Override
    public TopicCatalog catalog() {
        return this;
    }

    @Override
    public PartitionLog partitionLog(Topic topic, int partition) {
        Topic current = topicById.get(topic.id());
        if (current == null || partition >= current.partitionCount()) {
            return null;
        }
        return logs.compute(
                topic.id() + "-" + partition,
                (key, log) ->
                        log == null || log.isClosed()
                                ? new HeapLog(current, partition, log, openLeases)
                                : log);
    }

    @Override
    public int leaderEpoch() {
        return 5;
    }

    @Override
    public Sources sources() {
        throw new UnsupportedOperationException("no sources here");
    }

    @Override
    public EngineMetrics metrics() {
        return this;
    }

    @Override
    public void close() {
        catalogThread.shutdown();
    }

    @Override
    public Topic find(String name) {
        while (name.equals(heldName)) {
            Thread.onSpinWait();
        }
        return topicByName.get(name);
    }

    @Override
    public Topic find(long topicId) {
        return topicById.get(topicId);
    }

    @Override
    public List<Topic> list(String fromName, int limit) {
        OutOfMemoryError failure = listFailure;
        if (failure != null && !fromName.isEmpty()) {
            throw failure;
        }
        return topicByName.tailMap(fromName, true).values().stream().limit(limit).toList();
    }

    @Override
    public long topicCount() {
        return topicByName.size();
    }

    @Override
    public CompletableFuture<List<CatalogResult>> create(
            List<TopicSpec> specs, boolean validateOnly) {
        return CompletableFuture.supplyAsync(
                () -> {
                    List<CatalogResult> results = new ArrayList<>();
                    specs.forEach(spec -> results.add(createOne(spec)));
                    return results;
                },
                catalogThread);
    }

    private synchronized CatalogResult createOne(TopicSpec spec) {
        if (topicByName.containsKey(spec.name())) {
            return CatalogResult.failed(Error.EXISTS, "topic exists: name=" + spec.name());
        }
        Topic topic =
                new Topic(
                        lastTopicId.incrementAndGet(),
                        spec.name(),
                        spec.partitionCount(),
                        spec.configs(),
                        TopicConfig.DEFAULTS.with(spec.configs()),
                        0);
        put(topic, CatalogChange.Kind.CREATED);
        return CatalogResult.of(topic);
    }

    private void put(Topic topic, CatalogChange.Kind kind) {
        topicByName.put(topic.name(), topic);
        topicById.put(topic.id(), topic);
        listeners.forEach(listener -> listener.accept(new CatalogChange(kind, topic, null)));
    }

    @Override
    public CompletableFuture<List<CatalogResult>> delete(List<Long> topicIds) {
        return CompletableFuture.supplyAsync(
                () -> topicIds.stream().map(this::deleteOne).toList(), catalogThread);
    }

    private synchronized CatalogResult deleteOne(long topicId) {
        Topic topic = topicById.remove(topicId);
        if (topic == null) {
            return CatalogResult.failed(Error.UNKNOWN_TOPIC, "no such topic: id=" + topicId);
        }
        topicByName.remove(topic.name());
        for (int i = 0; i < topic.partitionCount(); i++) {
            HeapLog log = logs.remove(topicId + "-" + i);
            if (log != null) {
                log.close();
            }
        }
        listeners.forEach(
                listener ->
                        listener.accept(
                                new CatalogChange(CatalogChange.Kind.DELETED, topic, topic)));
        return CatalogResult.of(topic);
    }

    @Override
    public CompletableFuture<CatalogResult> grow(
            long topicId, int partitionCount, boolean validateOnly) {
        return CompletableFuture.supplyAsync(
                () -> {
                    Topic topic = topicById.get(topicId);
                    if (partitionCount <= topic.partitionCount()) {
                        return CatalogResult.failed(
                                Error.INVALID_PARTITIONS, "partitionCount=" + partitionCount);
                    }
                    return alter(topic, partitionCount, topic.configs(), validateOnly);
                },
                catalogThread);
    }

    @Override
    public CompletableFuture<CatalogResult> alterConfigs(
            long topicId, Map<String, String> changes, boolean validateOnly) {
        return CompletableFuture.supplyAsync(
                () -> {
                    Topic topic = topicById.get(topicId);
                    Map<String, String> configs = new HashMap<>(topic.configs());
                    changes.forEach(
                            (key, value) -> {
                                if (value == null) {
                                    configs.remove(key);
                                } else {
                                    configs.put(key, value);
                                }
                            });
                    try {
                        return alter(topic, topic.partitionCount(), configs, validateOnly);
                    } catch (io.headrace.engine.InvalidConfigException e) {
                        return CatalogResult.failed(Error.INVALID_CONFIG, e.getMessage());
                    }
                },
                catalogThread);
    }

    private CatalogResult alter(
            Topic topic, int partitionCount, Map<String, String> configs, boolean validateOnly) {
        Topic altered =
                new Topic(
                        topic.id(),
                        topic.name(),
                        partitionCount,
                        configs,
                        TopicConfig.DEFAULTS.with(configs),
                        0);
        if (!validateOnly) {
            put(altered, CatalogChange.Kind.ALTERED);
        }
        return CatalogResult.of(altered);
    }

    @Override
    public CompletableFuture<Long> allocateProducerIds(int count) {
        return CompletableFuture.supplyAsync(() -> nextProducerId.getAndAdd(count), catalogThread);
    }

    @Override
    public void listen(Consumer<CatalogChange> listener) {
        listeners.add(listener);
    }

    @Override
    public void forEach(ObjLongConsumer<String> consumer) {}

    @Override
    public void forEachOffHeapTag(ObjLongConsumer<String> consumer) {}
}
