package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.RunningServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.LogTruncationException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real server under load by stock clients, backed up, killed, and restored elsewhere. */
@Timeout(value = 6, unit = TimeUnit.MINUTES)
class BackupUnderLoadTest {
    private static final String TOPIC = "loaded";
    private static final String GROUP = "readers";
    private static final int PARTITIONS = 4;
    private static final int PARTIAL_POLL_NS = 200_000;

    @TempDir Path folder;

    private int port;
    private int adminPort;
    private final AtomicBoolean done = new AtomicBoolean();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    /** What was acknowledged, per partition: the record's value by its offset. */
    private final Map<Integer, ConcurrentSkipListMap<Long, String>> acknowledged =
            new ConcurrentHashMap<>();

    private final Map<TopicPartition, Long> committed = new ConcurrentHashMap<>();

    @AfterEach
    void stopLoad() {
        done.set(true);
    }

    private RunningServer start(String data) throws Exception {
        if (port == 0) {
            port = RunningServer.freePort();
            adminPort = RunningServer.freePort();
        }
        return RunningServer.start(
                Files.createDirectories(folder.resolve(data)),
                port,
                Map.of(
                        "headrace.journal.cycle.bytes",
                        String.valueOf(4 << 20),
                        "headrace.journal.shards",
                        "3",
                        "headrace.disk.reserve.bytes",
                        "0",
                        "headrace.admin.listener",
                        "127.0.0.1:" + adminPort));
    }

    @Test
    void whatWasAcknowledgedIsRestoredAsACleanPrefixWithItsGroups() throws Exception {
        Map<Integer, Map<Long, String>> before = new HashMap<>();
        Map<TopicPartition, Long> committedBefore;
        Map<TopicPartition, Long> seen;
        try (RunningServer server = start("data")) {
            createTopic();
            List<Thread> load = List.of(thread(this::produce), thread(this::consume));
            awaitAcknowledged(2000);
            await("commits", () -> committed.size() == PARTITIONS);
            acknowledged.forEach(
                    (partition, records) -> before.put(partition, new HashMap<>(records)));
            committedBefore = new HashMap<>(committed);
            assertEquals(0, run("backup", "create", backup(), "--admin-server", admin()));
            awaitAcknowledged(count() + 2000);
            done.set(true);
            for (Thread each : load) {
                each.join();
            }
            assertEquals(null, failure.get());
            try (KafkaConsumer<String, String> ahead = consumer("none")) {
                seen = readAhead(ahead);
                server.kill();
                assertEquals(0, run("restore", backup(), folder.resolve("restored").toString()));
                try (RunningServer restored = start("restored")) {
                    Map<TopicPartition, Long> ends = check(before);
                    checkGroup(committedBefore, ends);
                    assertTruncationIsNoticed(ahead, seen, ends);
                    assertNoOffsetIsGivenTwice(seen);
                    restored.kill();
                }
            }
        }
    }

    /** A consumer that had read more than is there is told so. */
    private static void assertTruncationIsNoticed(
            KafkaConsumer<String, String> ahead,
            Map<TopicPartition, Long> seen,
            Map<TopicPartition, Long> ends) {
        LogTruncationException noticed =
                assertThrows(
                        LogTruncationException.class,
                        () -> {
                            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                            while (System.nanoTime() < deadline) {
                                ahead.poll(Duration.ofMillis(200));
                            }
                        });
        noticed.divergentOffsets()
                .forEach(
                        (partition, offset) -> {
                            assertEquals(ends.get(partition), offset.offset());
                            assertTrue(seen.get(partition) > offset.offset());
                        });
        assertFalse(noticed.divergentOffsets().isEmpty());
    }

    private void assertNoOffsetIsGivenTwice(Map<TopicPartition, Long> seen) throws Exception {
        try (KafkaProducer<String, String> producer = producer()) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                RecordMetadata sent =
                        producer.send(new ProducerRecord<>(TOPIC, partition, "new", "new")).get();
                long had = seen.get(new TopicPartition(TOPIC, partition));
                assertTrue(sent.offset() > had, sent + " is not behind " + had);
            }
        }
        try (KafkaConsumer<String, String> consumer = groupConsumer()) {
            consumer.subscribe(List.of(TOPIC));
            Set<Integer> found = ConcurrentHashMap.newKeySet();
            await(
                    "new records for the group",
                    () -> {
                        for (ConsumerRecord<String, String> record :
                                consumer.poll(Duration.ofMillis(200))) {
                            if ("new".equals(record.key())) {
                                found.add(record.partition());
                            }
                        }
                        consumer.commitSync();
                        return found.size() == PARTITIONS;
                    });
        }
    }

    /** Every partition is what it was, up to some offset behind all that was acknowledged. */
    private Map<TopicPartition, Long> check(Map<Integer, Map<Long, String>> before) {
        Map<TopicPartition, Long> ends = new HashMap<>();
        try (KafkaConsumer<String, String> consumer = consumer("none")) {
            for (int number = 0; number < PARTITIONS; number++) {
                TopicPartition partition = new TopicPartition(TOPIC, number);
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                long end = consumer.endOffsets(List.of(partition)).get(partition);
                Map<Long, String> missing = new HashMap<>(before.get(number));
                long next = 0;
                int last = -1;
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (next < end) {
                    assertTrue(System.nanoTime() < deadline, "not read within 60 s");
                    for (ConsumerRecord<String, String> record :
                            consumer.poll(Duration.ofMillis(200))) {
                        assertEquals(next++, record.offset(), "offsets are dense");
                        String was = acknowledged.get(number).get(record.offset());
                        assertTrue(was == null || was.equals(record.value()), record.toString());
                        missing.remove(record.offset(), record.value());
                        int sequence = Integer.parseInt(record.key());
                        assertTrue(sequence > last, "out of order: " + record);
                        last = sequence;
                    }
                }
                assertEquals(Map.of(), missing, "acknowledged before the backup and not there");
                ends.put(partition, end);
            }
        }
        return ends;
    }

    private void checkGroup(
            Map<TopicPartition, Long> committedBefore, Map<TopicPartition, Long> ends)
            throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap()))) {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    admin.listConsumerGroupOffsets(GROUP)
                            .partitionsToOffsetAndMetadata()
                            .get(60, TimeUnit.SECONDS);
            committedBefore.forEach(
                    (partition, before) -> {
                        long offset = offsets.get(partition).offset();
                        assertTrue(offset >= before, partition + ": " + offset + " < " + before);
                        assertTrue(
                                offset <= ends.get(partition),
                                partition + ": committed " + offset + " of " + ends.get(partition));
                    });
        }
    }

    @Test
    void aKilledCommandLeavesNothingThatIsTakenForABackupNorHeldFiles() throws Exception {
        try (RunningServer server = start("data")) {
            createTopic();
            fill();
            Process command =
                    start("backup", "create", backup(), "--copy", "--admin-server", admin());
            awaitPartial(command);
            command.destroyForcibly().waitFor();
            assertFalse(Files.exists(Path.of(backup())), "it was complete before it was killed");
            assertEquals(1, run("restore", backup() + ".partial", folder.resolve("r").toString()));
            // The lease of the one that is gone runs out.
            await(
                    "another backup",
                    () -> run("backup", "create", backup(), "--admin-server", admin()) == 0);
            assertEquals(0, run("backup", "verify", backup()));
            assertFalse(Files.exists(Path.of(backup() + ".partial")));
            server.kill();
        }
    }

    @Test
    void aKilledServerLeavesNothingThatIsTakenForABackup() throws Exception {
        try (RunningServer server = start("data")) {
            createTopic();
            fill();
            Process command =
                    start("backup", "create", backup(), "--copy", "--admin-server", admin());
            awaitPartial(command);
            server.kill();
            assertEquals(1, command.waitFor());
            assertFalse(Files.exists(Path.of(backup())));
        }
        try (RunningServer server = start("data")) {
            assertEquals(0, run("backup", "create", backup(), "--admin-server", admin()));
            assertEquals(0, run("restore", backup(), folder.resolve("restored").toString()));
            server.kill();
        }
    }

    private void awaitPartial(Process command) {
        Path partial = Path.of(backup() + ".partial");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!Files.exists(partial)) {
            assertTrue(command.isAlive() && System.nanoTime() < deadline, "no backup was begun");
            LockSupport.parkNanos(PARTIAL_POLL_NS);
        }
    }

    private String backup() {
        return folder.resolve("backup").toString();
    }

    private String admin() {
        return "127.0.0.1:" + adminPort;
    }

    private String bootstrap() {
        return "127.0.0.1:" + port;
    }

    private Process start(String... arguments) throws Exception {
        return RunningServer.command(folder.resolve("command.log"), arguments);
    }

    private int run(String... arguments) {
        try {
            Process process = start(arguments);
            return process.waitFor();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private void createTopic() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap()))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1)))
                    .all()
                    .get(30, TimeUnit.SECONDS);
        }
    }

    private void fill() throws Exception {
        String value = "x".repeat(60_000);
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 600; i++) {
                producer.send(new ProducerRecord<>(TOPIC, i % PARTITIONS, "", value));
            }
        }
    }

    private Thread thread(Runnable body) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                body.run();
                            } catch (RuntimeException | Error e) {
                                failure.set(e);
                            }
                        });
        thread.start();
        return thread;
    }

    private KafkaProducer<String, String> producer() {
        return new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap(), "linger.ms", 1),
                new StringSerializer(),
                new StringSerializer());
    }

    private void produce() {
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; !done.get(); i++) {
                String key = String.valueOf(i);
                String value = key + ":" + "x".repeat(i % 2000);
                producer.send(
                        new ProducerRecord<>(TOPIC, i % PARTITIONS, key, value),
                        (sent, failed) -> {
                            if (failed == null) {
                                acknowledged
                                        .computeIfAbsent(
                                                sent.partition(),
                                                p -> new ConcurrentSkipListMap<>())
                                        .put(sent.offset(), value);
                            }
                        });
                if (i % 20 == 19) {
                    LockSupport.parkNanos(2_000_000); // what is kept of each record bounds the load
                }
            }
        }
    }

    /** Reads and commits all the time. */
    private void consume() {
        try (KafkaConsumer<String, String> consumer = groupConsumer()) {
            consumer.subscribe(List.of(TOPIC));
            while (!done.get()) {
                consumer.poll(Duration.ofMillis(20));
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                for (TopicPartition partition : consumer.assignment()) {
                    positions.put(partition, new OffsetAndMetadata(consumer.position(partition)));
                }
                consumer.commitSync(positions);
                positions.forEach((partition, at) -> committed.put(partition, at.offset()));
            }
        }
    }

    private KafkaConsumer<String, String> groupConsumer() {
        return new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers",
                        bootstrap(),
                        "group.id",
                        GROUP,
                        "auto.offset.reset",
                        "earliest",
                        "enable.auto.commit",
                        false),
                new StringDeserializer(),
                new StringDeserializer());
    }

    private KafkaConsumer<String, String> consumer(String reset) {
        return new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrap(), "auto.offset.reset", reset),
                new StringDeserializer(),
                new StringDeserializer());
    }

    /** Reads to the end, which is behind the backup's. */
    private static Map<TopicPartition, Long> readAhead(KafkaConsumer<String, String> consumer) {
        List<TopicPartition> all =
                List.of(
                        new TopicPartition(TOPIC, 0),
                        new TopicPartition(TOPIC, 1),
                        new TopicPartition(TOPIC, 2),
                        new TopicPartition(TOPIC, 3));
        consumer.assign(all);
        consumer.seekToBeginning(all);
        Map<TopicPartition, Long> ends = consumer.endOffsets(all);
        await(
                "the end",
                () -> {
                    consumer.poll(Duration.ofMillis(200));
                    return all.stream().allMatch(each -> consumer.position(each) >= ends.get(each));
                });
        return ends;
    }

    private long count() {
        return acknowledged.values().stream().mapToLong(Map::size).sum();
    }

    private void awaitAcknowledged(long wanted) {
        await(wanted + " records", () -> failure.get() != null || count() >= wanted);
    }

    private interface Condition {
        boolean holds();
    }

    private static void await(String what, Condition condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadline, "not within 120 s: " + what);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
