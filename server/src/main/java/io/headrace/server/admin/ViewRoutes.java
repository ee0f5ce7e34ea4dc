package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Alias;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.Views;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Ordered;
import io.headrace.engine.Views.Progress;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Side;
import io.headrace.engine.Views.UnionStatus;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * What is answered below {@code /views}:
 *
 * <pre>
 * GET /views/NAME   what a view is over, and how far it is with that: of a share view, how much is
 *                   handed out and done; of a union, how much is copied; of a shuffle or mix
 *                   view, how far it is known; which version an alias shows; whether it is
 *                   decided what an overlay has
 * </pre>
 *
 * Thread-safe; nothing blocks.
 */
final class ViewRoutes implements JsonHandler.Routes {
    private static final String GET = "GET";
    private static final long DEADLINE_MS = 10_000;

    private final TopicCatalog catalog;
    private final Views views;
    private final Executor executor;

    /**
     * @param executor makes JSON of what the engine's threads hand out
     */
    ViewRoutes(TopicCatalog catalog, Views views, Executor executor) {
        this.catalog = catalog;
        this.views = views;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        request.onlyWith(Set.of());
        if (!request.method().equals(GET)) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + GET);
        }
        if (request.name().isEmpty() || !request.action().isEmpty()) {
            throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        Topic topic = catalog.find(request.name());
        if (topic == null) {
            throw new RequestException(
                    RequestException.NOT_FOUND, "no such topic: topic=" + request.name());
        }
        if (Views.isUnion(topic)) {
            return views.unionStatus(topic)
                    .handleAsync((status, failure) -> json(topic, status), executor);
        }
        Ordered ordered = views.ordered(topic);
        if (ordered != null) {
            return ordered.progress()
                    .handleAsync((progress, failure) -> json(topic, progress), executor);
        }
        if (Alias.isAlias(topic)) {
            return CompletableFuture.completedFuture(alias(topic));
        }
        if (Views.isOverlay(topic)) {
            return CompletableFuture.completedFuture(
                    described(topic)
                            .put("partitions", topic.partitionCount())
                            .put("ready", topic.configs().containsKey("headrace.view.pinned")));
        }
        Share share = views.share(topic);
        if (share == null) {
            throw new RequestException(
                    RequestException.NOT_FOUND,
                    "no view of which there is a status: topic="
                            + topic.name()
                            + " mode="
                            + Json.name(topic.storageMode()));
        }
        return share.backlog().handleAsync((backlog, failure) -> json(topic, backlog), executor);
    }

    private static ObjectNode alias(Topic topic) {
        Alias alias = Alias.of(topic.configs());
        return Json.object()
                .put("topic", topic.name())
                .put("current", alias.currentVersion().name())
                .put("previous", alias.previous());
    }

    /**
     * @param progress null if it cannot be told
     */
    private static ObjectNode json(Topic topic, @Nullable Progress progress) {
        if (progress == null) {
            throw unavailable(topic);
        }
        ObjectNode json =
                described(topic)
                        .put("partitions", topic.partitionCount())
                        .put("ready", progress.isPinned())
                        .put("records", progress.recordCount());
        ArrayNode sides = json.putArray("sides");
        for (Side side : progress.sides()) {
            sides.addObject()
                    .put("topic", side.topic())
                    .put("listed", side.isListed())
                    .put("objects", side.objectCount())
                    .put("indexedObjects", side.indexedCount())
                    .put("records", side.recordCount());
        }
        return json;
    }

    /**
     * @param backlog null if it cannot be told
     */
    private ObjectNode json(Topic topic, @Nullable Backlog backlog) {
        if (backlog == null) {
            throw unavailable(topic);
        }
        ObjectNode json =
                described(topic)
                        .put("lanes", topic.partitionCount())
                        .put("uncommitted", backlog.uncommitted())
                        .put("undispatched", backlog.undispatched());
        ViewChain.addBelow(json.putArray("over"), catalog, topic);
        return json;
    }

    /**
     * @param status null if it cannot be told
     */
    private static ObjectNode json(Topic topic, @Nullable UnionStatus status) {
        if (status == null) {
            throw unavailable(topic);
        }
        return described(topic)
                .put("partitions", topic.partitionCount())
                .put("topics", status.topics())
                .put("behind", status.behind())
                .put("copied", status.copied())
                .put("skipped", status.skipped());
    }

    private static RequestException unavailable(Topic topic) {
        return new RequestException(
                RequestException.UNAVAILABLE, "view cannot be read now: topic=" + topic.name());
    }

    private static ObjectNode described(Topic topic) {
        ObjectNode json = Json.object().put("topic", topic.name());
        ObjectNode configs = json.putObject("configs");
        topic.configs().forEach(configs::put);
        return json;
    }
}
