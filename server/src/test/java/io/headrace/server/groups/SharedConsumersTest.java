package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import io.headrace.server.groups.StockClient.Member;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many stock consumers of one partition, through the lanes of a share view. */
@Timeout(180)
class SharedConsumersTest {
    private static final long DEADLINE_SECONDS = 60;
    private static final int LANES = 12;
    private static final String PADDING = "x".repeat(150);

    @TempDir Path folder;
    private GroupServer server;
    private String view;
    private Admin admin;

    /** How often each record was delivered. */
    private final Map<String, AtomicInteger> delivered = new ConcurrentHashMap<>();

    private final List<Member> members = new ArrayList<>();

    private Member join(StockClient client, String clientId) throws Exception {
        Member member =
                client.isJava()
                        ? new CommittingMember(consumer(client, clientId), clientId).start()
                        : client.start(server, "workers", view, clientId, this::onDelivered);
        members.add(member);
        return member;
    }

    private void onDelivered(String value) {
        String[] parts = value.split(":", 2);
        assertEquals(PADDING, parts[1]);
        delivered.computeIfAbsent(parts[0], v -> new AtomicInteger()).incrementAndGet();
    }

    @BeforeEach
    void launch() throws Exception {
        server = new GroupServer(folder, new GroupContext());
        admin = Admin.create(server.clientConfigs(Map.of()));
        create(new NewTopic("orders", 1, (short) 1));
        createView("shared", LANES, Map.of());
    }

    private void createView(String name, int lanes, Map<String, String> more) throws Exception {
        Map<String, String> configs = new HashMap<>(more);
        configs.put("headrace.view.type", "share");
        configs.put("headrace.view.topics", "orders");
        configs.put("headrace.view.group", "workers");
        create(new NewTopic(name, Optional.of(lanes), Optional.empty()).configs(configs));
        view = name;
    }

    private void create(NewTopic topic) throws Exception {
        admin.createTopics(List.of(topic)).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    @AfterEach
    void close() throws Exception {
        try {
            leave(members);
        } finally {
            admin.close();
            server.close();
        }
    }

    /** All of them, whatever becomes of some. */
    private static void leave(List<Member> members) throws Exception {
        if (members.isEmpty()) {
            return;
        }
        try {
            members.get(0).leave();
        } finally {
            leave(members.subList(1, members.size()));
        }
    }

    /** Commits what it was given before it asks again. */
    private final class CommittingMember extends StockClient.JavaMember {
        CommittingMember(KafkaConsumer<String, String> consumer, String clientId) {
            super(consumer, clientId);
        }

        @Override
        void subscribe() {
            consumer.subscribe(List.of(view), new CommittingOnRevocation(consumer));
        }

        @Override
        boolean poll(boolean isCommitted) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
            for (ConsumerRecord<String, String> record : records) {
                onDelivered(record.value());
            }
            return records.isEmpty() && isCommitted || commit(consumer);
        }
    }

    /** Whether that was done; else it is again, when the rebalance is through. */
    private static boolean commit(KafkaConsumer<String, String> consumer) {
        try {
            consumer.commitSync();
            return true;
        } catch (RebalanceInProgressException e) {
            return false;
        }
    }

    /** As consumers do that want nothing twice. */
    private record CommittingOnRevocation(KafkaConsumer<String, String> consumer)
            implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            commit(consumer);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {}
    }

    private KafkaConsumer<String, String> consumer(StockClient client, String clientId) {
        return client.consumer(server, "workers", Map.of("client.id", clientId));
    }

    /** Batches that are copied into an answer, those that are not, and compressed ones. */
    private enum Batches {
        SHORT(200, "none"),
        LONG(16_384, "none"),
        COMPRESSED(16_384, "gzip");

        private final int length;
        private final String codec;

        Batches(int length, String codec) {
            this.length = length;
            this.codec = codec;
        }
    }

    private void produce(int from, int to, Batches batches) throws Exception {
        Properties configs =
                server.clientConfigs(
                        Map.of(
                                "linger.ms",
                                "5",
                                "batch.size",
                                Integer.toString(batches.length),
                                "compression.type",
                                batches.codec));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = from; i < to; i++) {
                producer.send(new ProducerRecord<>("orders", i + ":" + PADDING));
            }
        }
    }

    private void awaitDelivered(int count) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (delivered.size() < count) {
            assertTrue(
                    System.nanoTime() < deadline, "delivered=" + delivered.size() + " of " + count);
            Thread.sleep(20);
        }
    }

    private void assertEachOnce(int count) {
        Map<String, Integer> found = new HashMap<>();
        delivered.forEach((value, times) -> found.put(value, times.get()));
        Map<String, Integer> wanted = new HashMap<>();
        IntStream.range(0, count).forEach(i -> wanted.put(Integer.toString(i), 1));
        assertEquals(wanted, found);
    }

    @ParameterizedTest
    @EnumSource(StockClient.class)
    void eachRecordIsDeliveredOnceWhoeverComesAndGoes(StockClient client) throws Exception {
        join(client, "a");
        join(client, "b");
        produce(0, 500, Batches.SHORT);
        awaitDelivered(500);
        join(client, "c");
        join(client, "d");
        join(client, "e");
        produce(500, 2000, Batches.LONG);
        awaitDelivered(2000);
        members.get(0).leave();
        members.get(3).leave();
        produce(2000, 2500, Batches.COMPRESSED);
        awaitDelivered(2500);
        assertEachOnce(2500);
    }

    /** Each client gets over offsets without records, at the end of a lane and before others. */
    @ParameterizedTest
    @EnumSource(StockClient.class)
    void whatWasTakenBackIsDeliveredByOthers(StockClient client) throws Exception {
        createView(
                "holes",
                3,
                Map.of("headrace.view.takeback.ms", "1500", "headrace.view.window.records", "1"));
        produce(0, 150, Batches.LONG);
        beStuck();
        alterView("headrace.view.takeback.ms", "0");
        join(client, "a");
        join(client, "b");
        awaitDelivered(150);
        for (int count = 150; count < 300; count += 50) {
            produce(count, count + 50, Batches.LONG);
            awaitDelivered(count + 50);
        }
        assertEachOnce(300);
    }

    /** A member that commits one record of each lane, and is given all others a few times. */
    private void beStuck() {
        try (KafkaConsumer<String, String> stuck = consumer(StockClient.EAGER, "stuck")) {
            stuck.subscribe(List.of(view));
            Set<TopicPartition> committed = new HashSet<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            for (int count = 0; count < 300; ) {
                assertTrue(System.nanoTime() < deadline, "given=" + count);
                ConsumerRecords<String, String> records = stuck.poll(Duration.ofMillis(100));
                count += records.count();
                for (TopicPartition lane : records.partitions()) {
                    if (committed.add(lane)) {
                        ConsumerRecord<String, String> first = records.records(lane).get(0);
                        onDelivered(first.value());
                        stuck.commitSync(Map.of(lane, new OffsetAndMetadata(first.offset() + 1)));
                    }
                }
            }
        }
    }

    private void alterView(String key, String value) throws Exception {
        AlterConfigOp op = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(
                        Map.of(new ConfigResource(ConfigResource.Type.TOPIC, view), List.of(op)))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @EnumSource(
            value = StockClient.class,
            names = {"EAGER", "CONSUMER"})
    void aRestartOfTheServerTakesNothingAndRepeatsNothing(StockClient client) throws Exception {
        join(client, "a");
        join(client, "a"); // told apart by what they own
        produce(0, 500, Batches.SHORT);
        awaitDelivered(500);
        server.restart();
        produce(500, 1000, Batches.LONG);
        awaitDelivered(1000);
        assertEachOnce(1000);
    }

    @ParameterizedTest
    @EnumSource(value = StockClient.class, names = "EAGER")
    void otherReadersOfLanesDisturbNothing(StockClient client) throws Exception {
        produce(0, 100, Batches.LONG);
        List<TopicPartition> lanes =
                IntStream.range(0, LANES).mapToObj(i -> new TopicPartition("shared", i)).toList();
        List<String> seen = new ArrayList<>();
        try (KafkaConsumer<String, String> other = consumer(client, "other")) {
            other.assign(lanes);
            other.seekToBeginning(lanes);
            for (int i = 0; i < 10; i++) {
                assertTrue(other.poll(Duration.ofMillis(100)).isEmpty());
            }
            join(client, "a");
            awaitDelivered(100);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (seen.size() < 100) {
                assertTrue(System.nanoTime() < deadline, "seen=" + seen.size());
                other.poll(Duration.ofMillis(100))
                        .forEach(record -> seen.add(record.value().split(":")[0]));
            }
        }
        assertEachOnce(100);
        assertEquals(
                IntStream.range(0, 100).mapToObj(Integer::toString).sorted().toList(),
                seen.stream().sorted().toList());
    }
}
