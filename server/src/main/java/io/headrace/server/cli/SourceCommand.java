package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.server.admin.CheckJson;
import io.headrace.server.admin.Json;
import io.headrace.server.show.CheckText;
import io.headrace.server.show.Printable;
import io.headrace.server.show.SourceText;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace source create|check|status|index|refresh|skip}. */
@Command(
        name = "source",
        description = "Topics over datasets that lie in an object store or a folder.")
public final class SourceCommand implements Runnable {
    private static final String URI_CONFIG = "headrace.source.uri";
    private static final String SKIP_CONFIG = "headrace.source.skip.offsets";

    /** How often a new listing is looked at, so that there is something to tell. */
    private static final int LISTING_LOOKS = 6;

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Create a topic over a dataset, and say what was found so far.")
    void create(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Mixin SourceOptions source,
            @Parameters(paramLabel = "NAME") String name,
            @Option(
                            names = "--uri",
                            required = true,
                            paramLabel = "URI",
                            description =
                                    "STORE://PATH, s3://BUCKET/PREFIX or file:///FOLDER/, within a"
                                            + " store that the server's configuration names.")
                    String uri,
            @Option(
                            names = "--partitions",
                            paramLabel = "N",
                            description = "Default: num.partitions of the server.")
                    @Nullable Integer partitions)
            throws IOException, InterruptedException {
        Map<String, String> configs = source.configs();
        configs.put("headrace.storage.mode", "source");
        configs.put(URI_CONFIG, uri);
        NewTopic topic = new NewTopic(name, Optional.ofNullable(partitions), Optional.empty());
        try (Admin kafka = client.admin()) {
            client.await(kafka.createTopics(List.of(topic.configs(configs))).all());
        }
        out().println("created " + name);
        out().flush();
        try {
            printFound(new SourceCalls(admin), name);
        } catch (CommandException e) { // no failure: the topic is there
            out().println("what was found is not known: " + e.getMessage());
        }
        out().flush();
    }

    @Command(description = "Look at a dataset without creating anything.")
    void check(
            @Mixin AdminOptions admin,
            @Mixin SourceOptions source,
            @Parameters(paramLabel = "URI") String uri,
            @Option(names = "--json", description = "As the server says it.") boolean isJson)
            throws IOException, InterruptedException {
        JsonNode json = new SourceCalls(admin).check(uri, source.configs());
        SourceCheck check = CheckJson.read(json);
        if (isJson) {
            out().print(Json.text(json));
        } else {
            CheckText.print(check, uri, out());
        }
        out().flush();
        if (!CheckText.isAnythingFound(check)) {
            throw new CommandException("no sample found: " + Printable.of(uri));
        }
    }

    @Command(description = "How far sources are listed and indexed; of one, or a line for each.")
    void status(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "NAME", arity = "0..1") @Nullable String name,
            @Option(names = "--watch", description = "Again and again, until it is complete.")
                    boolean isWatch,
            @Option(names = "--json", description = "As the server says it.") boolean isJson,
            @Option(
                            names = "--findings",
                            description = "Also what was left out or is wrong, by name.")
                    boolean isFindings)
            throws IOException, InterruptedException {
        SourceReport report = new SourceReport(new SourceCalls(admin), out(), isJson);
        if (name == null && (isWatch || isFindings)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--watch and --findings are of one source: NAME is missing");
        }
        if (name == null) {
            report.all();
        } else if (isWatch) {
            report.watch(name);
        } else {
            report.one(name);
        }
        if (name != null && isFindings) {
            report.findings(name);
        }
        out().flush();
    }

    @Command(description = "Index a source to its end, whether or not somebody reads it.")
    void index(
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--wait", description = "Until it is complete; shows the progress.")
                    boolean isWait,
            @Option(names = "--stop", description = "End what was begun; what is indexed stays.")
                    boolean isStop)
            throws IOException, InterruptedException {
        SourceCalls calls = new SourceCalls(admin);
        if (isStop) {
            printIndex(name, calls.stopIndexing(name));
        } else if (isWait) {
            new IndexWait(calls, out()).run(name);
        } else {
            printIndex(name, calls.index(name));
        }
        out().flush();
    }

    private void printIndex(String name, SourceStatus status) {
        out().println(name + "  " + SourceText.index(status));
        SourceText.problems(status, out());
    }

    @Command(description = "List the store again; new objects are appended.")
    void refresh(@Mixin AdminOptions admin, @Parameters(paramLabel = "NAME") String name)
            throws IOException, InterruptedException {
        printFound(new SourceCalls(admin), name);
        out().flush();
    }

    private void printFound(SourceCalls calls, String name)
            throws IOException, InterruptedException {
        SourceStatus status = calls.refresh(name);
        for (int i = 0; i < LISTING_LOOKS && status.listing() == Listing.RUNNING; i++) {
            SourceCalls.pause();
            status = calls.status(name);
        }
        out().println("found   " + SourceText.listing(status));
        out().println("index   " + SourceText.index(status));
        SourceText.problems(status, out());
        if (!status.failure().isEmpty()) {
            out().println("failure " + Printable.of(status.failure()));
        }
    }

    @Command(
            description =
                    "Send one sample without its value, such as one that a training stumbles over."
                            + " Its offset stays.")
    void skip(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--partition", paramLabel = "P", required = true) int partition,
            @Option(names = "--offset", paramLabel = "N", required = true) long offset)
            throws IOException, InterruptedException {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
        ConfigEntry added = new ConfigEntry(SKIP_CONFIG, partition + ":" + offset);
        try (Admin kafka = client.admin()) {
            checkHas(client, kafka, topic, partition);
            checkIsThere(client, kafka, new TopicPartition(name, partition), offset);
            List<AlterConfigOp> change = List.of(new AlterConfigOp(added, OpType.APPEND));
            client.await(kafka.incrementalAlterConfigs(Map.of(topic, change)).all());
        }
        out().println(
                        "skipped %s partition %d offset %d: it has no value from now on"
                                .formatted(name, partition, offset));
        out().flush();
    }

    /** A place that is none would be kept, and do nothing. */
    private static void checkHas(
            ClientOptions client, Admin kafka, ConfigResource topic, int partition)
            throws InterruptedException {
        String name = topic.name();
        int count =
                client.await(kafka.describeTopics(List.of(name)).allTopicNames()).values().stream()
                        .mapToInt(found -> found.partitions().size())
                        .sum();
        if (partition < 0 || partition >= count) {
            throw new CommandException(
                    "no such partition: %d: %s has 0 to %d".formatted(partition, name, count - 1));
        }
        Config config = client.await(kafka.describeConfigs(List.of(topic)).all()).get(topic);
        if (config == null || config.get(URI_CONFIG) == null) {
            throw new CommandException("no source: topic=" + name);
        }
    }

    /** A mistyped offset would be kept, and take the value of a sample that is found later. */
    private static void checkIsThere(
            ClientOptions client, Admin kafka, TopicPartition partition, long offset)
            throws InterruptedException {
        long end =
                client.await(
                                kafka.listOffsets(Map.of(partition, OffsetSpec.latest()))
                                        .partitionResult(partition))
                        .offset();
        if (offset < 0 || offset >= end) {
            throw new CommandException(
                    "no such offset: %s partition %d offset %d: indexed so far: %d"
                            .formatted(partition.topic(), partition.partition(), offset, end));
        }
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
