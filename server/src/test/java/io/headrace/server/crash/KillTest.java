package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
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
 * Kills the server with SIGKILL in the middle of a produce load, again and again, and checks with a
 * stock consumer that every acknowledged record is there, once, in order, with the right bytes.
 */
class KillTest {
    private static final int ROUNDS = Integer.getInteger("headrace.kill.rounds", 20);
    private static final int PARTITIONS = 3;
    private static final String TOPIC = "killed";

    @TempDir Path folder;

    /** What was acknowledged: the record's id by its offset, per partition. */
    private final Map<Integer, Map<Long, Long>> acknowledged = new ConcurrentHashMap<>();

    @Test
    void nothingAcknowledgedIsLostByKills() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        Path data = folder.resolve("data");
        Files.createDirectories(data);
        int port = RunningServer.freePort();
        // Small cycles, so that kills hit rolls, too.
        Map<String, String> settings =
                Map.of(
                        "headrace.journal.cycle.bytes",
                        String.valueOf(4 << 20),
                        "headrace.disk.reserve.bytes",
                        "0");
        for (int round = 0; round < ROUNDS; round++) {
            try (RunningServer server = RunningServer.start(data, port, settings)) {
                if (round == 0) {
                    createTopic(server);
                }
                produceUntilKilled(server, round, 300 + random.nextInt(900));
            }
            if (round % 4 == 3) {
                delete(data.resolve("rocksdb"));
            }
            if (round % 5 == 4 || round == ROUNDS - 1) {
                try (RunningServer server = RunningServer.start(data, port, settings)) {
                    check(server);
                    server.kill();
                }
            }
        }
    }

    private static void createTopic(RunningServer server) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            admin.createTopics(
                            List.of(
                                    new NewTopic(TOPIC, PARTITIONS, (short) 1)
                                            .configs(Map.of("retention.ms", "-1"))))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    /** Produces, kills the server after a while, and keeps what was acknowledged. */
    private void produceUntilKilled(RunningServer server, int round, int killAfterMs) {
        AtomicBoolean killed = new AtomicBoolean();
        AtomicInteger acknowledgedNow = new AtomicInteger();
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
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        try {
            long killAt = 0;
            for (int i = 0; !killed.get(); i++) {
                String value = round + ":" + i + ":" + "x".repeat(i % 300);
                long id = id(round, i);
                int partition = i % PARTITIONS;
                producer.send(
                        new ProducerRecord<>(TOPIC, partition, String.valueOf(i), value),
                        (metadata, failure) -> {
                            if (failure == null) {
                                acknowledge(metadata.partition(), metadata.offset(), id);
                                acknowledgedNow.incrementAndGet();
                            }
                        });
                if (killAt == 0 && acknowledgedNow.get() > 0) {
                    killAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(killAfterMs);
                }
                if (killAt != 0 && System.nanoTime() > killAt) {
                    server.kill();
                    killed.set(true);
                }
                if (i % 20 == 19) {
                    LockSupport.parkNanos(500_000); // what is kept of each record bounds the load
                }
            }
        } finally {
            producer.close(Duration.ZERO);
        }
        assertTrue(acknowledgedNow.get() > 0, "nothing was acknowledged in round " + round);
    }

    private void acknowledge(int partition, long offset, long id) {
        Long before =
                acknowledged
                        .computeIfAbsent(partition, p -> new ConcurrentHashMap<>())
                        .put(offset, id);
        if (before != null) {
            throw new AssertionError("offset given twice: " + partition + "/" + offset);
        }
    }

    /** What a record is known by: its round, and its number in that round. */
    private static long id(int round, int number) {
        return (long) round << 32 | number;
    }

    private void check(RunningServer server) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
            Map<Long, Long> missing = new HashMap<>(acknowledged.getOrDefault(partition, Map.of()));
            Map<Integer, Integer> lastOfRound = new HashMap<>();
            readAll(server, partition, record -> checkRecord(record, missing, lastOfRound));
            assertEquals(Map.of(), missing, "acknowledged and not there");
        }
    }

    private static void checkRecord(
            ConsumerRecord<String, String> record,
            Map<Long, Long> missing,
            Map<Integer, Integer> lastOfRound) {
        String[] parts = record.value().split(":", 3);
        int round = Integer.parseInt(parts[0]);
        int number = Integer.parseInt(parts[1]);
        assertEquals(String.valueOf(number), record.key());
        assertEquals("x".repeat(number % 300), parts[2]);
        Integer last = lastOfRound.put(round, number);
        assertTrue(
                last == null || last < number,
                () -> "out of order or twice: " + record + " after " + last);
        Long expected = missing.remove(record.offset());
        assertTrue(
                expected == null || expected == id(round, number),
                () -> "another record was acknowledged here: " + record);
    }

    private static void readAll(
            RunningServer server, int partition, Consumer<ConsumerRecord<String, String>> reader) {
        Map<String, Object> config =
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        server.bootstrapServers(),
                        ConsumerConfig.CHECK_CRCS_CONFIG,
                        true);
        TopicPartition topicPartition = new TopicPartition(TOPIC, partition);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(topicPartition));
            consumer.seekToBeginning(List.of(topicPartition));
            long end = consumer.endOffsets(List.of(topicPartition)).get(topicPartition);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            long expectedOffset = 0;
            while (consumer.position(topicPartition) < end) {
                assertTrue(System.nanoTime() < deadline, "not read within 60 s: " + end);
                for (ConsumerRecord<String, String> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    assertEquals(expectedOffset++, record.offset(), "offsets are dense");
                    reader.accept(record);
                }
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
