package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.EngineException;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.Sources;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Pages of source topics, found among all topics. The catalog may hold millions of which few are
 * sources, so that a page ends after so many looked at, too: it may be empty and still have a next
 * one.
 */
final class SourceList {
    private static final int LIMIT_DEFAULT = 100;
    private static final int LIMIT_MAX = 1000;
    private static final int SCAN_TOPIC_COUNT_MAX = 10_000;
    private static final int SCAN_PAGE_TOPIC_COUNT = 500;

    private final TopicCatalog catalog;
    private final Sources sources;
    private final Executor executor;

    SourceList(TopicCatalog catalog, Sources sources, Executor executor) {
        this.catalog = catalog;
        this.sources = sources;
        this.executor = executor;
    }

    /** Where a topic's samples are from. */
    static ObjectNode withOrigin(ObjectNode json, Topic topic) {
        return json.put("uri", topic.configs().getOrDefault("headrace.source.uri", ""))
                .put("format", topic.configs().getOrDefault("headrace.source.format", "files"));
    }

    CompletableFuture<ObjectNode> page(JsonRequest request) {
        request.onlyWith(Set.of("after", "limit"));
        Scan scan = new Scan(request.number("limit", LIMIT_DEFAULT, LIMIT_MAX));
        scan.run(request.text("after"));
        List<CompletableFuture<ObjectNode>> entries = scan.found.stream().map(this::entry).toList();
        return CompletableFuture.allOf(entries.toArray(CompletableFuture<?>[]::new))
                .thenApplyAsync(done -> json(entries, scan.next), executor);
    }

    private static ObjectNode json(List<CompletableFuture<ObjectNode>> entries, String next) {
        ObjectNode json = Json.object();
        ArrayNode list = json.putArray("sources");
        entries.forEach(entry -> list.add(entry.join()));
        return json.put("next", next);
    }

    /** One that cannot be asked must not hide the others. */
    private CompletableFuture<ObjectNode> entry(Topic topic) {
        return sources.status(topic.id())
                .exceptionally(failure -> unknown(topic, failure))
                .thenApply(status -> withOrigin(StatusJson.summary(status), topic));
    }

    private static SourceStatus unknown(Topic topic, Throwable failure) {
        Throwable cause = JsonHandler.unwrapped(failure);
        String message =
                cause instanceof EngineException
                        ? String.valueOf(cause.getMessage())
                        : cause.toString();
        SourceStatus.Partition none = new SourceStatus.Partition(0, 0, 0, 0, 0, false, "");
        return new SourceStatus(
                topic.id(),
                topic.name(),
                Listing.FAILED,
                0,
                false,
                0,
                0,
                false,
                0,
                0,
                0,
                message,
                List.of(none),
                List.of());
    }

    /** The walk over the catalog that one page takes. */
    private final class Scan {
        private final int limit;
        private final List<Topic> found = new ArrayList<>();
        private String next = "";
        private int scanned;

        private Scan(int limit) {
            this.limit = limit;
        }

        private void run(String after) {
            String from = behind(after);
            while (true) {
                List<Topic> page = catalog.list(from, SCAN_PAGE_TOPIC_COUNT);
                for (Topic topic : page) {
                    if (isFull()) {
                        return;
                    }
                    look(topic);
                }
                if (page.size() < SCAN_PAGE_TOPIC_COUNT) {
                    next = "";
                    return;
                }
                from = behind(next);
            }
        }

        private boolean isFull() {
            return found.size() == limit || scanned == SCAN_TOPIC_COUNT_MAX;
        }

        private void look(Topic topic) {
            scanned++;
            next = topic.name();
            if (topic.storageMode() == StorageMode.SOURCE) {
                found.add(topic);
            }
        }

        /** The least text that sorts behind a name. */
        private String behind(String name) {
            return name.isEmpty() ? "" : name + '\0';
        }
    }
}
