package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.topic.TopicNames;
import io.headrace.server.config.ServerConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code headrace lineage}, with a server and Kafka's own consumer. */
final class LineageCommandTest {
    private static final Duration DEADLINE = Duration.ofSeconds(60);

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;
    private HeadraceServer server;
    private Admin admin;

    @BeforeEach
    void start() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("data"));
        Files.createDirectories(folder.resolve("objects"));
        settings.put("headrace.store.local.uri", folder.toUri().toString());
        settings.put("headrace.cache.disk.bytes", "0");
        server = HeadraceServer.launch(ServerConfig.of(settings));
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap()));
    }

    @AfterEach
    void stop() {
        admin.close();
        server.close();
    }

    private String bootstrap() {
        return "127.0.0.1:" + server.kafkaPort();
    }

    private int run(String... arguments) {
        return runOf("lineage", arguments);
    }

    private int runOf(String command, String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--bootstrap-server", bootstrap()));
        if (command.equals("lineage") || arguments[0].equals("publish")) {
            all.addAll(List.of("--admin-server", "127.0.0.1:" + server.adminPort()));
        }
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
    }

    private void ok(String... arguments) {
        assertEquals(0, run(arguments), () -> err.toString());
    }

    private void refused(String reason, String... arguments) {
        assertEquals(1, run(arguments), () -> out.toString());
        assertTrue(err.toString().contains(reason), () -> err.toString());
        assertEquals(1, err.toString().strip().lines().count(), () -> err.toString());
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    private void create(String topic, int partitions, Map<String, String> configs)
            throws Exception {
        NewTopic created = new NewTopic(topic, Optional.of(partitions), Optional.empty());
        admin.createTopics(List.of(created.configs(configs))).all().get();
    }

    /** In batches of some ten records, so that positions come to lie within them. */
    private void produce(String topic, int partitions, int from, int to) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", bootstrap());
        settings.put("linger.ms", 1000);
        settings.put("batch.size", 1 << 20);
        settings.put("compression.type", "lz4");
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = from; i < to; i++) {
                byte[] value = ("record " + i).getBytes(StandardCharsets.UTF_8);
                ProducerRecord<byte[], byte[]> record =
                        new ProducerRecord<>(topic, i % partitions, null, value);
                record.headers()
                        .add("number", Integer.toString(i).getBytes(StandardCharsets.UTF_8));
                producer.send(record);
                if (i % (10 * partitions) == 0) {
                    producer.flush();
                }
            }
        }
    }

    private KafkaConsumer<byte[], byte[]> consumer(String group) {
        return new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers",
                        bootstrap(),
                        "group.id",
                        group,
                        "auto.offset.reset",
                        "earliest",
                        "max.poll.records",
                        7,
                        "enable.auto.commit",
                        false),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
    }

    private static String text(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder text = new StringBuilder(record.offset() + " " + record.timestamp());
        text.append(' ').append(new String(record.value(), StandardCharsets.UTF_8));
        record.headers().forEach(header -> text.append(' ').append(header));
        return text.toString();
    }

    /** Reads and commits until a number of records of a topic was read; those, by partition. */
    private Map<Integer, List<String>> read(String topic, String group, int count) {
        Map<Integer, List<String>> records = new TreeMap<>();
        Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        int left = count;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(group)) {
            consumer.subscribe(List.of(topic));
            while (left > 0 && System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    if (left-- > 0) {
                        records.computeIfAbsent(record.partition(), p -> new ArrayList<>())
                                .add(text(record));
                        ends.put(
                                new TopicPartition(topic, record.partition()),
                                new OffsetAndMetadata(record.offset() + 1));
                    }
                }
            }
            consumer.commitSync(ends);
        }
        assertTrue(left <= 0, () -> "not all were there: " + records);
        return records;
    }

    private static int count(Map<Integer, List<String>> records) {
        return records.values().stream().mapToInt(List::size).sum();
    }

    @Test
    void whatAGroupHasReadIsReadAgainAndNothingElse() throws Exception {
        create("orders", 3, Map.of());
        produce("orders", 3, 0, 300);
        Map<Integer, List<String>> first = read("orders", "trainer", 100);
        ok("export", "trainer", "--output", file("a"), "--note", "model=resnet");
        produce("orders", 3, 300, 400);
        ok("replay", file("a"), "--name", "again");

        Map<Integer, List<String>> again = read("again", "another", count(first));
        assertEquals(List.copyOf(first.values()), List.copyOf(again.values()));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer("another")) {
            consumer.subscribe(List.of("again"));
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            while (System.nanoTime() < end) {
                assertTrue(consumer.poll(Duration.ofMillis(100)).isEmpty());
            }
        }

        Map<Integer, List<String>> second = read("orders", "trainer", 100);
        ok("export", "trainer", "--output", file("b"), "--since", file("a"));
        ok("replay", file("b"), "--name", "more");
        Map<Integer, List<String>> more = read("more", "another", count(second));
        assertEquals(List.copyOf(second.values()), List.copyOf(more.values()));
        String manifest = Files.readString(folder.resolve("a"));
        assertTrue(manifest.contains("\"model\" : \"resnet\""), manifest);
    }

    @Test
    void whatIsNotTheSameAnyMoreIsNamed() throws Exception {
        create("orders", 1, Map.of());
        produce("orders", 1, 0, 50);
        read("orders", "trainer", 45);
        ok("export", "trainer", "--output", file("a"));
        ok("verify", file("a"));

        Path changed = folder.resolve("changed");
        String digest = "sha256:" + "0".repeat(64);
        String manifest = Files.readString(folder.resolve("a"));
        Files.writeString(changed, manifest.replaceAll("sha256:[0-9a-f]{64}", digest));
        refused(
                "the records are not the same: topic=orders partition=0",
                "verify",
                file("changed"));
        refused("recorded=" + digest, "replay", file("changed"), "--name", "again");

        admin.deleteRecords(
                        Map.of(new TopicPartition("orders", 0), RecordsToDelete.beforeOffset(20)))
                .all()
                .get();
        refused("records cannot be read: topic=orders partition=0", "verify", file("a"));

        admin.deleteTopics(List.of("orders")).all().get();
        refused("no such topic: topic=orders", "verify", file("a"));
        create("orders", 1, Map.of());
        refused("the topic was made anew: topic=orders", "verify", file("a"));
    }

    @Test
    void objectsAreNamedByTheirVersions() throws Exception {
        for (int i = 0; i < 20; i++) {
            Files.writeString(folder.resolve("objects").resolve(i + ".txt"), "sample " + i);
        }
        Map<String, String> source =
                Map.of("headrace.source.uri", folder.resolve("objects").toUri().toString());
        create("samples", 2, source);
        read("samples", "trainer", 15);
        ok("export", "trainer", "--output", file("a"));
        String manifest = Files.readString(folder.resolve("a"));
        assertTrue(manifest.contains("\"key\" : \"objects/0.txt\""), manifest);
        ok("verify", file("a"), "--read");

        Files.writeString(
                folder.resolve("changed"),
                manifest.replaceFirst("\"version\" : \"[^\"]*\"", "\"version\" : \"other\""));
        refused("the object has changed: topic=samples partition=0", "verify", file("changed"));

        Files.writeString(folder.resolve("objects/0.txt"), "another");
        refused("object changed: key=objects/0.txt expected=", "verify", file("a"));
        refused("object changed: key=objects/0.txt", "replay", file("a"), "--name", "again");
        ok("replay", file("a"), "--name", "again", "--no-verify");
        stop();
        start(); // so that nothing is in its cache
        try (KafkaConsumer<byte[], byte[]> consumer = consumer("another")) {
            TopicPartition first = new TopicPartition("again", 0);
            consumer.assign(List.of(first));
            KafkaException stopped =
                    assertThrows(
                            KafkaException.class,
                            () -> {
                                while (true) {
                                    consumer.poll(DEADLINE);
                                }
                            });
            assertTrue(String.valueOf(stopped.getMessage()).contains("again-0"), stopped::toString);
        }
    }

    @Test
    void whatWasReadThroughAnAliasWasReadOfItsVersions() throws Exception {
        for (String version : List.of("v1", "v2")) {
            create("numbers." + version, 1, Map.of());
            produce("numbers." + version, 1, 0, 20);
            dataset("publish", "numbers", version, "--topic", "numbers." + version);
        }
        dataset("alias", "numbers", "latest", "v1");
        read("numbers.latest", "trainer", 6);
        dataset("alias", "numbers", "latest", "v2");
        read("numbers.latest", "trainer", 4);
        ok("export", "trainer", "--output", file("a"));
        assertTrue(
                out.toString().contains("numbers.v1 partition 0  offsets 0 to 5"), out::toString);
        assertTrue(
                out.toString().contains("numbers.v2 partition 0  offsets 0 to 3"), out::toString);
        assertFalse(out.toString().contains("latest"), out::toString);

        dataset("rollback", "numbers", "latest");
        read("numbers.latest", "trainer", 3);
        ok("export", "trainer", "--output", file("b"));
        assertTrue(
                out.toString().contains("numbers.v1 partition 0  offsets 0 to 8"), out::toString);
        assertTrue(
                out.toString().contains("numbers.v2 partition 0  offsets 0 to 3"), out::toString);
        ok("replay", file("b"), "--name", "again");
        assertEquals(13, count(read("again", "another", 13)));
    }

    /** What is exchanged is read again as it was shown, and so is that something is not there. */
    @Test
    void whatWasReadThroughAnOverlayIsReadAgain() throws Exception {
        Map<String, String> keeping = Map.of("retention.ms", "-1");
        create("orders", 1, keeping);
        create("fixes", 1, keeping);
        produceKeyed("orders", 0, 60, 1, "first");
        produceKeyed("fixes", 0, 60, 4, "right");
        produceKeyed("fixes", 0, 60, 12, null);
        create(
                "fixed",
                1,
                Map.of(
                        "headrace.view.type", "overlay",
                        "headrace.view.topics", "orders",
                        "headrace.view.patch", "fixes"));
        Map<Integer, List<String>> first = read("fixed", "trainer", 40);
        List<String> records = first.get(0);
        assertEquals(7, records.stream().filter(record -> record.contains("right")).count());
        assertTrue(records.get(0).startsWith("1 "), () -> records.get(0)); // 0 is taken away
        ok("export", "trainer", "--output", file("a"));
        String manifest = Files.readString(folder.resolve("a"));
        assertTrue(manifest.contains("\"fixed\""), manifest);
        ok("verify", file("a"), "--read");
        ok("replay", file("a"), "--name", "again");
        // What comes later changes nothing.
        produceKeyed("orders", 0, 10, 1, "later");
        produceKeyed("fixes", 0, 60, 1, "later");
        ok("verify", file("a"), "--read");
        assertEquals(first, read("again", "another", count(first)));
        String digest = "sha256:" + "0".repeat(64);
        Files.writeString(
                folder.resolve("changed"), manifest.replaceAll("sha256:[0-9a-f]{64}", digest));
        refused("the records are not the same: topic=fixed", "verify", file("changed"));
    }

    private void produceKeyed(String topic, int from, int to, int step, @Nullable String value) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap(), "linger.ms", 20);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = from; i < to; i += step) {
                String of = value == null ? null : value + " " + i;
                producer.send(
                        new ProducerRecord<>(
                                topic,
                                0,
                                ("k" + i).getBytes(StandardCharsets.UTF_8),
                                of == null ? null : of.getBytes(StandardCharsets.UTF_8)));
            }
        }
    }

    private int note(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        List<String> all = new ArrayList<>(List.of("lineage", "note"));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--admin-server", "127.0.0.1:" + server.adminPort()));
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
    }

    @Test
    void notesOnAGroupAreKeptAndWrittenDown() throws Exception {
        create("orders", 1, Map.of());
        produce("orders", 1, 0, 5);
        read("orders", "team/trainer@1", 5);
        assertEquals(0, note("team/trainer@1", "model=resnet", "commit=4f1c"), err::toString);
        assertEquals(0, note("team/trainer@1", "commit=", "lr=0.1"), err::toString);
        assertEquals("lr=0.1\nmodel=resnet\n", out.toString());
        assertEquals(0, note("another"), err::toString);
        assertEquals("", out.toString());
        assertEquals(1, note("another", "text=" + "x".repeat(40_000)));
        assertTrue(err.toString().contains("notes too long: group=another"), err::toString);
        stop();
        start();
        assertEquals(0, note("team/trainer@1"), err::toString);
        assertEquals("lr=0.1\nmodel=resnet\n", out.toString());
        ok("export", "team/trainer@1", "--output", file("a"), "--note", "lr=0.2");
        String manifest = Files.readString(folder.resolve("a"));
        assertTrue(manifest.contains("\"model\" : \"resnet\""), manifest);
        assertTrue(manifest.contains("\"lr\" : \"0.2\""), manifest);
        ok("export", "team/trainer@1", "--output", file("b"), "--no-notes");
        assertFalse(Files.readString(folder.resolve("b")).contains("resnet"));
        assertEquals(0, note("team/trainer@1", "lr=", "model="), err::toString);
        assertEquals("", out.toString());
        stop();
        start();
        assertEquals(0, note("team/trainer@1"), err::toString);
        assertEquals("", out.toString());
    }

    /** The status, and what is said with it. */
    private String post(String group, String body) throws Exception {
        URI uri =
                URI.create(
                        "http://127.0.0.1:"
                                + server.adminPort()
                                + "/notes?group="
                                + URLEncoder.encode(group, StandardCharsets.UTF_8));
        HttpResponse<String> response =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(uri)
                                        .header("X-Headrace", "1")
                                        .POST(HttpRequest.BodyPublishers.ofString(body))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
        return response.statusCode() + " " + response.body();
    }

    @Test
    void whatCannotBeANoteIsRefusedAndNamed() throws Exception {
        String half = post("trainer", "{\"model\": \"res\\ud83dnet\"}");
        assertTrue(half.startsWith("400 "), half);
        assertTrue(half.contains("half a surrogate pair in a note: key=model"), half);
        String key = post("trainer", "{\"mo\\udc00\": \"resnet\"}");
        assertTrue(key.startsWith("400 "), key);
        assertTrue(key.contains("surrogate"), key);
        String number = post("trainer", "{\"mo\\udc00\": 7}");
        assertTrue(number.startsWith("400 "), number);
        assertEquals(0, note("trainer"), err::toString);
        assertEquals("", out.toString());
        String whole = post("trainer", "{\"model\": \"res\\ud83d\\ude00net\"}");
        assertTrue(whole.startsWith("200 "), whole);

        String named = post("g".repeat(1025), "{\"model\": \"resnet\"}");
        assertTrue(named.startsWith("400 "), named);
        assertTrue(named.contains("bad name of a group for notes"), named);
        assertTrue(named.contains("characters=1025 allowed=1 to 1024"), named);
        String longest = post("g".repeat(1024), "{\"model\": \"resnet\"}");
        assertTrue(longest.startsWith("200 "), longest);
    }

    /** Some clients escape what others send as it is. */
    @Test
    void notesMayBeEscapedHoweverLongTheyAre() throws Exception {
        String escaped = "\\u0078".repeat(32_000);
        String taken = post("trainer", "{\"model\": \"" + escaped + "\"}");
        assertTrue(taken.startsWith("200 "), taken);
        assertEquals(0, note("trainer"), err::toString);
        assertEquals("model=" + "x".repeat(32_000) + "\n", out.toString());
        String tooLong = post("trainer", "{\"more\": \"" + "\\u0078".repeat(1000) + "\"}");
        assertTrue(tooLong.startsWith("400 "), tooLong);
    }

    @Test
    void aNoteThatChangesNothingWritesNothing() throws Exception {
        assertEquals(0, note("trainer", "model=resnet"), err::toString);
        TopicPartition notes = new TopicPartition(TopicNames.BOOKMARKS, 0);
        long end = end(notes);
        assertEquals(0, note("trainer", "model=resnet", "absent="), err::toString);
        assertEquals("model=resnet\n", out.toString());
        assertEquals(end, end(notes));
        assertEquals(0, note("trainer", "model=other"), err::toString);
        assertTrue(end(notes) > end);
    }

    private long end(TopicPartition partition) throws Exception {
        return admin.listOffsets(Map.of(partition, OffsetSpec.latest()))
                .partitionResult(partition)
                .get()
                .offset();
    }

    @Test
    void whatIsInANoteDoesNothingToATerminal() {
        assertEquals(0, note("trainer", "model=\u001b[2Jres\nnet"), err::toString);
        assertEquals("model=\\u001b[2Jres\\nnet\n", out.toString());
    }

    @Test
    void whatAnExportThatFailsHasProtectedIsLetGo() throws Exception {
        for (String version : List.of("v1", "v2")) {
            create("numbers." + version, 1, Map.of());
            produce("numbers." + version, 1, 0, 20);
            dataset("publish", "numbers", version, "--topic", "numbers." + version);
            read("numbers." + version, "trainer", 6);
        }
        dataset("protect", "numbers", "v1");
        String absent = folder.resolve("absent").resolve("a").toString();
        assertEquals(1, run("export", "trainer", "--output", absent, "--protect"));
        assertTrue(out.toString().contains("protected already: numbers.v1\n"), out::toString);
        assertTrue(out.toString().contains("not protected any more: numbers.v2\n"), out::toString);
        admin.deleteTopics(List.of("numbers.v2")).all().get();
        assertThrows(
                ExecutionException.class,
                () -> admin.deleteTopics(List.of("numbers.v1")).all().get());
    }

    @Test
    void versionsThatAManifestNamesCanBeHeld() throws Exception {
        create("numbers.v1", 1, Map.of());
        produce("numbers.v1", 1, 0, 20);
        dataset("publish", "numbers", "v1", "--topic", "numbers.v1");
        create("orders", 1, Map.of());
        produce("orders", 1, 0, 5);
        read("numbers.v1", "trainer", 6);
        read("orders", "trainer", 5);
        ok("export", "trainer", "--output", file("a"), "--protect");
        assertTrue(
                out.toString().contains("\nprotected: numbers.v1\n")
                        || out.toString().startsWith("protected: numbers.v1\n"),
                out::toString);
        assertTrue(out.toString().contains("not protected, as it is no version: orders"));
        Throwable refused =
                assertThrows(
                        ExecutionException.class,
                        () -> admin.deleteTopics(List.of("numbers.v1")).all().get());
        assertTrue(refused.getMessage().contains("protected"), refused::toString);
        ok("verify", file("a"));
    }

    @Test
    void aVersionThatIsGoneIsNotTakenForAnotherOfItsName() throws Exception {
        for (String version : List.of("v1", "v2")) {
            create("numbers." + version, 1, Map.of());
            produce("numbers." + version, 1, 0, 20);
            dataset("publish", "numbers", version, "--topic", "numbers." + version);
        }
        dataset("alias", "numbers", "latest", "v1");
        read("numbers.latest", "trainer", 6);
        dataset("alias", "numbers", "latest", "v2");
        admin.deleteTopics(List.of("numbers.v1")).all().get();
        String gone = "is gone: alias=numbers.latest offset=6 version=numbers.v1";
        refused(gone, "export", "trainer", "--output", file("a"));
        create("numbers.v1", 1, Map.of());
        produce("numbers.v1", 1, 0, 20);
        refused(gone, "export", "trainer", "--output", file("a"));
    }

    private void dataset(String... arguments) {
        assertEquals(0, runOf("dataset", arguments), () -> err.toString());
    }

    @Test
    void whatCannotBeDoneIsSaidInALine() throws Exception {
        refused(
                "the group has committed nothing: group=nobody",
                "export",
                "nobody",
                "--output",
                "x");
        create("orders", 1, Map.of());
        produce("orders", 1, 0, 5);
        read("orders", "trainer", 5);
        ok("export", "trainer", "--output", file("a"));
        read("orders", "other", 5);
        refused("of another group", "export", "other", "--output", "x", "--since", file("a"));
        Files.writeString(folder.resolve("none"), "{}");
        refused("version=0", "verify", file("none"));
        String manifest = Files.readString(folder.resolve("a"));
        Files.writeString(
                folder.resolve("none"), manifest.replaceFirst("\"from\" : 0", "\"from\" : 9"));
        refused("a range has partition, from and to", "verify", file("none"));
        Files.writeString(
                folder.resolve("none"), manifest.replaceFirst("\"ranges\" : \\[", "$0 7,"));
        refused("found=VALUE_NUMBER_INT", "verify", file("none"));
        Files.writeString(folder.resolve("none"), "no JSON");
        refused("no lineage manifest: file=" + file("none"), "verify", file("none"));
        refused("absent", "replay", file("absent"), "--name", "again");
        assertEquals(2, run("export"));
    }
}
