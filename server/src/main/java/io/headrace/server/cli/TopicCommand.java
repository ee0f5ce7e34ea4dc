package io.headrace.server.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
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

/** {@code headrace topic create|list|describe|delete}. */
@Command(name = "topic", description = "Create, list, describe and delete topics.")
public final class TopicCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Create topics, whole: with any config.")
    void create(
            @Mixin ClientOptions client,
            @Parameters(arity = "1..*", paramLabel = "NAME") List<String> names,
            @Option(
                            names = "--partitions",
                            paramLabel = "N",
                            description = "Default: num.partitions of the server.")
                    @Nullable Integer partitions,
            @Option(
                            names = "--config",
                            paramLabel = "KEY=VALUE",
                            description = "A topic config; may be given several times.")
                    @Nullable Map<String, String> configs)
            throws IOException, InterruptedException {
        List<NewTopic> topics =
                names.stream().map(name -> newTopic(name, partitions, configs)).toList();
        try (Admin admin = client.admin()) {
            awaitEach(client, "created", admin.createTopics(topics).values());
        }
    }

    private static NewTopic newTopic(
            String name, @Nullable Integer partitions, @Nullable Map<String, String> configs) {
        NewTopic topic = new NewTopic(name, Optional.ofNullable(partitions), Optional.empty());
        return configs == null ? topic : topic.configs(configs);
    }

    @Command(description = "Names of all topics, one a line.")
    void list(
            @Mixin ClientOptions client,
            @Option(
                            names = "--prefix",
                            defaultValue = "",
                            description = "Only names that begin so.")
                    String prefix)
            throws IOException, InterruptedException {
        try (Admin admin = client.admin()) {
            client.await(admin.listTopics().names()).stream()
                    .filter(name -> name.startsWith(prefix))
                    .sorted()
                    .forEach(out()::println);
        }
        out().flush();
    }

    @Command(description = "Partitions with their offsets, and the configs that are not defaults.")
    void describe(
            @Mixin ClientOptions client,
            @Parameters(arity = "1..*", paramLabel = "NAME") List<String> names)
            throws IOException, InterruptedException {
        try (Admin admin = client.admin()) {
            for (var topic : admin.describeTopics(names).topicNameValues().entrySet()) {
                describe(client, admin, described(client, topic.getKey(), topic.getValue()));
            }
        }
        out().flush();
    }

    private static TopicDescription described(
            ClientOptions client, String name, KafkaFuture<TopicDescription> topic)
            throws InterruptedException {
        try {
            return client.await(topic);
        } catch (CommandException e) {
            throw new CommandException(e.getMessage() + ": " + name);
        }
    }

    private void describe(ClientOptions client, Admin admin, TopicDescription topic)
            throws InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
        Config config =
                Objects.requireNonNull(
                        client.await(admin.describeConfigs(List.of(resource)).all()).get(resource));
        out().println(
                        "topic %s  id %s  partitions %d"
                                .formatted(
                                        topic.name(), topic.topicId(), topic.partitions().size()));
        config.entries().stream()
                .filter(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                .forEach(entry -> out().println("  %s=%s".formatted(entry.name(), entry.value())));
        Map<TopicPartition, ListOffsetsResultInfo> first =
                offsets(client, admin, topic, OffsetSpec.earliest());
        offsets(client, admin, topic, OffsetSpec.latest())
                .forEach((partition, end) -> printPartition(partition, first.get(partition), end));
    }

    private void printPartition(
            TopicPartition partition,
            @Nullable ListOffsetsResultInfo first,
            ListOffsetsResultInfo end) {
        out().println(
                        "  partition %d  offsets %d to %d  leader epoch %s"
                                .formatted(
                                        partition.partition(),
                                        first == null ? 0 : first.offset(),
                                        end.offset(),
                                        end.leaderEpoch().map(String::valueOf).orElse("unknown")));
    }

    private static Map<TopicPartition, ListOffsetsResultInfo> offsets(
            ClientOptions client, Admin admin, TopicDescription topic, OffsetSpec spec)
            throws InterruptedException {
        Map<TopicPartition, OffsetSpec> specs =
                topic.partitions().stream()
                        .map(partition -> new TopicPartition(topic.name(), partition.partition()))
                        .collect(Collectors.toMap(Function.identity(), partition -> spec));
        Map<TopicPartition, ListOffsetsResultInfo> sorted =
                new TreeMap<>((a, b) -> Integer.compare(a.partition(), b.partition()));
        sorted.putAll(client.await(admin.listOffsets(specs).all()));
        return sorted;
    }

    @Command(description = "Delete topics, with all their records.")
    void delete(
            @Mixin ClientOptions client,
            @Parameters(arity = "1..*", paramLabel = "NAME") List<String> names)
            throws IOException, InterruptedException {
        try (Admin admin = client.admin()) {
            awaitEach(client, "deleted", admin.deleteTopics(names).topicNameValues());
        }
    }

    /** Says of each topic what became of it, and fails if one of them failed. */
    private void awaitEach(
            ClientOptions client, String done, Map<String, KafkaFuture<Void>> futures)
            throws InterruptedException {
        Map<String, String> failures = new LinkedHashMap<>();
        for (Map.Entry<String, KafkaFuture<Void>> future : new TreeMap<>(futures).entrySet()) {
            try {
                client.await(future.getValue());
                out().println(done + " " + future.getKey());
            } catch (CommandException e) {
                failures.put(future.getKey(), e.getMessage());
            }
        }
        out().flush();
        if (!failures.isEmpty()) {
            throw new CommandException("not " + done + ": " + joined(failures));
        }
    }

    private static String joined(Map<String, String> failures) {
        Collection<String> lines =
                failures.entrySet().stream()
                        .map(failure -> failure.getKey() + ": " + failure.getValue())
                        .toList();
        return String.join("\n  ", lines);
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
