package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
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
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server with an alias that is flipped all the time, killed again and again while a group comes
 * and goes: it goes on in each version where it was there, and misses nothing.
 */
@Timeout(300)
class AliasKillTest {
    private static final int KILLS = 4;
    private static final int PARTITIONS = 2;
    private static final int RECORDS = 300;
    private static final int RECORDS_PER_SESSION = 12;
    private static final long DEADLINE_SECONDS = 90;
    private static final String LATEST = "pairs.latest";

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final Set<String> contradictions = ConcurrentHashMap.newKeySet();

    /** Behind what was seen, and behind what was committed, by version and partition. */
    private final Map<String, Long> seenEnds = new ConcurrentHashMap<>();

    private final Map<String, Long> committedEnds = new ConcurrentHashMap<>();
    private volatile boolean isEnding;
    private volatile String bootstrapServers = "";

    /** Whether the alias is flipped. */
    private volatile boolean isFlipping;

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", bootstrapServers);
        configs.put("reconnect.backoff.max.ms", "100");
        configs.putAll(more);
        return configs;
    }

    /** One member's life: takes some records, and leaves. */
    private final class Session implements ConsumerRebalanceListener {
        private final Set<String> versions = new HashSet<>();
        private final Set<Integer> begun = new HashSet<>();
        private int count;

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
            versions.clear();
            begun.clear();
        }

        private void run() {
            Map<String, String> configs =
                    Map.of(
                            "group.id", "workers",
                            "group.protocol", "consumer",
                            "auto.offset.reset", "earliest",
                            "max.poll.records", "5",
                            "enable.auto.commit", "false");
            try (KafkaConsumer<String, String> consumer =
                    new KafkaConsumer<>(
                            configs(configs), new StringDeserializer(), new StringDeserializer())) {
                consumer.subscribe(List.of(LATEST), this);
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
                while (count < RECORDS_PER_SESSION && System.nanoTime() < deadline && !isEnding) {
                    poll(consumer);
                }
            }
        }

        private void poll(KafkaConsumer<String, String> consumer) {
            try {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                Map<String, Long> ends = new HashMap<>();
                records.forEach(record -> see(record, ends));
                if (!records.isEmpty()) {
                    consumer.commitSync(Duration.ofSeconds(2));
                    committedEnds.putAll(ends);
                }
            } catch (KafkaException serverIsGone) {
                // goes on when it is back
            }
        }

        private void see(ConsumerRecord<String, String> record, Map<String, Long> ends) {
            String version = record.value().split(":")[0];
            String place = version + ":" + record.partition();
            long offset = record.offset() & (1L << 40) - 1;
            versions.add(version);
            if (versions.size() > 1) {
                contradictions.add("two versions at once: " + record);
            }
            long seenEnd = seenEnds.getOrDefault(place, 0L);
            if (begun.add(record.partition()) && offset < committedEnds.getOrDefault(place, 0L)) {
                contradictions.add("position lost: " + place + " offset=" + offset);
            }
            if (offset > seenEnd) {
                contradictions.add("missed: " + place + " offset=" + offset + " seen=" + seenEnd);
            }
            seenEnds.put(place, Math.max(seenEnd, offset + 1));
            ends.put(place, offset + 1);
            count++;
        }
    }

    private void consume() {
        while (!isEnding) {
            try {
                new Session().run();
            } catch (KafkaException serverIsGone) {
                // goes on when it is back
            } catch (RuntimeException failure) {
                contradictions.add(failure.toString());
            }
        }
    }

    private void flip(Admin admin, String version) throws Exception {
        AlterConfigOp shown =
                new AlterConfigOp(
                        new ConfigEntry("headrace.view.current", "pairs." + version),
                        AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(
                        Map.of(
                                new ConfigResource(ConfigResource.Type.TOPIC, LATEST),
                                List.of(shown)))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private void flipAllTheTime() {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            for (int i = 0; isFlipping; i++) {
                flip(admin, i % 2 == 0 ? "v2" : "v1");
                Thread.sleep(100);
            }
        } catch (Exception serverIsGone) {
            // the next life has a thread of its own
        }
    }

    @Test
    void aGroupGoesOnInEachVersionWheneverTheServerIsKilled() throws Exception {
        int port = RunningServer.freePort();
        Path data = folder.resolve("data");
        Thread consumer = new Thread(this::consume, "consumer");
        try {
            for (int life = 0; life <= KILLS; life++) {
                try (RunningServer server = RunningServer.start(data, port, Map.of())) {
                    bootstrapServers = server.bootstrapServers();
                    if (life == 0) {
                        createTopics();
                        consumer.start();
                        awaitSeenAny();
                    }
                    live(server, life == KILLS);
                }
            }
        } finally {
            isEnding = true;
            consumer.join(DEADLINE_SECONDS * 1000);
        }
        assertEquals(Set.of(), contradictions, () -> "headrace.seed=" + seed);
    }

    private void live(RunningServer server, boolean isLast) throws Exception {
        if (isLast) {
            try (Admin admin = Admin.create(configs(Map.of()))) {
                for (String version : List.of("v1", "v2")) {
                    flip(admin, version);
                    awaitSeen(version);
                }
            }
            return;
        }
        isFlipping = true;
        Thread flipper = new Thread(this::flipAllTheTime, "flipper");
        flipper.start();
        Thread.sleep(1000 + random.nextInt(3000));
        isFlipping = false;
        server.kill();
        flipper.join(DEADLINE_SECONDS * 1000);
    }

    private void createTopics() throws Exception {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            for (String version : List.of("v1", "v2")) {
                String topic = "pairs." + version;
                create(admin, topic, Map.of("retention.ms", "-1"));
                produce(topic, version);
                List<AlterConfigOp> published = new ArrayList<>();
                Map.of("headrace.version.of", "pairs", "headrace.version.name", version)
                        .forEach(
                                (key, value) ->
                                        published.add(
                                                new AlterConfigOp(
                                                        new ConfigEntry(key, value),
                                                        AlterConfigOp.OpType.SET)));
                admin.incrementalAlterConfigs(
                                Map.of(
                                        new ConfigResource(ConfigResource.Type.TOPIC, topic),
                                        published))
                        .all()
                        .get();
            }
            create(
                    admin,
                    LATEST,
                    Map.of(
                            "headrace.view.type", "alias",
                            "headrace.view.current", "pairs.v1"));
        }
    }

    private static void create(Admin admin, String name, Map<String, String> configs)
            throws Exception {
        admin.createTopics(
                        List.of(
                                new NewTopic(name, Optional.of(PARTITIONS), Optional.empty())
                                        .configs(configs)))
                .all()
                .get();
    }

    private void produce(String topic, String version) {
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        configs(Map.of("batch.size", "200")),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, version + ":" + i));
            }
        }
    }

    /** So that of each partition something is committed before the alias is flipped. */
    private void awaitSeenAny() throws InterruptedException {
        await(() -> committedEnds.containsKey("v1:0") && committedEnds.containsKey("v1:1"));
    }

    private void awaitSeen(String version) throws InterruptedException {
        long each = RECORDS / PARTITIONS;
        await(
                () ->
                        seenEnds.getOrDefault(version + ":0", 0L) == each
                                && seenEnds.getOrDefault(version + ":1", 0L) == each);
    }

    private void await(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue(
                    System.nanoTime() < deadline,
                    () -> "seen=" + seenEnds + " " + contradictions + " headrace.seed=" + seed);
            Thread.sleep(50);
        }
    }
}
