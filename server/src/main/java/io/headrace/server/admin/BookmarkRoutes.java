package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.kafka.group.GroupPositions.Position;
import io.headrace.kafka.group.GroupPositions.TopicPositions;
import io.headrace.server.bookmark.Bookmark;
import io.headrace.server.bookmark.BookmarkName;
import io.headrace.server.bookmark.Bookmarks;
import io.headrace.server.bookmark.Bookmarks.Entry;
import io.headrace.server.bookmark.Bookmarks.Restored;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What is answered below {@code /bookmarks}:
 *
 * <pre>
 * GET  /bookmarks?job=&amp;after=&amp;limit=   names, in order
 * GET  /bookmarks/JOB@STEP             what a bookmark holds
 * POST /bookmarks/JOB@STEP             saves it: {"group":…, "state":…}, one of them at least
 * POST /bookmarks/JOB@STEP/restore     gives its positions to its group, or to {"group":…}
 * POST /bookmarks/JOB@STEP/delete
 * </pre>
 *
 * Thread-safe; nothing blocks.
 */
final class BookmarkRoutes implements JsonHandler.Routes {
    /** A state of 1 MiB, half of whose characters need a backslash in JSON, and names. */
    static final int BODY_LENGTH_MAX = 2 * Bookmarks.STATE_LENGTH_MAX + (64 << 10);

    private static final String GET = "GET";
    private static final String POST = "POST";
    private static final int LIMIT_MAX = 1000;

    private final Bookmarks bookmarks;
    private final Executor executor;

    /**
     * @param executor makes JSON of what the bookmarks' thread hands out
     */
    BookmarkRoutes(Bookmarks bookmarks, Executor executor) {
        this.bookmarks = bookmarks;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return Bookmarks.DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        if (request.name().isEmpty()) {
            allow(request, GET);
            return list(request.onlyWith(Set.of("job", "after", "limit")));
        }
        request.onlyWith(Set.of());
        BookmarkName name = BookmarkName.of(request.name());
        return switch (request.action()) {
            case "" -> request.method().equals(POST) ? save(name, request) : find(name, request);
            case "restore" -> restore(name, request);
            case "delete" -> delete(name, request);
            default -> throw new RequestException(RequestException.NOT_FOUND, "no such path");
        };
    }

    private static void allow(JsonRequest request, String method) {
        if (!request.method().equals(method)) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + method);
        }
    }

    private CompletableFuture<ObjectNode> list(JsonRequest request) {
        String job = request.text("job");
        if (!job.isEmpty() && !BookmarkName.isJob(job)) {
            throw JsonRequest.badValue("job", job, "1 to 128 of [a-zA-Z0-9._-]");
        }
        String after = request.text("after");
        int limit = request.number("limit", LIMIT_MAX, LIMIT_MAX);
        return bookmarks
                .list(
                        after.isEmpty() ? null : BookmarkName.of(after),
                        job.isEmpty() ? null : job,
                        limit)
                .thenApplyAsync(BookmarkRoutes::json, executor);
    }

    private static ObjectNode json(List<Entry> entries) {
        ObjectNode json = Json.object();
        ArrayNode array = json.putArray("bookmarks");
        for (Entry entry : entries) {
            array.addObject()
                    .put("bookmark", entry.name().toString())
                    .put("savedMs", entry.savedMs());
        }
        return json;
    }

    private CompletableFuture<ObjectNode> find(BookmarkName name, JsonRequest request) {
        allow(request, GET);
        return bookmarks.find(name).thenApplyAsync(BookmarkRoutes::whole, executor);
    }

    private CompletableFuture<ObjectNode> save(BookmarkName name, JsonRequest request) {
        JsonNode body = bodyWith(request, Set.of("group", "state"));
        return bookmarks
                .save(name, text(body, "group"), text(body, "state"))
                .thenApplyAsync(bookmark -> head(bookmark, bookmark.group()), executor);
    }

    private CompletableFuture<ObjectNode> restore(BookmarkName name, JsonRequest request) {
        allow(request, POST);
        return bookmarks
                .restore(name, text(bodyWith(request, Set.of("group")), "group"))
                .thenApplyAsync(BookmarkRoutes::json, executor);
    }

    private static ObjectNode json(Restored restored) {
        return head(restored.bookmark(), restored.group())
                .put("removed", restored.removed())
                .put("state", restored.bookmark().state());
    }

    private CompletableFuture<ObjectNode> delete(BookmarkName name, JsonRequest request) {
        allow(request, POST);
        return bookmarks
                .delete(name)
                .thenApplyAsync(
                        deleted -> Json.object().put("bookmark", deleted.toString()), executor);
    }

    /** Refuses a body with more than these keys: one that is misspelt would be left out. */
    private static JsonNode bodyWith(JsonRequest request, Set<String> keys) {
        JsonNode body = request.json();
        body.fieldNames()
                .forEachRemaining(
                        key -> {
                            if (!keys.contains(key)) {
                                throw JsonRequest.badValue(
                                        key, body.path(key).toString(), "one of " + keys);
                            }
                        });
        return body;
    }

    /** A text of the body; null if it is not there, or null. */
    private static @Nullable String text(JsonNode body, String key) {
        JsonNode value = body.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isTextual() || key.equals("group") && value.textValue().isEmpty()) {
            throw JsonRequest.badValue(key, value.toString(), "a text");
        }
        return value.textValue();
    }

    private static ObjectNode head(Bookmark bookmark, @Nullable String group) {
        return Json.object()
                .put("bookmark", bookmark.name().toString())
                .put("savedMs", bookmark.savedMs())
                .put("group", group)
                .put("partitions", bookmark.partitionCount());
    }

    private static ObjectNode whole(Bookmark bookmark) {
        ObjectNode json = head(bookmark, bookmark.group());
        ArrayNode topics = json.putArray("topics");
        for (TopicPositions of : bookmark.positions()) {
            ArrayNode positions =
                    topics.addObject()
                            .put("topic", of.topic())
                            .put("id", of.topicId())
                            .putArray("positions");
            for (Position position : of.positions()) {
                positions
                        .addObject()
                        .put("partition", position.partition())
                        .put("offset", position.offset())
                        .put("leaderEpoch", position.leaderEpoch())
                        .put("metadata", position.metadata());
            }
        }
        return json.put("state", bookmark.state());
    }
}
