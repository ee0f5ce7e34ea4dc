package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.Alias;
import io.headrace.server.lineage.Manifest;
import io.headrace.server.lineage.Manifest.OffsetRange;
import io.headrace.server.lineage.Manifest.TopicRanges;
import io.headrace.server.lineage.ManifestWriter;
import io.headrace.server.lineage.ManifestWriter.ObjectSink;
import io.headrace.server.lineage.RangeDigests;
import io.headrace.server.lineage.RangeDigests.UnreadableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** Writes down what a group has read. */
final class LineageExport {
    private final ClientOptions client;
    private final AdminOptions admin;
    private final LineageCommand.Digests digests;

    LineageExport(ClientOptions client, AdminOptions admin, LineageCommand.Digests digests) {
        this.client = client;
        this.admin = admin;
        this.digests = digests;
    }

    /**
     * What a group has committed, from the first records that are there on.
     *
     * @param before a manifest: what it has is left out
     */
    Manifest manifest(String group, @Nullable Manifest before, Map<String, String> notes)
            throws IOException, InterruptedException {
        if (before != null && !before.group().equals(group)) {
            throw new CommandException(
                    "the earlier manifest is of another group: group=%s manifest=%s"
                            .formatted(group, before.group()));
        }
        try (Admin kafka = client.admin()) {
            LineageTopics topics = new LineageTopics(client, admin, kafka);
            Map<String, Map<Integer, Long>> committed = ofVersions(topics, committed(kafka, group));
            List<TopicRanges> read = new ArrayList<>();
            for (Map.Entry<String, Map<Integer, Long>> topic : committed.entrySet()) {
                TopicRanges named = topics.find(topic.getKey(), false);
                read.add(withRanges(named, ranges(kafka, named, topic.getValue(), before)));
            }
            List<TopicRanges> all = new ArrayList<>(withDigests(topics, read));
            all.addAll(below(kafka, topics, read));
            String cluster = client.await(kafka.describeCluster().clusterId());
            return new Manifest(
                    group, cluster, System.currentTimeMillis(), new TreeMap<>(notes), all);
        }
    }

    private Map<String, Map<Integer, Long>> committed(Admin kafka, String group)
            throws InterruptedException {
        Map<TopicPartition, OffsetAndMetadata> offsets =
                client.await(kafka.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
        Map<String, Map<Integer, Long>> committed = new TreeMap<>();
        offsets.forEach(
                (partition, position) -> {
                    if (position != null) {
                        committed
                                .computeIfAbsent(partition.topic(), topic -> new TreeMap<>())
                                .put(partition.partition(), position.offset());
                    }
                });
        if (committed.isEmpty()) {
            throw new CommandException("the group has committed nothing: group=" + group);
        }
        return committed;
    }

    /**
     * What was read through an alias was read of its versions. What the group has stored for the
     * one in which it is now is older than where it is.
     */
    private static Map<String, Map<Integer, Long>> ofVersions(
            LineageTopics topics, Map<String, Map<Integer, Long>> committed)
            throws IOException, InterruptedException {
        Map<String, Map<Integer, Long>> all = new TreeMap<>(committed);
        for (Map.Entry<String, Map<Integer, Long>> topic : committed.entrySet()) {
            TopicRanges named = topics.find(topic.getKey(), false);
            if (!LineageTopics.isAlias(named)) {
                continue;
            }
            all.remove(topic.getKey());
            for (Map.Entry<Integer, Long> position : topic.getValue().entrySet()) {
                String version = topics.version(named, position.getValue());
                all.computeIfAbsent(version, name -> new TreeMap<>())
                        .put(position.getKey(), Alias.offsetInVersion(position.getValue()));
            }
        }
        return all;
    }

    private List<OffsetRange> ranges(
            Admin kafka, TopicRanges topic, Map<Integer, Long> committed, @Nullable Manifest before)
            throws InterruptedException {
        Map<Integer, Long> starts = new HashMap<>(offsets(kafka, topic, OffsetSpec.earliest()));
        if (before != null) {
            for (TopicRanges known : before.topics()) {
                if (!known.isBelow() && known.id().equals(topic.id())) {
                    known.ranges().forEach(range -> starts.put(range.partition(), range.to()));
                }
            }
        }
        List<OffsetRange> ranges = new ArrayList<>();
        committed.forEach(
                (partition, to) -> {
                    long from = Math.min(to, starts.getOrDefault(partition, 0L));
                    ranges.add(new OffsetRange(partition, from, to, ""));
                });
        return ranges;
    }

    private Map<Integer, Long> offsets(Admin kafka, TopicRanges topic, OffsetSpec spec)
            throws InterruptedException {
        Map<TopicPartition, OffsetSpec> specs = new HashMap<>();
        IntStream.range(0, topic.partitionCount())
                .forEach(number -> specs.put(new TopicPartition(topic.topic(), number), spec));
        Map<TopicPartition, ListOffsetsResultInfo> found =
                client.await(kafka.listOffsets(specs).all());
        Map<Integer, Long> offsets = new TreeMap<>();
        found.forEach((partition, info) -> offsets.put(partition.partition(), info.offset()));
        return offsets;
    }

    private List<TopicRanges> withDigests(LineageTopics topics, List<TopicRanges> read)
            throws IOException, InterruptedException {
        if (digests == LineageCommand.Digests.NONE) {
            return read;
        }
        List<TopicRanges> made = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = LineageTopics.consumer(client)) {
            for (TopicRanges topic : read) {
                boolean isWanted =
                        digests == LineageCommand.Digests.ALL || !topics.isOfObjects(topic);
                made.add(isWanted ? withDigests(topic, consumer) : topic);
            }
        } catch (UnreadableException e) {
            throw new CommandException(String.valueOf(e.getMessage()));
        }
        return made;
    }

    private static TopicRanges withDigests(
            TopicRanges topic, KafkaConsumer<byte[], byte[]> consumer) throws UnreadableException {
        Map<Integer, String> made = new RangeDigests(consumer).of(topic.topic(), topic.ranges());
        return withRanges(
                topic,
                topic.ranges().stream()
                        .map(range -> range.withDigest(made.getOrDefault(range.partition(), "")))
                        .toList());
    }

    private static TopicRanges withRanges(TopicRanges topic, List<OffsetRange> ranges) {
        return new TopicRanges(
                topic.topic(),
                topic.id(),
                topic.partitionCount(),
                topic.isBelow(),
                topic.generation(),
                topic.configs(),
                ranges);
    }

    /** What the topics are over, all of it. */
    private List<TopicRanges> below(Admin kafka, LineageTopics topics, List<TopicRanges> read)
            throws IOException, InterruptedException {
        Set<String> known = new HashSet<>();
        read.forEach(topic -> known.add(topic.topic()));
        Deque<TopicRanges> left = new ArrayDeque<>(read);
        List<TopicRanges> below = new ArrayList<>();
        while (!left.isEmpty()) {
            for (String name : LineageTopics.below(left.remove())) {
                if (known.add(name)) {
                    TopicRanges topic = topics.find(name, true);
                    Map<Integer, Long> ends = offsets(kafka, topic, OffsetSpec.latest());
                    TopicRanges whole = withRanges(topic, ranges(kafka, topic, ends, null));
                    below.add(whole);
                    left.add(whole);
                }
            }
        }
        return below;
    }

    /** Writes a manifest, with the objects that it is made of. */
    void write(Path file, Manifest manifest) throws IOException, InterruptedException {
        ManifestWriter.write(file, manifest, this::objects);
    }

    private void objects(TopicRanges topic, OffsetRange range, ObjectSink sink)
            throws IOException, InterruptedException {
        LineageObjects objects = new LineageObjects(admin, topic.topic(), range, false);
        for (JsonNode object = objects.next(); object != null; object = objects.next()) {
            sink.accept(
                    object.path("key").asText(),
                    object.path("length").asLong(),
                    object.path("version").asText());
        }
    }
}
