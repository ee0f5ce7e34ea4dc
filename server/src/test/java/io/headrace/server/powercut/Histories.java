package io.headrace.server.powercut;

import io.headrace.engine.StorageMode;
import io.headrace.testing.history.GroupHistory;
import io.headrace.testing.history.History;
import io.headrace.testing.history.KeyHistory;
import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.Promise;
import io.headrace.testing.history.TopicHistory;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;

/** The topics of a run, and what its clients know of each. Of the whole run; thread-safe. */
final class Histories implements AutoCloseable {
    static final String GROUP = "powercut";

    private static final String SYNCED = "synced";
    private static final int SYNCED_PARTITIONS = 3;
    private static final String UNSYNCED = "unsynced";
    private static final String MEMORY = "memory";
    private static final String HYBRID = "hybrid";
    private static final String PASSING = "passing";
    private static final String OVERWRITTEN_TOPIC = "overwritten";
    private static final String KEEP = "retention.ms";

    /** Of the topic that goes by: a few of its records. */
    private static final int PASSING_BYTES = 100_000;

    /** So that what was superseded goes while there is power, and tombstones a few cycles later. */
    private static final Map<String, String> COMPACTED_SOON =
            Map.of(
                    "cleanup.policy",
                    "compact",
                    "min.cleanable.dirty.ratio",
                    "0.01",
                    "max.compaction.lag.ms",
                    "300",
                    "delete.retention.ms",
                    "120000");

    /** Of a window of 10 ms, as seen from outside of a guest that is emulated. */
    private static final Duration WINDOW = Duration.ofSeconds(2);

    /** Of the topic most bytes are sent to: what stays of it is little. */
    static final TopicPartition GOING_BY = new TopicPartition(PASSING, 0);

    /** Of the topic that is compacted. */
    static final TopicPartition OVERWRITTEN = new TopicPartition(OVERWRITTEN_TOPIC, 0);

    final History history;
    final TopicHistory topics;
    final GroupHistory group;

    /** Of {@link #OVERWRITTEN}. */
    final KeyHistory keys;

    private final Map<TopicPartition, PartitionHistory> logs =
            new TreeMap<>(Comparator.comparing(TopicPartition::toString));

    Histories(long seed) {
        history = new History(seed);
        topics = history.topics();
        group = history.group(GROUP);
        keys = history.keys(OVERWRITTEN.toString());
        for (int i = 0; i < SYNCED_PARTITIONS; i++) {
            add(new TopicPartition(SYNCED, i), Promise.persistent());
        }
        add(new TopicPartition(UNSYNCED, 0), Promise.unsynced());
        add(new TopicPartition(MEMORY, 0), Promise.memory());
        add(new TopicPartition(HYBRID, 0), Promise.hybrid(WINDOW));
        add(GOING_BY, Promise.persistent().withRetention());
    }

    private void add(TopicPartition partition, Promise promise) {
        logs.put(partition, history.partition(partition.toString(), promise));
    }

    /** What has to be created before anything is sent. */
    static List<NewTopic> newTopics() {
        return List.of(
                new NewTopic(SYNCED, SYNCED_PARTITIONS, (short) 1).configs(Map.of(KEEP, "-1")),
                new NewTopic(UNSYNCED, 1, (short) 1)
                        .configs(
                                Map.of(
                                        KEEP,
                                        "-1",
                                        "flush.messages",
                                        String.valueOf(Long.MAX_VALUE))),
                new NewTopic(PASSING, 1, (short) 1)
                        .configs(Map.of("retention.bytes", String.valueOf(PASSING_BYTES))),
                new NewTopic(OVERWRITTEN_TOPIC, 1, (short) 1).configs(COMPACTED_SOON),
                inMode(MEMORY, StorageMode.MEMORY),
                inMode(HYBRID, StorageMode.HYBRID));
    }

    private static NewTopic inMode(String name, StorageMode mode) {
        return new NewTopic(name, 1, (short) 1)
                .configs(Map.of(KEEP, "-1", StorageMode.CONFIG, mode.configValue()));
    }

    Map<TopicPartition, PartitionHistory> logs() {
        return logs;
    }

    PartitionHistory log(TopicPartition partition) {
        return Objects.requireNonNull(logs.get(partition));
    }

    /** Those whose records and offsets are kept. */
    List<TopicPartition> kept() {
        return logs.keySet().stream().filter(p -> p.topic().equals(SYNCED)).toList();
    }

    int knownCount() {
        return logs.values().stream().mapToInt(PartitionHistory::knownCount).sum();
    }

    @Override
    public void close() {
        history.close();
    }
}
