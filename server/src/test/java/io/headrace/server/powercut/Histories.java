package io.headrace.server.powercut;

import io.headrace.engine.StorageMode;
import io.headrace.server.powercut.LogHistory.Promise;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;

/** The topics of a run, and what its clients know of each. Of the whole run; thread-safe. */
final class Histories {
    static final String GROUP = "powercut";

    private static final String SYNCED = "synced";
    private static final int SYNCED_PARTITIONS = 3;
    private static final String UNSYNCED = "unsynced";
    private static final String MEMORY = "memory";
    private static final String HYBRID = "hybrid";
    private static final String KEEP = "retention.ms";

    final TopicHistory topics = new TopicHistory();
    final CommitHistory commits = new CommitHistory();
    private final Map<TopicPartition, LogHistory> logs = new TreeMap<>(Histories::compare);

    Histories() {
        for (int i = 0; i < SYNCED_PARTITIONS; i++) {
            add(new TopicPartition(SYNCED, i), Promise.KEPT);
        }
        add(new TopicPartition(UNSYNCED, 0), Promise.MAY_BE_LOST);
        add(new TopicPartition(MEMORY, 0), Promise.MAY_BE_LOST);
        add(new TopicPartition(HYBRID, 0), Promise.MAY_BE_LOST);
    }

    private void add(TopicPartition partition, Promise promise) {
        logs.put(partition, new LogHistory(partition.toString(), promise));
    }

    private static int compare(TopicPartition a, TopicPartition b) {
        return a.toString().compareTo(b.toString());
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
                inMode(MEMORY, StorageMode.MEMORY),
                inMode(HYBRID, StorageMode.HYBRID));
    }

    private static NewTopic inMode(String name, StorageMode mode) {
        return new NewTopic(name, 1, (short) 1)
                .configs(Map.of(KEEP, "-1", StorageMode.CONFIG, mode.configValue()));
    }

    Map<TopicPartition, LogHistory> logs() {
        return logs;
    }

    LogHistory log(TopicPartition partition) {
        return Objects.requireNonNull(logs.get(partition));
    }

    /** Those whose records and offsets are kept. */
    List<TopicPartition> kept() {
        return logs.keySet().stream().filter(p -> p.topic().equals(SYNCED)).toList();
    }

    int knownCount() {
        return logs.values().stream().mapToInt(LogHistory::knownCount).sum();
    }
}
