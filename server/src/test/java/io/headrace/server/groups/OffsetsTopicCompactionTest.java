package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import io.headrace.kafka.group.Groups;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The offsets topic stays small over a whole engine, and its groups are the same afterwards. */
@Timeout(180)
class OffsetsTopicCompactionTest {
    private static final int COMMIT_COUNT = 20_000;
    private static final int COMMITS_IN_FLIGHT_MAX = 200;
    private static final int PARTITION_COUNT = 10;
    private static final long DEADLINE_SECONDS = 60;

    @TempDir Path folder;

    @Test
    void manyCommitsLeaveFewRecordsThatSayTheSame() throws Exception {
        GroupContext groups = new GroupContext().property("offsets.topic.num.partitions", "1");
        try (GroupServer server = new GroupServer(folder, groups)) {
            createTopic(server);
            commitMany(server);
            awaitFewRecords(server);
            assertOffsets(server);

            server.restart();

            assertOffsets(server);
            assertTrue(recordCount(server) < COMMIT_COUNT / 2);
        }
    }

    private static void createTopic(GroupServer server) throws Exception {
        try (Admin admin = Admin.create(server.clientConfigs(Map.of()))) {
            admin.createTopics(List.of(new NewTopic("t", PARTITION_COUNT, (short) 1)))
                    .all()
                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        }
    }

    private static KafkaConsumer<String, String> consumer(GroupServer server) {
        return new KafkaConsumer<>(
                server.clientConfigs(Map.of("group.id", "g", "enable.auto.commit", "false")),
                new StringDeserializer(),
                new StringDeserializer());
    }

    private static void commitMany(GroupServer server) {
        AtomicInteger answered = new AtomicInteger();
        try (KafkaConsumer<String, String> consumer = consumer(server)) {
            consumer.assign(List.of(partition(0)));
            consumer.commitSync(Map.of(partition(0), new OffsetAndMetadata(0)));
            for (int i = 1; i <= COMMIT_COUNT; i++) {
                consumer.commitAsync(
                        Map.of(partition(i), new OffsetAndMetadata(i)),
                        (offsets, failure) -> {
                            assertEquals(null, failure);
                            answered.incrementAndGet();
                        });
                while (i - answered.get() > COMMITS_IN_FLIGHT_MAX) {
                    consumer.poll(Duration.ofMillis(1));
                }
            }
            while (answered.get() < COMMIT_COUNT) {
                consumer.poll(Duration.ofMillis(1));
            }
        }
    }

    private static TopicPartition partition(int commit) {
        return new TopicPartition("t", commit % PARTITION_COUNT);
    }

    /** Records of the offsets topic that can be read. */
    private static int recordCount(GroupServer server) {
        TopicPartition offsets = new TopicPartition(Groups.OFFSETS_TOPIC, 0);
        int count = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        server.clientConfigs(Map.of()),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            consumer.assign(List.of(offsets));
            consumer.seekToBeginning(List.of(offsets));
            long end = consumer.endOffsets(List.of(offsets)).get(offsets);
            while (consumer.position(offsets) < end) {
                count += consumer.poll(Duration.ofMillis(100)).count();
            }
        }
        return count;
    }

    /** A partition is compacted once a MiB and half of it wait, which are about 8,000 commits. */
    private static void awaitFewRecords(GroupServer server) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (recordCount(server) > COMMIT_COUNT / 2) {
            assertTrue(System.nanoTime() < deadline, "not compacted in time");
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    private static void assertOffsets(GroupServer server) {
        try (KafkaConsumer<String, String> consumer = consumer(server)) {
            for (int i = COMMIT_COUNT - PARTITION_COUNT + 1; i <= COMMIT_COUNT; i++) {
                OffsetAndMetadata committed =
                        consumer.committed(Set.of(partition(i))).get(partition(i));
                assertEquals(i, committed.offset());
            }
        }
    }
}
