package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceFindings.Kind;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.engine.SourceStatus.Reader;
import io.headrace.engine.TopicSpec;
import io.headrace.server.admin.AdminListener;
import io.headrace.server.admin.Json;
import io.headrace.server.config.ServerConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code headrace source} prints, about sources that answer as told. */
class SourceCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final ScriptedSources sources = new ScriptedSources();

    @TempDir Path folder;
    private HeadraceServer server;
    private AdminListener listener;
    private long imagenet;

    @BeforeEach
    void launch() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(folder.resolve("data"));
        settings.put("headrace.store.local.uri", folder.toUri().toString());
        server = HeadraceServer.launch(ServerConfig.of(settings));
        listener =
                AdminListener.launch(
                        new InetSocketAddress("127.0.0.1", 0), List.of(), () -> true, List.of());
        listener.serveSources(server.engine().catalog(), sources);
        imagenet = create("imagenet");
    }

    private long create(String name) throws Exception {
        Map<String, String> configs = Map.of("headrace.source.uri", uri());
        server.engine()
                .catalog()
                .create(List.of(new TopicSpec(name, 2, configs)), false)
                .get(20, TimeUnit.SECONDS);
        return server.engine().catalog().find(name).id();
    }

    private String uri() {
        return folder.toUri() + "objects/";
    }

    @AfterEach
    void close() {
        listener.close();
        server.close();
    }

    private int run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("source"));
        all.addAll(List.of(arguments));
        all.add("--admin-server");
        all.add("127.0.0.1:" + listener.port());
        return runAsIs(all.toArray(String[]::new));
    }

    private int runAsIs(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
    }

    private static SourceStatus troubled(long topicId) {
        return troubled(topicId, Listing.RUNNING);
    }

    private static SourceStatus troubled(long topicId, Listing listing) {
        return new SourceStatus(
                topicId,
                "imagenet",
                listing,
                2,
                false,
                1281,
                148_000_000_000L,
                false,
                1,
                3,
                0,
                "",
                List.of(
                        new Partition(0, 641, 641, 74_000_000_000L, 640_000, false, ""),
                        new Partition(
                                1,
                                640,
                                12,
                                1_400_000_000,
                                12_345,
                                false,
                                "truncated: key=train/12.tar position=512")),
                List.of(new Reader("trainer-1", 83_500_000_000L), new Reader("other", 7_000_000)));
    }

    @Test
    void showsAllAboutASource() {
        sources.answer(troubled(imagenet));
        assertEquals(0, run("status", "imagenet"));
        assertEquals(
                """
                topic      imagenet
                uri        URI
                format     files
                listing    1,281 objects, 148 GB in generations 0 to 2 so far, going on
                index      50 %: 653 of 1,281 objects, 652,345 records, stopped in 1 of 2 partitions
                bad        1 object not as the format says, or changed (status --findings names them)
                left out   3 samples longer than a record may be (status --findings names them)

                partition  objects  indexed    bytes  records  state
                        0      641      641  74.0 GB  640,000  waits for the listing
                        1      640       12   1.4 GB   12,345  stopped: truncated: key=train/12.tar position=512

                consumer       waited
                trainer-1  1 min 23 s
                other            7 ms
                """
                        .replace("URI", uri()),
                out.toString());
    }

    @Test
    void showsALineForEachSource() throws Exception {
        sources.answer(ScriptedSources.status(imagenet, "imagenet", true, 4, 10));
        sources.answer(ScriptedSources.status(create("coco"), "coco", false, 10, 10));
        assertEquals(0, run("status"));
        assertEquals(
                """
                topic     objects   bytes  records  index     uri
                coco           20  2.0 MB   20,000  complete  URI
                imagenet       20  2.0 MB   14,000  indexing  URI
                """
                        .replace("URI", uri()),
                out.toString());
    }

    @Test
    void namesWhatWasLeftOut() {
        sources.answer(troubled(imagenet));
        sources.find(new Finding(Kind.LEFT_OUT, "train/7.tar", 1, 1_024, "12345678 bytes"));
        sources.find(new Finding(Kind.ORPHAN, "captions/\u001b[2J.txt", -1, 0, "no jpg"));
        assertEquals(0, run("status", "imagenet", "--findings"));
        assertTrue(
                out.toString()
                        .endsWith(
                                """

                                finding   partition   byte  object       reason
                                left out          1  1,024  train/7.tar  12345678 bytes

                                finding  partition  byte  object                  reason
                                orphan                 0  captions/\\u001b[2J.txt  no jpg
                                """),
                out::toString);
    }

    @Test
    void printsTheServersJsonForScripts() throws Exception {
        sources.answer(troubled(imagenet));
        assertEquals(0, run("status", "imagenet", "--json"));
        assertEquals(
                "[640000,12345]",
                Json.parse(out.toString().getBytes(StandardCharsets.UTF_8))
                        .path("endOffsets")
                        .toString());
        assertEquals(0, run("check", "s3://b/", "--json"));
        assertTrue(
                Json.parse(out.toString().getBytes(StandardCharsets.UTF_8))
                        .path("whole")
                        .asBoolean());
    }

    @Test
    void showsWhatATopicWouldBe() {
        assertEquals(0, run("check", "s3://bucket/train/", "--config", "compression.type=zstd"));
        assertEquals(
                """
                uri        s3://bucket/train/
                format     tar, compressed with gzip
                objects    1,024, 1.5 TB
                samples    about 12,345,678
                index      about 3 h 28 min, one partition read ahead at 120 MB/s; a small read takes 85 ms
                requests   about 12,000,000 to read everything once, $4.80 at AWS's list price
                note       part cls is not in all samples

                train/0.tar.gz at byte 512
                  key    0001
                  txt        13 B  text: a red caption
                  bin      1.2 MB  binary: 61 20 1b 5b 33 31 6d 72 65 64 1b 5b …
                """,
                out.toString());
        assertEquals(
                List.of(
                        "check s3://bucket/train/ {compression.type=zstd,"
                                + " headrace.source.format=auto}"),
                sources.asked);
    }

    /** Trees can be joined only if each object is one part. */
    @Test
    void joinedTreesAreReadAsFilesIfNothingIsSaid() {
        assertEquals(
                0,
                run("check", "s3://bucket/", "--config", "headrace.source.join=a/=jpg"),
                err::toString);
        assertTrue(
                sources.asked.get(0).contains("headrace.source.format=files"),
                sources.asked::toString);
    }

    @Test
    void saysWhichConfigOfACheckIsBad() {
        assertEquals(1, run("check", "s3://bucket/train/", "--format", "zip"));
        assertEquals("", out.toString());
        assertEquals(
                "headrace: invalid config: key=headrace.source.format value=zip"
                        + " allowed=files, lines, tar\n",
                err.toString());
    }

    @Test
    void waitsUntilTheIndexIsComplete() {
        sources.answer(
                ScriptedSources.status(imagenet, "imagenet", true, 0, 1),
                ScriptedSources.status(imagenet, "imagenet", true, 4, 5),
                ScriptedSources.status(imagenet, "imagenet", false, 10, 10));
        assertEquals(0, run("index", "imagenet", "--wait"), err::toString);
        List<String> lines = out.toString().lines().toList();
        assertTrue(lines.get(0).startsWith("imagenet    5 %   100 KB of 2.0 MB"), out::toString);
        assertTrue(
                lines.get(lines.size() - 1)
                        .startsWith("imagenet  complete: 20,000 records, 2.0 MB, in "),
                out::toString);
        assertEquals(List.of("index " + imagenet), sources.asked);
    }

    /** A listing that runs may find more, although all that was known is indexed. */
    @Test
    void aWaitDoesNotEndBeforeTheListingDoes() {
        SourceStatus all = ScriptedSources.status(imagenet, "imagenet", false, 10, 10);
        sources.answer(
                listing(ScriptedSources.status(imagenet, "imagenet", true, 10)), listing(all), all);
        assertEquals(0, run("index", "imagenet", "--wait"), err::toString);
        assertTrue(out.toString().contains("complete: 20,000 records"), out::toString);
    }

    private static SourceStatus listing(SourceStatus status) {
        return new SourceStatus(
                status.topicId(),
                status.topicName(),
                Listing.RUNNING,
                status.generation(),
                status.isListed(),
                status.objectCount(),
                status.objectBytes(),
                status.isIndexing(),
                status.badObjectCount(),
                status.leftOutCount(),
                status.orphanCount(),
                status.failure(),
                status.partitions(),
                status.readers());
    }

    @Test
    void saysWhyAnIndexIsNotCompleted() {
        sources.answer(troubled(imagenet, Listing.DONE));
        assertEquals(1, run("index", "imagenet", "--wait"));
        assertEquals(
                "headrace: not complete: imagenet: partition 1: truncated: key=train/12.tar"
                        + " position=512\n",
                err.toString());
    }

    @Test
    void beginsAndEndsIndexingWithoutWaiting() {
        sources.answer(ScriptedSources.status(imagenet, "imagenet", true, 4, 10));
        assertEquals(0, run("index", "imagenet"));
        assertEquals(
                "imagenet  70 %: 14 of 20 objects, 14,000 records, going on\n", out.toString());
        sources.answer(ScriptedSources.status(imagenet, "imagenet", false, 4, 10));
        assertEquals(0, run("index", "imagenet", "--stop"));
        assertEquals(List.of("index " + imagenet, "stop " + imagenet), sources.asked);
    }

    @Test
    void watchEndsWhenTheSourceIsComplete() {
        sources.answer(
                ScriptedSources.status(imagenet, "imagenet", true, 4, 10),
                ScriptedSources.status(imagenet, "imagenet", false, 10, 10));
        assertEquals(0, run("status", "imagenet", "--watch"));
        assertTrue(out.toString().contains("70 %: 14 of 20 objects"), out::toString);
        assertTrue(out.toString().contains("index      complete: 20,000 records"), out::toString);
    }

    @Test
    void createsATopicAndSaysWhatWasFound() {
        sources.answer(
                ScriptedSources.status(imagenet + 1, "coco", false, 0, 0),
                ScriptedSources.status(imagenet + 1, "coco", false, 1, 0));
        assertEquals(
                0,
                run(
                        "create",
                        "coco",
                        "--uri",
                        uri(),
                        "--format",
                        "lines",
                        "--partitions",
                        "2",
                        "--bootstrap-server",
                        "127.0.0.1:" + server.kafkaPort()),
                err::toString);
        assertTrue(
                out.toString().startsWith("created coco\nfound   20 objects, 2.0 MB\n"),
                out::toString);
        var created = server.engine().catalog().find("coco");
        assertEquals("lines", created.configs().get("headrace.source.format"));
        assertEquals(2, created.partitionCount());
        assertEquals(List.of("refresh " + created.id()), sources.asked);
    }

    @Test
    void aTopicOverAStoreThatNobodyNamedIsRefused() {
        assertEquals(
                1,
                run(
                        "create",
                        "secrets",
                        "--uri",
                        "file:///etc/",
                        "--bootstrap-server",
                        "127.0.0.1:" + server.kafkaPort()));
        assertTrue(err.toString().contains("file:///etc/"), err::toString);
        assertFalse(out.toString().contains("created"), out::toString);
    }

    @Test
    void saysThatThereIsNoSuchTopicOrServer() {
        assertEquals(1, run("status", "none"));
        assertEquals("headrace: no such topic: topic=none\n", err.toString());
        int port = listener.port();
        listener.close();
        assertEquals(1, run("status", "none"));
        assertTrue(
                err.toString().startsWith("headrace: no admin server at 127.0.0.1:" + port),
                err::toString);
        assertEquals(1, runAsIs("source", "status", "--admin-server", "here"));
        assertEquals("headrace: not HOST:PORT: --admin-server here\n", err.toString());
    }

    @Test
    void wrongUsageExitsWithTwo() {
        assertEquals(2, runAsIs("source"));
        assertEquals(2, runAsIs("source", "status", "--watch"));
        assertEquals(2, runAsIs("source", "create", "a"));
        assertEquals(2, runAsIs("source", "skip", "a", "--offset", "1"));
        assertEquals(2, runAsIs("sample", "a"));
    }
}
