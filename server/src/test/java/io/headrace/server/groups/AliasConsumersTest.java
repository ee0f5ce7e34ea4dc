package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import io.headrace.server.groups.StockClient.Member;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Groups of stock consumers that read an alias, while it comes to show other versions. */
@Timeout(180)
class AliasConsumersTest {
    private static final long DEADLINE_SECONDS = 60;
    private static final long SECOND = 1L << 40;
    private static final String GROUP = "workers";
    private static final String LATEST = "pairs.latest";
    private static final TopicPartition FIRST = new TopicPartition(LATEST, 0);
    private static final TopicPartition OTHER = new TopicPartition(LATEST, 1);

    @TempDir Path folder;
    private GroupServer server;
    private Admin admin;

    /** How often each record was delivered. */
    private final Map<String, AtomicInteger> delivered = new ConcurrentHashMap<>();

    private final List<Member> members = new ArrayList<>();

    private Member join(StockClient client, String clientId) throws Exception {
        Member member =
                client.isJava()
                        ? new CommittingMember(
                                        consumer(client, Map.of("client.id", clientId)), clientId)
                                .start()
                        : client.start(server, GROUP, LATEST, clientId, this::onDelivered);
        members.add(member);
        return member;
    }

    private void leave(Member member) throws Exception {
        members.remove(member);
        member.leave();
    }

    /** Commits what it was given before it asks again. */
    private final class CommittingMember extends StockClient.JavaMember {
        CommittingMember(KafkaConsumer<String, String> consumer, String clientId) {
            super(consumer, clientId);
        }

        @Override
        void subscribe() {
            consumer.subscribe(List.of(LATEST));
        }

        @Override
        boolean poll(boolean isCommitted) {
            Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                onDelivered(record.value());
                done.put(
                        new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
            }
            return done.isEmpty() || commit(done);
        }

        /** Behind records only, so that a partition without any has nothing committed. */
        private boolean commit(Map<TopicPartition, OffsetAndMetadata> done) {
            while (true) {
                try {
                    consumer.commitSync(done);
                    return true;
                } catch (RebalanceInProgressException e) {
                    assertTrue(consumer.poll(Duration.ofMillis(100)).isEmpty());
                }
            }
        }
    }

    private void onDelivered(String value) {
        delivered.computeIfAbsent(value, v -> new AtomicInteger()).incrementAndGet();
    }

    @BeforeEach
    void launch() throws Exception {
        server = new GroupServer(folder, new GroupContext());
        admin = Admin.create(server.clientConfigs(Map.of()));
        publish("v1", 100, 0);
        publish("v2", 60, 60);
        create(
                LATEST,
                Map.of(
                        "headrace.view.type", "alias",
                        "headrace.view.current", "pairs.v1"));
    }

    /**
     * @param first records of the first partition
     * @param other of the other
     */
    private void publish(String version, int first, int other) throws Exception {
        String topic = "pairs." + version;
        create(topic, Map.of("retention.ms", "-1"));
        Properties configs = server.clientConfigs(Map.of("linger.ms", "5", "batch.size", "500"));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < first + other; i++) {
                String value = version + ":" + i;
                producer.send(new ProducerRecord<>(topic, i < first ? 0 : 1, null, value));
            }
        }
        alter(topic, Map.of("headrace.version.of", "pairs", "headrace.version.name", version));
    }

    private void create(String name, Map<String, String> configs) throws Exception {
        create(name, 2, configs);
    }

    private void create(String name, int partitions, Map<String, String> configs) throws Exception {
        NewTopic topic =
                new NewTopic(name, Optional.of(partitions), Optional.empty())
                        .configs(new HashMap<>(configs));
        admin.createTopics(List.of(topic)).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private void alter(String topic, Map<String, String> configs) throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        configs.forEach(
                (key, value) ->
                        changes.add(
                                new AlterConfigOp(
                                        new ConfigEntry(key, value), AlterConfigOp.OpType.SET)));
        admin.incrementalAlterConfigs(
                        Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private void flip(String version) throws Exception {
        alter(LATEST, Map.of("headrace.view.current", "pairs." + version));
    }

    @AfterEach
    void close() throws Exception {
        try {
            while (!members.isEmpty()) {
                members.remove(0).leave();
            }
        } finally {
            admin.close();
            server.close();
        }
    }

    private void awaitDelivered(String version, int count) throws Exception {
        await(() -> count(version) >= count, () -> count(version) + " of " + version);
    }

    private long count(String version) {
        return delivered.keySet().stream().filter(v -> v.startsWith(version + ":")).count();
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void await(Condition condition, java.util.function.Supplier<String> what)
            throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadline, what);
            Thread.sleep(20);
        }
    }

    private void awaitMembers(int count) throws Exception {
        await(
                () -> {
                    var group =
                            admin.describeConsumerGroups(List.of(GROUP))
                                    .describedGroups()
                                    .get(GROUP)
                                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
                    return group.groupState().toString().equals(count == 0 ? "Empty" : "Stable")
                            && group.members().size() == count
                            && group.members().stream()
                                    .noneMatch(m -> m.assignment().topicPartitions().isEmpty());
                },
                () -> "members");
    }

    private Long committed(String topic, int partition) throws Exception {
        TopicPartition key = new TopicPartition(topic, partition);
        OffsetAndMetadata offset =
                admin.listConsumerGroupOffsets(GROUP)
                        .partitionsToOffsetAndMetadata()
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .get(key);
        return offset == null ? null : offset.offset();
    }

    private void assertEachOnce(String version, int count) {
        Map<String, Integer> found = new HashMap<>();
        delivered.forEach(
                (value, times) -> {
                    if (value.startsWith(version + ":")) {
                        found.put(value, times.get());
                    }
                });
        Map<String, Integer> wanted = new HashMap<>();
        IntStream.range(0, count).forEach(i -> wanted.put(version + ":" + i, 1));
        assertEquals(wanted, found);
    }

    @ParameterizedTest
    @EnumSource(StockClient.class)
    void aGroupStaysInItsVersionAsLongAsItRuns(StockClient client) throws Exception {
        Member first = join(client, "a");
        awaitDelivered("v1", 100);
        flip("v2");
        Member second = join(client, "b");
        awaitMembers(2);
        leave(second);
        awaitMembers(1);
        assertEquals(0, count("v2"));
        leave(first);
        awaitMembers(0);
        assertEquals(0, count("v2"));
        assertEquals(100, committed(LATEST, 0));

        Member third = join(client, "c");
        awaitDelivered("v2", 120);
        leave(third);
        awaitMembers(0);
        assertEachOnce("v1", 100);
        assertEachOnce("v2", 120);
        assertEquals(100, committed("pairs.v1", 0));
        assertEquals(SECOND + 60, committed(LATEST, 0));

        flip("v1");
        Member fourth = join(client, "d");
        awaitMembers(1);
        leave(fourth);
        awaitMembers(0);
        assertEquals(100, committed(LATEST, 0));
        assertEquals(60, committed("pairs.v2", 0));
        assertEachOnce("v1", 100);

        flip("v2");
        Member fifth = join(client, "e");
        awaitMembers(1);
        leave(fifth);
        assertEquals(SECOND + 60, committed(LATEST, 0));
        assertEachOnce("v2", 120);
    }

    @Test
    void aGroupIsPlacedWhereItWasInEachVersion() throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(FIRST, new OffsetAndMetadata(30));
        admin.alterConsumerGroupOffsets(GROUP, offsets)
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        flip("v2");
        Member member = join(StockClient.CONSUMER, "a");
        awaitDelivered("v2", 120);
        leave(member);
        awaitMembers(0);
        assertEquals(30, committed("pairs.v1", 0));
        assertEquals(0, count("v1"));
        flip("v1");
        Member later = join(StockClient.CONSUMER, "b");
        awaitDelivered("v1", 70);
        leave(later);
        assertTrue(delivered.containsKey("v1:30"));
        assertEquals(70, count("v1"));
        assertEachOnce("v2", 120);
    }

    private KafkaConsumer<String, String> consumer(StockClient client, Map<String, String> more) {
        return client.consumer(server, GROUP, more);
    }

    /** The first record that comes. */
    private static String first(KafkaConsumer<String, String> consumer) throws Exception {
        List<String> found = new ArrayList<>();
        await(
                () -> {
                    consumer.poll(Duration.ofMillis(100)).forEach(r -> found.add(r.value()));
                    return !found.isEmpty();
                },
                () -> "no record");
        return found.get(0);
    }

    /** Who does not poll for too long has not ended. */
    @ParameterizedTest
    @EnumSource(
            value = StockClient.class,
            names = {"EAGER", "CONSUMER"})
    void whoWasOnlyPutOutGoesOnInItsVersion(StockClient client) throws Exception {
        Map<String, String> impatient = Map.of("max.poll.interval.ms", "2000");
        try (KafkaConsumer<String, String> consumer = consumer(client, impatient)) {
            consumer.subscribe(List.of(LATEST));
            assertEquals("v1:0", first(consumer));
            consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(50)));
            awaitMembers(0);
            flip("v2");
            assertEquals("v1:50", first(consumer));
        }
        awaitMembers(0);
        try (KafkaConsumer<String, String> another = consumer(client, Map.of())) {
            another.subscribe(List.of(LATEST));
            assertTrue(first(another).startsWith("v2:"));
        }
        assertEquals(50, committed("pairs.v1", 0));
    }

    /** What is there when it subscribes to names nothing that the server could go by later. */
    @Test
    void whoSubscribesByAPatternAndWasOnlyPutOutGoesOnInItsVersion() throws Exception {
        Map<String, String> impatient = Map.of("max.poll.interval.ms", "2000");
        try (KafkaConsumer<String, String> consumer = consumer(StockClient.CONSUMER, impatient)) {
            consumer.subscribe(new SubscriptionPattern("pairs[.]late.*"));
            assertEquals("v1:0", first(consumer));
            consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(50)));
            awaitMembers(0);
            flip("v2");
            assertEquals("v1:50", first(consumer));
        }
        awaitMembers(0);
        try (KafkaConsumer<String, String> another = consumer(StockClient.CONSUMER, Map.of())) {
            another.subscribe(new SubscriptionPattern("pairs[.]late.*"));
            assertTrue(first(another).startsWith("v2:"));
        }
        assertEquals(50, committed("pairs.v1", 0));
    }

    /** One commit does not hold the positions of all. */
    @Test
    void aGroupOfVeryManyPartitionsIsPlaced() throws Exception {
        int partitions = 3000;
        String metadata = "m".repeat(3500);
        for (String version : List.of("v1", "v2")) {
            String topic = "big." + version;
            create(
                    topic,
                    partitions,
                    Map.of("headrace.version.of", "big", "headrace.version.name", version));
        }
        create(
                "big.latest",
                partitions,
                Map.of("headrace.view.type", "alias", "headrace.view.current", "big.v1"));
        for (int from = 0; from < partitions; from += 250) {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (int i = from; i < from + 250; i++) {
                offsets.put(
                        new TopicPartition("big.latest", i), new OffsetAndMetadata(0, metadata));
            }
            admin.alterConsumerGroupOffsets(GROUP, offsets)
                    .all()
                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        }
        alter("big.latest", Map.of("headrace.view.current", "big.v2"));
        try (KafkaConsumer<String, String> consumer = consumer(StockClient.CONSUMER, Map.of())) {
            consumer.subscribe(List.of("big.latest"));
            await(
                    () -> {
                        consumer.poll(Duration.ofMillis(100));
                        return !consumer.assignment().isEmpty();
                    },
                    () -> "not joined");
        }
        var offsets =
                admin.listConsumerGroupOffsets(GROUP)
                        .partitionsToOffsetAndMetadata()
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        for (int i = 0; i < partitions; i++) {
            OffsetAndMetadata left = offsets.get(new TopicPartition("big.v1", i));
            assertEquals(metadata, left.metadata());
            assertEquals(SECOND, offsets.get(new TopicPartition("big.latest", i)).offset());
        }
    }

    @Test
    void aMemberOfARunningGroupBeginsInItsVersion() throws Exception {
        join(StockClient.EAGER, "a");
        awaitDelivered("v1", 100);
        assertNull(asked(OTHER));
        flip("v2");
        assertEquals(0, asked(OTHER));
        flip("v1");
        assertNull(asked(OTHER));
    }

    /** What a member is told that asks where to begin. */
    private Long asked(TopicPartition partition) throws Exception {
        OffsetAndMetadata offset =
                admin.listConsumerGroupOffsets(
                                Map.of(
                                        GROUP,
                                        new ListConsumerGroupOffsetsSpec()
                                                .topicPartitions(List.of(partition))))
                        .partitionsToOffsetAndMetadata(GROUP)
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .get(partition);
        return offset == null ? null : offset.offset();
    }

    @Test
    void whoLooksAtAGroupDoesNotMoveIt() throws Exception {
        Member member = join(StockClient.EAGER, "a");
        awaitDelivered("v1", 100);
        leave(member);
        awaitMembers(0);
        flip("v2");
        assertEquals(100, committed(LATEST, 0));
        assertNull(committed(LATEST, 1));
        assertNull(committed("pairs.v1", 0));
        assertEquals(
                SECOND + 60,
                admin.listOffsets(Map.of(FIRST, OffsetSpec.latest(), OTHER, OffsetSpec.latest()))
                        .partitionResult(FIRST)
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .offset());
    }

    @Test
    void aGroupIsPlacedWhereItWasAfterARestart() throws Exception {
        Member member = join(StockClient.CONSUMER, "a");
        awaitDelivered("v1", 100);
        flip("v2");
        server.restart();
        Member second = join(StockClient.CONSUMER, "b");
        awaitMembers(2);
        leave(second);
        awaitMembers(1);
        leave(member);
        awaitMembers(0);
        assertEquals(0, count("v2"));
        server.restart();
        Member third = join(StockClient.CONSUMER, "c");
        awaitDelivered("v2", 120);
        leave(third);
        assertEachOnce("v1", 100);
        assertEachOnce("v2", 120);
    }
}
