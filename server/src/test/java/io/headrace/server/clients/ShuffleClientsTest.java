package io.headrace.server.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.headrace.server.RunningServer;
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
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clients that know nothing of views read one of a shuffled source, in groups and without. */
final class ShuffleClientsTest {
    private static final int PARTITIONS = 3;
    private static final long DEADLINE_SECONDS = 120;

    @TempDir Path folder;
    private Path objects;
    private int port;
    private RunningServer server;
    private final List<String> samples = new ArrayList<>();

    @BeforeEach
    void launch() throws Exception {
        objects = Files.createDirectory(folder.resolve("objects"));
        put(0, 6);
        port = RunningServer.freePort();
        start();
        create(
                "base",
                2,
                Map.of("headrace.source.uri", "data://", "headrace.source.format", "lines"));
        createView("view", Map.of());
    }

    private void start() throws Exception {
        Map<String, String> settings =
                Map.of(
                        "headrace.journal.cycle.bytes",
                        Integer.toString(4 << 20),
                        "headrace.journal.shards",
                        "1",
                        "headrace.disk.reserve.bytes",
                        "0",
                        "headrace.memory.budget.bytes",
                        Integer.toString(64 << 20),
                        "headrace.store.data.uri",
                        objects.toUri().toString());
        server = RunningServer.start(folder.resolve("data"), port, settings);
    }

    private void put(int from, int to) throws Exception {
        for (int object = from; object < to; object++) {
            StringBuilder text = new StringBuilder();
            for (int line = 0; line < 400; line++) {
                String sample = "sample-" + object + "-" + line + "-" + "x".repeat(line % 200);
                samples.add(sample);
                text.append(sample).append('\n');
            }
            Files.writeString(objects.resolve("%04d.txt".formatted(object)), text);
        }
    }

    private void createView(String name, Map<String, String> more) throws Exception {
        Map<String, String> configs = new HashMap<>(more);
        configs.putIfAbsent("headrace.view.type", "shuffle");
        configs.putIfAbsent("headrace.view.topics", "base");
        create(name, PARTITIONS, configs);
    }

    private void create(String name, int partitions, Map<String, String> configs) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.empty());
            admin.createTopics(List.of(topic.configs(configs)))
                    .all()
                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        }
    }

    @AfterEach
    void close() {
        server.close();
    }

    private KafkaConsumer<String, String> consumer(Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(more);
        configs.put("bootstrap.servers", server.bootstrapServers());
        configs.put("auto.offset.reset", "earliest");
        configs.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer());
    }

    /** Reads until there are so many. */
    private static List<ConsumerRecord<String, String>> poll(
            KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (records.size() < count) {
            assertTrue(System.nanoTime() < deadline, "only " + records.size() + " of " + count);
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    /** All records of a view, by number. */
    private List<ConsumerRecord<String, String>> all(String view, int count) {
        List<ConsumerRecord<String, String>> records =
                new ArrayList<>(Collections.nCopies(count, null));
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            List<TopicPartition> partitions =
                    IntStream.range(0, PARTITIONS)
                            .mapToObj(number -> new TopicPartition(view, number))
                            .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            for (ConsumerRecord<String, String> record : poll(consumer, count)) {
                int n = (int) record.offset() * PARTITIONS + record.partition();
                assertTrue(records.set(n, record) == null, () -> "twice: " + record);
            }
            long ends = consumer.endOffsets(partitions).values().stream().mapToLong(n -> n).sum();
            assertEquals(count, ends);
        }
        return List.copyOf(records);
    }

    private List<String> values(String view, int count) {
        return all(view, count).stream().map(ConsumerRecord::value).toList();
    }

    private static void assertSame(List<String> expected, List<String> actual) {
        List<String> sorted = new ArrayList<>(actual);
        List<String> sortedExpected = new ArrayList<>(expected);
        Collections.sort(sorted);
        Collections.sort(sortedExpected);
        assertEquals(sortedExpected, sorted);
    }

    @Test
    void aKilledServerGoesOnInTheSameOrder() throws Exception {
        List<String> first = values("view", samples.size());
        assertSame(samples, first);
        assertNotEquals(samples, first);
        int count = samples.size();
        server.kill();
        put(6, 8);
        start();
        assertEquals(first, values("view", count));
        createView("grown", Map.of());
        assertSame(samples, values("grown", samples.size()));
    }

    /** Whoever kills it while it indexes: what is read then is what is read later. */
    @Test
    void aServerThatIsKilledBeforeTheViewIsReadyGoesOn() throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition("view", 0)));
            consumer.poll(Duration.ofMillis(1));
        }
        server.kill();
        start();
        List<String> first = values("view", samples.size());
        assertSame(samples, first);
        server.kill();
        start();
        assertEquals(first, values("view", samples.size()));
    }

    @Test
    void sidesOfAMixAreMarked() throws Exception {
        Files.createDirectory(objects.resolve("other"));
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            text.append("other-").append(i).append('\n');
        }
        Files.writeString(objects.resolve("other/1.txt"), text);
        Path left = Files.createDirectory(objects.resolve("left"));
        for (int i = 0; i < 6; i++) {
            Files.copy(objects.resolve("%04d.txt".formatted(i)), left.resolve(i + ".txt"));
        }
        create(
                "a",
                2,
                Map.of("headrace.source.uri", "data://left/", "headrace.source.format", "lines"));
        create(
                "b",
                1,
                Map.of("headrace.source.uri", "data://other/", "headrace.source.format", "lines"));
        createView(
                "mix",
                Map.of(
                        "headrace.view.type", "mix",
                        "headrace.view.topics", "a:0.9,b:0.1",
                        "headrace.view.end", "rest",
                        "headrace.view.shuffle", "true"));
        List<ConsumerRecord<String, String>> records = all("mix", 2700);
        List<String> expected = new ArrayList<>(samples);
        int others = 0;
        for (int n = 0; n < records.size(); n++) {
            ConsumerRecord<String, String> record = records.get(n);
            String side =
                    new String(
                            record.headers().lastHeader("headrace.mix.side").value(),
                            StandardCharsets.UTF_8);
            assertEquals(record.value().startsWith("other") ? "b" : "a", side);
            others += side.equals("b") ? 1 : 0;
            if (n < 2600) {
                assertEquals(0.1 * (n + 1), others, 1, "at " + n);
            }
        }
        for (int i = 0; i < 300; i++) {
            expected.add("other-" + i);
        }
        assertSame(expected, records.stream().map(ConsumerRecord::value).toList());
    }

    /**
     * Records are handed out as they are asked for: the view is another one, its readers are not.
     */
    private void createLanes(String topic, String group) throws Exception {
        if (topic.equals("lanes")) {
            create(
                    topic,
                    5,
                    Map.of(
                            "headrace.view.type", "share",
                            "headrace.view.topics", "view",
                            "headrace.view.group", group));
        }
    }

    @ParameterizedTest(name = "{0} of {1}")
    @CsvSource({
        "range, view",
        "range, lanes",
        "cooperative, lanes",
        "consumer, view",
        "consumer, lanes"
    })
    void aGroupOfJavaClientsGoesOnWhereItCommitted(String kind, String topic) throws Exception {
        createLanes(topic, "g");
        List<String> read = new ArrayList<>();
        for (int half = 0; half < 2; half++) {
            Map<String, Object> configs = new HashMap<>();
            configs.put("group.id", "g");
            configs.put("max.poll.records", 100);
            if (kind.equals("consumer")) {
                configs.put("group.protocol", "consumer");
            } else if (kind.equals("cooperative")) {
                configs.put(
                        "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
            } else {
                configs.put("partition.assignment.strategy", RangeAssignor.class.getName());
            }
            try (KafkaConsumer<String, String> consumer = consumer(configs)) {
                consumer.subscribe(List.of(topic));
                int count = half == 0 ? samples.size() / 2 : samples.size() - read.size();
                poll(consumer, count).forEach(record -> read.add(record.value()));
                consumer.commitSync();
            }
        }
        assertSame(samples, read);
    }

    @ParameterizedTest(name = "{1} of {2}")
    @CsvSource({
        "/usr/bin/python3, share_confluent.py, view",
        "/usr/bin/python3, share_confluent.py, lanes",
        "/usr/bin/python3, share_kafka_python.py, view",
        "/usr/bin/python3, share_kafka_python.py, lanes",
        "node, kafkajs/share.js, view",
        "node, kafkajs/share.js, lanes"
    })
    void membersOfOtherLanguagesGoOnWhereTheyCommitted(String command, String script, String topic)
            throws Exception {
        createLanes(topic, "readers");
        List<String> read = new ArrayList<>();
        read(command, script, topic, samples.size() / 2, read);
        read(command, script, topic, samples.size(), read);
        assertSame(samples, read);
    }

    private void read(String command, String script, String topic, int count, List<String> read)
            throws Exception {
        Process process =
                new ProcessBuilder(
                                command,
                                ProcessClient.SCRIPTS.resolve(script).toString(),
                                server.bootstrapServers(),
                                "readers",
                                topic,
                                "reader")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Thread reader = new Thread(() -> process.inputReader().lines().forEach(lines::add));
        reader.start();
        try {
            boolean hasEnded = false;
            while (read.size() < count) {
                String line = lines.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
                requireLine(line, process);
                if (!line.equals("started")) {
                    read.add(line);
                }
            }
            process.toHandle().destroy(); // its last lines are still to be read
            hasEnded = process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS);
            assertTrue(hasEnded, "does not leave");
        } finally {
            process.destroyForcibly();
            reader.join();
        }
        lines.forEach(
                line -> {
                    if (!line.equals("started")) {
                        read.add(line);
                    }
                });
    }

    private static void requireLine(String line, Process process) throws Exception {
        if (line == null || line.isEmpty()) {
            boolean isInstalled = process.isAlive() || "true".equals(System.getenv("CI"));
            assumeTrue(isInstalled, "the client is not installed");
            fail("nothing more was read");
        }
    }

    @Test
    void kcatReadsItAll() throws Exception {
        values("view", samples.size()); // its end is known now
        Process process =
                new ProcessBuilder(
                                "kcat",
                                "-b",
                                server.bootstrapServers(),
                                "-t",
                                "view",
                                "-C",
                                "-e",
                                "-q",
                                "-o",
                                "beginning")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        List<String> read = process.inputReader().lines().toList();
        assertTrue(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS));
        assertSame(samples, read);
    }
}
