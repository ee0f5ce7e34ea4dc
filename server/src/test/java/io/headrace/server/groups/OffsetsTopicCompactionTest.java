package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
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
        GroupContext groups =
                new GroupContext()
                        .property("offsets.topic.num.partitions", "1")
                        .compactionBytesMin(64 << 10);
        try (GroupServer server = new GroupServer(folder, groups)) {
            createTopic(server);
            commitMany(server);
            awaitFewRecords(server);
            assertOffsets(server);

            server.restart();

            assertOffsets(server);
            assertTrue(offsetsLog(server).logStartOffset() > COMMIT_COUNT / 2);
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

    private static PartitionLog offsetsLog(GroupServer server) {
        Topic topic = server.engine().catalog().find(Groups.OFFSETS_TOPIC);
        return server.engine().partitionLog(topic, 0);
    }

    /** A look comes after 64 KiB, about 600 commits; what was appended meanwhile may be as much. */
    private static void awaitFewRecords(GroupServer server) throws Exception {
        PartitionLog log = offsetsLog(server);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (log.logEndOffset() - log.logStartOffset() > COMMIT_COUNT / 4) {
            assertTrue(System.nanoTime() < deadline, "not compacted in time");
            TimeUnit.MILLISECONDS.sleep(10);
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
