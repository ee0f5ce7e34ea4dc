package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
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
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringDeserializer;
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

    @TempDir Path folder;
    private GroupServer server;
    private Admin admin;

    /** How often each record was delivered. */
    private final Map<String, AtomicInteger> delivered = new ConcurrentHashMap<>();

    private final List<Member> members = new ArrayList<>();

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
    void launch() throws Exception {
        server = new GroupServer(folder, new GroupContext());
        admin = Admin.create(server.clientConfigs(Map.of()));
        create(new NewTopic("orders", 1, (short) 1));
        create(
                new NewTopic("shared", Optional.of(LANES), Optional.empty())
                        .configs(
                                Map.of(
                                        "headrace.view.type", "share",
                                        "headrace.view.topics", "orders",
                                        "headrace.view.group", "workers")));
    }

    private void create(NewTopic topic) throws Exception {
        admin.createTopics(List.of(topic)).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    @AfterEach
    void close() throws Exception {
        try {
            for (Member member : members) {
                member.leave();
            }
        } finally {
            admin.close();
            server.close();
        }
    }

    /** A consumer on a thread of its own, which commits what it was given before it asks again. */
    private final class Member {
        private final KafkaConsumer<String, String> consumer;
        private final Thread thread;
        private final AtomicInteger count = new AtomicInteger();
        private volatile boolean isLeaving;
        private volatile Throwable failure;

        Member(Protocol protocol, String clientId) {
            consumer = consumer(protocol, clientId);
            thread = new Thread(this::run, clientId);
            thread.start();
            members.add(this);
        }

        private void run() {
            try (consumer) {
                consumer.subscribe(List.of("shared"), new CommittingOnRevocation(consumer));
                while (!isLeaving) {
                    ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                    for (ConsumerRecord<String, String> record : records) {
                        delivered
                                .computeIfAbsent(record.value(), v -> new AtomicInteger())
                                .incrementAndGet();
                        count.incrementAndGet();
                    }
                    if (!records.isEmpty()) {
                        commit();
                    }
                }
            } catch (Throwable e) {
                failure = e;
            }
        }

        private void commit() {
            try {
                consumer.commitSync();
            } catch (RebalanceInProgressException e) {
                // what it loses is committed when it loses it, the rest with what comes next
            }
        }

        void leave() throws Exception {
            isLeaving = true;
            thread.join(DEADLINE_SECONDS * 1000);
            assertTrue(!thread.isAlive(), "does not leave");
            if (failure != null) {
                throw new AssertionError("member failed", failure);
            }
        }
    }

    /** As consumers do that want nothing twice. */
    private record CommittingOnRevocation(KafkaConsumer<String, String> consumer)
            implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            consumer.commitSync();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {}
    }

    private KafkaConsumer<String, String> consumer(Protocol protocol, String clientId) {
        Map<String, String> configs = new HashMap<>();
        configs.put("group.id", "workers");
        configs.put("client.id", clientId);
        configs.put("group.protocol", protocol.name);
        configs.put("auto.offset.reset", "earliest");
        configs.put("enable.auto.commit", "false");
        if (!protocol.assignor.isEmpty()) {
            configs.put("partition.assignment.strategy", protocol.assignor);
            configs.put("heartbeat.interval.ms", "200");
        }
        return new KafkaConsumer<>(
                server.clientConfigs(configs), new StringDeserializer(), new StringDeserializer());
    }

    private void produce(int from, int to) throws Exception {
        Properties configs = server.clientConfigs(Map.of("linger.ms", "2", "batch.size", "200"));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = from; i < to; i++) {
                producer.send(new ProducerRecord<>("orders", Integer.toString(i)));
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
    @EnumSource(Protocol.class)
    void eachRecordIsDeliveredOnceWhoeverComesAndGoes(Protocol protocol) throws Exception {
        new Member(protocol, "a");
        new Member(protocol, "b");
        produce(0, 500);
        awaitDelivered(500);
        new Member(protocol, "c");
        new Member(protocol, "d");
        new Member(protocol, "e");
        produce(500, 2000);
        awaitDelivered(2000);
        members.get(0).leave();
        members.get(3).leave();
        produce(2000, 2500);
        awaitDelivered(2500);
        assertEachOnce(2500);
        assertTrue(members.get(1).count.get() > 0 && members.get(2).count.get() > 0);
    }

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            names = {"EAGER", "CONSUMER"})
    void aRestartOfTheServerTakesNothingAndRepeatsNothing(Protocol protocol) throws Exception {
        new Member(protocol, "a");
        new Member(protocol, "a"); // told apart by what they own
        produce(0, 500);
        awaitDelivered(500);
        server.restart();
        produce(500, 1000);
        awaitDelivered(1000);
        assertEachOnce(1000);
    }

    @ParameterizedTest
    @EnumSource(value = Protocol.class, names = "EAGER")
    void otherReadersOfLanesDisturbNothing(Protocol protocol) throws Exception {
        produce(0, 100);
        List<TopicPartition> lanes =
                IntStream.range(0, LANES).mapToObj(i -> new TopicPartition("shared", i)).toList();
        List<String> seen = new ArrayList<>();
        try (KafkaConsumer<String, String> other = consumer(protocol, "other")) {
            other.assign(lanes);
            other.seekToBeginning(lanes);
            for (int i = 0; i < 10; i++) {
                assertTrue(other.poll(Duration.ofMillis(100)).isEmpty());
            }
            new Member(protocol, "a");
            awaitDelivered(100);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (seen.size() < 100) {
                assertTrue(System.nanoTime() < deadline, "seen=" + seen.size());
                other.poll(Duration.ofMillis(100)).forEach(record -> seen.add(record.value()));
            }
        }
        assertEachOnce(100);
        assertEquals(
                IntStream.range(0, 100).mapToObj(Integer::toString).sorted().toList(),
                seen.stream().sorted().toList());
    }
}
