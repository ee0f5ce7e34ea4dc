package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.S3Server;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stock consumer reads the first runs of a shuffled dataset in S3 while later objects do not
 * answer; the server is killed there, and again later. What was read is the beginning of what a
 * view has that was made when everything was indexed.
 */
final class EarlyShuffleKillTest {
    private static final int PARTITIONS = 3;
    private static final int OBJECTS = 8;
    private static final int LINES = 300;
    private static final int RUN_UNITS = 2;
    private static final int EPOCHS = 2;

    @TempDir Path folder;

    private S3Server s3;
    private MeteredS3Proxy proxy;
    private int port;
    private SourceDataset dataset;

    @BeforeEach
    void open() throws Exception {
        s3 = new S3Server();
        proxy = MeteredS3Proxy.launch(s3.endpoint());
        port = RunningServer.freePort();
        dataset = SourceDataset.lines(s3, "text", 2, OBJECTS, LINES);
    }

    @AfterEach
    void close() {
        proxy.close();
        s3.close();
    }

    private RunningServer start() throws IOException {
        Map<String, String> settings = new HashMap<>();
        settings.put("headrace.journal.cycle.bytes", Integer.toString(4 << 20));
        settings.put("headrace.disk.reserve.bytes", "0");
        settings.put("headrace.memory.budget.bytes", Integer.toString(64 << 20));
        s3.config("", proxy.endpoint())
                .forEach((key, value) -> settings.put("headrace.store.s3." + key, value));
        Path data = Files.createDirectories(folder.resolve("data"));
        return RunningServer.start(data, port, settings);
    }

    /** Of objects from this one on nothing is sent. */
    private void holdFrom(int object) {
        String first = "text/%06d.txt".formatted(object);
        proxy.shape().hold(key -> key.startsWith("text/") && key.compareTo(first) >= 0);
    }

    private void createView(RunningServer server, String name) throws Exception {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "shuffle");
        configs.put("headrace.view.topics", "text");
        configs.put("headrace.view.seed", "3");
        configs.put("headrace.view.epochs", Integer.toString(EPOCHS));
        configs.put("headrace.view.first.epoch.units", Integer.toString(RUN_UNITS));
        NewTopic view = new NewTopic(name, Optional.of(PARTITIONS), Optional.empty());
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            admin.createTopics(List.of(view.configs(configs))).all().get();
        }
    }

    /** A consumer of a group; one whose position is not there any more would fail. */
    private static KafkaConsumer<String, String> consumer(RunningServer server, String group) {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers",
                        server.bootstrapServers(),
                        "group.id",
                        group,
                        "enable.auto.commit",
                        "false",
                        "auto.offset.reset",
                        "none");
        return new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer());
    }

    private static List<TopicPartition> partitions(String view) {
        return IntStream.range(0, PARTITIONS)
                .mapToObj(number -> new TopicPartition(view, number))
                .toList();
    }

    /** Reads until there are records of all numbers below; none is there with another value. */
    private static void readTo(
            KafkaConsumer<String, String> consumer, int count, Map<Integer, String> read) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (read.size() < count) {
            assertTrue(System.nanoTime() < deadline, "only " + read.size() + " of " + count);
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                int n = (int) record.offset() * PARTITIONS + record.partition();
                String other = read.put(n, record.value());
                assertTrue(other == null || other.equals(record.value()), () -> "number " + n);
            }
        }
        assertEquals(count, read.size());
    }

    private static long count(KafkaConsumer<String, String> consumer, String view) {
        return consumer.endOffsets(partitions(view)).values().stream().mapToLong(n -> n).sum();
    }

    @Test
    void aKilledServerGoesOnWhereTheFirstRunsWereRead() throws Exception {
        holdFrom(2 * RUN_UNITS);
        TreeMap<Integer, String> read = new TreeMap<>();
        int early = 2 * RUN_UNITS * LINES;
        try (RunningServer server = start()) {
            SourceServer.create(server.bootstrapServers(), dataset, Map.of());
            createView(server, "view");
            try (KafkaConsumer<String, String> consumer = consumer(server, "first")) {
                consumer.assign(partitions("view"));
                consumer.seekToBeginning(partitions("view"));
                readTo(consumer, early, read);
                assertEquals(early, count(consumer, "view"));
                consumer.commitSync();
                server.kill();
            }
        }
        for (int n = 0; n < early; n++) {
            int object = Integer.parseInt(read.get(n).split(" ")[1]);
            assertEquals(n / (RUN_UNITS * LINES), object / RUN_UNITS, "run of record " + n);
        }
        try (RunningServer server = start()) {
            try (KafkaConsumer<String, String> again = consumer(server, "again")) {
                again.assign(partitions("view"));
                again.seekToBeginning(partitions("view"));
                Map<Integer, String> anew = new TreeMap<>();
                readTo(again, early, anew);
                assertEquals(read, anew);
                assertEquals(early, count(again, "view"));
            }
            try (KafkaConsumer<String, String> consumer = consumer(server, "first")) {
                consumer.assign(partitions("view")); // from what was committed
                holdFrom(3 * RUN_UNITS);
                readTo(consumer, 3 * RUN_UNITS * LINES, read);
                consumer.commitSync();
                server.kill();
            }
        }
        int all = EPOCHS * OBJECTS * LINES;
        try (RunningServer server = start()) {
            proxy.shape().hold(key -> false);
            try (KafkaConsumer<String, String> consumer = consumer(server, "first")) {
                consumer.assign(partitions("view"));
                readTo(consumer, all, read);
                assertEquals(all, count(consumer, "view"));
            }
            createView(server, "later");
            TreeMap<Integer, String> later = new TreeMap<>();
            try (KafkaConsumer<String, String> consumer = consumer(server, "later")) {
                consumer.assign(partitions("later"));
                consumer.seekToBeginning(partitions("later"));
                readTo(consumer, all, later);
            }
            assertEquals(later, read);
        }
        List<String> expected = new ArrayList<>();
        for (List<byte[]> partition : dataset.partitions()) {
            partition.forEach(value -> expected.add(new String(value, StandardCharsets.UTF_8)));
        }
        Collections.sort(expected);
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            List<String> found =
                    new ArrayList<>(
                            read.subMap(epoch * OBJECTS * LINES, (epoch + 1) * OBJECTS * LINES)
                                    .values());
            Collections.sort(found);
            assertEquals(expected, found);
        }
    }
}
