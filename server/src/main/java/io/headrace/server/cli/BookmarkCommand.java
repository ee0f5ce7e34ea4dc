package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.headrace.server.admin.Json;
import io.headrace.server.bookmark.BookmarkName;
import io.headrace.server.bookmark.Bookmarks;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace bookmark save|restore|list|delete}. */
@Command(
        name = "bookmark",
        description = "Positions of a consumer group, kept with the step of a training.")
public final class BookmarkCommand implements Runnable {
    private static final String NAME = "JOB@STEP";

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Keep where a consumer group stands, and a state.")
    void save(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = NAME) String name,
            @Option(
                            names = "--group",
                            paramLabel = "GROUP",
                            description = "Whose committed positions to keep, all of them.")
                    @Nullable String group,
            @Option(
                            names = "--state",
                            paramLabel = "FILE",
                            description = "A text to keep with them, 1 MiB at most.")
                    @Nullable Path state)
            throws IOException, InterruptedException {
        String path = path(name, "");
        if (group == null && state == null) {
            throw new ParameterException(
                    spec.subcommands().get("save"), "nothing to keep: --group, --state or both");
        }
        ObjectNode body = Json.object();
        if (group != null) {
            body.put("group", group);
        }
        if (state != null) {
            body.put("state", read(state));
        }
        JsonNode saved = admin.post(path, body);
        out().println("saved " + name + inGroup(saved));
        out().flush();
    }

    private static String read(Path file) throws IOException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(Bookmarks.STATE_LENGTH_MAX + 1);
        }
        if (bytes.length > Bookmarks.STATE_LENGTH_MAX) {
            throw new CommandException(
                    "state too long: file=" + file + " bytesMax=" + Bookmarks.STATE_LENGTH_MAX);
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new CommandException("state is no UTF-8 text: file=" + file);
        }
    }

    private static String inGroup(JsonNode json) {
        return json.path("group").isTextual()
                ? "  group "
                        + json.path("group").asText()
                        + "  partitions "
                        + json.path("partitions").asInt()
                : "";
    }

    @Command(
            description = {
                "Set a group back to where it stood; it must have no members.",
                "Partitions that the bookmark does not hold have no position then: consumers must"
                        + " have auto.offset.reset=earliest to read these from the beginning."
            })
    void restore(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = NAME) String name,
            @Option(
                            names = "--group",
                            paramLabel = "GROUP",
                            description = "Another group than the one it was saved from.")
                    @Nullable String group,
            @Option(
                            names = "--state",
                            paramLabel = "FILE",
                            description = "Where to write the state that was kept.")
                    @Nullable Path state)
            throws IOException, InterruptedException {
        String path = path(name, "");
        Path written = state == null ? null : writeBeside(state, admin.get(path), name);
        try {
            JsonNode restored = restore(admin, path, name, group);
            if (written != null && state != null) {
                Files.writeString(written, restored.path("state").asText());
                Files.move(written, state, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            if (written != null) {
                Files.deleteIfExists(written);
            }
        }
    }

    /** Before anything is restored: a path that cannot be written is found out now. */
    private static Path writeBeside(Path state, JsonNode bookmark, String name) throws IOException {
        if (!bookmark.path("state").isTextual()) {
            throw new CommandException("bookmark holds no state: bookmark=" + name);
        }
        if (Files.isDirectory(state)) {
            throw new CommandException("not a file: path=" + state);
        }
        Path beside = state.resolveSibling(state.getFileName() + ".tmp");
        return Files.writeString(beside, bookmark.path("state").asText());
    }

    private JsonNode restore(AdminOptions admin, String path, String name, @Nullable String group)
            throws IOException, InterruptedException {
        ObjectNode body = Json.object();
        if (group != null) {
            body.put("group", group);
        }
        JsonNode restored = admin.post(path + "/restore", body);
        int removed = restored.path("removed").asInt();
        String others = removed == 0 ? "" : "  positions removed " + removed;
        out().println("restored " + name + inGroup(restored) + others);
        out().flush();
        return restored;
    }

    @Command(description = "List bookmarks, of one job or all.")
    void list(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "JOB", arity = "0..1") @Nullable String job)
            throws IOException, InterruptedException {
        String ofJob = job == null ? "" : "&job=" + encoded(job);
        String after = "";
        JsonNode page;
        do {
            page = admin.get("/bookmarks?after=" + encoded(after) + ofJob).path("bookmarks");
            for (JsonNode bookmark : page) {
                after = bookmark.path("bookmark").asText();
                Instant saved = Instant.ofEpochMilli(bookmark.path("savedMs").asLong());
                out().println(saved.truncatedTo(ChronoUnit.SECONDS) + "  " + after);
            }
        } while (!page.isEmpty());
        out().flush();
    }

    @Command(description = "Delete a bookmark.")
    void delete(@Mixin AdminOptions admin, @Parameters(paramLabel = NAME) String name)
            throws IOException, InterruptedException {
        admin.post(path(name, "/delete"), Json.object());
        out().println("deleted " + name);
        out().flush();
    }

    private static String path(String name, String action) {
        return "/bookmarks/" + encoded(BookmarkName.of(name).toString()) + action;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
