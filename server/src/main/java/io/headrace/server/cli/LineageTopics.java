package io.headrace.server.cli;

import io.headrace.engine.Alias;
import io.headrace.engine.SourceStatus;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the server says of topics that a manifest names. */
final class LineageTopics {
    private static final String SOURCE_CONFIG = "headrace.source.uri";
    private static final String TOPICS_CONFIG = "headrace.view.topics";
    private static final String PATCH_CONFIG = "headrace.view.patch";
    private static final String RANGES_CONFIG = "headrace.view.ranges";

    private final ClientOptions client;
    private final AdminOptions admin;
    private final Admin kafka;

    LineageTopics(ClientOptions client, AdminOptions admin, Admin kafka) {
        this.client = client;
        this.admin = admin;
        this.kafka = kafka;
    }

    /** A topic as it is now, without ranges. */
    TopicRanges find(String name, boolean isBelow) throws IOException, InterruptedException {
        TopicDescription topic;
        try {
            topic =
                    client.await(
                            Objects.requireNonNull(
                                    kafka.describeTopics(List.of(name))
                                            .topicNameValues()
                                            .get(name)));
        } catch (CommandException e) {
            throw new CommandException(e.getMessage() + ": topic=" + name);
        }
        Map<String, String> configs = configs(name);
        return new TopicRanges(
                name,
                topic.topicId().toString(),
                topic.partitions().size(),
                isBelow,
                configs.containsKey(SOURCE_CONFIG) ? generation(name) : -1,
                configs,
                List.of());
    }

    private Map<String, String> configs(String name) throws InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        Config config =
                Objects.requireNonNull(
                        client.await(kafka.describeConfigs(List.of(resource)).all()).get(resource));
        Map<String, String> configs = new TreeMap<>();
        config.entries().stream()
                .filter(entry -> entry.source() == ConfigSource.DYNAMIC_TOPIC_CONFIG)
                .forEach(entry -> configs.put(entry.name(), entry.value()));
        return configs;
    }

    private int generation(String name) throws IOException, InterruptedException {
        SourceStatus status = new SourceCalls(admin).status(name);
        return status.generation();
    }

    /** Names of the topics that a topic is over; of those that go by a pattern, none. */
    static List<String> below(TopicRanges topic) {
        List<String> names = new ArrayList<>();
        for (String name : topic.configs().getOrDefault(TOPICS_CONFIG, "").split(",")) {
            names.add(name.split(":", 2)[0].trim()); // a side of a mix has its weight there
        }
        names.add(topic.configs().getOrDefault(PATCH_CONFIG, ""));
        for (String range : topic.configs().getOrDefault(RANGES_CONFIG, "").split(";")) {
            names.add(range.split("=", 2)[0].trim());
        }
        names.removeIf(name -> name.isEmpty() || name.contains("*"));
        return names;
    }

    /** Whether a topic is an alias, whose offsets are of versions. */
    static boolean isAlias(TopicRanges topic) {
        return topic.configs().containsKey(Alias.VERSIONS_CONFIG);
    }

    /**
     * The name of the version in which an offset of an alias is. Names are given again, so that the
     * topic's id says whether it is still that one.
     */
    String version(TopicRanges alias, long offset) throws InterruptedException {
        Alias.Version version = Alias.of(alias.configs()).at(offset);
        if (version == null || !isThere(version)) {
            throw new CommandException(
                    "the version in which the group is is gone: alias=%s offset=%d version=%s"
                            .formatted(
                                    alias.topic(),
                                    offset,
                                    version == null ? "unknown" : version.name()));
        }
        return version.name();
    }

    private boolean isThere(Alias.Version version) throws InterruptedException {
        try {
            TopicDescription topic =
                    Objects.requireNonNull(
                                    kafka.describeTopics(List.of(version.name()))
                                            .topicNameValues()
                                            .get(version.name()))
                            .get();
            // The lower half of Kafka's id is the engine's.
            return topic.topicId().getLeastSignificantBits() == version.topicId();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return false;
            }
            throw new CommandException(
                    "topic cannot be looked up: topic="
                            + version.name()
                            + " reason="
                            + client.describe(e.getCause()));
        }
    }

    /** Whether all its records are made of objects, which are bound to their versions. */
    boolean isOfObjects(TopicRanges topic) throws IOException, InterruptedException {
        List<String> names = below(topic);
        for (String name : names) {
            if (!isOfObjects(find(name, true))) {
                return false;
            }
        }
        return topic.isSource() || !names.isEmpty();
    }

    /** Reads what it is told to, and stops at what is not there. */
    static KafkaConsumer<byte[], byte[]> consumer(ClientOptions client) throws IOException {
        return client.consumer(
                Map.of(
                        "auto.offset.reset",
                        "none",
                        "enable.auto.commit",
                        false,
                        "allow.auto.create.topics",
                        false));
    }
}
