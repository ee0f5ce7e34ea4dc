package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Groups as the stock Java clients use them, over a whole engine. */
@Timeout(120)
class StockConsumerGroupsTest {
    private static final long DEADLINE_SECONDS = 30;
    private static final Duration POLL = Duration.ofMillis(100);

    @TempDir Path folder;
    private GroupServer server;
    private Admin admin;

    /** How a consumer takes part in its group. */
    enum Protocol {
        EAGER("classic", "org.apache.kafka.clients.consumer.RangeAssignor"),
        COOPERATIVE("classic", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
        CONSUMER("consumer", "");

        private final String name;
        private final String assignor;

        Protocol(String name, String assignor) {
            this.name = name;
            this.assignor = assignor;
        }
    }

    @BeforeEach
    void launch() {
        server = new GroupServer(folder, new GroupContext());
        admin = Admin.create(server.clientConfigs(Map.of()));
    }

    @AfterEach
    void close() {
        admin.close(Duration.ZERO);
        server.close();
    }

    private KafkaConsumer<String, String> consumer(Protocol protocol, String group) {
        Map<String, String> configs =
                new HashMap<>(
                        Map.of(
                                "group.id",
                                group,
                                "group.protocol",
                                protocol.name,
                                "auto.offset.reset",
                                "earliest",
                                "enable.auto.commit",
                                "false"));
        if (!protocol.assignor.isEmpty()) {
            configs.put("partition.assignment.strategy", protocol.assignor);
            configs.put("heartbeat.interval.ms", "200");
            configs.put("session.timeout.ms", "10000");
        }
        return new KafkaConsumer<>(
                server.clientConfigs(configs), new StringDeserializer(), new StringDeserializer());
    }

    private void createTopic(String name, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1)))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private void produce(String topic, int partitions, int from, int to) {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        server.clientConfigs(Map.of()),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = from; i < to; i++) {
                producer.send(new ProducerRecord<>(topic, i % partitions, null, "" + i));
            }
        }
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < deadline, "not reached in time");
        }
    }

    private static Set<Integer> poll(KafkaConsumer<String, String> consumer, int count)
            throws Exception {
        Set<Integer> values = new TreeSet<>();
        await(
                () -> {
                    for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                        assertTrue(values.add(Integer.parseInt(record.value())), "twice");
                    }
                    return values.size() >= count;
                });
        assertEquals(count, values.size());
        return values;
    }

    private static Set<Integer> range(int from, int to) {
        Set<Integer> values = new TreeSet<>();
        for (int i = from; i < to; i++) {
            values.add(i);
        }
        return values;
    }

    @ParameterizedTest
    @EnumSource
    void consumerResumesWhereItCommitted(Protocol protocol) throws Exception {
        createTopic("t", 3);
        produce("t", 3, 0, 300);
        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            consumer.subscribe(List.of("t"));
            assertEquals(range(0, 300), poll(consumer, 300));
            consumer.commitSync();
        }

        server.restart();
        produce("t", 3, 300, 400);

        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            consumer.subscribe(List.of("t"));
            assertEquals(range(300, 400), poll(consumer, 100));
        }
    }

    @ParameterizedTest
    @EnumSource
    void consumerGoesOnWhenTheServerRestarts(Protocol protocol) throws Exception {
        createTopic("t", 2);
        produce("t", 2, 0, 100);
        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            consumer.subscribe(List.of("t"));
            assertEquals(range(0, 100), poll(consumer, 100));
            consumer.commitSync();

            server.restart();
            produce("t", 2, 100, 200);

            assertEquals(range(100, 200), poll(consumer, 100));
            consumer.commitSync();
        }
    }

    @ParameterizedTest
    @EnumSource
    void membersShareThePartitionsAndTakeOverFromOneThatLeaves(Protocol protocol) throws Exception {
        createTopic("t", 6);
        try (KafkaConsumer<String, String> first = consumer(protocol, "g")) {
            first.subscribe(List.of("t"));
            KafkaConsumer<String, String> second = consumer(protocol, "g");
            second.subscribe(List.of("t"));
            await(
                    () -> {
                        first.poll(POLL);
                        second.poll(POLL);
                        return first.assignment().size() == 3 && second.assignment().size() == 3;
                    });
            Set<TopicPartition> all = new HashSet<>(first.assignment());
            all.addAll(second.assignment());
            assertEquals(6, all.size());

            second.close();
            await(
                    () -> {
                        first.poll(POLL);
                        return first.assignment().size() == 6;
                    });
        }
    }

    @ParameterizedTest
    @EnumSource
    void memberIsGivenTheNewPartitionsOfAGrownTopic(Protocol protocol) throws Exception {
        createTopic("t", 1);
        try (KafkaConsumer<String, String> consumer = frequentlyLooking(protocol)) {
            consumer.subscribe(List.of("t"));
            awaitAssigned(consumer, 1);
            admin.createPartitions(Map.of("t", NewPartitions.increaseTo(3))).all().get();
            awaitAssigned(consumer, 3);
        }
    }

    /** A classic consumer learns of partitions by itself, when its metadata is old. */
    private KafkaConsumer<String, String> frequentlyLooking(Protocol protocol) {
        Map<String, String> configs =
                new HashMap<>(
                        Map.of(
                                "group.id", "g",
                                "group.protocol", protocol.name,
                                "metadata.max.age.ms", "500"));
        if (!protocol.assignor.isEmpty()) {
            configs.put("partition.assignment.strategy", protocol.assignor);
        }
        return new KafkaConsumer<>(
                server.clientConfigs(configs), new StringDeserializer(), new StringDeserializer());
    }

    private static void awaitAssigned(KafkaConsumer<String, String> consumer, int count)
            throws Exception {
        await(
                () -> {
                    consumer.poll(POLL);
                    return consumer.assignment().size() == count;
                });
    }

    @Test
    void expressionTakesInTopicsThatAreCreatedLater() throws Exception {
        createTopic("agents.1", 1);
        createTopic("other", 1);
        try (KafkaConsumer<String, String> consumer = consumer(Protocol.CONSUMER, "g")) {
            consumer.subscribe(new SubscriptionPattern("agents\\..*"));
            awaitAssigned(consumer, 1);
            createTopic("agents.2", 2);
            awaitAssigned(consumer, 3);
        }
        try (KafkaConsumer<String, String> consumer = frequentlyLooking(Protocol.EAGER)) {
            consumer.subscribe(Pattern.compile("agents\\..*"));
            awaitAssigned(consumer, 3);
        }
    }

    @Test
    void classicGroupBecomesAConsumerGroupMemberByMember() throws Exception {
        createTopic("t", 4);
        try (KafkaConsumer<String, String> classic = consumer(Protocol.COOPERATIVE, "g");
                KafkaConsumer<String, String> modern = consumer(Protocol.CONSUMER, "g")) {
            classic.subscribe(List.of("t"));
            awaitAssigned(classic, 4);
            modern.subscribe(List.of("t"));
            await(
                    () -> {
                        classic.poll(POLL);
                        modern.poll(POLL);
                        return classic.assignment().size() == 2 && modern.assignment().size() == 2;
                    });
        }
    }

    @ParameterizedTest
    @EnumSource
    void committedMetadataComesBackAsItWas(Protocol protocol) throws Exception {
        createTopic("t", 1);
        TopicPartition partition = new TopicPartition("t", 0);
        String metadata = "step 17 – {\"seed\": 3}";
        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(7, metadata)));
        }

        server.restart();

        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            assertEquals(7, committed.offset());
            assertEquals(metadata, committed.metadata());
        }
    }

    @ParameterizedTest
    @EnumSource
    void adminListsDescribesAndDeletesGroups(Protocol protocol) throws Exception {
        createTopic("t", 2);
        produce("t", 2, 0, 10);
        try (KafkaConsumer<String, String> consumer = consumer(protocol, "g")) {
            consumer.subscribe(List.of("t"));
            poll(consumer, 10);
            consumer.commitSync();

            assertEquals(
                    Set.of("g"),
                    admin.listGroups().all().get().stream()
                            .map(GroupListing::groupId)
                            .collect(Collectors.toSet()));
            ConsumerGroupDescription description = description();
            assertEquals(GroupState.STABLE, description.groupState());
            assertEquals(1, description.members().size());
            assertEquals(
                    Set.of(new TopicPartition("t", 0), new TopicPartition("t", 1)),
                    description.members().iterator().next().assignment().topicPartitions());
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    admin.listConsumerGroupOffsets("g").partitionsToOffsetAndMetadata().get();
            assertEquals(5, offsets.get(new TopicPartition("t", 0)).offset());
        }
        await(() -> description().groupState() == GroupState.EMPTY);

        admin.alterConsumerGroupOffsets(
                        "g", Map.of(new TopicPartition("t", 1), new OffsetAndMetadata(2)))
                .all()
                .get();
        admin.deleteConsumerGroupOffsets("g", Set.of(new TopicPartition("t", 0))).all().get();
        assertEquals(
                Map.of(new TopicPartition("t", 1), 2L),
                admin
                        .listConsumerGroupOffsets("g")
                        .partitionsToOffsetAndMetadata()
                        .get()
                        .entrySet()
                        .stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().offset())));

        admin.deleteConsumerGroups(List.of("g")).all().get();
        assertTrue(admin.listGroups().all().get().isEmpty());
        server.restart();
        await(() -> admin.listGroups().all().get().isEmpty());
    }

    private ConsumerGroupDescription description() throws Exception {
        return admin.describeConsumerGroups(List.of("g")).all().get().get("g");
    }

    @Test
    void nobodyElseWritesToTheOffsetsTopic() throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        server.clientConfigs(Map.of()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            var record = new ProducerRecord<>("__consumer_offsets", 0, new byte[1], new byte[1]);
            assertCausedBy(InvalidTopicException.class, producer.send(record)::get);
        }
        assertCausedBy(
                PolicyViolationException.class,
                admin.deleteTopics(List.of("__consumer_offsets")).all()::get);
        assertCausedBy(
                InvalidTopicException.class,
                admin.deleteRecords(
                                        Map.of(
                                                new TopicPartition("__consumer_offsets", 0),
                                                RecordsToDelete.beforeOffset(0)))
                                .all()
                        ::get);
    }

    private static void assertCausedBy(Class<? extends Exception> type, Executable call) {
        ExecutionException failure = assertThrows(ExecutionException.class, call);
        assertEquals(type, failure.getCause().getClass(), failure.toString());
    }

    @Test
    void offsetsOfADeletedTopicAreGoneAndDoNotComeBackWithItsName() throws Exception {
        createTopic("t", 1);
        TopicPartition partition = new TopicPartition("t", 0);
        try (KafkaConsumer<String, String> consumer = consumer(Protocol.EAGER, "g")) {
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(7)));
        }
        admin.deleteTopics(List.of("t")).all().get();
        createTopic("t", 1);
        await(
                () ->
                        admin.listConsumerGroupOffsets("g")
                                        .partitionsToOffsetAndMetadata()
                                        .get()
                                        .get(partition)
                                == null);
        try (KafkaConsumer<String, String> consumer = consumer(Protocol.CONSUMER, "g")) {
            assertNull(consumer.committed(Set.of(partition)).get(partition));
        }
    }

    @Test
    void commitOnAPartitionThatDoesNotExistIsRefused() throws Exception {
        createTopic("t", 1);
        List<TopicPartition> absent = new ArrayList<>();
        absent.add(new TopicPartition("t", 5));
        absent.add(new TopicPartition("absent", 0));
        for (TopicPartition partition : absent) {
            var result =
                    admin.alterConsumerGroupOffsets(
                            "g", Map.of(partition, new OffsetAndMetadata(1)));
            ExecutionException refused =
                    assertThrows(
                            ExecutionException.class,
                            () -> result.partitionResult(partition).get());
            assertEquals(UnknownTopicOrPartitionException.class, refused.getCause().getClass());
        }
    }
}
