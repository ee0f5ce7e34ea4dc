package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that hands out the records of a share view, killed again and again: each record has one
 * place in one lane, whoever has seen it and whenever, and is seen there.
 */
@Timeout(300)
class SharedKillTest {
    private static final int KILLS = 5;
    private static final int RECORDS_PER_LIFE = 400;
    private static final int LANES = 6;
    private static final long DEADLINE_SECONDS = 90;

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);

    /** Where each record was seen: lane and offset. */
    private final Map<String, String> placeOf = new ConcurrentHashMap<>();

    /** What was seen at each place. */
    private final Map<String, String> valueAt = new ConcurrentHashMap<>();

    private final Set<String> contradictions = ConcurrentHashMap.newKeySet();
    private volatile boolean isEnding;
    private String bootstrapServers = "";

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", bootstrapServers);
        configs.putAll(more);
        return configs;
    }

    private void see(ConsumerRecord<String, String> record) {
        String place = record.partition() + ":" + record.offset();
        String other = placeOf.putIfAbsent(record.value(), place);
        String otherValue = valueAt.putIfAbsent(place, record.value());
        if (other != null && !other.equals(place)) {
            contradictions.add(record.value() + " at " + place + " and at " + other);
        }
        if (otherValue != null && !otherValue.equals(record.value())) {
            contradictions.add(place + " had " + otherValue + ", and has " + record.value());
        }
    }

    private void consume(String clientId) {
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        configs(
                                Map.of(
                                        "group.id", "workers",
                                        "client.id", clientId,
                                        "group.protocol", "consumer",
                                        "auto.offset.reset", "earliest",
                                        "reconnect.backoff.max.ms", "100",
                                        "enable.auto.commit", "false")),
                        new StringDeserializer(),
                        new StringDeserializer())) {
            consumer.subscribe(List.of("shared"));
            while (!isEnding) {
                try {
                    ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                    records.forEach(this::see);
                    if (!records.isEmpty()) {
                        consumer.commitSync(Duration.ofSeconds(2));
                    }
                } catch (KafkaException serverIsGone) {
                    // goes on when it is back
                }
            }
        }
    }

    @Test
    void eachRecordHasOnePlaceWheneverTheServerIsKilled() throws Exception {
        int port = RunningServer.freePort();
        Path data = folder.resolve("data");
        List<Thread> consumers = new ArrayList<>();
        int produced = 0;
        for (int life = 0; life <= KILLS; life++) {
            try (RunningServer server = RunningServer.start(data, port, Map.of())) {
                bootstrapServers = server.bootstrapServers();
                if (life == 0) {
                    createTopics();
                    for (String clientId : List.of("a", "b", "c")) {
                        Thread thread = new Thread(() -> consume(clientId), clientId);
                        consumers.add(thread);
                        thread.start();
                    }
                }
                produced = produce(produced);
                if (life == KILLS) {
                    awaitSeen(produced);
                } else {
                    Thread.sleep(random.nextInt(1000));
                    server.kill();
                }
            }
        }
        isEnding = true;
        for (Thread consumer : consumers) {
            consumer.join(DEADLINE_SECONDS * 1000);
        }
        assertEquals(Set.of(), contradictions, () -> "headrace.seed=" + seed);
    }

    private void createTopics() throws Exception {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            admin.createTopics(List.of(new NewTopic("orders", 2, (short) 1))).all().get();
            admin.createTopics(
                            List.of(
                                    new NewTopic("shared", Optional.of(LANES), Optional.empty())
                                            .configs(
                                                    Map.of(
                                                            "headrace.view.type", "share",
                                                            "headrace.view.topics", "orders",
                                                            "headrace.view.group", "workers"))))
                    .all()
                    .get();
        }
    }

    /** Idempotent, and all acknowledged: each record is there once. */
    private int produce(int from) throws Exception {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        configs(Map.of("batch.size", "300", "linger.ms", "1")),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = from; i < from + RECORDS_PER_LIFE; i++) {
                producer.send(
                        new ProducerRecord<>("orders", i % 2, null, Integer.toString(i)),
                        (metadata, failure) -> assertNull(failure));
            }
        }
        return from + RECORDS_PER_LIFE;
    }

    private void awaitSeen(int count) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (placeOf.size() < count) {
            assertTrue(
                    System.nanoTime() < deadline,
                    () -> "seen=" + placeOf.size() + " headrace.seed=" + seed);
            Thread.sleep(50);
        }
    }
}
