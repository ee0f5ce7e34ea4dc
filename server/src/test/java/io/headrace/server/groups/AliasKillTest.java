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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server whose alias is flipped back and forth while a group comes and goes, killed around a
 * flip, a joining and a commit: the alias shows the old or the new version, a flip that was
 * acknowledged stays, a group is in one version with all that it has, and goes on in each where it
 * was.
 */
@Timeout(3600)
final class AliasKillTest {
    private static final int KILLS = Integer.getInteger("headrace.kill.rounds", 4);
    private static final int PARTITIONS = 4;
    private static final int RECORDS = Math.max(4000, 1000 * KILLS);

    /** Polls without a record after which there is nothing left, or the server is not back yet. */
    private static final int EMPTY_POLLS_MAX = 20;

    /** Of a partition. */
    private static final long EACH = RECORDS / PARTITIONS;

    private static final long DEADLINE_SECONDS = 240;
    private static final String GROUP = "workers";
    private static final String LATEST = "pairs.latest";
    private static final List<String> VERSIONS = List.of("v1", "v2");

    /** What is about to happen when the server is killed. */
    private enum Phase {
        JOINING,
        FLIPPING,
        COMMITTING
    }

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final Set<String> contradictions = ConcurrentHashMap.newKeySet();

    /** Behind what was seen, and behind what was committed, by version and partition. */
    private final Map<String, Long> seenEnds = new ConcurrentHashMap<>();

    private final Map<String, Long> committedEnds = new ConcurrentHashMap<>();

    /** What the alias was last known to show, and what it was then asked to. */
    private volatile String acknowledged = "v1";

    private volatile String asked = "v1";

    private volatile boolean isEnding;
    private volatile String bootstrapServers = "";

    /** Whether members stay until they have seen all of the version in which they are. */
    private volatile boolean isDraining;

    /** Where the server is killed, and how often that is let happen before. */
    private volatile @Nullable Phase killedAt;

    private volatile int spared;
    private volatile CountDownLatch reached = new CountDownLatch(1);

    private synchronized void pass(Phase phase) {
        if (phase == killedAt && spared-- == 0) {
            reached.countDown();
        }
    }

    private Properties configs(Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", bootstrapServers);
        configs.put("reconnect.backoff.max.ms", "100");
        configs.putAll(more);
        return configs;
    }

    /** One member's life: takes some records of each partition, and leaves. */
    private final class Session implements ConsumerRebalanceListener {
        private final Set<String> versions = new HashSet<>();
        private final Set<Integer> begun = new HashSet<>();
        private int emptyPolls;

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
                            "group.id", GROUP,
                            "group.protocol", "consumer",
                            "auto.offset.reset", "earliest",
                            // A batch of each partition, all of them in one poll.
                            "max.partition.fetch.bytes", "1",
                            "max.poll.records", "100",
                            "enable.auto.commit", "false");
            KafkaConsumer<String, String> consumer =
                    new KafkaConsumer<>(
                            configs(configs), new StringDeserializer(), new StringDeserializer());
            try {
                pass(Phase.JOINING);
                consumer.subscribe(List.of(LATEST), this);
                while (!isEnding && emptyPolls < EMPTY_POLLS_MAX && !isThrough()) {
                    poll(consumer);
                }
            } finally {
                consumer.close(CloseOptions.timeout(Duration.ofSeconds(5)));
            }
        }

        /** Whether it has seen enough: something of each partition that has something left. */
        private boolean isThrough() {
            return isDraining
                    ? versions.stream().anyMatch(AliasKillTest.this::isSeen)
                    : versions.stream().anyMatch(this::isSeenInAll);
        }

        private boolean isSeenInAll(String version) {
            return IntStream.range(0, PARTITIONS)
                    .allMatch(
                            partition ->
                                    begun.contains(partition)
                                            || isSeen(version + ":" + partition, EACH));
        }

        private void poll(KafkaConsumer<String, String> consumer) {
            try {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                Map<String, Long> ends = new HashMap<>();
                emptyPolls = records.isEmpty() ? emptyPolls + 1 : 0;
                records.forEach(record -> see(record, ends));
                if (!records.isEmpty()) {
                    pass(Phase.COMMITTING);
                    consumer.commitSync(Duration.ofSeconds(10));
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
        asked = version;
        alter(admin, LATEST, Map.of("headrace.view.current", "pairs." + version));
        acknowledged = version;
    }

    private static void alter(Admin admin, String topic, Map<String, String> configs)
            throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        configs.forEach(
                (key, value) ->
                        changes.add(
                                new AlterConfigOp(
                                        new ConfigEntry(key, value), AlterConfigOp.OpType.SET)));
        admin.incrementalAlterConfigs(
                        Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    /** Back and forth until the server is gone; waits for the group, so that it moves too. */
    private void flipAllTheTime(Admin admin) {
        try {
            while (true) {
                pass(Phase.FLIPPING);
                flip(admin, acknowledged.equals("v1") ? "v2" : "v1");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            }
        } catch (Exception serverIsGone) {
            // the next life has a thread of its own
        }
    }

    @Test
    void anAliasAndItsGroupAreWholeWheneverTheServerIsKilled() throws Exception {
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
                        awaitCommittedInAll();
                    } else {
                        checkWhole();
                    }
                    if (life < KILLS) {
                        liveUntilKilled(server, Phase.values()[life % Phase.values().length]);
                    } else {
                        seeAll();
                    }
                }
            }
        } finally {
            isEnding = true;
            consumer.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
        }
        assertEquals(Set.of(), contradictions, () -> "headrace.seed=" + seed);
    }

    private void liveUntilKilled(RunningServer server, Phase phase) throws Exception {
        // No retries of a killed server's flip may come to the next one.
        Admin admin = Admin.create(configs(Map.of()));
        Thread flipper = new Thread(() -> flipAllTheTime(admin), "flipper");
        reached = new CountDownLatch(1);
        spared = 1 + random.nextInt(4);
        killedAt = phase;
        try {
            flipper.start();
            assertTrue(reached.await(DEADLINE_SECONDS, TimeUnit.SECONDS), this::toString);
            // A joining takes its time to reach the server; a flip is there at once.
            long withinMs = phase == Phase.FLIPPING ? 5 : 60;
            LockSupport.parkNanos((long) (random.nextDouble() * withinMs * 1_000_000));
            server.kill();
        } finally {
            killedAt = null;
            admin.close(Duration.ZERO);
            flipper.join(TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
        }
    }

    /** The alias shows what it did or was to; all positions of the group are in one version. */
    private void checkWhole() throws Exception {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            ConfigResource alias = new ConfigResource(ConfigResource.Type.TOPIC, LATEST);
            String current =
                    admin.describeConfigs(List.of(alias))
                            .all()
                            .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                            .get(alias)
                            .get("headrace.view.current")
                            .value()
                            .substring("pairs.".length());
            assertTrue(
                    current.equals(acknowledged) || current.equals(asked),
                    () -> current + " is shown: " + this);
            acknowledged = current;
            asked = current;
            Set<Long> ordinals = new HashSet<>();
            for (Map.Entry<TopicPartition, OffsetAndMetadata> position : positions(admin)) {
                if (position.getKey().topic().equals(LATEST)) {
                    ordinals.add(position.getValue().offset() >> 40);
                }
            }
            assertEquals(1, ordinals.size(), () -> ordinals + " " + this);
        }
    }

    private static Set<Map.Entry<TopicPartition, OffsetAndMetadata>> positions(Admin admin)
            throws Exception {
        return admin.listConsumerGroupOffsets(GROUP)
                .partitionsToOffsetAndMetadata()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .entrySet();
    }

    private void createTopics() throws Exception {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            for (String version : VERSIONS) {
                String topic = "pairs." + version;
                create(admin, topic, Map.of());
                produce(topic, version);
                alter(
                        admin,
                        topic,
                        Map.of("headrace.version.of", "pairs", "headrace.version.name", version));
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
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private void produce(String topic, String version) {
        Properties configs = configs(Map.of("batch.size", "200", "linger.ms", "20"));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, version + ":" + i));
            }
        }
    }

    /**
     * Before anything is killed, so that the group has a position in each partition: what becomes
     * of one without any is another matter.
     */
    private void awaitCommittedInAll() throws Exception {
        try (Admin admin = Admin.create(configs(Map.of()))) {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (positions(admin).size() < PARTITIONS) {
                assertTrue(System.nanoTime() < deadline, this::toString);
                Thread.sleep(50);
            }
        }
    }

    /** Nothing was passed over: each version is read to its end. */
    private void seeAll() throws Exception {
        isDraining = true;
        try (Admin admin = Admin.create(configs(Map.of()))) {
            for (String version : VERSIONS) {
                flip(admin, version);
                await(() -> isSeen(version));
            }
        }
    }

    private boolean isSeen(String version) {
        return IntStream.range(0, PARTITIONS)
                .allMatch(partition -> isSeen(version + ":" + partition, EACH));
    }

    private boolean isSeen(String place, long end) {
        return seenEnds.getOrDefault(place, 0L) == end;
    }

    private void await(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, this::toString);
            Thread.sleep(50);
        }
    }

    @Override
    public String toString() {
        return "seen=%s committed=%s acknowledged=%s asked=%s %s headrace.seed=%d"
                .formatted(seenEnds, committedEnds, acknowledged, asked, contradictions, seed);
    }
}
