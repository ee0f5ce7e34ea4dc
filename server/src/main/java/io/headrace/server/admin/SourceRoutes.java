package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.RangeObjects;
import io.headrace.engine.RangeObjects.RangeObject;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Kind;
import io.headrace.engine.SourceObjects;
import io.headrace.engine.SourceObjects.SourceObject;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.Sources;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongFunction;

/**
 * What is answered below {@code /sources}:
 *
 * <pre>
 * GET  /sources?after=NAME&amp;limit=N                       source topics in order of name
 * GET  /sources/NAME                                     how far it is listed and indexed
 * GET  /sources/NAME/findings?kind=KIND&amp;after=&amp;limit=N  what was left out or is wrong
 * GET  /sources/NAME/range?partition=&amp;from=&amp;to=&amp;after=&amp;limit=
 *                                                        what a range of records is made of
 *                                                        asks=true: and asks the store for each
 * GET  /sources/NAME/objects?after=KEY&amp;limit=N           what it was listed with
 * GET  /sources/NAME/digest?key=KEY&amp;from=BYTE&amp;length=N   SHA-256 of a range of one of these
 * POST /sources/NAME/index                               indexes ahead of the readers
 * POST /sources/NAME/index/stop                          ends that
 * POST /sources/NAME/refresh                             lists the store again
 * POST /sources/check {"uri": …, "configs": {…}}         looks before there is a topic
 * </pre>
 *
 * Thread-safe; nothing blocks.
 */
final class SourceRoutes implements JsonHandler.Routes {
    private static final String GET = "GET";
    private static final String POST = "POST";
    private static final String CHECK = "check";
    private static final long DEADLINE_MS = 10_000;

    /** A check reads a few pages of a listing and the beginning of an object. */
    private static final long CHECK_DEADLINE_MS = 60_000;

    private static final int FINDINGS_DEFAULT = 100;

    private final TopicCatalog catalog;
    private final Sources sources;
    private final SourceList list;
    private final Executor executor;

    /** What can be asked of one topic, by what follows its name in the path. */
    private final Map<String, Route> actions;

    /**
     * @param executor makes JSON of what the engine's threads hand out
     */
    SourceRoutes(TopicCatalog catalog, Sources sources, Executor executor) {
        this.catalog = catalog;
        this.sources = sources;
        this.executor = executor;
        this.list = new SourceList(catalog, sources, executor);
        this.actions =
                Map.of(
                        "", new Route(GET, request -> ask(request, sources::status)),
                        "findings", new Route(GET, this::findings),
                        "range", new Route(GET, this::range),
                        "objects", new Route(GET, this::objects),
                        "digest", new Route(GET, this::digest),
                        "index", new Route(POST, request -> ask(request, sources::index)),
                        "index/stop",
                                new Route(POST, request -> ask(request, sources::stopIndexing)),
                        "refresh", new Route(POST, request -> ask(request, sources::refresh)));
    }

    private record Route(
            String method, Function<JsonRequest, CompletableFuture<ObjectNode>> answer) {}

    @Override
    public long deadlineMs(JsonRequest request) {
        boolean isReading = isCheck(request) || request.action().equals("digest");
        return isReading ? CHECK_DEADLINE_MS : DEADLINE_MS;
    }

    /** Whether a request reads a store, which takes longer than asking the engine. */
    private static boolean isCheck(JsonRequest request) {
        return request.method().equals(POST)
                && request.name().equals(CHECK)
                && request.action().isEmpty();
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        if (isCheck(request)) {
            return check(request.onlyWith(Set.of()).json());
        }
        Route route =
                request.name().isEmpty()
                        ? new Route(GET, list::page)
                        : actions.get(request.action());
        if (route == null) {
            throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        if (!route.method.equals(request.method())) {
            throw new RequestException(
                    RequestException.WRONG_METHOD,
                    "wrong method: method=" + request.method() + " allowed=" + route.method);
        }
        return route.answer.apply(request);
    }

    private CompletableFuture<ObjectNode> ask(
            JsonRequest request, LongFunction<CompletableFuture<SourceStatus>> call) {
        Topic topic = topic(request.onlyWith(Set.of()).name());
        return call.apply(topic.id())
                .thenApplyAsync(
                        status -> SourceList.withOrigin(StatusJson.of(status), topic), executor);
    }

    private CompletableFuture<ObjectNode> findings(JsonRequest request) {
        request.onlyWith(Set.of("kind", "after", "limit"));
        Topic topic = topic(request.name());
        int limit = request.number("limit", FINDINGS_DEFAULT, SourceFindings.LIMIT_MAX);
        return sources.findings(topic.id(), kind(request), request.text("after"), limit)
                .thenApplyAsync(FindingsJson::of, executor);
    }

    private CompletableFuture<ObjectNode> range(JsonRequest request) {
        request.onlyWith(Set.of("partition", "from", "to", "after", "limit", "asks"));
        Topic topic = topic(request.name());
        int limit = request.number("limit", FINDINGS_DEFAULT, RangeObjects.LIMIT_MAX);
        int partition = (int) request.offset("partition", 0, topic.partitionCount() - 1);
        long from = request.offset("from", 0, Long.MAX_VALUE);
        long to = request.offset("to", from + 1, Long.MAX_VALUE);
        long after =
                request.text("after").isEmpty() ? -1 : request.offset("after", 0, Long.MAX_VALUE);
        return sources.rangeObjects(topic.id(), partition, from, to, after, limit)
                .thenCompose(page -> asked(topic, page, request.text("asks")))
                .thenApplyAsync(SourceRoutes::rangeJson, executor);
    }

    private CompletableFuture<RangeObjects> asked(Topic topic, RangeObjects page, String asks) {
        return asks.equals("true")
                ? sources.checkVersions(topic.id(), page.objects()).thenApply(same -> page)
                : CompletableFuture.completedFuture(page);
    }

    private static ObjectNode rangeJson(RangeObjects page) {
        ObjectNode json = Json.object();
        ArrayNode objects = json.putArray("objects");
        for (RangeObject object : page.objects()) {
            objects.addObject()
                    .put("ordinal", object.ordinal())
                    .put("key", object.key())
                    .put("length", object.length())
                    .put("version", object.version());
        }
        return json.put("next", page.next());
    }

    private CompletableFuture<ObjectNode> objects(JsonRequest request) {
        request.onlyWith(Set.of("after", "limit"));
        Topic topic = topic(request.name());
        int limit = request.number("limit", FINDINGS_DEFAULT, SourceObjects.LIMIT_MAX);
        return sources.objects(topic.id(), request.text("after"), limit)
                .thenApplyAsync(SourceRoutes::json, executor);
    }

    private CompletableFuture<ObjectNode> digest(JsonRequest request) {
        request.onlyWith(Set.of("key", "from", "length"));
        Topic topic = topic(request.name());
        long from = request.offset("from", 0, Long.MAX_VALUE);
        int length = (int) request.offset("length", 0, Sources.DIGEST_LENGTH_MAX);
        return sources.digest(topic.id(), request.text("key"), from, length)
                .thenApplyAsync(sha256 -> Json.object().put("sha256", sha256), executor);
    }

    private static ObjectNode json(SourceObjects page) {
        ObjectNode json = Json.object();
        ArrayNode objects = json.putArray("objects");
        for (SourceObject object : page.objects()) {
            objects.addObject()
                    .put("key", object.key())
                    .put("length", object.length())
                    .put("version", object.version());
        }
        return json.put("next", page.next());
    }

    private static Kind kind(JsonRequest request) {
        String name = request.text("kind");
        try {
            return Json.constant(Kind.class, name);
        } catch (IllegalArgumentException e) {
            String allowed =
                    String.join(", ", Arrays.stream(Kind.values()).map(Json::name).toList());
            throw JsonRequest.badValue("kind", name, allowed);
        }
    }

    private CompletableFuture<ObjectNode> check(JsonNode body) {
        String uri = body.path("uri").asText();
        if (uri.isEmpty()) {
            throw JsonRequest.badValue("uri", uri, "the URI of what a topic would read");
        }
        Map<String, String> configs = new LinkedHashMap<>();
        body.path("configs")
                .properties()
                .forEach(config -> configs.put(config.getKey(), config.getValue().asText()));
        return sources.check(uri, configs).thenApplyAsync(CheckJson::of, executor);
    }

    private Topic topic(String name) {
        Topic topic = catalog.find(name);
        if (topic == null) {
            throw new RequestException(RequestException.NOT_FOUND, "no such topic: topic=" + name);
        }
        if (topic.storageMode() != StorageMode.SOURCE) {
            throw new RequestException(
                    RequestException.NOT_FOUND,
                    "no source: topic=" + name + " mode=" + Json.name(topic.storageMode()));
        }
        return topic;
    }
}
