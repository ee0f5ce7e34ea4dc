package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.headrace.server.RunningServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The disk fills up, once by what is produced and once to the last block by somebody else, under a
 * server with stock clients: they are refused for the time being and nothing else happens.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class DiskFullTest {
    private static final long DISK_BYTES = 160L << 20;
    private static final int VALUE_LENGTH = 50_000;

    /** Each time, before all else, so that the other topic has files of its own. */
    private static final int KEPT_COUNT = 20;

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Map<String, String> SETTINGS =
            Map.of(
                    "headrace.journal.cycle.bytes",
                    String.valueOf(4 << 20),
                    "headrace.journal.shards",
                    "1",
                    "headrace.disk.reserve.bytes",
                    String.valueOf(24 << 20),
                    "headrace.cache.disk.bytes",
                    "0");

    @TempDir Path folder;

    private final Random values = new Random(1);
    private final List<byte[]> kept = new ArrayList<>();

    @Test
    void producersAreRefusedUntilThereIsSpaceAndAllElseGoesOn() throws Exception {
        try (LoopDisk disk = LoopDisk.mount(folder, DISK_BYTES);
                RunningServer server =
                        RunningServer.start(disk.folder(), RunningServer.freePort(), SETTINGS);
                Admin admin = Admin.create(client(server))) {
            createTopics(admin, "kept", "other");
            fillByProducing(server, admin);
            byDeletingATopicProducersGoOn(server, admin);
            createTopics(admin, "other");
            fillByProducing(server, admin);
            Path foreign = disk.fill();
            assertRefused(server);
            assertKept(server);
            deleteOther(admin);
            assertRefused(server);
            assertKept(server);
            Files.delete(foreign);
            awaitAccepted(server);
            assertKept(server);
            assertNothingBroke(server);
            assertEquals(128 + 15, server.stop());
            assertRestarts(disk);
        }
    }

    private void fillByProducing(RunningServer server, Admin admin) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(server)) {
            int accepted = 0;
            while (isAccepted(producer, accepted++ < KEPT_COUNT ? "kept" : "other")) {
                assertTrue(accepted < 2 * DISK_BYTES / VALUE_LENGTH, "never refused");
            }
            assertTrue(accepted > 5 * KEPT_COUNT, "refused after " + accepted);
        }
        assertRefused(server);
        assertKept(server);
        assertEquals(
                2, admin.describeTopics(List.of("kept", "other")).allTopicNames().get().size());
    }

    private void byDeletingATopicProducersGoOn(RunningServer server, Admin admin) throws Exception {
        deleteOther(admin);
        awaitAccepted(server);
        assertKept(server);
    }

    private static void createTopics(Admin admin, String... names) throws Exception {
        List<NewTopic> topics =
                Arrays.stream(names).map(name -> new NewTopic(name, 1, (short) 1)).toList();
        admin.createTopics(topics).all().get();
    }

    private static void deleteOther(Admin admin) throws Exception {
        TopicPartition other = new TopicPartition("other", 0);
        RecordsToDelete some = RecordsToDelete.beforeOffset(1);
        assertEquals(
                1,
                admin.deleteRecords(Map.of(other, some))
                        .lowWatermarks()
                        .get(other)
                        .get()
                        .lowWatermark());
        admin.deleteTopics(List.of("other")).all().get();
        assertFalse(admin.listTopics().names().get().contains("other"));
    }

    private static Map<String, Object> client(RunningServer server) {
        return Map.of("bootstrap.servers", server.bootstrapServers());
    }

    /** Without retries, so that the server's own answer is what the test sees. */
    private static KafkaProducer<byte[], byte[]> producer(RunningServer server) {
        return new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        server.bootstrapServers(),
                        "enable.idempotence",
                        false,
                        "retries",
                        0,
                        "linger.ms",
                        0),
                new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /** Sends one record; false if it is refused, which the client must take for temporary. */
    private boolean isAccepted(KafkaProducer<byte[], byte[]> producer, String topic)
            throws Exception {
        byte[] value = new byte[VALUE_LENGTH];
        values.nextBytes(value);
        try {
            long offset = producer.send(new ProducerRecord<>(topic, 0, null, value)).get().offset();
            if (topic.equals("kept")) {
                assertEquals(kept.size(), offset);
                kept.add(value);
            }
            return true;
        } catch (ExecutionException e) {
            assertInstanceOf(RetriableException.class, e.getCause());
            return false;
        }
    }

    private void assertRefused(RunningServer server) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(server)) {
            for (int attempt = 0; attempt < 3; attempt++) {
                assertFalse(isAccepted(producer, "kept"));
            }
        }
    }

    private void awaitAccepted(RunningServer server) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (KafkaProducer<byte[], byte[]> producer = producer(server)) {
            while (!isAccepted(producer, "kept")) {
                if (System.nanoTime() > deadline) {
                    fail("not accepted again:\n" + server.output());
                }
                TimeUnit.MILLISECONDS.sleep(100);
            }
        }
    }

    /** Reads the topic from its beginning with a consumer that checks what it gets. */
    private void assertKept(RunningServer server) {
        TopicPartition partition = new TopicPartition("kept", 0);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        client(server), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            int read = 0;
            while (read < kept.size()) {
                assertTrue(System.nanoTime() < deadline, "read " + read + " of " + kept.size());
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    assertEquals(read, record.offset());
                    assertTrue(Arrays.equals(kept.get(read++), record.value()), "other bytes");
                }
            }
            assertEquals(kept.size(), consumer.endOffsets(List.of(partition)).get(partition));
        }
    }

    private static void assertNothingBroke(RunningServer server) throws Exception {
        String output = server.output();
        for (String sign : List.of("InternalError", "SIGBUS", "fatal error", "OutOfMemory")) {
            assertFalse(output.contains(sign), output);
        }
    }

    private void assertRestarts(LoopDisk disk) throws Exception {
        try (RunningServer server =
                RunningServer.start(disk.folder(), RunningServer.freePort(), SETTINGS)) {
            assertKept(server);
            awaitAccepted(server);
        }
    }
}
