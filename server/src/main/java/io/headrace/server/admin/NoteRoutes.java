package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.server.bookmark.Bookmarks;
import io.headrace.server.show.Printable;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * What is answered at {@code /notes}:
 *
 * <pre>
 * GET  /notes?group=   the notes on a group
 * POST /notes?group=   adds these: {"KEY": "TEXT", …}; what has no text is taken away
 * </pre>
 *
 * Thread-safe; nothing blocks.
 */
final class NoteRoutes implements JsonHandler.Routes {
    /** Each byte of the notes may have come as an escape of six. */
    static final int BODY_LENGTH_MAX = 6 * Bookmarks.NOTES_LENGTH_MAX + (4 << 10);

    /** Of what is not taken, in the answer. */
    private static final int SHOWN_LENGTH_MAX = 128;

    private static final String GET = "GET";

    private final Bookmarks bookmarks;
    private final Executor executor;

    /**
     * @param executor makes JSON of what the bookmarks' thread hands out
     */
    NoteRoutes(Bookmarks bookmarks, Executor executor) {
        this.bookmarks = bookmarks;
        this.executor = executor;
    }

    @Override
    public long deadlineMs(JsonRequest request) {
        return Bookmarks.DEADLINE_MS;
    }

    @Override
    public CompletableFuture<ObjectNode> answer(JsonRequest request) {
        request.onlyWith(Set.of("group"));
        if (!request.name().isEmpty()) {
            throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        String group = request.text("group");
        CompletableFuture<Map<String, String>> notes =
                request.method().equals(GET)
                        ? bookmarks.notes(group)
                        : bookmarks.note(group, changes(request));
        return notes.thenApplyAsync(found -> json(group, found), executor);
    }

    private static Map<String, String> changes(JsonRequest request) {
        Map<String, String> changes = new TreeMap<>();
        request.json()
                .properties()
                .forEach(
                        note -> {
                            if (!note.getValue().isTextual()) {
                                throw JsonRequest.badValue(
                                        Printable.of(note.getKey(), SHOWN_LENGTH_MAX),
                                        Printable.of(note.getValue().toString(), SHOWN_LENGTH_MAX),
                                        "a text");
                            }
                            changes.put(note.getKey(), note.getValue().textValue());
                        });
        return changes;
    }

    private static ObjectNode json(String group, Map<String, String> notes) {
        ObjectNode json = Json.object().put("group", group);
        ObjectNode all = json.putObject("notes");
        notes.forEach(all::put);
        return json;
    }
}
