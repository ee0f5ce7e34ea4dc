package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Alias;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.server.show.Table;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace dataset publish|withdraw|list|diff|alias|rollback|protect|unprotect|retire}. */
@Command(
        name = "dataset",
        description =
                "Versions of datasets, which stay as they are, and the aliases that show them.")
public final class DatasetCommand implements Runnable {
    private static final String URI_CONFIG = "headrace.source.uri";
    private static final String FOREVER = "-1";

    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    /** What becomes a version. */
    static final class Content {
        @Option(
                names = "--source",
                required = true,
                paramLabel = "URI",
                description = "Objects in one of the server's stores: makes a topic over them.")
        private @Nullable String uri;

        @Option(
                names = "--topic",
                required = true,
                paramLabel = "TOPIC",
                description = "A topic that is there. It has to be called DATASET.VERSION.")
        private @Nullable String topic;
    }

    @Command(description = "Make a version, which stays as it is from then on.")
    void publish(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Mixin SourceOptions source,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "VERSION") String version,
            @ArgGroup(multiplicity = "1") Content content,
            @Option(
                            names = "--partitions",
                            paramLabel = "N",
                            description = "Of a source; default: num.partitions of the server.")
                    @Nullable Integer partitions)
            throws IOException, InterruptedException {
        Map<String, String> configs = new HashMap<>();
        configs.put(Versions.OF_CONFIG, dataset);
        configs.put(Versions.NAME_CONFIG, version);
        String name = dataset + "." + version;
        try (Admin kafka = client.admin()) {
            if (content.uri != null) {
                configs.putAll(source.configs());
                configs.put(StorageMode.CONFIG, StorageMode.SOURCE.configValue());
                configs.put(URI_CONFIG, content.uri);
                create(client, kafka, name, Optional.ofNullable(partitions), configs);
            } else {
                publishTopic(client, kafka, String.valueOf(content.topic), name, configs);
            }
        }
        say("published " + name);
        if (content.uri != null) {
            beginListing(admin, name);
        }
    }

    /** Nobody has read it yet: its first listing begins now. */
    private void beginListing(AdminOptions admin, String name)
            throws IOException, InterruptedException {
        try {
            new SourceCalls(admin).refresh(name);
        } catch (CommandException e) { // no failure: it begins with the first reader
            say("what it holds is not known: " + e.getMessage());
        }
    }

    private static void publishTopic(
            ClientOptions client,
            Admin kafka,
            String topic,
            String name,
            Map<String, String> configs)
            throws InterruptedException {
        if (!topic.equals(name)) {
            throw new CommandException(
                    "a topic cannot be renamed: %s has to be called %s".formatted(topic, name));
        }
        Config known = configs(client, kafka, name);
        if (known == null) {
            throw new CommandException("no such topic: " + name);
        }
        if (known.get(URI_CONFIG) == null) {
            configs.put("retention.ms", FOREVER);
            configs.put("retention.bytes", FOREVER);
        }
        OverlayPins.await(client, kafka, name);
        requireRoom(client, kafka, name);
        set(client, kafka, name, configs);
    }

    /** Offsets may be beyond after a backup was restored. */
    private static void requireRoom(ClientOptions client, Admin kafka, String name)
            throws InterruptedException {
        Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
        client.await(kafka.describeTopics(List.of(name)).allTopicNames())
                .values()
                .forEach(
                        topic ->
                                topic.partitions()
                                        .forEach(
                                                each ->
                                                        ends.put(
                                                                new TopicPartition(
                                                                        name, each.partition()),
                                                                OffsetSpec.latest())));
        for (var end : client.await(kafka.listOffsets(ends).all()).entrySet()) {
            if (end.getValue().offset() >= Alias.OFFSET_END) {
                throw new CommandException(
                        "offsets too high for an alias, copy the records into another topic: %s offset %d, at most %d"
                                .formatted(
                                        end.getKey(),
                                        end.getValue().offset(),
                                        Alias.OFFSET_END - 1));
            }
        }
    }

    @Command(description = "Undo a publication: the topic stays, and is an ordinary one again.")
    void withdraw(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "VERSION") String version,
            @Option(names = "--force", description = "Also while groups read it.") boolean isForced)
            throws IOException, InterruptedException {
        String name = dataset + "." + version;
        try (Admin kafka = client.admin()) {
            List<AlterConfigOp> changes = new ArrayList<>();
            for (String key :
                    List.of(
                            Versions.OF_CONFIG,
                            Versions.NAME_CONFIG,
                            Versions.PROTECTED_CONFIG,
                            Versions.PUBLISHED_CONFIG)) {
                changes.add(new AlterConfigOp(new ConfigEntry(key, null), OpType.DELETE));
            }
            requireVersion(client, kafka, name);
            Set<String> readers = isForced ? Set.of() : new VersionReaders(client, kafka).of(name);
            if (!readers.isEmpty()) {
                throw new CommandException(
                        "groups read the version, end them first, or --force: version=%s groups=%s"
                                .formatted(name, String.join(" ", readers)));
            }
            client.await(kafka.incrementalAlterConfigs(Map.of(resource(name), changes)).all());
        }
        say("withdrawn " + name);
    }

    @Command(description = "The versions of a dataset, and which of them aliases show.")
    void list(@Mixin AdminOptions admin, @Parameters(paramLabel = "DATASET") String dataset)
            throws IOException, InterruptedException {
        List<JsonNode> topics = new DatasetCalls(admin).topics(dataset);
        Table table =
                new Table(
                        "lllrrll",
                        "version",
                        "mode",
                        "published",
                        "objects",
                        "records",
                        "protected",
                        "shown by");
        for (JsonNode topic : versions(topics)) {
            String name = topic.path("topic").asText();
            table.row(
                    topic.path("version").asText(),
                    topic.path("mode").asText(),
                    Instant.ofEpochMilli(topic.path("publishedMs").asLong()).toString(),
                    topic.has("objects") ? Units.count(topic.path("objects").asLong()) : "",
                    Units.count(topic.path("records").asLong()),
                    topic.path("protected").asBoolean() ? "protected" : "",
                    String.join(" ", aliasesOf(topics, name)));
        }
        table.print(out());
        out().flush();
    }

    private static List<JsonNode> versions(List<JsonNode> topics) {
        return topics.stream()
                .filter(topic -> topic.has("version"))
                .sorted(Comparator.comparingLong(topic -> topic.path("publishedMs").asLong()))
                .toList();
    }

    private static List<String> aliasesOf(List<JsonNode> topics, String version) {
        return topicsWith(topics, "current", version);
    }

    private static List<String> topicsWith(List<JsonNode> topics, String key, String version) {
        return topics.stream()
                .filter(topic -> topic.path(key).asText().equals(version))
                .map(topic -> topic.path("topic").asText())
                .toList();
    }

    @Command(
            description =
                    "What two versions differ in: objects of sources, by key, length and etag;"
                            + " records of others, by key, value and headers.")
    void diff(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "VERSION") String before,
            @Parameters(paramLabel = "VERSION") String after,
            @Option(
                            names = "--checksum",
                            description =
                                    "Read objects of the same length and other etags, and compare"
                                            + " what they hold.")
                    boolean isByContent)
            throws IOException, InterruptedException {
        DatasetCalls calls = new DatasetCalls(admin);
        List<JsonNode> versions = versions(calls.topics(dataset));
        String old = dataset + "." + before;
        String now = dataset + "." + after;
        boolean isOldSource = isSource(versions, old);
        if (isSource(versions, now) && isOldSource) {
            new DatasetDiff(calls, old, now, isByContent, out()).print();
        } else if (isByContent) {
            throw new CommandException(
                    "--checksum compares objects, and these are records: " + old + " " + now);
        } else {
            new RecordDiff(client, old, now, out()).print();
        }
        out().flush();
    }

    private static boolean isSource(List<JsonNode> versions, String topic) {
        return versions.stream()
                .filter(version -> version.path("topic").asText().equals(topic))
                .findFirst()
                .orElseThrow(() -> new CommandException("no such version: " + topic))
                .path("mode")
                .asText()
                .equals(StorageMode.SOURCE.configValue());
    }

    @Command(description = "Have an alias show a version; makes the alias if it is not there.")
    void alias(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "ALIAS") String alias,
            @Parameters(paramLabel = "VERSION") String version)
            throws IOException, InterruptedException {
        String name = dataset + "." + alias;
        Map<String, String> configs = new HashMap<>();
        configs.put(Alias.CURRENT_CONFIG, dataset + "." + version);
        try (Admin kafka = client.admin()) {
            Config known = configs(client, kafka, name);
            if (known == null) {
                configs.put(Views.TYPE_CONFIG, Views.ALIAS);
                create(client, kafka, name, Optional.empty(), configs);
            } else {
                requireAlias(known, name);
                set(client, kafka, name, configs);
            }
        }
        say(name + " shows " + dataset + "." + version);
    }

    @Command(
            description =
                    "Have an alias show the version that it showed before; once more goes forward"
                            + " again.")
    void rollback(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "ALIAS", arity = "0..1", defaultValue = "latest") String alias)
            throws IOException, InterruptedException {
        String name = dataset + "." + alias;
        String previous;
        try (Admin kafka = client.admin()) {
            Config known = configs(client, kafka, name);
            if (known == null) {
                throw new CommandException("no such alias: " + name);
            }
            requireAlias(known, name);
            previous = value(known, Alias.PREVIOUS_CONFIG);
            if (previous.isEmpty()) {
                throw new CommandException("has shown no other version: " + name);
            }
            set(client, kafka, name, Map.of(Alias.CURRENT_CONFIG, previous));
        }
        say(name + " shows " + previous + " again");
    }

    @Command(description = "Keep a version from being deleted, by whatever tool.")
    void protect(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "VERSION") String version)
            throws IOException, InterruptedException {
        setProtected(client, dataset + "." + version, true);
    }

    @Command(description = "Undo protect.")
    void unprotect(
            @Mixin ClientOptions client,
            @Parameters(paramLabel = "DATASET") String dataset,
            @Parameters(paramLabel = "VERSION") String version)
            throws IOException, InterruptedException {
        setProtected(client, dataset + "." + version, false);
    }

    private void setProtected(ClientOptions client, String name, boolean isProtected)
            throws IOException, InterruptedException {
        try (Admin kafka = client.admin()) {
            requireVersion(client, kafka, name);
            set(
                    client,
                    kafka,
                    name,
                    Map.of(Versions.PROTECTED_CONFIG, Boolean.toString(isProtected)));
        }
        say((isProtected ? "protected " : "no longer protected ") + name);
    }

    /** What is retired. */
    static final class Old {
        @Option(
                names = "--keep",
                required = true,
                paramLabel = "N",
                description = "All but the N that were published last.")
        private @Nullable Integer keep;

        @Option(
                names = "--older-than",
                required = true,
                paramLabel = "DURATION",
                description = "Those that were published so long ago, such as 30d or 12h.")
        private @Nullable String age;
    }

    @Command(
            description =
                    "Delete old versions that nobody needs: not those that are protected, shown by"
                            + " an alias, what a rollback goes to, under a view or read by a group."
                            + " Objects of sources stay where they are.")
    void retire(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "DATASET") String dataset,
            @ArgGroup(multiplicity = "1") Old old,
            @Option(names = "--dry-run", description = "Say what would be deleted, only.")
                    boolean isDryRun,
            @Option(names = "--force", description = "Also what groups read now.") boolean isForced)
            throws IOException, InterruptedException {
        DatasetCalls calls = new DatasetCalls(admin);
        List<JsonNode> topics = calls.topics(dataset);
        List<String> names = new ArrayList<>();
        try (Admin kafka = client.admin()) {
            requireSameServer(client.await(kafka.describeCluster().clusterId()), calls.cluster());
            VersionReaders readers = new VersionReaders(client, kafka);
            for (JsonNode topic : old(versions(topics), old)) {
                String name = topic.path("topic").asText();
                Set<String> groups = isForced ? Set.of() : readers.of(name);
                String reason = reasonToKeep(topics, topic, groups);
                if (reason.isEmpty()) {
                    names.add(name);
                } else {
                    say("kept " + name + ": " + reason);
                }
            }
            for (String name : names) {
                if (isDryRun) {
                    say("would delete " + name);
                } else {
                    client.await(kafka.deleteTopics(Set.of(name)).all());
                    say("deleted " + name);
                }
            }
        }
    }

    /** What one server says must not have another one delete anything. */
    private static void requireSameServer(String kafka, String admin) {
        if (!kafka.equals(admin)) {
            throw new CommandException(
                    "--bootstrap-server and --admin-server are two servers: cluster=%s cluster=%s"
                            .formatted(kafka, admin));
        }
    }

    /** Why a version is not deleted; empty if it is. */
    private static String reasonToKeep(
            List<JsonNode> topics, JsonNode version, Set<String> readers) {
        String name = version.path("topic").asText();
        if (version.path("protected").asBoolean()) {
            return "it is protected";
        }
        List<String> aliases = topicsWith(topics, "current", name);
        if (!aliases.isEmpty()) {
            return "shown by " + String.join(" ", aliases);
        }
        List<String> before = topicsWith(topics, "previous", name);
        if (!before.isEmpty()) {
            return "a rollback goes to it: " + String.join(" ", before);
        }
        String view = version.path("view").asText();
        if (!view.isEmpty()) {
            return "a view is over it: " + view;
        }
        return readers.isEmpty() ? "" : "read by " + String.join(" ", readers) + " (--force)";
    }

    private List<JsonNode> old(List<JsonNode> versions, Old old) {
        Integer keep = old.keep;
        if (keep != null) {
            if (keep < 0) {
                throw wrong("--keep", keep.toString(), "0 or more");
            }
            return versions.subList(0, Math.max(0, versions.size() - keep));
        }
        long since = System.currentTimeMillis() - duration(String.valueOf(old.age)).toMillis();
        return versions.stream()
                .filter(version -> version.path("publishedMs").asLong() < since)
                .collect(Collectors.toList());
    }

    private Duration duration(String text) {
        String upper = text.toUpperCase(Locale.ROOT);
        try {
            Duration duration = Duration.parse(upper.endsWith("D") ? "P" + upper : "PT" + upper);
            if (!duration.isNegative()) {
                return duration;
            }
        } catch (DateTimeParseException e) {
            // refused below, with the value
        }
        throw wrong("--older-than", text, "a number and d, h, m or s, such as 30d");
    }

    private ParameterException wrong(String option, String value, String allowed) {
        return new ParameterException(
                spec.commandLine(), "bad value: " + option + " " + value + ": " + allowed);
    }

    private static void create(
            ClientOptions client,
            Admin kafka,
            String name,
            Optional<Integer> partitions,
            Map<String, String> configs)
            throws InterruptedException {
        NewTopic topic = new NewTopic(name, partitions, Optional.empty());
        client.await(kafka.createTopics(List.of(topic.configs(configs))).all());
    }

    static void set(ClientOptions client, Admin kafka, String topic, Map<String, String> configs)
            throws InterruptedException {
        List<AlterConfigOp> changes = new ArrayList<>();
        configs.forEach(
                (key, value) ->
                        changes.add(new AlterConfigOp(new ConfigEntry(key, value), OpType.SET)));
        client.await(kafka.incrementalAlterConfigs(Map.of(resource(topic), changes)).all());
    }

    private static ConfigResource resource(String topic) {
        return new ConfigResource(ConfigResource.Type.TOPIC, topic);
    }

    /** A topic's configs; null if there is no such topic. */
    private static @Nullable Config configs(ClientOptions client, Admin kafka, String topic)
            throws InterruptedException {
        ConfigResource resource = resource(topic);
        KafkaFuture<Config> future =
                Objects.requireNonNull(
                        kafka.describeConfigs(List.of(resource)).values().get(resource));
        try {
            return future.get();
        } catch (ExecutionException e) {
            boolean isThere = !(e.getCause() instanceof UnknownTopicOrPartitionException);
            return isThere ? client.await(future) : null;
        }
    }

    private static void requireVersion(ClientOptions client, Admin kafka, String name)
            throws InterruptedException {
        Config known = configs(client, kafka, name);
        if (known == null || value(known, Versions.OF_CONFIG).isEmpty()) {
            throw new CommandException("no such version: " + name);
        }
    }

    private static void requireAlias(Config known, String name) {
        if (!value(known, Views.TYPE_CONFIG).equals(Views.ALIAS)) {
            throw new CommandException("no alias: " + name);
        }
    }

    private static String value(Config known, String key) {
        ConfigEntry entry = known.get(key);
        return entry == null || entry.value() == null ? "" : entry.value();
    }

    private void say(String line) {
        out().println(line);
        out().flush();
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
