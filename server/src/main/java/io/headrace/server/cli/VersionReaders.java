package io.headrace.server.cli;

import io.headrace.engine.Alias;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Which groups are reading which versions now: by what their members are assigned, and, of aliases,
 * by what they have committed. A position that a group has left in a version is none of a reader.
 * Consumers without a group are not known to anybody.
 */
final class VersionReaders {
    /** Groups that are asked about in one call. */
    private static final int GROUPS_PER_CALL = 100;

    private final ClientOptions client;
    private final Admin kafka;
    private final Map<String, Set<String>> groupsByVersion = new TreeMap<>();

    /**
     * Configs of the topics that were looked at; without the versions of an alias if it is none.
     */
    private final Map<String, Map<String, String>> configs = new HashMap<>();

    VersionReaders(ClientOptions client, Admin kafka) throws InterruptedException {
        this.client = client;
        this.kafka = kafka;
        List<String> running = new ArrayList<>();
        for (GroupListing group :
                client.await(kafka.listGroups(ListGroupsOptions.forConsumerGroups()).all())) {
            GroupState state = group.groupState().orElse(GroupState.UNKNOWN);
            if (state != GroupState.EMPTY && state != GroupState.DEAD) {
                running.add(group.groupId());
            }
        }
        for (int from = 0; from < running.size(); from += GROUPS_PER_CALL) {
            note(running.subList(from, Math.min(running.size(), from + GROUPS_PER_CALL)));
        }
    }

    /** Groups that read a version now, by the name of its topic. */
    Set<String> of(String version) {
        return groupsByVersion.getOrDefault(version, Set.of());
    }

    private void note(List<String> groups) throws InterruptedException {
        Map<String, ListConsumerGroupOffsetsSpec> all = new HashMap<>();
        groups.forEach(group -> all.put(group, new ListConsumerGroupOffsetsSpec()));
        Map<String, Map<TopicPartition, OffsetAndMetadata>> committed =
                client.await(kafka.listConsumerGroupOffsets(all).all());
        Map<String, ConsumerGroupDescription> described =
                client.await(kafka.describeConsumerGroups(groups).all());
        for (ConsumerGroupDescription group : described.values()) {
            Set<String> read =
                    group.members().stream()
                            .flatMap(member -> member.assignment().topicPartitions().stream())
                            .map(TopicPartition::topic)
                            .collect(Collectors.toCollection(TreeSet::new));
            Map<TopicPartition, OffsetAndMetadata> positions =
                    committed.getOrDefault(group.groupId(), Map.of());
            if (group.groupState() != GroupState.STABLE) {
                // Members may have been given nothing yet, and go on where they were.
                positions.keySet().forEach(partition -> read.add(partition.topic()));
            }
            for (String topic : read) {
                note(group.groupId(), topic, positions);
            }
        }
    }

    private void note(String group, String topic, Map<TopicPartition, OffsetAndMetadata> committed)
            throws InterruptedException {
        Map<String, String> known = configs(topic);
        if (!known.containsKey(Alias.VERSIONS_CONFIG)) {
            reads(group, topic);
            return;
        }
        Alias alias = Alias.of(known);
        committed.forEach(
                (partition, position) -> {
                    Alias.Version version =
                            partition.topic().equals(topic) && position != null
                                    ? alias.at(position.offset())
                                    : null;
                    if (version != null) {
                        reads(group, version.name());
                    }
                });
    }

    private void reads(String group, String version) {
        groupsByVersion.computeIfAbsent(version, name -> new TreeSet<>()).add(group);
    }

    private Map<String, String> configs(String topic) throws InterruptedException {
        Map<String, String> known = configs.get(topic);
        if (known == null) {
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            Config config =
                    Objects.requireNonNull(
                            client.await(kafka.describeConfigs(List.of(resource)).all())
                                    .get(resource));
            known = new HashMap<>();
            for (String key : List.of(Alias.VERSIONS_CONFIG, Alias.CURRENT_CONFIG)) {
                ConfigEntry entry = config.get(key);
                if (entry != null && entry.value() != null) {
                    known.put(key, entry.value());
                }
            }
            configs.put(topic, known);
        }
        return known;
    }
}
