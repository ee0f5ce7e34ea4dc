package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Alias;
import io.headrace.engine.Engine;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Versions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * What is answered below {@code /datasets}:
 *
 * <pre>
 * GET /datasets/NAME?after=TOPIC&amp;limit=N   its versions and aliases, in order of the topics' names
 * </pre>
 *
 * Thread-safe; nothing blocks.
 */
final class DatasetRoutes implements JsonHandler.Routes {
    private static final String GET = "GET";
    private static final long DEADLINE_MS = 10_000;
    private static final int LIMIT_MAX = 100;

    /** A page ends after so many topics that are looked at, whatever they are. */
    private static final int SCAN_TOPIC_COUNT_MAX = 1000;

    private final Engine engine;
    private final String clusterId;
    private final Executor executor;

    /**
     * @param clusterId which the answers name
     * @param executor makes JSON of what the engine's threads hand out
     */
    DatasetRoutes(Engine engine, String clusterId, Executor executor) {
        this.engine = engine;
        this.clusterId = clusterId;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        request.onlyWith(Set.of("after", "limit"));
        if (!request.method().equals(GET)) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + GET);
        }
        if (request.name().isEmpty() || !request.action().isEmpty()) {
            throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        int limit = request.number("limit", LIMIT_MAX, LIMIT_MAX);
        return page(request.name(), request.text("after"), limit);
    }

    private CompletableFuture<ObjectNode> page(String dataset, String after, int limit) {
        String prefix = dataset + ".";
        String from = after.isEmpty() ? prefix : after + '\0';
        List<Topic> scanned = engine.catalog().list(from, SCAN_TOPIC_COUNT_MAX);
        List<CompletableFuture<ObjectNode>> entries = new ArrayList<>();
        String last = "";
        boolean isThrough = scanned.size() < SCAN_TOPIC_COUNT_MAX;
        for (Topic topic : scanned) {
            boolean isFull = entries.size() == limit;
            if (isFull || !topic.name().startsWith(prefix)) {
                isThrough = !isFull;
                break;
            }
            last = topic.name();
            if (isOf(dataset, topic)) {
                entries.add(entry(topic));
            }
        }
        String nextPage = isThrough ? "" : last;
        return CompletableFuture.allOf(entries.toArray(CompletableFuture<?>[]::new))
                .thenApplyAsync(done -> json(dataset, entries, nextPage), executor);
    }

    private ObjectNode json(
            String dataset, List<CompletableFuture<ObjectNode>> entries, String next) {
        ObjectNode json = Json.object().put("dataset", dataset).put("cluster", clusterId);
        ArrayNode topics = json.putArray("topics");
        entries.forEach(entry -> topics.add(entry.join()));
        return json.put("next", next);
    }

    private static boolean isOf(String dataset, Topic topic) {
        if (!Alias.isAlias(topic)) {
            return dataset.equals(topic.configs().get(Versions.OF_CONFIG));
        }
        return Alias.of(topic.configs()).currentVersion().name().startsWith(dataset + ".");
    }

    private CompletableFuture<ObjectNode> entry(Topic topic) {
        ObjectNode json =
                Json.object()
                        .put("topic", topic.name())
                        .put("mode", Json.name(topic.storageMode()))
                        .put("partitions", topic.partitionCount());
        if (Alias.isAlias(topic)) {
            Alias alias = Alias.of(topic.configs());
            return CompletableFuture.completedFuture(
                    json.put("current", alias.currentVersion().name())
                            .put("previous", alias.previous()));
        }
        String publishedMs = topic.configs().getOrDefault(Versions.PUBLISHED_CONFIG, "0");
        json.put("version", topic.configs().get(Versions.NAME_CONFIG))
                .put("publishedMs", Long.parseLong(publishedMs))
                .put("protected", Versions.isProtected(topic));
        Topic view = engine.catalog().viewOver(topic.id());
        if (view != null) {
            json.put("view", view.name());
        }
        if (topic.storageMode() != StorageMode.SOURCE) {
            return CompletableFuture.completedFuture(json.put("records", records(topic)));
        }
        return engine.sources()
                .status(topic.id())
                .thenApply(
                        status ->
                                json.put("records", records(topic))
                                        .put("objects", status.objectCount())
                                        .put("complete", status.isListed()));
    }

    /** Offsets that can be read, as far as they are known. */
    private long records(Topic topic) {
        long records = 0;
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            PartitionLog log = engine.partitionLog(topic, partition);
            if (log != null) {
                records += log.highWatermark() - log.logStartOffset();
            }
        }
        return records;
    }
}
