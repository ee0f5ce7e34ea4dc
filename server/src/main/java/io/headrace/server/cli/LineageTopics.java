package io.headrace.server.cli;

import io.headrace.engine.SourceStatus;
import io.headrace.server.lineage.Manifest.TopicRanges;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.config.ConfigResource;

/** What the server says of topics that a manifest names. */
final class LineageTopics {
    private static final String SOURCE_CONFIG = "headrace.source.uri";
    private static final String TOPICS_CONFIG = "headrace.view.topics";
    private static final String VERSIONS_CONFIG = "headrace.view.versions";
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
        for (String range : topic.configs().getOrDefault(RANGES_CONFIG, "").split(";")) {
            names.add(range.split("=", 2)[0].trim());
        }
        names.removeIf(name -> name.isEmpty() || name.contains("*"));
        return names;
    }

    /** Names of the versions that an alias has shown, by ordinal; none of other topics. */
    static List<String> versions(TopicRanges topic) {
        String versions = topic.configs().getOrDefault(VERSIONS_CONFIG, "");
        return versions.isEmpty()
                ? List.of()
                : Arrays.stream(versions.split(","))
                        .map(version -> version.split(":", 2)[0]) // its topic's id follows
                        .toList();
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
