package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills the server with SIGKILL while a stock producer loads a hybrid topic, again and again, and
 * checks with a stock consumer: what is left of each round is a prefix of it, what is missing was
 * acknowledged within one window, every byte is right, and no offset was given twice.
 */
class HybridKillTest {
    private static final int ROUNDS = Integer.getInteger("headrace.kill.rounds", 20);
    private static final int PARTITIONS = 3;
    private static final String TOPIC = "hybrid";

    /**
     * Time within which the acknowledgements of lost records reached the client: the window of 10
     * ms, and what two busy cores may do to the clocks of a server's and a client's threads.
     */
    private static final long LOST_WITHIN_NS = TimeUnit.MILLISECONDS.toNanos(10 + 490);

    @TempDir Path folder;

    /** A record that was acknowledged: what it is known by, and when the client was told. */
    private record Acknowledged(long id, long timeNs) {}

    /** What was acknowledged and is not known to be lost: by its offset, per partition. */
    private final Map<Integer, NavigableMap<Long, Acknowledged>> kept = new HashMap<>();

    /** What was acknowledged and lost; its offset is used up. */
    private final Map<Integer, NavigableMap<Long, Acknowledged>> lost = new HashMap<>();

    private int lostCount;
    private long lostWithinNs;

    @Test
    void aKillTakesNoMoreThanOneWindow() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        Path data = Files.createDirectories(folder.resolve("data"));
        for (int partition = 0; partition < PARTITIONS; partition++) {
            kept.put(partition, new ConcurrentSkipListMap<>());
            lost.put(partition, new ConcurrentSkipListMap<>());
        }
        int port = RunningServer.freePort();
        // Small cycles and rings, so that kills hit rolls and overwriting, too.
        Map<String, String> settings =
                Map.of(
                        "headrace.journal.cycle.bytes",
                        String.valueOf(4 << 20),
                        "headrace.memory.topic.budget.bytes",
                        String.valueOf(1 << 20),
                        "headrace.disk.reserve.bytes",
                        "0");
        for (int round = 0; round < ROUNDS; round++) {
            try (RunningServer server = RunningServer.start(data, port, settings)) {
                if (round == 0) {
                    createTopic(server);
                } else {
                    check(server, round - 1);
                }
                produceUntilKilled(server, round, 300 + random.nextInt(900));
            }
            if (round % 4 == 3) {
                delete(data.resolve("rocksdb"));
            }
        }
        checkACleanStop(data, port, settings);
        int keptCount = kept.values().stream().mapToInt(Map::size).sum();
        System.out.println(
                "kept="
                        + keptCount
                        + " lost="
                        + lostCount
                        + " longest="
                        + TimeUnit.NANOSECONDS.toMillis(lostWithinNs)
                        + " ms");
    }

    private void checkACleanStop(Path data, int port, Map<String, String> settings)
            throws IOException {
        try (RunningServer server = RunningServer.start(data, port, settings)) {
            check(server, ROUNDS - 1);
            try (KafkaProducer<String, String> producer = producer(server)) {
                for (int i = 0; i < 1000; i++) {
                    send(producer, ROUNDS, i);
                }
                producer.flush();
            }
            server.stop();
        }
        try (RunningServer server = RunningServer.start(data, port, settings)) {
            int lostBefore = lostCount;
            check(server, ROUNDS);
            assertEquals(lostBefore, lostCount, "lost by a clean stop");
        }
    }

    private static void createTopic(RunningServer server) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            Map<String, String> configs =
                    Map.of("retention.ms", "-1", "headrace.storage.mode", "hybrid");
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1).configs(configs)))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    private static KafkaProducer<String, String> producer(RunningServer server) {
        Map<String, Object> config =
                Map.of(
                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        server.bootstrapServers(),
                        ProducerConfig.LINGER_MS_CONFIG,
                        1,
                        ProducerConfig.MAX_BLOCK_MS_CONFIG,
                        10_000,
                        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
                        5_000,
                        ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG,
                        4_000);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private void produceUntilKilled(RunningServer server, int round, int killAfterMs) {
        KafkaProducer<String, String> producer = producer(server);
        try {
            long killAt = 0;
            for (int i = 0; killAt == 0 || System.nanoTime() < killAt; i++) {
                send(producer, round, i);
                if (killAt == 0 && isAcknowledged(round)) {
                    killAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(killAfterMs);
                }
                if (i % 20 == 19) {
                    LockSupport.parkNanos(500_000); // what is kept of each record bounds the load
                }
            }
            server.kill();
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    private boolean isAcknowledged(int round) {
        return kept.values().stream()
                .map(NavigableMap::lastEntry)
                .anyMatch(last -> last != null && round(last.getValue().id) == round);
    }

    private void send(KafkaProducer<String, String> producer, int round, int number) {
        int partition = number % PARTITIONS;
        String key = String.valueOf(number);
        producer.send(
                new ProducerRecord<>(TOPIC, partition, key, value(round, number)),
                (metadata, failure) -> {
                    if (failure == null) {
                        acknowledge(partition, metadata.offset(), id(round, number));
                    }
                });
    }

    private void acknowledge(int partition, long offset, long id) {
        Acknowledged told = new Acknowledged(id, System.nanoTime());
        Acknowledged before = kept.get(partition).putIfAbsent(offset, told);
        if (before != null || lost.get(partition).containsKey(offset)) {
            throw new AssertionError("offset given twice: " + partition + "/" + offset);
        }
    }

    private static String value(int round, int number) {
        return round + ":" + number + ":" + "x".repeat(number % 300);
    }

    /** What a record is known by: its round, and its number in that round. */
    private static long id(int round, int number) {
        return (long) round << 32 | number;
    }

    private static int round(long id) {
        return (int) (id >> 32);
    }

    private void check(RunningServer server, int lastRound) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
            NavigableMap<Long, Long> found = readAll(server, partition);
            NavigableMap<Long, Acknowledged> known = kept.get(partition);
            checkPrefixes(partition, found.values());
            NavigableMap<Long, Acknowledged> missing = new TreeMap<>(known);
            missing.keySet().removeAll(found.keySet());
            found.forEach(
                    (offset, id) -> {
                        Acknowledged here = known.get(offset);
                        assertTrue(here == null || here.id == id, "another record at " + offset);
                    });
            if (!missing.isEmpty()) {
                checkLoss(found, missing, lastRound);
            }
            known.keySet().removeAll(missing.keySet());
            lost.get(partition).putAll(missing);
            for (long offset : found.keySet()) {
                assertTrue(!lost.get(partition).containsKey(offset), "used again: " + offset);
            }
        }
    }

    /** Of each round the first records that were sent, each once and in order, and no hole. */
    private static void checkPrefixes(int partition, Collection<Long> ids) {
        long last = -1;
        for (long id : ids) {
            boolean isFirst = last < 0 || round(id) > round(last);
            long due = isFirst ? id(round(id), partition) : last + PARTITIONS;
            assertEquals(due, id, () -> "in round " + round(id) + ", number " + (int) id);
            last = id;
        }
    }

    private void checkLoss(
            NavigableMap<Long, Long> found,
            NavigableMap<Long, Acknowledged> missing,
            int lastRound) {
        long firstNs = Long.MAX_VALUE;
        long lastNs = Long.MIN_VALUE;
        for (Acknowledged each : missing.values()) {
            assertEquals(lastRound, round(each.id), "lost by an earlier round, found by a later");
            firstNs = Math.min(firstNs, each.timeNs);
            lastNs = Math.max(lastNs, each.timeNs);
        }
        Map.Entry<Long, Long> behind = found.higherEntry(missing.firstKey());
        assertTrue(behind == null, "no prefix: " + behind + " behind " + missing.firstKey());
        long withinNs = lastNs - firstNs;
        assertTrue(
                withinNs <= LOST_WITHIN_NS,
                missing.size() + " lost, acknowledged within " + withinNs + " ns");
        lostCount += missing.size();
        lostWithinNs = Math.max(lostWithinNs, withinNs);
    }

    /** The id of each record by its offset, its bytes checked. */
    private static NavigableMap<Long, Long> readAll(RunningServer server, int partition) {
        Map<String, Object> config =
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        server.bootstrapServers(),
                        ConsumerConfig.CHECK_CRCS_CONFIG,
                        true);
        NavigableMap<Long, Long> found = new TreeMap<>();
        TopicPartition topicPartition = new TopicPartition(TOPIC, partition);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(topicPartition));
            consumer.seekToBeginning(List.of(topicPartition));
            long end = consumer.endOffsets(List.of(topicPartition)).get(topicPartition);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (consumer.position(topicPartition) < end) {
                assertTrue(System.nanoTime() < deadline, "not read within 60 s: " + end);
                for (ConsumerRecord<String, String> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    found.put(record.offset(), checkedId(record));
                }
            }
        }
        return found;
    }

    private static long checkedId(ConsumerRecord<String, String> record) {
        String[] parts = record.value().split(":", 3);
        int round = Integer.parseInt(parts[0]);
        int number = Integer.parseInt(parts[1]);
        assertEquals(String.valueOf(number), record.key());
        assertEquals(value(round, number), record.value());
        return id(round, number);
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
