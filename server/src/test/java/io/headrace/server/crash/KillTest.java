package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.StorageMode;
import io.headrace.server.RunningServer;
import io.headrace.server.WholeReading;
import io.headrace.testing.history.GroupHistory;
import io.headrace.testing.history.History;
import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.ProducerHistory;
import io.headrace.testing.history.Promise;
import io.headrace.testing.history.Stop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills the server with SIGKILL in the middle of a produce load, again and again, or stops it, and
 * checks with a stock consumer what each storage mode promises for that: of persistent topics,
 * synced or not, nothing is lost; of a hybrid topic, the end, no longer than a window; a memory
 * topic may lose all; no offset is used twice; commits stay. Most of the load goes by, so that what
 * stays is sealed meanwhile.
 */
class KillTest {
    private static final int ROUNDS = Integer.getInteger("headrace.kill.rounds", 20);
    private static final int PATIENCE_MS = 60_000;
    private static final int LENGTH_MAX = 300;
    private static final String GROUP = "killed";

    private static final TopicPartition UNSYNCED = new TopicPartition("unsynced", 0);
    private static final TopicPartition MEMORY = new TopicPartition("memory", 0);
    private static final TopicPartition HYBRID = new TopicPartition("hybrid", 0);

    /** A hybrid one whose ring is so large that nothing but the window has it spilled. */
    private static final TopicPartition ROOMY = new TopicPartition("roomy", 0);

    private static final int ROOMY_BYTES = 32 << 20;

    /** Of which little stays. */
    private static final TopicPartition PASSING = new TopicPartition("passing", 0);

    private static final int PASSING_LENGTH = 6_000;

    /** The window of 10 ms, and what two busy cores may do to a server's and a client's clocks. */
    private static final Duration WINDOW = Duration.ofMillis(500);

    private static final List<TopicPartition> SYNCED =
            Stream.of(0, 1, 2).map(i -> new TopicPartition("synced", i)).toList();
    private static final List<TopicPartition> ALL =
            Stream.concat(SYNCED.stream(), Stream.of(UNSYNCED, MEMORY, HYBRID, ROOMY, PASSING))
                    .toList();

    @TempDir Path folder;

    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final History history = new History(seed);
    private final GroupHistory group = history.group(GROUP);
    private final Map<TopicPartition, PartitionHistory> logs = new HashMap<>();

    /** Those that were there after a kill. */
    private final Set<Path> segments = new HashSet<>();

    KillTest() {
        SYNCED.forEach(partition -> add(partition, Promise.persistent()));
        add(UNSYNCED, Promise.unsynced());
        add(MEMORY, Promise.memory());
        add(HYBRID, Promise.hybrid(WINDOW));
        add(ROOMY, Promise.hybrid(WINDOW));
        add(PASSING, Promise.persistent().withRetention());
    }

    private void add(TopicPartition partition, Promise promise) {
        logs.put(partition, history.partition(partition.toString(), promise));
    }

    private PartitionHistory log(TopicPartition partition) {
        return logs.get(partition);
    }

    @Test
    void nothingIsLostByKillsThatItsModeDoesNotAllow() throws Exception {
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        Path data = folder.resolve("data");
        Files.createDirectories(data);
        int port = RunningServer.freePort();
        // Small cycles and rings, so that kills hit rolls, sealing and overwriting, too.
        Map<String, String> settings =
                Map.of(
                        "headrace.journal.cycle.bytes",
                        String.valueOf(1 << 20),
                        "log.retention.check.interval.ms",
                        "100",
                        "headrace.memory.topic.budget.bytes",
                        String.valueOf(1 << 20),
                        "headrace.disk.reserve.bytes",
                        "0");
        try (history) {
            for (int round = 0; round < ROUNDS; round++) {
                try (RunningServer server = RunningServer.start(data, port, settings)) {
                    if (round == 0) {
                        createTopics(server);
                    }
                    produceUntilEnded(server, round, 300 + random.nextInt(900));
                }
                segments.addAll(segments(data));
                if (round % 4 == 3) {
                    delete(data.resolve("rocksdb"));
                }
                if (round % 5 == 1 || round == ROUNDS - 1) {
                    try (RunningServer server = RunningServer.start(data, port, settings)) {
                        check(server, "check-" + round);
                        kill(server);
                    }
                }
            }
            history.verifyAtEnd().orThrow();
            assertTrue(segments.size() > 1, "nothing was sealed");
        }
    }

    private static List<Path> segments(Path data) throws IOException {
        try (Stream<Path> files = Files.walk(data.resolve("segments"))) {
            return files.filter(file -> file.toString().endsWith(".segment")).toList();
        }
    }

    private static void createTopics(RunningServer server) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            admin.createTopics(
                            List.of(
                                    topic(SYNCED.get(0), SYNCED.size(), Map.of()),
                                    topic(
                                            UNSYNCED,
                                            1,
                                            Map.of(
                                                    "flush.messages",
                                                    String.valueOf(Long.MAX_VALUE))),
                                    inMode(MEMORY, StorageMode.MEMORY),
                                    inMode(HYBRID, StorageMode.HYBRID),
                                    roomy(),
                                    topic(PASSING, 1, Map.of("retention.bytes", "100000"))))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    private static NewTopic inMode(TopicPartition name, StorageMode mode) {
        return topic(name, 1, Map.of(StorageMode.CONFIG, mode.configValue()));
    }

    private static NewTopic roomy() {
        String budget = String.valueOf(ROOMY_BYTES);
        String mode = StorageMode.HYBRID.configValue();
        return topic(
                ROOMY,
                1,
                Map.of(StorageMode.CONFIG, mode, "headrace.memory.topic.budget.bytes", budget));
    }

    private static NewTopic topic(
            TopicPartition name, int partitions, Map<String, String> configs) {
        Map<String, String> all = new HashMap<>(configs);
        all.put("retention.ms", "-1");
        return new NewTopic(name.topic(), partitions, (short) 1).configs(all);
    }

    /** Produces, ends the server after a while, and notes what was acknowledged. */
    private void produceUntilEnded(RunningServer server, int round, int killAfterMs) {
        AtomicInteger acknowledged = new AtomicInteger();
        ProducerHistory own = history.producer("round-" + round);
        KafkaProducer<byte[], byte[]> producer = producer(server);
        try {
            long killAt = 0;
            for (int i = 0; killAt == 0 || System.nanoTime() < killAt; i++) {
                TopicPartition to = ALL.get(i % ALL.size());
                int length = to.equals(PASSING) ? PASSING_LENGTH : i % LENGTH_MAX;
                send(producer, own, to, length, acknowledged);
                if (killAt == 0 && acknowledged.get() > 0) {
                    killAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(killAfterMs);
                }
                if (i % 20 == 19) {
                    LockSupport.parkNanos(500_000); // what is kept of each record bounds the load
                }
            }
            end(server, round);
        } finally {
            producer.close(Duration.ZERO);
        }
        assertTrue(acknowledged.get() > 0, "nothing was acknowledged in round " + round);
    }

    private static KafkaProducer<byte[], byte[]> producer(RunningServer server) {
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
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void send(
            KafkaProducer<byte[], byte[]> producer,
            ProducerHistory own,
            TopicPartition partition,
            int length,
            AtomicInteger acknowledged) {
        PartitionHistory log = log(partition);
        long id = log.send(own);
        producer.send(
                new ProducerRecord<>(
                        partition.topic(), partition.partition(), null, log.value(id, length)),
                (metadata, failure) -> {
                    // What failed may be there nevertheless: the server died.
                    if (failure == null) {
                        log.acknowledged(id, metadata.offset());
                        acknowledged.incrementAndGet();
                    }
                });
    }

    /** In one round of four as it should. */
    private void end(RunningServer server, int round) {
        if (round % 4 != 2) {
            kill(server);
            return;
        }
        long since = history.now();
        assertEquals(128 + 15, server.stop());
        history.stopped(Stop.CLEAN, since);
    }

    private void kill(RunningServer server) {
        long since = history.now();
        server.kill();
        history.stopped(Stop.KILL, since);
    }

    /** Reads everything, and commits where it ends; the next check finds that. */
    private void check(RunningServer server, String reader) {
        Map<String, Object> config =
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        server.bootstrapServers(),
                        ConsumerConfig.GROUP_ID_CONFIG,
                        GROUP,
                        ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                        false,
                        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                        "none",
                        ConsumerConfig.CHECK_CRCS_CONFIG,
                        true);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            findCommits(consumer);
            for (TopicPartition partition : ALL) {
                WholeReading.read(consumer, partition, log(partition), reader, PATIENCE_MS);
                if (SYNCED.contains(partition)) {
                    commit(consumer, partition, reader);
                }
            }
        }
        history.verify().orThrow();
    }

    private void findCommits(KafkaConsumer<byte[], byte[]> consumer) {
        List<GroupHistory.Fetch> fetches =
                SYNCED.stream().map(partition -> group.fetch(log(partition))).toList();
        Map<TopicPartition, OffsetAndMetadata> found = consumer.committed(new HashSet<>(SYNCED));
        for (int i = 0; i < fetches.size(); i++) {
            OffsetAndMetadata at = found.get(SYNCED.get(i));
            fetches.get(i).found(at == null ? -1 : at.offset(), at == null ? "" : at.metadata());
        }
    }

    private void commit(
            KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, String metadata) {
        long position = consumer.position(partition);
        GroupHistory.Commit commit = group.ask(log(partition), position, metadata);
        consumer.commitSync(Map.of(partition, new OffsetAndMetadata(position, metadata)));
        group.acknowledged(commit);
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
