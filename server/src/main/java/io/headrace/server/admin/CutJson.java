package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A cut as JSON, and back. */
public final class CutJson {
    private CutJson() {}

    static ObjectNode of(Cut cut, String clusterId) {
        ObjectNode json =
                Json.object()
                        .put("id", cut.id())
                        .put("cluster", clusterId)
                        .put("folder", cut.folder().toString())
                        .put("epoch", cut.leaderEpoch())
                        .put("madeAtMs", cut.madeAtMs())
                        .put("leaseMs", cut.leaseMs());
        ArrayNode files = json.putArray("files");
        for (CutFile file : cut.files()) {
            files.addObject()
                    .put("path", file.path().toString())
                    .put("length", file.length())
                    .put("final", file.isFinal());
        }
        return json;
    }

    /** Whether a server's answer holds a cut: it does not while one is being made. */
    public static boolean isCut(JsonNode json) {
        return json.has("files");
    }

    /** The cut in a server's answer. */
    public static Cut read(JsonNode json) {
        List<CutFile> files = new ArrayList<>();
        for (JsonNode file : json.path("files")) {
            files.add(
                    new CutFile(
                            Path.of(file.path("path").asText()),
                            file.path("length").asLong(),
                            file.path("final").asBoolean()));
        }
        return new Cut(
                json.path("id").asText(),
                Path.of(json.path("folder").asText()),
                json.path("epoch").asInt(),
                json.path("madeAtMs").asLong(),
                json.path("leaseMs").asLong(),
                files);
    }

    /** The cluster id in a server's answer. */
    public static String clusterId(JsonNode json) {
        return json.path("cluster").asText();
    }
}
