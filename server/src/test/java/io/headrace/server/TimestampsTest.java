package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Times as the stock clients see them, over a whole server. */
class TimestampsTest {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int COUNT = 200;

    @TempDir Path data;
    private HeadraceServer server;

    @BeforeEach
    void launch() throws Exception {
        server = HeadraceServer.launch(ServerConfig.of(ServerTestSettings.of(data)));
    }

    @AfterEach
    void close() {
        server.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"persistent", "hybrid", "memory"})
    void theFirstRecordSinceATimeIsFoundInTheMiddleOfABatch(String mode) throws Exception {
        create(Map.of("headrace.storage.mode", mode));
        // Each later by ten, but for the one in the middle, which is the latest of all.
        produce(i -> i == COUNT / 2 ? 1_000_000L : 10L * i);
        try (KafkaConsumer<String, String> consumer = consumer()) {
            for (int i : new int[] {0, 1, 50, 99}) {
                OffsetAndTimestamp found = find(consumer, 10L * i);
                assertEquals(i, found.offset());
                assertEquals(10L * i, found.timestamp());
                assertEquals(i + 1, find(consumer, 10L * i + 1).offset());
            }
            assertEquals(COUNT / 2, find(consumer, 1_000_000).offset());
            assertNull(find(consumer, 1_000_001));
        }
        try (Admin admin = Admin.create(clientConfigs())) {
            ListOffsetsResultInfo latest =
                    admin.listOffsets(Map.of(PARTITION, OffsetSpec.maxTimestamp()))
                            .partitionResult(PARTITION)
                            .get();
            assertEquals(COUNT / 2, latest.offset());
            assertEquals(1_000_000, latest.timestamp());
        }
    }

    private static OffsetAndTimestamp find(KafkaConsumer<String, String> consumer, long time) {
        return consumer.offsetsForTimes(Map.of(PARTITION, time)).get(PARTITION);
    }

    @Test
    void producersAndConsumersAreToldTheSameTimeOfAppending() throws Exception {
        create(Map.of("message.timestamp.type", "LogAppendTime"));
        List<RecordMetadata> produced = produce(i -> 10L * i);
        try (KafkaConsumer<String, String> consumer = consumer()) {
            consumer.assign(List.of(PARTITION));
            consumer.seekToBeginning(List.of(PARTITION));
            List<ConsumerRecord<String, String>> read = new ArrayList<>();
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (read.size() < COUNT) {
                assertTrue(System.nanoTime() - deadline < 0, "read: " + read.size());
                consumer.poll(Duration.ofSeconds(1)).forEach(read::add);
            }
            for (int i = 0; i < COUNT; i++) {
                assertEquals(produced.get(i).offset(), read.get(i).offset());
                assertEquals(produced.get(i).timestamp(), read.get(i).timestamp());
                assertTrue(read.get(i).timestamp() > 1_000_000, "stamped by the producer");
            }
        }
    }

    private interface Times {
        long of(int number);
    }

    private void create(Map<String, String> configs) throws Exception {
        NewTopic topic = new NewTopic("t", Optional.of(1), Optional.empty()).configs(configs);
        try (Admin admin = Admin.create(clientConfigs())) {
            admin.createTopics(List.of(topic)).all().get();
        }
    }

    private List<RecordMetadata> produce(Times times) throws Exception {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers",
                        "127.0.0.1:" + server.kafkaPort(),
                        "compression.type",
                        "zstd",
                        "linger.ms",
                        5000);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < COUNT; i++) {
                sent.add(producer.send(new ProducerRecord<>("t", 0, times.of(i), null, "v" + i)));
            }
            producer.flush();
        }
        List<RecordMetadata> produced = new ArrayList<>();
        for (Future<RecordMetadata> each : sent) {
            produced.add(each.get());
        }
        return produced;
    }

    private KafkaConsumer<String, String> consumer() {
        return new KafkaConsumer<>(
                clientConfigs(), new StringDeserializer(), new StringDeserializer());
    }

    private Map<String, Object> clientConfigs() {
        return Map.of("bootstrap.servers", "127.0.0.1:" + server.kafkaPort());
    }
}
