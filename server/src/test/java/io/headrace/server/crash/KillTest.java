package io.headrace.server.crash;

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
 * Kills the server with SIGKILL in the middle of a produce load, again and again, and checks with a
 * stock consumer what each storage mode promises for that: of persistent topics, synced or not,
 * nothing is lost; a memory topic may lose all, and uses no offset twice; commits stay.
 */
class KillTest {
    private static final int ROUNDS = Integer.getInteger("headrace.kill.rounds", 20);
    private static final int PATIENCE_MS = 60_000;
    private static final int LENGTH_MAX = 300;
    private static final String GROUP = "killed";

    private static final TopicPartition UNSYNCED = new TopicPartition("unsynced", 0);
    private static final TopicPartition MEMORY = new TopicPartition("memory", 0);
    private static final List<TopicPartition> SYNCED =
            Stream.of(0, 1, 2).map(i -> new TopicPartition("synced", i)).toList();
    private static final List<TopicPartition> ALL =
            Stream.concat(SYNCED.stream(), Stream.of(UNSYNCED, MEMORY)).toList();

    @TempDir Path folder;

    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final History history = new History(seed);
    private final GroupHistory group = history.group(GROUP);
    private final Map<TopicPartition, PartitionHistory> logs = new HashMap<>();

    KillTest() {
        SYNCED.forEach(partition -> add(partition, Promise.persistent()));
        add(UNSYNCED, Promise.unsynced());
        add(MEMORY, Promise.memory());
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
        // Small cycles, so that kills hit rolls, too.
        Map<String, String> settings =
                Map.of(
                        "headrace.journal.cycle.bytes",
                        String.valueOf(4 << 20),
                        "headrace.disk.reserve.bytes",
                        "0");
        try (history) {
            for (int round = 0; round < ROUNDS; round++) {
                try (RunningServer server = RunningServer.start(data, port, settings)) {
                    if (round == 0) {
                        createTopics(server);
                    }
                    produceUntilKilled(server, round, 300 + random.nextInt(900));
                }
                if (round % 4 == 3) {
                    delete(data.resolve("rocksdb"));
                }
                if (round % 5 == 4 || round == ROUNDS - 1) {
                    try (RunningServer server = RunningServer.start(data, port, settings)) {
                        check(server, "check-" + round);
                        kill(server);
                    }
                }
            }
            history.verifyAtEnd().orThrow();
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
                                    topic(
                                            MEMORY,
                                            1,
                                            Map.of(
                                                    StorageMode.CONFIG,
                                                    StorageMode.MEMORY.configValue()))))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    private static NewTopic topic(
            TopicPartition name, int partitions, Map<String, String> configs) {
        Map<String, String> all = new HashMap<>(configs);
        all.put("retention.ms", "-1");
        return new NewTopic(name.topic(), partitions, (short) 1).configs(all);
    }

    /** Produces, kills the server after a while, and notes what was acknowledged. */
    private void produceUntilKilled(RunningServer server, int round, int killAfterMs) {
        AtomicInteger acknowledged = new AtomicInteger();
        ProducerHistory own = history.producer("round-" + round);
        KafkaProducer<byte[], byte[]> producer = producer(server);
        try {
            long killAt = 0;
            for (int i = 0; killAt == 0 || System.nanoTime() < killAt; i++) {
                send(producer, own, ALL.get(i % ALL.size()), i % LENGTH_MAX, acknowledged);
                if (killAt == 0 && acknowledged.get() > 0) {
                    killAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(killAfterMs);
                }
                if (i % 20 == 19) {
                    LockSupport.parkNanos(500_000); // what is kept of each record bounds the load
                }
            }
            kill(server);
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
