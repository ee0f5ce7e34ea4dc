package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.config.ServerConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code headrace dataset}, against a whole server. */
class DatasetCommandTest {
    private static final long DEADLINE_SECONDS = 60;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;
    private HeadraceServer server;

    @BeforeEach
    void launch() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("data"));
        settings.put("headrace.store.local.uri", folder.resolve("objects").toUri().toString());
        put("v1/a", "1");
        put("v1/b", "22");
        put("v1/c", "333");
        put("v2/b", "22222");
        put("v2/c", "333");
        put("v2/d", "4");
        server = HeadraceServer.launch(ServerConfig.of(settings));
    }

    private void put(String key, String value) throws Exception {
        Path file = folder.resolve("objects").resolve(key);
        Files.createDirectories(file.getParent());
        Files.writeString(file, value);
    }

    @AfterEach
    void close() {
        server.close();
    }

    private int run(String verb, boolean isKafka, boolean isAdmin, String... arguments) {
        List<String> all = new ArrayList<>(List.of("dataset", verb));
        all.addAll(List.of(arguments));
        if (isKafka) {
            all.addAll(List.of("--bootstrap-server", "127.0.0.1:" + server.kafkaPort()));
        }
        if (isAdmin) {
            all.addAll(List.of("--admin-server", "127.0.0.1:" + server.adminPort()));
        }
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
    }

    private void change(String verb, String... arguments) {
        assertEquals(0, run(verb, true, false, arguments), err::toString);
    }

    private void publish(String version) {
        int code =
                run(
                        "publish",
                        true,
                        true,
                        "pairs",
                        version,
                        "--source",
                        "local://" + version + "/",
                        "--format",
                        "files",
                        "--partitions",
                        "2");
        assertEquals(0, code, err::toString);
    }

    private void fails(int exitCode, int code, String... parts) {
        assertEquals(exitCode, code);
        for (String part : parts) {
            assertTrue(err.toString().contains(part), err.toString());
        }
    }

    private String list() {
        assertEquals(0, run("list", false, true, "pairs"), err::toString);
        return out.toString();
    }

    private void awaitListed(String... parts) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!List.of(parts).stream().allMatch(list()::contains)) {
            assertTrue(System.nanoTime() < deadline, out::toString);
            Thread.sleep(50);
        }
    }

    private static String line(String text, String start) {
        return text.lines().filter(line -> line.startsWith(start)).findFirst().orElse("");
    }

    private void awaitObjects(String version) throws Exception {
        awaitListed(version);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (!line(list(), version).matches(".* 3 +3( .*)?")) {
            assertTrue(System.nanoTime() < deadline, out::toString);
            Thread.sleep(50);
        }
    }

    @Test
    void aDatasetGoesFromVersionToVersionAndBack() throws Exception {
        publish("v1");
        change("alias", "pairs", "latest", "v1");
        assertEquals("pairs.latest shows pairs.v1\n", out.toString());
        publish("v2");
        awaitObjects("v1");
        awaitObjects("v2");
        assertTrue(line(list(), "v1").endsWith("pairs.latest"), out::toString);
        change("alias", "pairs", "latest", "v2");
        assertTrue(line(list(), "v2").endsWith("pairs.latest"), out::toString);
        change("rollback", "pairs");
        assertEquals("pairs.latest shows pairs.v1 again\n", out.toString());
        assertTrue(line(list(), "v1").endsWith("pairs.latest"), out::toString);
    }

    @Test
    void aDiffNamesWhatIsNotTheSame() throws Exception {
        publish("v1");
        publish("v2");
        awaitObjects("v1");
        awaitObjects("v2");
        awaitDiff("v1", "v2");
        assertEquals(0, run("diff", false, true, "pairs", "v1", "v2"), err::toString);
        List<String> lines = out.toString().lines().toList();
        assertTrue(lines.get(0).startsWith("- a  "), lines::toString);
        assertTrue(lines.contains("+ d  1 B"), lines::toString);
        assertTrue(lines.contains("~ b  5 B"), lines::toString);
        assertTrue(lines.get(lines.size() - 1).startsWith("1 added, 1 removed, 2 changed"));
        assertEquals(0, run("diff", false, true, "pairs", "v1", "v1"), err::toString);
        assertEquals("0 added, 0 removed, 0 changed, 3 the same\n", out.toString());
        fails(1, run("diff", false, true, "pairs", "v1", "v9"), "pairs.v9");
    }

    /** Files that were copied have other etags; what they hold says that they are the same. */
    @Test
    void diffByChecksumComparesWhatObjectsHold() throws Exception {
        byte[] large = new byte[17 << 20];
        Path first = folder.resolve("objects/v1/large");
        Files.write(first, large);
        Files.copy(first, folder.resolve("objects/v2/large"));
        large[large.length - 1] = 1; // behind the first range that is compared
        Files.write(folder.resolve("objects/v1/other"), new byte[17 << 20]);
        Files.write(folder.resolve("objects/v2/other"), large);
        publish("v1");
        publish("v2");
        awaitListed("v1", "v2");
        awaitDiff("v1", "v2");
        int code = run("diff", false, true, "pairs", "v1", "v2", "--checksum");
        assertEquals(0, code, err::toString);
        List<String> lines = out.toString().lines().toList();
        assertTrue(lines.contains("~ b  5 B"), lines::toString);
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("~ other")), lines::toString);
        assertEquals("1 added, 1 removed, 2 changed, 2 the same", lines.get(lines.size() - 1));
    }

    /** Until both are listed to their ends it is refused. */
    private void awaitDiff(String before, String after) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (run("diff", false, true, "pairs", before, after) != 0) {
            assertTrue(err.toString().contains("not listed to its end"), err.toString());
            assertTrue(System.nanoTime() < deadline, err.toString());
            Thread.sleep(20);
        }
    }

    @Test
    void aPublishedSourceIsNotListedAgain() throws Exception {
        publish("v1");
        awaitObjects("v1");
        put("v1/later", "x");
        int code =
                Headrace.commandLine()
                        .setOut(new PrintWriter(out))
                        .execute(
                                "source",
                                "refresh",
                                "pairs.v1",
                                "--admin-server",
                                "127.0.0.1:" + server.adminPort());
        assertEquals(0, code);
        assertTrue(out.toString().contains("3 objects"), out::toString);
        awaitObjects("v1");
    }

    @Test
    void onlyOldVersionsThatNobodyHoldsAreRetired() throws Exception {
        publish("v1");
        publish("v2");
        put("v3/e", "5");
        publish("v3");
        put("v4/e", "5");
        publish("v4");
        change("protect", "pairs", "v1");
        change("alias", "pairs", "latest", "v2");
        assertEquals(
                0, run("retire", true, true, "pairs", "--keep", "1", "--dry-run"), err::toString);
        assertTrue(out.toString().contains("would delete pairs.v3"), out::toString);
        assertTrue(list().contains("v3"));
        assertEquals(0, run("retire", true, true, "pairs", "--keep", "1"), err::toString);
        assertEquals(
                """
                kept pairs.v1: it is protected
                kept pairs.v2: shown by pairs.latest
                deleted pairs.v3
                """,
                out.toString());
        assertEquals("", line(list(), "v3"));
        assertTrue(list().contains("v4"));
        assertEquals(0, run("retire", true, true, "pairs", "--older-than", "1d"), err::toString);
        assertEquals("", out.toString());
        fails(
                2,
                run("retire", true, true, "pairs", "--older-than", "soon"),
                "--older-than",
                "soon");
        fails(2, run("retire", true, true, "pairs"), "--keep");
    }

    private KafkaConsumer<byte[], byte[]> reader() {
        return new KafkaConsumer<>(
                Map.of(
                        "bootstrap.servers", "127.0.0.1:" + server.kafkaPort(),
                        "group.id", "readers",
                        "auto.offset.reset", "earliest",
                        "enable.auto.commit", "false"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer());
    }

    private static void readAll(KafkaConsumer<byte[], byte[]> consumer, int count) {
        consumer.subscribe(List.of("pairs.latest"));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        int left = count;
        while (left > 0) {
            assertTrue(System.nanoTime() < deadline, "nothing to read");
            left -= consumer.poll(Duration.ofMillis(100)).count();
        }
        consumer.commitSync();
    }

    @Test
    void whatGroupsReadOrARollbackGoesToIsKept() throws Exception {
        publish("v1");
        change("alias", "pairs", "latest", "v1");
        publish("v2");
        put("v3/e", "5");
        publish("v3");
        try (KafkaConsumer<byte[], byte[]> consumer = reader()) {
            readAll(consumer, 3);
            change("alias", "pairs", "latest", "v2");
            change("alias", "pairs", "latest", "v3");
            assertEquals(
                    0,
                    run("retire", true, true, "pairs", "--keep", "0", "--dry-run"),
                    err::toString);
            assertEquals(
                    """
                    kept pairs.v1: read by readers (--force)
                    kept pairs.v2: a rollback goes to it: pairs.latest
                    kept pairs.v3: shown by pairs.latest
                    """,
                    out.toString());
            fails(1, run("withdraw", true, false, "pairs", "v1"), "pairs.v1", "groups=readers");
            int code = run("retire", true, true, "pairs", "--keep", "0", "--dry-run", "--force");
            assertEquals(0, code, err::toString);
            assertTrue(out.toString().contains("would delete pairs.v1"), out::toString);
        }
        try (KafkaConsumer<byte[], byte[]> consumer = reader()) {
            readAll(consumer, 1); // in v3 now, with a position that is left in v1
            assertEquals(0, run("retire", true, true, "pairs", "--keep", "0"), err::toString);
            assertTrue(out.toString().contains("deleted pairs.v1"), out::toString);
        }
        change("rollback", "pairs");
        assertEquals("pairs.latest shows pairs.v2 again\n", out.toString());
    }

    /** Each key and value by turns; into partitions by their keys. */
    private void publishRecords(String version, int partitions, String... records)
            throws Exception {
        String topic = "pairs." + version;
        Map<String, Object> client = Map.of("bootstrap.servers", "127.0.0.1:" + server.kafkaPort());
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(client, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < records.length; i += 2) {
                producer.send(new ProducerRecord<>(topic, records[i], records[i + 1])).get();
            }
        }
        int code = run("publish", true, true, "pairs", version, "--topic", topic);
        assertEquals(0, code, err::toString);
    }

    @Test
    void versionsOfRecordsAreComparedByTheirKeys() throws Exception {
        publishRecords(
                "old",
                1,
                "a",
                "1",
                "b",
                "2",
                "twice",
                "x",
                "twice",
                "y",
                "gone\u001b",
                "3",
                "c",
                "4",
                null,
                "keyless",
                "d",
                null);
        publishRecords(
                "new", 3, "twice", "y", "c", "4", "a", "1", "twice", "x", "b", "other", "more", "5",
                null, "keyless", "d", null, "a", "1");
        publish("v1");
        assertEquals(0, run("diff", true, true, "pairs", "old", "new"), err::toString);
        List<String> lines = new ArrayList<>();
        out.toString().lines().forEach(line -> lines.add(line.split(" {2}partition")[0]));
        assertEquals(List.of("- gone\\u001b"), lines.subList(0, 1));
        assertEquals(
                Set.of("+ more", "~ a", "~ b"), Set.copyOf(lines.subList(1, lines.size() - 1)));
        assertEquals("1 added, 1 removed, 2 changed, 4 the same", lines.get(lines.size() - 1));
        assertEquals(0, run("diff", true, true, "pairs", "new", "new"), err::toString);
        assertEquals("0 added, 0 removed, 0 changed, 7 the same\n", out.toString());

        fails(
                1,
                run("diff", true, true, "pairs", "old", "new", "--checksum"),
                "--checksum compares objects");
        fails(1, run("diff", true, true, "pairs", "old", "v9"), "no such version: pairs.v9");
    }

    @Test
    void aDryRunNamesTheViewsInTheWay() throws Exception {
        publish("v1");
        String topic = "again";
        try (Admin admin =
                Admin.create(Map.of("bootstrap.servers", "127.0.0.1:" + server.kafkaPort()))) {
            NewTopic replay =
                    new NewTopic(topic, 1, (short) 1)
                            .configs(
                                    Map.of(
                                            "headrace.view.type", "replay",
                                            "headrace.view.ranges", "pairs.v1=0:0-1"));
            admin.createTopics(List.of(replay)).all().get();
        }
        assertEquals(
                0, run("retire", true, true, "pairs", "--keep", "0", "--dry-run"), err::toString);
        assertEquals("kept pairs.v1: a view is over it: again\n", out.toString());
    }

    @Test
    void whatOneServerSaysHasAnotherOneDeleteNothing() throws Exception {
        publish("v1");
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("other"));
        try (HeadraceServer other = HeadraceServer.launch(ServerConfig.of(settings))) {
            int code =
                    Headrace.commandLine()
                            .setErr(new PrintWriter(err))
                            .execute(
                                    "dataset",
                                    "retire",
                                    "pairs",
                                    "--keep",
                                    "0",
                                    "--bootstrap-server",
                                    "127.0.0.1:" + other.kafkaPort(),
                                    "--admin-server",
                                    "127.0.0.1:" + server.adminPort());
            fails(1, code, "are two servers");
        }
    }

    @Test
    void whatCannotBeDoneIsNamed() throws Exception {
        fails(1, run("list", false, true, "nothing"), "nothing");
        fails(1, run("rollback", true, false, "pairs"), "no such alias: pairs.latest");
        fails(1, run("alias", true, false, "pairs", "latest", "v1"), "pairs.v1");
        fails(1, run("protect", true, false, "pairs", "v1"), "no such version: pairs.v1");
        publish("v1");
        change("alias", "pairs", "latest", "v1");
        fails(1, run("rollback", true, false, "pairs"), "has shown no other version: pairs.latest");
        fails(1, run("withdraw", true, false, "pairs", "v1"), "pairs.v1", "alias=pairs.latest");
        fails(1, run("alias", true, false, "pairs", "v1", "v1"), "no alias: pairs.v1");
        change("protect", "pairs", "v1");
        try (Admin admin =
                Admin.create(Map.of("bootstrap.servers", "127.0.0.1:" + server.kafkaPort()))) {
            Throwable refused =
                    assertThrows(
                            ExecutionException.class,
                            () -> admin.deleteTopics(List.of("pairs.v1")).all().get());
            assertTrue(
                    refused.getCause().getMessage().contains("headrace.version.protected=true"),
                    refused::toString);
            admin.createTopics(List.of(new NewTopic("pairs.v5", 1, (short) 1))).all().get();
        }
        fails(
                1,
                run("publish", true, true, "pairs", "v6", "--topic", "pairs.v5"),
                "pairs.v5 has to be called pairs.v6");
        assertEquals(0, run("publish", true, true, "pairs", "v5", "--topic", "pairs.v5"));
        fails(
                1,
                run("alias", true, false, "pairs", "latest", "v5"),
                "pairs.latest has 2",
                "pairs.v5 has 1");
        change("withdraw", "pairs", "v5");
        assertEquals("", line(list(), "v5"));
    }
}
