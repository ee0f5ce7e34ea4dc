package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace view create|status}. */
@Command(name = "view", description = "Topics over other topics.")
public final class ViewCommand implements Runnable {
    private static final String PREFIX = "headrace.view.";

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Create a topic over other topics.")
    void create(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "NAME") String name,
            @Option(
                            names = "--type",
                            defaultValue = "share",
                            description = "What kind of view; default: ${DEFAULT-VALUE}.")
                    String type,
            @Option(
                            names = "--topics",
                            required = true,
                            paramLabel = "NAME[,NAME...]",
                            description =
                                    "What it is over; union: one name, with * for any characters.")
                    String topics,
            @Option(
                            names = "--group",
                            paramLabel = "GROUP",
                            description = "share: whose members the records are handed out to.")
                    @Nullable String group,
            @Option(
                            names = "--patch",
                            paramLabel = "TOPIC",
                            description =
                                    "overlay: whose records stand in for those of the same keys.")
                    @Nullable String patch,
            @Option(
                            names = "--partitions",
                            paramLabel = "N",
                            description =
                                    "Default: what suits the view; 256 lanes for share, 1 for"
                                            + " union, the base's for overlay.")
                    @Nullable Integer partitions,
            @Option(
                            names = "--config",
                            paramLabel = "KEY=VALUE",
                            description = "A topic config; may be given several times.")
                    @Nullable Map<String, String> more)
            throws IOException, InterruptedException {
        Map<String, String> configs = new HashMap<>();
        configs.put(PREFIX + "type", type);
        configs.put(PREFIX + "topics", topics);
        if (group != null) {
            configs.put(PREFIX + "group", group);
        }
        if (patch != null) {
            configs.put(PREFIX + "patch", patch);
        }
        if (more != null) {
            configs.putAll(more);
        }
        Map<String, String> published = new HashMap<>();
        if (type.equals(Views.OVERLAY)) { // nothing is published before it is decided what it has
            for (String key :
                    List.of(Versions.OF_CONFIG, Versions.NAME_CONFIG, Versions.PROTECTED_CONFIG)) {
                String value = configs.remove(key);
                if (value != null) {
                    published.put(key, value);
                }
            }
        }
        NewTopic topic = new NewTopic(name, Optional.ofNullable(partitions), Optional.empty());
        try (Admin admin = client.admin()) {
            client.await(admin.createTopics(List.of(topic.configs(configs))).all());
            if (!published.isEmpty()) {
                OverlayPins.await(client, admin, name);
                DatasetCommand.set(client, admin, name, published);
            }
        }
        out().println("created " + name);
        out().flush();
    }

    @Command(description = "How far a view is with what it is over.")
    void status(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--json", description = "As the server says it.") boolean isJson)
            throws IOException, InterruptedException {
        JsonNode json = admin.get("/views/" + URLEncoder.encode(name, StandardCharsets.UTF_8));
        if (isJson) {
            out().print(Json.text(json));
        } else if (json.has("sides")) {
            printOrdered(json);
        } else if (json.has("current")) {
            out().println(
                            "alias %s  shows %s"
                                    .formatted(
                                            json.path("topic").asText(),
                                            json.path("current").asText()));
        } else {
            print(json);
        }
        out().flush();
    }

    private void printOrdered(JsonNode json) {
        JsonNode configs = json.path("configs");
        out().println(
                        "view %s  %s over %s  partitions %d"
                                .formatted(
                                        json.path("topic").asText(),
                                        configs.path(PREFIX + "type").asText(),
                                        configs.path(PREFIX + "topics").asText(),
                                        json.path("partitions").asInt()));
        out().println(
                        json.path("ready").asBoolean()
                                ? "  ready: %,d records".formatted(json.path("records").asLong())
                                : "  not ready: waits for its sources to be indexed"
                                        + readEarly(json.path("records").asLong()));
        for (JsonNode side : json.path("sides")) {
            out().println(
                            "  %s  objects %,d%s  indexed %,d  records %,d"
                                    .formatted(
                                            side.path("topic").asText(),
                                            side.path("objects").asLong(),
                                            side.path("listed").asBoolean() ? "" : " or more",
                                            side.path("indexedObjects").asLong(),
                                            side.path("records").asLong()));
        }
    }

    private static String readEarly(long records) {
        return records == 0 ? "" : "; %,d records can be read".formatted(records);
    }

    private void print(JsonNode json) {
        JsonNode configs = json.path("configs");
        if (configs.path(PREFIX + "type").asText().equals("union")) {
            printUnion(json);
            return;
        }
        if (json.has("ready")) {
            printOverlay(json);
            return;
        }
        out().println(
                        "view %s  over %s  group %s  lanes %d"
                                .formatted(
                                        json.path("topic").asText(),
                                        configs.path(PREFIX + "topics").asText(),
                                        configs.path(PREFIX + "group").asText(),
                                        json.path("lanes").asInt()));
        out().println("  handed out and not committed  " + json.path("uncommitted").asLong());
        out().println("  not handed out                " + json.path("undispatched").asLong());
        for (JsonNode below : json.path("over")) {
            out().println(
                            "  over %s  %s of %s  partitions %d%s"
                                    .formatted(
                                            below.path("topic").asText(),
                                            below.path("type").asText(),
                                            below.path("topics").asText(),
                                            below.path("partitions").asInt(),
                                            below.path("ready").asBoolean()
                                                    ? ""
                                                    : "  not ready: waits for its sources to be"
                                                            + " indexed"));
        }
    }

    private void printOverlay(JsonNode json) {
        JsonNode configs = json.path("configs");
        out().println(
                        "overlay %s  of %s over %s  partitions %d"
                                .formatted(
                                        json.path("topic").asText(),
                                        configs.path(PREFIX + "patch").asText(),
                                        configs.path(PREFIX + "topics").asText(),
                                        json.path("partitions").asInt()));
        out().println(
                        json.path("ready").asBoolean()
                                ? "  ready"
                                : "  not ready: it is not decided yet what it has");
    }

    private void printUnion(JsonNode json) {
        out().println(
                        "union %s  over %s  topics %d  partitions %d"
                                .formatted(
                                        json.path("topic").asText(),
                                        json.path("configs").path(PREFIX + "topics").asText(),
                                        json.path("topics").asLong(),
                                        json.path("partitions").asInt()));
        out().println("  not copied yet           " + json.path("behind").asLong());
        out().println("  copied since the start   " + json.path("copied").asLong());
        out().println("  skipped since the start  " + json.path("skipped").asLong());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
