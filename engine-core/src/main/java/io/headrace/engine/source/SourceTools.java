package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.RangeObjects;
import io.headrace.engine.RangeObjects.RangeObject;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceObjects;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.Sources;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.source.SourceBlock.Kind;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Shows sources to tools; asks rows and the states in use. Thread-safe; owned by the engine. */
public final class SourceTools implements Sources {
    /** Bytes that a digest is made of at a time. */
    private static final int DIGEST_PIECE_LENGTH = 1 << 20;

    private final TopicCatalog catalog;
    private final SourceLogs logs;

    /** Tools for an engine's sources. */
    public SourceTools(TopicCatalog catalog, SourceLogs logs) {
        this.catalog = catalog;
        this.logs = logs;
    }

    @Override
    public List<Long> inUse(int limit) {
        return logs.inUse(limit);
    }

    @Override
    public CompletableFuture<SourceStatus> status(long topicId) {
        return onThread(topicId, this::statusOf);
    }

    @Override
    public CompletableFuture<SourceStatus> index(long topicId) {
        return onThread(topicId, topic -> indexing(topic, true));
    }

    @Override
    public CompletableFuture<SourceStatus> stopIndexing(long topicId) {
        return onThread(topicId, topic -> indexing(topic, false));
    }

    private SourceStatus indexing(Topic topic, boolean isWanted) {
        logs.use(topic, source -> source.index(isWanted));
        return statusOf(topic);
    }

    @Override
    public CompletableFuture<SourceStatus> refresh(long topicId) {
        return onThread(
                topicId,
                topic -> {
                    logs.use(topic, source -> source.listing().startAgain());
                    return statusOf(topic);
                });
    }

    @Override
    public CompletableFuture<SourceFindings> findings(
            long topicId, SourceFindings.Kind kind, String after, int limit) {
        if (limit < 1 || limit > SourceFindings.LIMIT_MAX) {
            return CompletableFuture.failedFuture(
                    new EngineException(
                            "bad limit: value=" + limit + " max=" + SourceFindings.LIMIT_MAX));
        }
        return onThread(topicId, topic -> logs.index().findings(topicId, kind, after, limit));
    }

    @Override
    public CompletableFuture<RangeObjects> rangeObjects(
            long topicId, int partition, long fromOffset, long toOffset, long after, int limit) {
        if (limit < 1 || limit > RangeObjects.LIMIT_MAX || fromOffset >= toOffset) {
            return CompletableFuture.failedFuture(
                    new EngineException(
                            "bad range: from="
                                    + fromOffset
                                    + " to="
                                    + toOffset
                                    + " limit="
                                    + limit
                                    + " limitMax="
                                    + RangeObjects.LIMIT_MAX));
        }
        return onThread(
                topicId,
                topic -> {
                    long first = ordinal(topic, partition, fromOffset);
                    long last = ordinal(topic, partition, toOffset - 1);
                    return rangeObjects(topic, after < 0 ? first : after, last, limit);
                });
    }

    private long ordinal(Topic topic, int partition, long offset) {
        SourceBlock block =
                partition < 0 || partition >= topic.partitionCount() || offset < 0
                        ? null
                        : logs.index().block(topic.id(), partition, offset);
        if (block == null) {
            throw new EngineException(
                    "offset is not indexed: topic="
                            + topic.name()
                            + " partition="
                            + partition
                            + " offset="
                            + offset);
        }
        return block.kind() == Kind.OBJECTS || block.kind() == Kind.JOINED
                ? block.ordinal() + (offset - block.firstOffset()) * topic.partitionCount()
                : block.ordinal();
    }

    private RangeObjects rangeObjects(Topic topic, long first, long last, int limit) {
        List<RangeObject> objects = new ArrayList<>();
        long ordinal = first;
        for (int i = 0; i < limit && ordinal <= last; i++) {
            ListedObject listed = logs.index().listed(topic.id(), ordinal);
            if (listed == null) {
                throw new EngineException(
                        "source index has a gap: topic=" + topic.name() + " ordinal=" + ordinal);
            }
            if (listed.members().isEmpty()) {
                objects.add(rangeObject(ordinal, listed.object()));
            }
            for (ListedObject.Member member : listed.members()) {
                objects.add(rangeObject(ordinal, member.object()));
            }
            ordinal += topic.partitionCount();
        }
        return new RangeObjects(objects, ordinal <= last ? ordinal : -1);
    }

    @Override
    public CompletableFuture<Void> checkVersions(long topicId, List<RangeObject> objects) {
        return onThread(topicId, topic -> checkVersions(topic, objects))
                .thenCompose(asked -> asked);
    }

    private CompletableFuture<Void> checkVersions(Topic topic, List<RangeObject> objects) {
        SourceSpec spec = SourceSpec.of(topic.configs(), logs.stores(), logs.datasetReaders());
        StoreThreads threads = logs.threads(spec.store());
        int count = objects.size();
        if (count > RangeObjects.LIMIT_MAX || !threads.reads().tryAcquire(count)) {
            throw new EngineException(
                    "too many reads wait for the store: topic=" + topic.name() + " more=" + count);
        }
        CompletableFuture<?>[] asked =
                objects.stream()
                        .filter(object -> object.length() > 0)
                        .map(object -> SourceLogs.ask(threads.demand(), () -> ask(spec, object)))
                        .toArray(CompletableFuture[]::new);
        return CompletableFuture.allOf(asked)
                .whenComplete((nothing, failure) -> threads.reads().release(count));
    }

    private boolean ask(SourceSpec spec, RangeObject object) throws IOException {
        StoredObject stored = new StoredObject(object.key(), object.length(), object.version(), 0);
        logs.storeReader().read(spec.store(), stored, 0, ByteBuffer.allocateDirect(1));
        return true;
    }

    private static RangeObject rangeObject(long ordinal, StoredObject object) {
        return new RangeObject(ordinal, object.key(), object.length(), object.version());
    }

    @Override
    public CompletableFuture<SourceObjects> objects(long topicId, String after, int limit) {
        if (limit < 1 || limit > SourceObjects.LIMIT_MAX) {
            return CompletableFuture.failedFuture(
                    new EngineException(
                            "bad limit: value=" + limit + " max=" + SourceObjects.LIMIT_MAX));
        }
        return onThread(
                topicId, topic -> logs.index().objects(topicId, folder(topic), after, limit));
    }

    @Override
    public CompletableFuture<String> digest(long topicId, String key, long from, int length) {
        return onThread(topicId, topic -> digest(topic, key, from, length))
                .thenCompose(asked -> asked);
    }

    private CompletableFuture<String> digest(Topic topic, String key, long from, int length) {
        StoredObject object = logs.index().object(topic.id(), folder(topic) + key);
        if (object == null) {
            throw new EngineException(
                    "no such object was listed: topic=" + topic.name() + " key=" + key);
        }
        if (from < 0
                || length < 0
                || length > DIGEST_LENGTH_MAX
                || from > object.length() - length) {
            throw new EngineException(
                    "not a range of the object: key="
                            + key
                            + " from="
                            + from
                            + " length="
                            + length
                            + " of="
                            + object.length());
        }
        SourceSpec spec = SourceSpec.of(topic.configs(), logs.stores(), logs.datasetReaders());
        StoreThreads threads = logs.threads(spec.store());
        if (!threads.reads().tryAcquire()) {
            throw new EngineException("too many reads wait for the store: topic=" + topic.name());
        }
        return SourceLogs.ask(threads.demand(), () -> digest(spec, object, from, length))
                .whenComplete((digest, failure) -> threads.reads().release());
    }

    private String digest(SourceSpec spec, StoredObject object, long from, int length)
            throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        ByteBuffer piece = ByteBuffer.allocateDirect(Math.min(length, DIGEST_PIECE_LENGTH));
        for (int at = 0; at < length; at += piece.limit()) {
            piece.clear().limit(Math.min(piece.capacity(), length - at));
            logs.storeReader().read(spec.store(), object, from + at, piece);
            digest.update(piece.rewind());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** What the keys of a source's objects begin with. */
    private String folder(Topic topic) {
        String path = SourceSpec.of(topic.configs(), logs.stores(), logs.datasetReaders()).path();
        return path.isEmpty() || path.endsWith("/") ? path : path + "/";
    }

    @Override
    public CompletableFuture<SourceCheck> check(String uri, Map<String, String> configs) {
        Map<String, String> all = new HashMap<>(configs);
        all.put(SourceSpec.URI_CONFIG, uri);
        SourceChecker checker;
        try {
            TopicConfig.DEFAULTS.with(all); // refuses what a creation would refuse
            checker = new SourceChecker(logs, all);
        } catch (RuntimeException refused) {
            return CompletableFuture.failedFuture(refused);
        }
        StoreThreads threads = checker.threads();
        if (!threads.reads().tryAcquire()) {
            return CompletableFuture.failedFuture(
                    new EngineException("too many reads wait for the store: uri=" + uri));
        }
        return SourceLogs.ask(
                threads.demand(),
                () -> {
                    try {
                        return checker.check();
                    } finally {
                        threads.reads().release();
                    }
                });
    }

    private SourceStatus statusOf(Topic topic) {
        long id = topic.id();
        SourceIndex.State state = logs.index().state(id);
        SourceTopic opened = logs.openedOrNull(id);
        List<SourceStatus.Partition> partitions = new ArrayList<>(topic.partitionCount());
        long badCount = 0;
        long leftOutCount = 0;
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            SourceEnd end = logs.index().end(id, partition);
            badCount += end.badCount();
            leftOutCount += end.leftOutCount();
            partitions.add(partition(topic, partition, end, state, opened));
        }
        return new SourceStatus(
                id,
                topic.name(),
                opened == null ? SourceStatus.Listing.NOT_BEGUN : opened.listing().status(),
                state.generation(),
                state.isComplete(),
                state.objectCount(),
                state.byteCount(),
                opened != null && opened.isIndexing(),
                badCount,
                leftOutCount,
                state.orphanCount(),
                opened == null ? "" : opened.listing().failure(),
                partitions,
                opened == null ? List.of() : opened.readerWaits().list());
    }

    private static SourceStatus.Partition partition(
            Topic topic,
            int partition,
            SourceEnd end,
            SourceIndex.State state,
            @Nullable SourceTopic opened) {
        long count = topic.partitionCount();
        return new SourceStatus.Partition(
                partition,
                (state.objectCount() + count - 1 - partition) / count,
                end.objectCount(),
                end.byteCount(),
                end.offset(),
                state.isComplete() && end.ordinal() >= state.objectCount(),
                opened == null ? "" : opened.failure(partition));
    }

    private <T> CompletableFuture<T> onThread(long topicId, Function<Topic, T> question) {
        return logs.askIndex(
                () -> {
                    Topic topic = catalog.find(topicId);
                    if (topic == null || topic.storageMode() != StorageMode.SOURCE) {
                        throw new EngineException("no source topic: topicId=" + topicId);
                    }
                    return question.apply(topic);
                });
    }
}
