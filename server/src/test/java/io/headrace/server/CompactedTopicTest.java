package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compacted topics as the stock clients see them, over a whole server. */
class CompactedTopicTest {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final ConfigResource TOPIC =
            new ConfigResource(ConfigResource.Type.TOPIC, PARTITION.topic());
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int COUNT = 600;
    private static final int KEYS = 25;

    @TempDir Path data;
    private HeadraceServer server;

    /** What the producer was told, by offset. */
    private final TreeMap<Long, String> sent = new TreeMap<>();

    @BeforeEach
    void launch() {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("log.retention.check.interval.ms", "50");
        server = HeadraceServer.launch(ServerConfig.of(settings));
    }

    @AfterEach
    void close() {
        server.close();
    }

    private Map<String, Object> clientConfigs(String... more) {
        Map<String, Object> configs = new HashMap<>();
        configs.put("bootstrap.servers", "127.0.0.1:" + server.kafkaPort());
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return configs;
    }

    private Admin admin() {
        return Admin.create(clientConfigs());
    }

    private KafkaProducer<String, String> producer(String... configs) {
        return new KafkaProducer<>(
                clientConfigs(configs), new StringSerializer(), new StringSerializer());
    }

    private void create(String... configs) throws Exception {
        Map<String, String> all = new HashMap<>();
        all.put("cleanup.policy", "compact");
        all.put("max.compaction.lag.ms", "1");
        for (int i = 0; i < configs.length; i += 2) {
            all.put(configs[i], configs[i + 1]);
        }
        try (Admin admin = admin()) {
            admin.createTopics(
                            List.of(
                                    new NewTopic("t", Optional.of(1), Optional.empty())
                                            .configs(all)))
                    .all()
                    .get();
        }
    }

    /** Sends records of few keys, some of them tombstones, and one in a batch of its own behind. */
    private void produce(String codec) throws Exception {
        try (KafkaProducer<String, String> producer =
                producer("compression.type", codec, "linger.ms", "5", "batch.size", "2000")) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            List<String> texts = new ArrayList<>();
            for (int i = 0; i < COUNT; i++) {
                String key = "key-" + i * 7 % KEYS;
                String value = i % 11 == 0 ? null : "value-" + i;
                answers.add(producer.send(new ProducerRecord<>("t", key, value)));
                texts.add(key + "=" + value);
            }
            producer.flush();
            String end = "end-" + sent.size();
            answers.add(producer.send(new ProducerRecord<>("t", end, end)));
            texts.add(end + "=" + end);
            for (int i = 0; i < answers.size(); i++) {
                sent.put(answers.get(i).get().offset(), texts.get(i));
            }
        }
    }

    /** The newest of each key, with its offset. */
    private TreeMap<Long, String> newest() {
        Map<String, Long> offsets = new HashMap<>();
        sent.forEach((offset, text) -> offsets.put(text.split("=")[0], offset));
        TreeMap<Long, String> newest = new TreeMap<>();
        offsets.values().forEach(offset -> newest.put(offset, sent.get(offset)));
        return newest;
    }

    private TreeMap<Long, String> consume(long fromOffset) {
        TreeMap<Long, String> found = new TreeMap<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        clientConfigs("auto.offset.reset", "none"),
                        new StringDeserializer(),
                        new StringDeserializer())) {
            consumer.assign(List.of(PARTITION));
            consumer.seek(PARTITION, fromOffset);
            long end = consumer.endOffsets(List.of(PARTITION)).get(PARTITION);
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (consumer.position(PARTITION) < end) {
                assertTrue(System.nanoTime() < deadline, "end not reached");
                for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofMillis(100))) {
                    found.put(each.offset(), each.key() + "=" + each.value());
                }
            }
        }
        return found;
    }

    private void awaitConsumed(TreeMap<Long, String> expected) throws Exception {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        TreeMap<Long, String> found = consume(0);
        while (!found.equals(expected)) {
            assertTrue(System.nanoTime() < deadline, expected + "\n" + found);
            TimeUnit.MILLISECONDS.sleep(50);
            found = consume(0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "snappy", "lz4", "zstd"})
    void ofEachKeyTheNewestRecordIsLeftWhereItWas(String codec) throws Exception {
        create();
        produce(codec);
        awaitConsumed(newest());
        long inAHole = newest().firstKey() / 2;
        assertEquals(newest(), consume(inAHole));

        produce(codec);
        awaitConsumed(newest());
        server.close();
        launch();
        assertEquals(newest(), consume(0));
    }

    @Test
    void tombstonesGoWhenTheirTimeIsOver() throws Exception {
        create("delete.retention.ms", "1");
        produce("none");
        TreeMap<Long, String> expected = newest();
        assertTrue(expected.values().removeIf(text -> text.endsWith("=null")));
        awaitConsumed(expected);
    }

    @Test
    void recordsWithoutAKeyAreRefusedAndNamed() throws Exception {
        create();
        try (KafkaProducer<String, String> producer = producer("linger.ms", "200")) {
            Future<RecordMetadata> keyed = producer.send(new ProducerRecord<>("t", "k", "v"));
            Future<RecordMetadata> keyless = producer.send(new ProducerRecord<>("t", "v"));
            producer.flush();
            Throwable named = assertThrows(ExecutionException.class, keyless::get).getCause();
            assertInstanceOf(InvalidRecordException.class, named);
            assertTrue(named.getMessage().contains("without key"), named.getMessage());
            assertThrows(ExecutionException.class, keyed::get);
            producer.send(new ProducerRecord<>("t", "k", "v")).get();
        }
        assertEquals("k=v", consume(0).firstEntry().getValue());
    }

    @Test
    void configsAreReadBackAndBadOnesRefused() throws Exception {
        create("min.cleanable.dirty.ratio", "0.25", "max.compaction.lag.ms", "70000");
        try (Admin admin = admin()) {
            Config configs = admin.describeConfigs(List.of(TOPIC)).all().get().get(TOPIC);
            assertEquals("compact", configs.get("cleanup.policy").value());
            assertEquals("0.25", configs.get("min.cleanable.dirty.ratio").value());
            assertEquals("70000", configs.get("max.compaction.lag.ms").value());
            assertEquals("0", configs.get("min.compaction.lag.ms").value());
            assertEquals("86400000", configs.get("delete.retention.ms").value());
            assertRefused(admin, "min.cleanable.dirty.ratio", "1.5");
            assertRefused(admin, "min.compaction.lag.ms", "70001");
            assertRefused(admin, "max.compaction.lag.ms", "0");
            assertRefused(admin, "delete.retention.ms", "-1");
            assertRefused(admin, "cleanup.policy", "compress");
            assertRefused(admin, "headrace.storage.mode", "memory");
        }
    }

    private static void assertRefused(Admin admin, String name, String value) {
        AlterConfigOp set =
                new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
        ExecutionException refused =
                assertThrows(
                        ExecutionException.class,
                        () ->
                                admin.incrementalAlterConfigs(Map.of(TOPIC, List.of(set)))
                                        .all()
                                        .get(),
                        name);
        assertInstanceOf(InvalidConfigurationException.class, refused.getCause());
    }

    @Test
    void recordsCanBeDeletedOnlyWhereThePolicySaysSo() throws Exception {
        create();
        produce("none");
        try (Admin admin = admin()) {
            Map<TopicPartition, RecordsToDelete> half =
                    Map.of(PARTITION, RecordsToDelete.beforeOffset(COUNT / 2));
            ExecutionException refused =
                    assertThrows(
                            ExecutionException.class, () -> admin.deleteRecords(half).all().get());
            assertInstanceOf(PolicyViolationException.class, refused.getCause());
            AlterConfigOp append =
                    new AlterConfigOp(
                            new ConfigEntry("cleanup.policy", "delete"),
                            AlterConfigOp.OpType.APPEND);
            admin.incrementalAlterConfigs(Map.of(TOPIC, List.of(append))).all().get();
            admin.deleteRecords(half).all().get();
        }
        assertTrue(consume(COUNT / 2).firstKey() >= COUNT / 2);
    }
}
