package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A union is one topic to any client: what is made later comes without a rebalance. */
@Timeout(300)
class UnionConsumersTest {
    private static final int TOPICS = 50;
    private static final long DEADLINE_SECONDS = 60;

    @TempDir Path folder;
    private GroupServer server;
    private Admin admin;

    @BeforeEach
    void launch() throws Exception {
        server = new GroupServer(folder, new GroupContext());
        admin = Admin.create(server.clientConfigs(Map.of()));
        create(
                new NewTopic("all", Optional.empty(), Optional.empty())
                        .configs(
                                Map.of(
                                        "headrace.view.type", "union",
                                        "headrace.view.topics", "agents.*.status",
                                        "retention.ms", "-1")));
        assertEquals(
                1,
                admin.describeTopics(List.of("all"))
                        .allTopicNames()
                        .get()
                        .get("all")
                        .partitions()
                        .size());
        for (int i = 0; i < TOPICS; i++) {
            create(
                    new NewTopic(topic(i), 1, (short) 1)
                            .configs(Map.of("retention.ms", "-1"))); // records of 1970 stay
        }
    }

    private static String topic(int agent) {
        return "agents." + agent + ".status";
    }

    private void create(NewTopic topic) throws Exception {
        admin.createTopics(List.of(topic)).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    @AfterEach
    void close() {
        admin.close();
        server.close();
    }

    /** A record to each of some topics. */
    private void produce(int fromTopic, int toTopic, String codec) {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        server.clientConfigs(Map.of("compression.type", codec)),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = fromTopic; i < toTopic; i++) {
                producer.send(new ProducerRecord<>(topic(i), "key", i + ":" + codec));
            }
        }
    }

    private static Set<String> expected(int from, int to, String codec) {
        return new HashSet<>(IntStream.range(from, to).mapToObj(it -> it + ":" + codec).toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void aStockConsumerReadsAllAndWhatIsMadeLaterWithoutARebalance(String protocol)
            throws Exception {
        produce(0, TOPICS, "zstd");
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        server.clientConfigs(
                                Map.of(
                                        "group.id", "board",
                                        "group.protocol", protocol,
                                        "auto.offset.reset", "earliest")),
                        new StringDeserializer(),
                        new StringDeserializer())) {
            Rebalances rebalances = new Rebalances();
            consumer.subscribe(List.of("all"), rebalances);
            assertEquals(expected(0, TOPICS, "zstd"), read(consumer, TOPICS));
            create(new NewTopic(topic(TOPICS), 1, (short) 1));
            produce(TOPICS, TOPICS + 1, "none");
            assertEquals(expected(TOPICS, TOPICS + 1, "none"), read(consumer, 1));
            assertEquals(List.of(List.of(new TopicPartition("all", 0))), rebalances.assigned);
            consumer.commitSync();
            assertEquals(
                    TOPICS + 1,
                    consumer.committed(Set.of(new TopicPartition("all", 0)))
                            .get(new TopicPartition("all", 0))
                            .offset());
        }
    }

    private static final class Rebalances implements ConsumerRebalanceListener {
        private final List<List<TopicPartition>> assigned = new ArrayList<>();

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            assigned.add(List.copyOf(partitions));
        }
    }

    private static Set<String> read(KafkaConsumer<String, String> consumer, int count) {
        Set<String> values = new HashSet<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (values.size() < count) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                assertEquals("key", record.key());
                String agent = record.value().substring(0, record.value().indexOf(':'));
                assertEquals(
                        topic(Integer.parseInt(agent)),
                        new String(
                                record.headers().lastHeader("headrace.topic").value(),
                                StandardCharsets.UTF_8));
                assertTrue(values.add(record.value()), record.value());
            }
            assertTrue(System.nanoTime() < deadline, values::toString);
        }
        return values;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"share_kafka_python.py", "share_confluent.py", "kafkajs/share.js", "kcat"})
    void otherClientsReadItToo(String client) throws Exception {
        produce(0, TOPICS, "lz4");
        Process process =
                new ProcessBuilder(command(client))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        Set<String> lines = ConcurrentHashMap.newKeySet();
        Thread reader = new Thread(() -> process.inputReader().lines().forEach(lines::add), client);
        try {
            reader.start();
            await(lines, expected(0, TOPICS, "lz4"));
            create(new NewTopic(topic(TOPICS), 1, (short) 1));
            produce(TOPICS, TOPICS + 1, "gzip");
            await(lines, expected(TOPICS, TOPICS + 1, "gzip"));
        } finally {
            process.destroy();
            process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS);
            process.destroyForcibly();
            reader.join(DEADLINE_SECONDS * 1000);
        }
    }

    private List<String> command(String client) {
        if (client.equals("kcat")) {
            return List.of(
                    "kcat",
                    "-u",
                    "-q",
                    "-b",
                    server.bootstrapServers(),
                    "-C",
                    "-t",
                    "all",
                    "-o",
                    "beginning",
                    "-f",
                    "%s\n",
                    "-X",
                    "check.crcs=true");
        }
        return List.of(
                client.endsWith(".js") ? "node" : "/usr/bin/python3",
                "src/test/clients/" + client,
                server.bootstrapServers(),
                "board",
                "all",
                "one");
    }

    private static void await(Set<String> lines, Set<String> expected) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!lines.containsAll(expected)) {
            assertTrue(System.nanoTime() < deadline, () -> "received: " + lines);
            Thread.sleep(20);
        }
    }

    @Test
    void itsOffsetsAreFoundByTheTimesOfTheRecords() throws Exception {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        server.clientConfigs(Map.of()),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = 0; i < 3; i++) {
                producer.send(
                                new ProducerRecord<>(
                                        topic(i), 0, 1000L * (i + 1), "key", i + ":none"))
                        .get();
            }
        }
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        server.clientConfigs(Map.of("auto.offset.reset", "earliest")),
                        new StringDeserializer(),
                        new StringDeserializer())) {
            TopicPartition all = new TopicPartition("all", 0);
            consumer.assign(List.of(all));
            consumer.seekToBeginning(List.of(all));
            read(consumer, 3);
            assertEquals(1, consumer.offsetsForTimes(Map.of(all, 1500L)).get(all).offset());
        }
    }
}
