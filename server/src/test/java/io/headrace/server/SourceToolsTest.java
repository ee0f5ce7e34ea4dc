package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.server.admin.Json;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line against a whole server, over tar shards in a folder. */
class SourceToolsTest {
    private static final int SAMPLES_PER_SHARD = 20;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;
    private Path pairs;
    private HeadraceServer server;

    @BeforeEach
    void launch() throws Exception {
        pairs = Files.createDirectories(folder.resolve("objects/pairs"));
        for (int shard = 0; shard < 4; shard++) {
            Files.write(pairs.resolve(shard + ".tar"), shard(shard));
        }
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("data"));
        settings.put("headrace.store.lake.uri", folder.resolve("objects").toUri().toString());
        server = HeadraceServer.launch(ServerConfig.of(settings));
    }

    @AfterEach
    void close() {
        server.close();
    }

    private static byte[] shard(int number) {
        TarShard shard = new TarShard();
        for (int i = 0; i < SAMPLES_PER_SHARD; i++) {
            String stem = "%d-%03d".formatted(number, i);
            shard.add(stem + ".jpg", "\u00ff\u00d8\u00ff".getBytes(StandardCharsets.ISO_8859_1));
            shard.add(stem + ".txt", "caption " + stem);
        }
        return shard.bytes();
    }

    /** Runs a command with the addresses of the server that it talks to. */
    private String run(String... arguments) {
        assertEquals(0, exitCode(arguments), () -> out + "\n" + err);
        return out.toString();
    }

    private int exitCode(String... arguments) {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        boolean isKafka = !List.of("status", "index", "check", "refresh").contains(arguments[1]);
        boolean isAdmin = arguments[0].equals("source") && !arguments[1].equals("skip");
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

    private void createAndIndex() {
        run(
                "source",
                "create",
                "pairs",
                "--uri",
                "lake://pairs/",
                "--format",
                "tar",
                "--partitions",
                "2");
        run("source", "index", "pairs", "--wait");
    }

    private JsonNode status() throws IOException {
        return Json.parse(
                run("source", "status", "pairs", "--json").getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void checkShowsWhatTheTopicWillBe() {
        String check = run("source", "check", "lake://pairs/", "--format", "auto");
        assertTrue(check.contains("format     tar\n"), check);
        assertTrue(check.contains("pairs/0.tar at byte 512\n  key    0-000\n"), check);
        assertTrue(check.contains("  jpg         3 B  JPEG image\n"), check);
        assertTrue(check.contains("text: caption 0-002\n"), check);
        assertEquals("", run("topic", "list"));
        assertEquals(1, exitCode("source", "check", "file:///etc/"));
        assertTrue(err.toString().contains("value=file:///etc/"), err::toString);
    }

    @Test
    void checkFailsAndEstimatesNothingWhereNoSampleIs() throws Exception {
        Files.createDirectories(folder.resolve("objects/nothing"));
        assertEquals(1, exitCode("source", "check", "lake://nothing/"));
        assertEquals(
                """
                uri        lake://nothing/
                objects    0, 0 B
                note       there is no object with bytes in it
                """,
                out.toString());
        assertEquals("headrace: no sample found: lake://nothing/\n", err.toString());
        Files.createDirectories(folder.resolve("objects/text"));
        Files.writeString(folder.resolve("objects/text/a.txt"), "no tar\n".repeat(1000));
        assertEquals(1, exitCode("source", "check", "lake://text/", "--format", "tar"));
        assertTrue(out.toString().contains("note       key=text/a.txt: "), out::toString);
        assertFalse(out.toString().contains("index"), out::toString);
    }

    @Test
    void indexWaitsForTheWholeDataset() throws Exception {
        createAndIndex();
        assertTrue(out.toString().contains("pairs  complete: 80 records, "), out::toString);
        JsonNode status = status();
        assertTrue(status.path("complete").asBoolean(), status::toString);
        assertEquals("[40,40]", status.path("endOffsets").toString());
        assertEquals("lake://pairs/", status.path("uri").asText());
        assertTrue(run("source", "status").contains("complete  lake://pairs/"), out::toString);
    }

    @Test
    void sampleShowsAndSavesThePartsOfARecord() throws Exception {
        createAndIndex();
        Path saved = folder.resolve("saved");
        String sample =
                run("sample", "pairs", "--partition", "1", "--offset", "21", "--save", "" + saved);
        assertTrue(sample.contains("  key               3-001\n"), sample);
        assertTrue(sample.contains("  headrace.object   pairs/3.tar\n"), sample);
        assertTrue(sample.contains("  jpg         3 B  JPEG image\n"), sample);
        assertTrue(sample.contains("text: caption 3-001\n"), sample);
        assertEquals("caption 3-001", Files.readString(saved.resolve("pairs-1-21.txt")));
        assertEquals(3, Files.size(saved.resolve("pairs-1-21.jpg")));
    }

    @Test
    void sampleBehindTheIndexSaysHowToGetThere() {
        createAndIndex();
        assertEquals(1, exitCode("sample", "pairs", "--offset", "40"));
        assertEquals(
                "headrace: no such offset: pairs partition 0 offset 40: there are 0 to 39;"
                        + " to have them all: headrace source index --wait pairs\n",
                err.toString());
    }

    @Test
    void skippedSamplesKeepTheirOffsetsAndLoseTheirValues() {
        createAndIndex();
        run("source", "skip", "pairs", "--partition", "1", "--offset", "21");
        run("source", "skip", "pairs", "--partition", "0", "--offset", "3");
        assertTrue(
                run("topic", "describe", "pairs")
                        .contains("headrace.source.skip.offsets=1:21,0:3\n"),
                out::toString);
        String samples =
                run("sample", "pairs", "--partition", "1", "--offset", "20", "--count", "3");
        assertTrue(samples.contains("offset 21, no value"), samples);
        assertTrue(samples.contains("  headrace.skipped  true\n"), samples);
        assertTrue(samples.contains("text: caption 3-000\n"), samples);
        assertTrue(samples.contains("text: caption 3-002\n"), samples);
        assertEquals(1, exitCode("source", "skip", "pairs", "--partition", "2", "--offset", "0"));
        assertEquals(1, exitCode("source", "skip", "pairs", "--partition", "0", "--offset", "40"));
        assertEquals(
                "headrace: no such offset: pairs partition 0 offset 40: indexed so far: 40\n",
                err.toString());
        run("topic", "create", "orders");
        assertEquals(1, exitCode("source", "skip", "orders", "--partition", "0", "--offset", "0"));
        assertEquals("headrace: no source: topic=orders\n", err.toString());
    }

    @Test
    void refreshAppendsWhatIsNew() throws Exception {
        createAndIndex();
        Files.write(pairs.resolve("00.tar"), shard(4)); // sorts before the others
        String found = run("source", "refresh", "pairs");
        assertTrue(found.contains("5 objects"), found);
        run("source", "index", "pairs", "--wait");
        assertEquals("[60,40]", status().path("endOffsets").toString());
        assertTrue(
                run("sample", "pairs", "--offset", "40").contains("caption 4-000"), out::toString);
    }

    @Test
    void aBrokenShardIsNamedWithItsPosition() throws Exception {
        byte[] whole = shard(9);
        Files.write(pairs.resolve("9.tar"), Arrays.copyOf(whole, 5000));
        createAndIndex();
        String bad = "bad        1 object not as the format says, or changed";
        assertTrue(out.toString().contains(bad), out::toString);
        assertTrue(run("source", "index", "pairs").contains(bad), out::toString);
        assertTrue(run("source", "refresh", "pairs").contains(bad), out::toString);
        String status = run("source", "status", "pairs", "--findings");
        assertTrue(status.contains("bad        1 object"), status);
        assertTrue(
                status.lines()
                        .anyMatch(l -> l.startsWith("bad object") && l.contains("pairs/9.tar")),
                status);
    }

    @Test
    void aPartitionThatABrokenShardStopsEndsTheWait() throws Exception {
        Files.write(pairs.resolve("0.tar"), Arrays.copyOf(shard(0), 5000));
        run(
                "source",
                "create",
                "pairs",
                "--uri",
                "lake://pairs/",
                "--format",
                "tar",
                "--config",
                "headrace.source.bad=stop");
        assertEquals(1, exitCode("source", "index", "pairs", "--wait"));
        assertTrue(
                err.toString().startsWith("headrace: not complete: pairs: partition 0: "),
                err::toString);
        assertTrue(err.toString().contains("pairs/0.tar"), err::toString);
        assertTrue(run("source", "status", "pairs").contains("stopped: "), out::toString);
    }

    @Test
    void aSourceWithoutAnyObjectOrRecordIsWarnedOf() throws Exception {
        Files.createDirectories(folder.resolve("objects/nothing"));
        run("source", "create", "nothing", "--uri", "lake://nothing/");
        assertTrue(
                run("source", "index", "nothing", "--wait")
                        .endsWith("warning    no object was found\n"),
                out::toString);
        Files.createDirectories(folder.resolve("objects/text"));
        Files.writeString(folder.resolve("objects/text/a.txt"), "no tar\n".repeat(1000));
        run("source", "create", "text", "--uri", "lake://text/", "--format", "tar");
        String waited = run("source", "index", "text", "--wait");
        assertTrue(waited.contains("bad        1 object"), waited);
        assertTrue(waited.endsWith("warning    no record is in what was found\n"), waited);
    }

    @Test
    void metricsTellHowFarTheIndexIs() throws Exception {
        createAndIndex();
        var connection =
                URI.create("http://127.0.0.1:" + server.adminPort() + "/metrics")
                        .toURL()
                        .openConnection();
        try (var body = connection.getInputStream()) {
            String metrics = new String(body.readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(
                    metrics.contains("headrace_source_indexed_records{topic=\"pairs\"} 80\n"),
                    metrics);
            assertTrue(metrics.contains("headrace_source_complete{topic=\"pairs\"} 1\n"), metrics);
        }
    }
}
