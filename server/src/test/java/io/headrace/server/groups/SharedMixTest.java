package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A share view over a mix of two shuffled sources: consumers come, die and go, the server is
 * killed, and each record is in one place, seen there, and seen again only where a commit was not
 * answered.
 */
@Timeout(400)
class SharedMixTest {
    private static final int LANES = 32;
    private static final int FEW = 8;
    private static final int MANY = 32;
    private static final int OBJECTS = 6;
    private static final int LINES = 700;
    private static final int COUNT = 2 * OBJECTS * LINES;
    private static final long DEADLINE_SECONDS = 120;

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private int port;
    private RunningServer server;

    /** How often each record was delivered. */
    private final Map<String, AtomicInteger> delivered = new ConcurrentHashMap<>();

    /** What was seen at each lane and offset. */
    private final Map<String, String> valueAt = new ConcurrentHashMap<>();

    /** Delivered to somebody whose commit was not answered. */
    private final Set<String> uncommitted = ConcurrentHashMap.newKeySet();

    private final Set<String> contradictions = ConcurrentHashMap.newKeySet();
    private final List<Member> members = new ArrayList<>();

    /** With so many delivered, members wait. */
    private volatile int limit;

    @BeforeEach
    void launch() throws Exception {
        port = RunningServer.freePort();
        for (String side : List.of("web", "code")) {
            Path objects = Files.createDirectories(folder.resolve("objects").resolve(side));
            for (int object = 0; object < OBJECTS; object++) {
                StringBuilder text = new StringBuilder();
                for (int line = 0; line < LINES; line++) {
                    text.append(side).append('-').append(object * LINES + line).append('-');
                    text.append("x".repeat(line * 13 % 2_000)).append('\n');
                }
                Files.writeString(objects.resolve(object + ".txt"), text);
            }
        }
        start(64);
        try (Admin admin = Admin.create(configs(Map.of()))) {
            createSource(admin, "web");
            createSource(admin, "code");
            create(
                    admin,
                    "mixed",
                    4,
                    Map.of(
                            "headrace.view.type", "mix",
                            "headrace.view.topics", "web:0.7,code:0.3",
                            "headrace.view.end", "rest"));
            create(
                    admin,
                    "shuffled",
                    4,
                    Map.of("headrace.view.type", "shuffle", "headrace.view.topics", "mixed"));
            create(
                    admin,
                    "work",
                    LANES,
                    Map.of(
                            "headrace.view.type", "share",
                            "headrace.view.topics", "shuffled",
                            "headrace.view.group", "workers"));
        }
    }

    private void start(int mebibytes) throws Exception {
        server =
                RunningServer.start(
                        folder.resolve("data"),
                        port,
                        Map.of(
                                "headrace.journal.cycle.bytes", Integer.toString(4 << 20),
                                "headrace.journal.shards", "1",
                                "headrace.disk.reserve.bytes", "0",
                                "headrace.memory.budget.bytes", Integer.toString(mebibytes << 20),
                                "headrace.store.data.uri",
                                        folder.resolve("objects").toUri().toString()));
    }

    private static void createSource(Admin admin, String name) throws Exception {
        create(
                admin,
                name,
                2,
                Map.of(
                        "headrace.source.uri",
                        "data://" + name + "/",
                        "headrace.source.format",
                        "lines"));
    }

    private static void create(
            Admin admin, String name, int partitions, Map<String, String> configs)
            throws Exception {
        NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.empty());
        admin.createTopics(List.of(topic.configs(configs)))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", "127.0.0.1:" + port);
        configs.putAll(more);
        return configs;
    }

    @AfterEach
    void close() throws Exception {
        members.forEach(member -> member.isLeaving = true);
        for (Member member : members) {
            member.thread.join(DEADLINE_SECONDS * 1000);
        }
        server.close();
    }

    private void see(ConsumerRecord<String, String> record) {
        delivered.computeIfAbsent(record.value(), v -> new AtomicInteger()).incrementAndGet();
        String place = record.partition() + ":" + record.offset();
        String other = valueAt.putIfAbsent(place, record.value());
        if (other != null && !other.equals(record.value())) {
            contradictions.add(place + " had " + other + ", and has " + record.value());
        }
    }

    /** A consumer that commits what it was given before it asks again. */
    private final class Member {
        private final Thread thread;
        private volatile boolean isLeaving;
        private volatile boolean isDying;

        Member(String clientId) {
            thread = new Thread(() -> run(clientId), clientId);
            thread.start();
        }

        private void run(String clientId) {
            KafkaConsumer<String, String> consumer =
                    new KafkaConsumer<>(
                            configs(
                                    Map.of(
                                            "group.id", "workers",
                                            "client.id", clientId,
                                            "group.protocol", "consumer",
                                            "auto.offset.reset", "earliest",
                                            "max.poll.records", "40",
                                            "reconnect.backoff.max.ms", "100",
                                            "enable.auto.commit", "false")),
                            new StringDeserializer(),
                            new StringDeserializer());
            Set<String> inHand = new HashSet<>();
            try {
                consumer.subscribe(List.of("work"));
                while (!isLeaving) {
                    if (delivered.size() >= limit) {
                        LockSupport.parkNanos(5_000_000);
                    } else {
                        turn(consumer, inHand);
                    }
                }
            } finally {
                uncommitted.addAll(inHand);
                consumer.close(CloseOptions.timeout(Duration.ofMillis(isDying ? 0 : 5_000)));
            }
        }

        private void turn(KafkaConsumer<String, String> consumer, Set<String> inHand) {
            try {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                for (ConsumerRecord<String, String> record : records) {
                    see(record);
                    inHand.add(record.value());
                }
                if (isDying && !inHand.isEmpty()) {
                    isLeaving = true;
                } else if (!inHand.isEmpty()) {
                    consumer.commitSync(Duration.ofSeconds(10));
                    inHand.clear();
                }
            } catch (KafkaException failed) { // the server is gone, or its lanes are
                uncommitted.addAll(inHand);
                inHand.clear();
            }
        }
    }

    private void join(int count) {
        for (int i = 0; i < count; i++) {
            members.add(new Member("member-" + members.size()));
        }
    }

    /** Those of the members that are there, from the first on. */
    private void leave(int count) throws InterruptedException {
        List<Member> gone = members.stream().filter(m -> !m.isLeaving).limit(count).toList();
        gone.forEach(member -> member.isLeaving = true);
        for (Member member : gone) {
            member.thread.join(DEADLINE_SECONDS * 1000);
            assertTrue(!member.thread.isAlive(), "does not leave");
        }
    }

    private void awaitDelivered(int count) {
        limit = count;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (delivered.size() < count) {
            assertTrue(System.nanoTime() < deadline, this::status);
            LockSupport.parkNanos(10_000_000);
        }
    }

    private String status() {
        return "delivered=" + delivered.size() + " of " + COUNT + " headrace.seed=" + seed;
    }

    @Test
    void eachRecordIsDeliveredWhoeverComesAndGoesAndDies() throws Exception {
        join(FEW);
        awaitDelivered(COUNT / 4);
        join(MANY - FEW);
        awaitDelivered(COUNT * 2 / 5);
        limit = COUNT;
        LockSupport.parkNanos(random.nextInt(100) * 1_000_000L); // where it strikes is the seed's
        server.kill();
        limit = delivered.size() + COUNT / 5;
        start(48);
        for (int i = 0; i < 4; i++) {
            members.get(random.nextInt(FEW) + i * FEW).isDying = true;
        }
        awaitDelivered(Math.min(COUNT * 9 / 10, limit));
        long there = members.stream().filter(member -> !member.isLeaving).count();
        leave((int) there - FEW);
        awaitDelivered(COUNT);
        leave(MANY);
        assertEquals(Set.of(), contradictions, this::status);
        Map<String, Integer> twice = new HashMap<>();
        delivered.forEach(
                (value, times) -> {
                    if (times.get() > 1 && !uncommitted.contains(value)) {
                        twice.put(value, times.get());
                    }
                });
        assertEquals(Map.of(), twice, this::status);
        server.kill();
        start(40);
        assertEquals(valueAt, lanes(), this::status);
        assertEquals(COUNT, new HashSet<>(valueAt.values()).size(), this::status);
        assertEquals(COUNT, valueAt.size(), this::status);
    }

    /** What each place of each lane has, as somebody sees it who belongs to no group. */
    private Map<String, String> lanes() {
        Map<String, String> found = new HashMap<>();
        try (KafkaConsumer<String, String> reader =
                new KafkaConsumer<>(
                        configs(Map.of()), new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> lanes =
                    IntStream.range(0, LANES).mapToObj(i -> new TopicPartition("work", i)).toList();
            reader.assign(lanes);
            reader.seekToBeginning(lanes);
            Map<TopicPartition, Long> ends = reader.endOffsets(lanes);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (lanes.stream().anyMatch(lane -> reader.position(lane) < ends.get(lane))) {
                assertTrue(System.nanoTime() < deadline, () -> "found=" + found.size());
                for (ConsumerRecord<String, String> record : reader.poll(Duration.ofMillis(100))) {
                    found.put(record.partition() + ":" + record.offset(), record.value());
                }
            }
        }
        return found;
    }
}
