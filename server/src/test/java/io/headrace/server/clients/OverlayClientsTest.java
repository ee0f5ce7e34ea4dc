package io.headrace.server.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
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
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that know nothing of views read overlays, and see what the patch says. */
@Timeout(300)
final class OverlayClientsTest {
    private static final int PARTITIONS = 2;
    private static final int KEYS = 600;
    private static final long DEADLINE_SECONDS = 60;
    private static final Map<String, String> KEEPING = Map.of("retention.ms", "-1");

    @TempDir Path folder;
    private Path objects;
    private int port;
    private RunningServer server;
    private Admin admin;

    /** A record as the overlay is to show it. */
    private record Shown(int partition, long offset, String key, String value, String header) {}

    @BeforeEach
    void launch() throws Exception {
        objects = Files.createDirectory(folder.resolve("objects"));
        port = RunningServer.freePort();
        start();
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
        admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()));
    }

    private void killAndStart() throws Exception {
        admin.close(Duration.ZERO);
        server.kill();
        start();
    }

    @AfterEach
    void close() {
        admin.close(Duration.ZERO);
        server.close();
    }

    private void create(String name, int partitions, Map<String, String> configs) throws Exception {
        Optional<Integer> count = partitions > 0 ? Optional.of(partitions) : Optional.empty();
        NewTopic topic = new NewTopic(name, count, Optional.empty());
        admin.createTopics(List.of(topic.configs(configs)))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private static Map<String, String> overlay(String base, String patch) {
        return Map.of(
                "headrace.view.type", "overlay",
                "headrace.view.topics", base,
                "headrace.view.patch", patch);
    }

    /** Makes an overlay, and waits until it is decided what it has. */
    private void createOverlay(String name, String base, String patch) throws Exception {
        create(name, 0, overlay(base, patch));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (config(name, "headrace.view.pinned").isEmpty()) {
            assertTrue(System.nanoTime() < deadline, "not pinned");
            Thread.sleep(20);
        }
    }

    private String config(String topic, String key) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ConfigEntry entry =
                admin.describeConfigs(List.of(resource))
                        .all()
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .get(resource)
                        .get(key);
        return entry == null || entry.value() == null ? "" : entry.value();
    }

    private void alter(String topic, String... configs) throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        for (int i = 0; i < configs.length; i += 2) {
            changes.add(
                    new AlterConfigOp(
                            new ConfigEntry(configs[i], configs[i + 1]), AlterConfigOp.OpType.SET));
        }
        admin.incrementalAlterConfigs(
                        Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private KafkaProducer<String, String> producer(String codec) {
        return new KafkaProducer<>(
                Map.of(
                        "bootstrap.servers",
                        server.bootstrapServers(),
                        "compression.type",
                        codec,
                        "linger.ms",
                        "20",
                        "batch.size",
                        "3000"),
                new StringSerializer(),
                new StringSerializer());
    }

    private static String value(int key) {
        return "base-" + key + "-" + "x".repeat(key % 97);
    }

    /** Records of a base: keys k0 and so on, every tenth record without a key. */
    private List<Shown> produceBase(String topic, String codec) throws Exception {
        create(topic, PARTITIONS, KEEPING);
        List<Shown> records = new ArrayList<>();
        long[] ends = new long[PARTITIONS];
        try (KafkaProducer<String, String> producer = producer(codec)) {
            for (int i = 0; i < KEYS; i++) {
                int partition = i % 3 == 0 ? 1 : 0;
                String key = i % 10 == 9 ? null : "k" + i;
                producer.send(new ProducerRecord<>(topic, partition, 1000L + i, key, value(i)));
                records.add(new Shown(partition, ends[partition]++, key, value(i), null));
            }
        }
        return records;
    }

    /**
     * A patch in which every fifth key has a new value, several one after the other, every 20th is
     * taken away, and some keys are not in the base.
     */
    private List<Shown> patched(List<Shown> base, String topic, String codec) throws Exception {
        create(topic, 3, KEEPING);
        Map<String, String> values = new HashMap<>();
        try (KafkaProducer<String, String> producer = producer(codec)) {
            for (int round = 0; round < 3; round++) {
                for (int i = round; i < KEYS; i += 5) {
                    String value = i % 20 == 0 && round == 0 ? null : "patch-" + i + "-" + round;
                    for (String version : new String[] {"older", value}) {
                        ProducerRecord<String, String> record =
                                new ProducerRecord<>(topic, i % 3, "k" + i, version);
                        record.headers()
                                .add(
                                        new RecordHeader(
                                                "by", ("me" + i).getBytes(StandardCharsets.UTF_8)));
                        producer.send(record);
                    }
                    values.put("k" + i, value);
                }
            }
            producer.send(new ProducerRecord<>(topic, "not there", "at all"));
            producer.send(new ProducerRecord<>(topic, null, "without a key"));
        }
        List<Shown> shown = new ArrayList<>();
        for (Shown record : base) {
            if (record.key == null || !values.containsKey(record.key)) {
                shown.add(record);
            } else if (values.get(record.key) != null) {
                String by = "me" + record.key.substring(1);
                shown.add(
                        new Shown(
                                record.partition,
                                record.offset,
                                record.key,
                                values.get(record.key),
                                by));
            }
        }
        return shown;
    }

    private KafkaConsumer<String, String> consumer(Map<String, Object> more) {
        Map<String, Object> configs = new HashMap<>(more);
        configs.put("bootstrap.servers", server.bootstrapServers());
        configs.putIfAbsent("auto.offset.reset", "earliest");
        configs.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer());
    }

    private static List<TopicPartition> partitions(String topic) {
        return List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
    }

    /** Reads a topic from the given offsets to its end. */
    private List<Shown> read(String topic, Map<String, Object> more, long... from) {
        List<Shown> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(more)) {
            List<TopicPartition> partitions = partitions(topic);
            consumer.assign(partitions);
            for (TopicPartition partition : partitions) {
                consumer.seek(partition, from.length == 0 ? 0 : from[partition.partition()]);
            }
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                assertTrue(System.nanoTime() < deadline, "only " + records.size());
                consumer.poll(Duration.ofMillis(200)).forEach(record -> records.add(shown(record)));
            }
        }
        return records;
    }

    private static Shown shown(ConsumerRecord<String, String> record) {
        var header = record.headers().lastHeader("by");
        if (record.timestampType().id == 0 && record.key() != null) {
            assertEquals(1000L + Integer.parseInt(record.key().substring(1)), record.timestamp());
        }
        return new Shown(
                record.partition(),
                record.offset(),
                record.key(),
                record.value(),
                header == null ? null : new String(header.value(), StandardCharsets.UTF_8));
    }

    private static void assertSame(List<Shown> expected, List<Shown> actual) {
        assertEquals(sorted(expected), sorted(actual));
    }

    private static Map<String, Shown> sorted(List<Shown> records) {
        Map<String, Shown> sorted = new TreeMap<>();
        for (Shown record : records) {
            String place = "%d:%08d".formatted(record.partition, record.offset);
            assertNull(sorted.put(place, record), place);
        }
        return sorted;
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "lz4", "zstd"})
    void theNewestRecordOfAPatchStandsInAlsoAfterAKill(String codec) throws Exception {
        List<Shown> base = produceBase("base", codec);
        List<Shown> expected = patched(base, "patch", codec);
        createOverlay("fixed", "base", "patch");
        assertSame(expected, read("fixed", Map.of()));
        assertSame(base, read("base", Map.of()));
        assertSame(expected, read("fixed", Map.of("max.partition.fetch.bytes", 500)));
        // What comes later is not shown.
        try (KafkaProducer<String, String> producer = producer(codec)) {
            producer.send(new ProducerRecord<>("patch", "k1", "too late"));
            producer.send(new ProducerRecord<>("base", 0, "k1", "too late"));
        }
        create("patch2", 1, KEEPING);
        try (KafkaProducer<String, String> producer = producer(codec)) {
            producer.send(new ProducerRecord<>("patch2", "k2", "once more"));
            producer.send(new ProducerRecord<>("patch2", "k3", null));
        }
        createOverlay("twice", "fixed", "patch2");
        List<Shown> twice = new ArrayList<>();
        for (Shown record : expected) {
            if ("k2".equals(record.key)) {
                twice.add(new Shown(record.partition, record.offset, "k2", "once more", null));
            } else if (!"k3".equals(record.key)) {
                twice.add(record);
            }
        }
        killAndStart();
        assertSame(twice, read("twice", Map.of()));
        assertSame(expected, read("fixed", Map.of()));
    }

    /** A version is an overlay, and so is the next one; an alias shows it to who knows nothing. */
    @Test
    void anOverlayOfASourceIsAVersionThatAnAliasShows() throws Exception {
        Path folder = Files.createDirectories(objects.resolve("v1"));
        for (int i = 0; i < 20; i++) {
            Files.writeString(folder.resolve("%02d".formatted(i)), "label " + i);
        }
        Map<String, String> source = new HashMap<>(version("v1"));
        source.put("headrace.source.uri", "data://v1/");
        source.put("headrace.source.format", "files");
        create("pairs.v1", PARTITIONS, source);
        create("fixes", 1, KEEPING);
        create("more", 1, KEEPING);
        try (KafkaProducer<String, String> producer = producer("none")) {
            producer.send(new ProducerRecord<>("fixes", "v1/03", "right"));
            producer.send(new ProducerRecord<>("fixes", "v1/04", null));
            producer.send(new ProducerRecord<>("more", "v1/05", "better"));
        }
        refused(
                () -> create("pairs.v2", 0, with(overlay("pairs.v1", "fixes"), version("v2"))),
                "not pinned yet");
        createOverlay("pairs.v2", "pairs.v1", "fixes");
        alter("pairs.v2", "headrace.version.of", "pairs", "headrace.version.name", "v2");
        createOverlay("pairs.v3", "pairs.v2", "more");
        alter("pairs.v3", "headrace.version.of", "pairs", "headrace.version.name", "v3");
        create("pairs.latest", 0, alias("pairs.v1"));
        Map<String, String> expected = new TreeMap<>();
        for (int i = 0; i < 20; i++) {
            expected.put("v1/%02d".formatted(i), "label " + i);
        }
        assertEquals(expected, all("pairs.latest"));
        assertEquals(List.of(10L, 10L), ends("pairs.v1"));

        alter("pairs.latest", "headrace.view.current", "pairs.v2");
        expected.put("v1/03", "right");
        expected.remove("v1/04");
        assertEquals(expected, all("pairs.latest"));
        assertEquals(List.of(10L, 10L), ends("pairs.v2"));

        alter("pairs.latest", "headrace.view.current", "pairs.v3");
        expected.put("v1/05", "better");
        killAndStart();
        assertEquals(expected, all("pairs.latest"));
        assertEquals(expected, all("pairs.v3"));
        refused(() -> admin.deleteTopics(Set.of("pairs.v1")).all().get(), "a view is over");
        refused(() -> admin.deleteTopics(Set.of("fixes")).all().get(), "a view is over");
        refused(() -> withdraw("pairs.v1"), "an overlay is over the version");
    }

    private static Map<String, String> version(String name) {
        return Map.of("headrace.version.of", "pairs", "headrace.version.name", name);
    }

    private static Map<String, String> alias(String version) {
        return Map.of("headrace.view.type", "alias", "headrace.view.current", version);
    }

    private static Map<String, String> with(Map<String, String> some, Map<String, String> more) {
        Map<String, String> all = new HashMap<>(some);
        all.putAll(more);
        return all;
    }

    private void withdraw(String topic) throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        for (String key : List.of("of", "name", "published.ms")) {
            changes.add(
                    new AlterConfigOp(
                            new ConfigEntry("headrace.version." + key, null),
                            AlterConfigOp.OpType.DELETE));
        }
        admin.incrementalAlterConfigs(
                        Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes))
                .all()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private List<Long> ends(String topic) {
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions(topic));
            return partitions(topic).stream().map(ends::get).toList();
        }
    }

    /** Values by key, as a consumer gets them who begins at the beginning. */
    private Map<String, String> all(String topic) {
        Map<String, String> values = new TreeMap<>();
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            List<TopicPartition> partitions = partitions(topic);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            // A source knows its end once it was read.
            while (partitions.stream().anyMatch(p -> consumer.position(p) % (1L << 40) < 10)) {
                assertTrue(System.nanoTime() < deadline, () -> "only " + values);
                consumer.poll(Duration.ofMillis(200))
                        .forEach(record -> assertNull(values.put(record.key(), record.value())));
            }
        }
        return values;
    }

    /** A look-up reads one batch; of one that is written anew, too. */
    @Test
    void timesAreLookedUpInLongBatchesAndBehindRecordsThatAreTakenAway() throws Exception {
        create("base", PARTITIONS, KEEPING);
        create("patch", 1, KEEPING);
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        Map.of(
                                "bootstrap.servers", server.bootstrapServers(),
                                "compression.type", "lz4",
                                "linger.ms", "1000",
                                "batch.size", "1000000"),
                        new StringSerializer(),
                        new StringSerializer())) {
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 200; i++) {
                    int record = 200 * round + i;
                    producer.send(
                            new ProducerRecord<>("base", 0, 1000L + record, "k" + record, "v"));
                    String value = round == 1 ? null : "patched";
                    producer.send(new ProducerRecord<>("patch", "k" + record, value));
                }
                producer.flush();
            }
        }
        createOverlay("fixed", "base", "patch");
        TopicPartition first = new TopicPartition("fixed", 0);
        try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
            for (int[] wanted : new int[][] {{150, 150}, {250, 400}, {555, 555}}) {
                var found = consumer.offsetsForTimes(Map.of(first, 1000L + wanted[0])).get(first);
                assertEquals(wanted[1], found.offset());
                assertEquals(1000L + wanted[1], found.timestamp());
            }
        }
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void refused(Action action, String part) {
        ExecutionException refusal = assertThrows(ExecutionException.class, action::run);
        String message = String.valueOf(refusal.getCause().getMessage());
        assertTrue(message.contains(part), message);
    }

    /** Offsets are the base's, and what a group has of it is good here too. */
    @Test
    void placesInTheBaseArePlacesInTheOverlay() throws Exception {
        List<Shown> base = produceBase("base", "lz4");
        List<Shown> expected = patched(base, "patch", "none");
        createOverlay("fixed", "base", "patch");
        assertEquals(ends("base"), ends("fixed"));
        for (long[] from : new long[][] {{17, 63}, {101, 102}, {398, 199}, {400, 200}}) {
            List<Shown> rest =
                    expected.stream().filter(r -> r.offset >= from[r.partition]).toList();
            assertSame(rest, read("fixed", Map.of(), from));
        }
        TopicPartition first = new TopicPartition("fixed", 0);
        try (KafkaConsumer<String, String> consumer = consumer(Map.of("group.id", "g"))) {
            consumer.assign(List.of(first));
            var found = consumer.offsetsForTimes(Map.of(first, 1000L + 307)).get(first);
            // 307 is the 205th record of partition 0, and the patch has its key
            assertEquals(204, found.offset());
            assertEquals(1307, found.timestamp());
            assertNull(consumer.offsetsForTimes(Map.of(first, 1L << 40)).get(first));
            // The epoch is looked up before the first fetch.
            consumer.commitSync(
                    Map.of(first, new OffsetAndMetadata(202, Optional.of(0), "as in the base")));
        }
        try (KafkaConsumer<String, String> consumer = consumer(Map.of("group.id", "g"))) {
            consumer.subscribe(List.of("fixed"));
            List<Shown> read = new ArrayList<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            while (read.stream().noneMatch(record -> record.partition == 0)) {
                assertTrue(System.nanoTime() < deadline, "nothing read");
                consumer.poll(Duration.ofMillis(200)).forEach(record -> read.add(shown(record)));
            }
            Shown begun = read.stream().filter(r -> r.partition == 0).findFirst().orElseThrow();
            Shown wanted =
                    expected.stream()
                            .filter(r -> r.partition == 0 && r.offset >= 202)
                            .findFirst()
                            .orElseThrow();
            assertEquals(wanted, begun);
        }
        assertEquals(
                ends("base").get(0),
                admin.listOffsets(Map.of(first, OffsetSpec.latest()))
                        .partitionResult(first)
                        .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .offset());
    }

    @Test
    void whatCouldChangeAnOverlayIsRefused() throws Exception {
        create("base", PARTITIONS, KEEPING);
        create("patch", 1, KEEPING);
        create("short", 1, Map.of("retention.ms", "60000"));
        create("fast", 2, Map.of("headrace.storage.mode", "memory"));
        refused(() -> create("o", 2, overlay("fast", "patch")), "persistent topic");
        refused(() -> create("o", 2, overlay("base", "fast")), "persistent topic");
        refused(() -> create("o", 2, overlay("base", "short")), "keeping its records");
        refused(() -> create("o", 1, overlay("short", "patch")), "keeping its records");
        refused(() -> create("o", 3, overlay("base", "patch")), "as many partitions");
        refused(() -> create("o", 2, overlay("base", "base")), "another than the base");
        refused(() -> create("o", 2, overlay("base", "none")), "headrace.view.patch");
        refused(() -> create("o", 2, overlay("base,patch", "patch")), "one topic");
        Map<String, String> pinned =
                with(
                        overlay("base", "patch"),
                        Map.of("headrace.view.pinned", "1:0,0;2:00000000:0"));
        refused(() -> create("o", 2, pinned), "left to the server");
        createOverlay("o", "base", "patch");
        for (String below : new String[] {"base", "patch"}) {
            var all = Map.of(new TopicPartition(below, 0), RecordsToDelete.beforeOffset(-1));
            refused(() -> admin.deleteRecords(all).all().get(), "polic");
        }
        refused(() -> alter("patch", "retention.ms", "60000"), "keeps its records");
        refused(() -> alter("base", "cleanup.policy", "compact"), "keeps its records");
        refused(() -> alter("o", "headrace.view.patch", "base"), "");
        refused(() -> alter("o", "headrace.view.pinned", "1:0,0;2:00000000:0"), "");
        refused(() -> admin.deleteTopics(Set.of("patch")).all().get(), "a view is over");
        try (KafkaProducer<String, String> producer = producer("none")) {
            assertThrows(
                    ExecutionException.class,
                    () -> producer.send(new ProducerRecord<>("o", "k", "v")).get());
        }
        assertEquals(List.of(), read("o", Map.of()));
        admin.deleteTopics(Set.of("o")).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        admin.deleteTopics(Set.of("patch")).all().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    /** All clients over the same overlay, whose last records are taken away too. */
    @ParameterizedTest(name = "{1}")
    @CsvSource({
        "kcat, kcat",
        "/usr/bin/python3, share_confluent.py",
        "/usr/bin/python3, share_kafka_python.py",
        "node, kafkajs/share.js"
    })
    void clientsOfOtherLanguagesReadWhatIsShown(String command, String script) throws Exception {
        List<Shown> base = produceBase("base", "gzip");
        List<Shown> expected = patched(base, "patch", "none");
        createOverlay("fixed", "base", "patch");
        List<String> values = new ArrayList<>(expected.stream().map(Shown::value).toList());
        List<String> read =
                command.equals("kcat") ? kcat() : member(command, script, values.size());
        Collections.sort(values);
        Collections.sort(read);
        assertEquals(values, read);
    }

    private List<String> kcat() throws Exception {
        Process process =
                new ProcessBuilder(
                                "kcat",
                                "-b",
                                server.bootstrapServers(),
                                "-t",
                                "fixed",
                                "-C",
                                "-e",
                                "-q",
                                "-o",
                                "beginning")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        List<String> read = new ArrayList<>(process.inputReader().lines().toList());
        assertTrue(process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS));
        return read;
    }

    private List<String> member(String command, String script, int count) throws Exception {
        Process process =
                new ProcessBuilder(
                                command,
                                ProcessClient.SCRIPTS.resolve(script).toString(),
                                server.bootstrapServers(),
                                "readers",
                                "fixed",
                                "reader")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Thread reader = new Thread(() -> process.inputReader().lines().forEach(lines::add));
        reader.start();
        List<String> read = new ArrayList<>();
        try {
            while (read.size() < count) {
                String line = lines.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
                if (line == null) {
                    boolean isInstalled = process.isAlive() || "true".equals(System.getenv("CI"));
                    assumeTrue(isInstalled, "the client is not installed");
                    fail("only " + read.size() + " of " + count);
                } else if (!line.equals("started")) {
                    read.add(line);
                }
            }
        } finally {
            process.destroyForcibly();
            reader.join();
        }
        return read;
    }
}
