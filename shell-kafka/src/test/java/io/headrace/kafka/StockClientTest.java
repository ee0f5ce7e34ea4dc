package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The stock Java producer and consumer. */
@Timeout(60)
class StockClientTest {
    private static final int RECORD_COUNT = 500;

    private final HeapEngine engine = new HeapEngine();
    private KafkaShell shell;

    @BeforeEach
    void launch() {
        shell =
                KafkaShell.launch(
                        new KafkaShellContext()
                                .engine(engine)
                                .listeners(List.of(Listener.of("127.0.0.1", 0))));
    }

    @AfterEach
    void close() {
        shell.close();
        engine.close();
        assertEquals(0, engine.openLeases.get(), "open leases");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void whatAProducerSendsAConsumerReceives(String codec) throws Exception {
        produce(codec);
        List<ConsumerRecord<byte[], byte[]>> received = consume("t", RECORD_COUNT);
        for (int i = 0; i < RECORD_COUNT; i++) {
            assertEquals(i, received.get(i).offset());
            assertArrayEquals(value(i), received.get(i).value());
        }
    }

    private void produce(String codec) throws Exception {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers",
                        "127.0.0.1:" + shell.boundPort(),
                        "compression.type",
                        codec,
                        "enable.idempotence",
                        "false",
                        "linger.ms",
                        5,
                        "acks",
                        "all");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        configs, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < RECORD_COUNT; i++) {
                sent.add(producer.send(new ProducerRecord<>("t", 0, null, value(i))));
            }
        }
        for (int i = 0; i < RECORD_COUNT; i++) {
            assertEquals(i, sent.get(i).get().offset());
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> consume(String topic, int count) {
        Map<String, Object> configs =
                Map.of("bootstrap.servers", "127.0.0.1:" + shell.boundPort(), "check.crcs", "true");
        List<ConsumerRecord<byte[], byte[]>> received = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        configs, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            while (received.size() < count) {
                consumer.poll(Duration.ofMillis(200)).forEach(received::add);
            }
        }
        return received;
    }

    private static byte[] value(int i) {
        return ("value-" + i + "-" + "x".repeat(i)).getBytes(StandardCharsets.UTF_8);
    }
}
