package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** What is to be known of a group's run, kept by the server. */
final class LineageNotes {
    private final AdminOptions admin;

    LineageNotes(AdminOptions admin) {
        this.admin = admin;
    }

    /** The notes on a group, by key. */
    Map<String, String> of(String group) throws IOException, InterruptedException {
        return notes(admin.get(path(group)));
    }

    /** Adds some; those without a text are taken away. All that there are then. */
    Map<String, String> add(String group, Map<String, String> changes)
            throws IOException, InterruptedException {
        ObjectNode body = Json.object();
        changes.forEach(body::put);
        return notes(admin.post(path(group), body));
    }

    private static Map<String, String> notes(JsonNode json) {
        Map<String, String> notes = new TreeMap<>();
        json.path("notes")
                .properties()
                .forEach(note -> notes.put(note.getKey(), note.getValue().asText()));
        return notes;
    }

    private static String path(String group) {
        return "/notes?group=" + URLEncoder.encode(group, StandardCharsets.UTF_8);
    }
}
