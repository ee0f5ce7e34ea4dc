package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.RangeObjects;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Kind;
import io.headrace.engine.SourceStatus;
import io.headrace.server.admin.Json;
import io.headrace.server.admin.StatusJson;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;

/** What a server's admin listener can be asked about sources. */
final class SourceCalls {
    private static final long PAUSE_MS = 500;

    /** A slow store answers for so many within the listener's deadline. */
    private static final int OBJECTS_ASKED_AT_ONCE = 100;

    private final AdminOptions admin;

    SourceCalls(AdminOptions admin) {
        this.admin = admin;
    }

    /** A page of all sources that follow a name. */
    JsonNode list(String after) throws IOException, InterruptedException {
        return admin.get("/sources?after=" + encoded(after));
    }

    JsonNode statusJson(String name) throws IOException, InterruptedException {
        return admin.get(path(name, ""));
    }

    SourceStatus status(String name) throws IOException, InterruptedException {
        return StatusJson.read(statusJson(name));
    }

    SourceStatus index(String name) throws IOException, InterruptedException {
        return StatusJson.read(admin.post(path(name, "/index"), Json.object()));
    }

    SourceStatus stopIndexing(String name) throws IOException, InterruptedException {
        return StatusJson.read(admin.post(path(name, "/index/stop"), Json.object()));
    }

    SourceStatus refresh(String name) throws IOException, InterruptedException {
        return StatusJson.read(admin.post(path(name, "/refresh"), Json.object()));
    }

    /** A page of findings. */
    JsonNode findings(String name, Kind kind, String after)
            throws IOException, InterruptedException {
        String query = "?kind=" + kind.name().toLowerCase(Locale.ROOT) + "&after=" + encoded(after);
        return admin.get(path(name, "/findings") + query + "&limit=" + SourceFindings.LIMIT_MAX);
    }

    /**
     * A page of the objects that a range of records is made of.
     *
     * @param after what the page before says is next; −1 for the first
     * @param isAsked whether the store is to be asked for each of them
     */
    JsonNode range(String name, int partition, long from, long to, long after, boolean isAsked)
            throws IOException, InterruptedException {
        String query = "?partition=" + partition + "&from=" + from + "&to=" + to;
        int limit = isAsked ? OBJECTS_ASKED_AT_ONCE : RangeObjects.LIMIT_MAX;
        String page = "&limit=" + limit + (after < 0 ? "" : "&after=" + after);
        return admin.get(path(name, "/range") + query + page + (isAsked ? "&asks=true" : ""));
    }

    JsonNode check(String uri, Map<String, String> configs)
            throws IOException, InterruptedException {
        ObjectNode body = Json.object().put("uri", uri);
        ObjectNode map = body.putObject("configs");
        configs.forEach(map::put);
        return admin.post("/sources/check", body);
    }

    /** Waits until it is worth asking again. */
    static void pause() throws InterruptedException {
        Thread.sleep(PAUSE_MS);
    }

    private static String path(String name, String action) {
        return "/sources/" + encoded(name) + action;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
