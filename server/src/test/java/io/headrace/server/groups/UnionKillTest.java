package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server with a union over many topics, killed while these are produced to, again and again: the
 * union has each record of a persistent topic once and in order, whatever else was under way, and
 * what it has once shown stays where it is.
 */
@Timeout(300)
class UnionKillTest {
    private static final int KILLS = Integer.getInteger("headrace.kill.rounds", 4);
    private static final int TOPICS_PER_LIFE = 20;
    private static final int UNION_PARTITIONS = 2;
    private static final int DEADLINE_SECONDS = 90;
    private static final List<String> MODES =
            List.of("persistent", "persistent", "hybrid", "memory");
    private static final Map<String, String> SMALL_CYCLES =
            Map.of(
                    "headrace.journal.shards",
                    "2",
                    "headrace.journal.cycle.bytes",
                    String.valueOf(1 << 20),
                    "log.retention.check.interval.ms",
                    "100",
                    "headrace.disk.reserve.bytes",
                    "0");

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final List<String> topics = new ArrayList<>();
    private final Set<String> acknowledged = ConcurrentHashMap.newKeySet();
    private final AtomicInteger number = new AtomicInteger();
    private List<List<String>> shown = List.of(List.of(), List.of());
    private RunningServer server;

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", server.bootstrapServers());
        configs.putAll(more);
        return configs;
    }

    private static String mode(String topic) {
        return MODES.get(topic.hashCode() & 3);
    }

    private static boolean isPersistent(String topic) {
        return mode(topic).equals("persistent");
    }

    @Test
    void eachRecordIsInTheUnionOnceWheneverTheServerIsKilled() throws Exception {
        System.out.println("headrace.seed=" + seed);
        Path data = folder.resolve("data");
        int port = RunningServer.freePort();
        for (int life = 0; life <= KILLS; life++) {
            try (RunningServer started = RunningServer.start(data, port, SMALL_CYCLES)) {
                server = started;
                createTopics(life);
                produceAndKill(random.nextInt(1500));
            }
            if (life % 3 == 2) {
                delete(data.resolve("rocksdb"));
            }
            if (life % 2 == 1) {
                try (RunningServer started = RunningServer.start(data, port, SMALL_CYCLES)) {
                    server = started;
                    check();
                    started.kill();
                }
            }
        }
        try (RunningServer started = RunningServer.start(data, port, SMALL_CYCLES)) {
            server = started;
            check();
            assertTrue(acknowledged.size() > 100 * KILLS, "little was acknowledged");
        }
    }

    private static void delete(Path folder) throws Exception {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private void createTopics(int life) throws Exception {
        List<NewTopic> made = new ArrayList<>();
        if (life == 0) {
            made.add(
                    new NewTopic("all", Optional.of(UNION_PARTITIONS), Optional.empty())
                            .configs(
                                    Map.of(
                                            "headrace.view.type", "union",
                                            "headrace.view.topics", "agents.*",
                                            "retention.ms", "-1")));
        }
        for (int i = 0; i < TOPICS_PER_LIFE; i++) {
            String name = "agents." + life + "." + i;
            topics.add(name);
            made.add(
                    new NewTopic(name, 1, (short) 1)
                            .configs(
                                    Map.of(
                                            "headrace.storage.mode",
                                            mode(name),
                                            "retention.ms",
                                            "-1")));
        }
        try (Admin admin = Admin.create(configs(Map.of()))) {
            admin.createTopics(made).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        }
    }

    private void produceAndKill(int ms) {
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        configs(
                                Map.of(
                                        "linger.ms", "1",
                                        "batch.size", "500",
                                        "compression.type", random.nextBoolean() ? "lz4" : "none",
                                        "max.block.ms", "20000",
                                        "delivery.timeout.ms", "3000",
                                        "request.timeout.ms", "2000")),
                        new StringSerializer(),
                        new StringSerializer());
        try {
            topics.forEach(producer::partitionsFor); // asks for the metadata of each
            int before = acknowledged.size();
            long killNs = Long.MAX_VALUE;
            while (System.nanoTime() < killNs) {
                String topic = topics.get(random.nextInt(topics.size()));
                String value = number.incrementAndGet() + "x".repeat(random.nextInt(200));
                producer.send(
                        new ProducerRecord<>(topic, 0, null, value),
                        (metadata, failure) -> {
                            if (failure == null && isPersistent(topic)) {
                                acknowledged.add(topic + "=" + value);
                            }
                        });
                if (killNs == Long.MAX_VALUE && acknowledged.size() > before) {
                    killNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
                }
                if (number.get() % 20 == 0) {
                    Thread.yield();
                }
            }
            server.kill();
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    /** Of the union all that it has; and of each persistent topic, that it has just that. */
    private void check() throws Exception {
        Map<String, List<String>> below = new HashMap<>();
        for (ConsumerRecord<String, String> record :
                read(
                        topics.stream()
                                .filter(UnionKillTest::isPersistent)
                                .map(it -> new TopicPartition(it, 0))
                                .toList())) {
            below.computeIfAbsent(record.topic(), it -> new ArrayList<>())
                    .add(record.offset() + "=" + record.value());
        }
        int count = below.values().stream().mapToInt(List::size).sum();
        List<List<String>> now = readUnion(count);
        Map<String, List<String>> copied = new HashMap<>();
        Map<String, Long> last = new HashMap<>();
        Set<String> values = new HashSet<>();
        for (int partition = 0; partition < UNION_PARTITIONS; partition++) {
            List<String> before = shown.get(partition);
            assertEquals(before, now.get(partition).subList(0, before.size()), this::replay);
            for (String copy : now.get(partition)) {
                String topic = copy.substring(0, copy.indexOf('@'));
                String rest = copy.substring(copy.indexOf('@') + 1);
                long offset = Long.parseLong(rest.substring(0, rest.indexOf('=')));
                Long earlier = last.put(topic, offset);
                assertTrue(
                        earlier == null || earlier < offset,
                        () -> copy + " behind " + earlier + replay());
                assertTrue(
                        values.add(topic + rest.substring(rest.indexOf('='))),
                        () -> copy + replay());
                copied.computeIfAbsent(topic, it -> new ArrayList<>()).add(rest);
            }
        }
        for (String topic : topics) {
            if (isPersistent(topic)) {
                assertEquals(below.get(topic), copied.get(topic), () -> topic + replay());
            }
        }
        for (String record : acknowledged) {
            assertTrue(values.contains(record), () -> record + replay());
        }
        shown = now;
    }

    private String replay() {
        return " headrace.seed=" + seed;
    }

    /** Until it has as many records of persistent topics; each as {@code topic@offset=value}. */
    private List<List<String>> readUnion(int persistentCount) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (true) {
            List<List<String>> found =
                    IntStream.range(0, UNION_PARTITIONS)
                            .<List<String>>mapToObj(it -> new ArrayList<>())
                            .toList();
            long persistent = 0;
            for (ConsumerRecord<String, String> record :
                    read(
                            IntStream.range(0, UNION_PARTITIONS)
                                    .mapToObj(it -> new TopicPartition("all", it))
                                    .toList())) {
                String topic = text(record.headers().lastHeader("headrace.topic").value());
                ByteBuffer origin =
                        ByteBuffer.wrap(record.headers().lastHeader("headrace.origin").value());
                found.get(record.partition())
                        .add(topic + "@" + origin.getLong(12) + "=" + record.value());
                persistent += isPersistent(topic) ? 1 : 0;
            }
            if (persistent >= persistentCount) {
                return found;
            }
            long seen = persistent;
            assertTrue(
                    System.nanoTime() < deadline, () -> seen + " of " + persistentCount + replay());
            Thread.sleep(100);
        }
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** What is there, up to the ends as they are now. */
    private List<ConsumerRecord<String, String>> read(List<TopicPartition> partitions) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        configs(
                                Map.of(
                                        "auto.offset.reset",
                                        "earliest",
                                        "enable.auto.commit",
                                        "false")),
                        new StringDeserializer(),
                        new StringDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (ends.entrySet().stream()
                    .anyMatch(it -> consumer.position(it.getKey()) < it.getValue())) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                assertTrue(System.nanoTime() < deadline, () -> "cannot be read" + replay());
            }
        }
        return records;
    }
}
