package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.segment.SegmentFiles;
import io.headrace.engine.segment.SegmentFolder;
import io.headrace.engine.segment.SegmentGroup;
import io.headrace.engine.segment.SegmentWriter;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandLineTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path data;

    @Test
    void createsAndListsTopics() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(
                    0,
                    run(
                            server,
                            "topic",
                            "create",
                            "b",
                            "a",
                            "--config",
                            "headrace.storage.mode=memory",
                            "--partitions",
                            "2"));
            assertEquals("created a\ncreated b\n", out.toString());
            assertEquals(0, run(server, "topic", "list"));
            assertEquals("a\nb\n", out.toString());
            assertEquals(2, server.engine().catalog().find("a").partitionCount());
        }
    }

    @Test
    void describesAndDeletesATopic() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a", "--config", "retention.ms=5000"));
            assertEquals(0, run(server, "topic", "describe", "a"));
            assertTrue(out.toString().contains("  retention.ms=5000\n"), out::toString);
            assertTrue(out.toString().contains("  partition 0  offsets 0 to 0"), out::toString);
            assertEquals(0, run(server, "topic", "delete", "a"));
            assertEquals(0, run(server, "topic", "list"));
            assertEquals("", out.toString());
            assertEquals(1, run(server, "topic", "describe", "a"));
            assertEquals("headrace: no such topic: a\n", err.toString());
            assertEquals(1, run(server, "topic", "delete", "a"));
            assertEquals("headrace: not deleted: a: no such topic\n", err.toString());
        }
    }

    @Test
    void saysWhyATopicWasNotCreated() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
            assertEquals(1, run(server, "topic", "create", "a", "c"));
            assertEquals("created c\n", out.toString());
            assertTrue(err.toString().startsWith("headrace: not created: a: "), err::toString);
            assertEquals(
                    1, run(server, "topic", "create", "d", "--config", "headrace.storage.mode=x"));
            assertTrue(err.toString().contains("headrace.storage.mode"), err::toString);
        }
    }

    @Test
    void wrongUsageExitsWithTwo() {
        assertEquals(2, run());
        assertEquals(2, run("topic"));
        assertEquals(2, run("topic", "create"));
        assertEquals(2, run("topics", "list"));
        assertTrue(err.toString().contains("topics"), err::toString);
    }

    /** Not behind a page of usage. */
    @Test
    void wrongOptionsAreAnsweredByTheReasonAlone() {
        assertEquals(2, run("topic", "create", "a", "--partition", "2"));
        assertEquals(
                "headrace: Unknown option: '--partition', is it --partitions?; see headrace topic"
                        + " create --help\n",
                err.toString());
        assertEquals(2, run("journal", "verify"));
        assertEquals(1, err.toString().lines().count(), err::toString);
        assertEquals(2, run("topics", "list"));
        String last = err.toString().lines().reduce((first, second) -> second).orElseThrow();
        assertTrue(last.startsWith("headrace: ") && last.contains("'topics'"), err::toString);
    }

    @Test
    void whoAsksTheAdminListenerNamesItsOption() {
        for (String[] command :
                new String[][] {
                    {"backup", "create", "--bootstrap-server", "127.0.0.1:9092", "folder"},
                    {"backup", "create", "--bootstrap-server=127.0.0.1:9092", "folder"},
                    {"source", "status", "a", "--bootstrap-server", "127.0.0.1:9092"}
                }) {
            assertEquals(2, run(command));
            String expected =
                    "headrace: no --bootstrap-server here, it is the admin listener that is asked:"
                            + " --admin-server HOST:PORT; see headrace ";
            assertTrue(err.toString().startsWith(expected), err::toString);
            assertEquals(1, err.toString().lines().count(), err::toString);
        }
    }

    @Test
    void helpAndVersionAreThereAtEveryLevel() {
        assertEquals(0, run("--help"));
        assertTrue(out.toString().contains("serve"), out::toString);
        assertEquals(0, run("topic", "create", "--help"));
        assertTrue(out.toString().contains("--bootstrap-server"), out::toString);
        assertEquals(0, run("source", "create", "--help"));
        assertTrue(out.toString().contains("STORE://PATH"), out::toString);
        assertEquals(0, run("--version"));
        assertTrue(out.toString().startsWith("headrace "), out::toString);
    }

    @Test
    void aServerWithAnUnknownKeyDoesNotStart() {
        assertEquals(2, run("serve", "--set", "headrace.journal.shard=1"));
        assertEquals(
                "headrace: unknown key: key=headrace.journal.shard"
                        + " nearest=headrace.journal.shards\n",
                err.toString());
    }

    /** It would otherwise start with the default of what was meant to be set. */
    @Test
    void aSettingWithoutAValueIsRefused() {
        assertEquals(2, run("serve", "--set", "log.dirs"));
        assertTrue(err.toString().contains("KEY=VALUE"), err::toString);
    }

    @Test
    void anAddressInUseIsNamedWithItsKey() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            assertEquals(1, serve("headrace.admin.listener", address));
            assertEquals(
                    "headrace: cannot listen: key=headrace.admin.listener address="
                            + address
                            + ": BindException: Address already in use\n",
                    err.toString());
            assertEquals(1, serve("listeners", "PLAINTEXT://" + address));
            String said = err.toString();
            assertTrue(said.startsWith("headrace: cannot listen: listener=PLAINTEXT"), said);
            assertTrue(said.contains("address=" + address + ": "), said);
            assertTrue(said.endsWith("Address already in use\n"), said);
        }
    }

    @Test
    void aDataFolderThatCannotBeMadeIsNamedWithItsKey() throws Exception {
        Path file = Files.createFile(data.resolve("file"));
        assertEquals(2, serve("log.dirs", file.resolve("below").toString()));
        assertTrue(
                err.toString()
                        .startsWith(
                                "headrace: cannot use the data folder: key=log.dirs value="
                                        + file.resolve("below")
                                        + ": FileAlreadyExistsException: "
                                        + file),
                err::toString);
        assertEquals(1, err.toString().lines().count(), err::toString);
    }

    @Test
    void aStoreWithoutItsFolderIsNamedWithItsKey() {
        String folder = data.resolve("none").toString();
        assertEquals(2, serve("headrace.store.lake.uri", "file://" + folder));
        assertEquals(
                "headrace: cannot open the store: key=headrace.store.lake.uri value=file://"
                        + folder
                        + ": NoSuchFileException: "
                        + folder
                        + "\n",
                err.toString());
        assertEquals(2, serve("headrace.store.lake.uri", "file://host/folder"));
        assertTrue(err.toString().contains("key=headrace.store.lake.uri"), err::toString);
        assertEquals(1, err.toString().lines().count(), err::toString);
    }

    /** A small server with one more setting, which has to keep it from starting. */
    private int serve(String key, String value) {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put(key, value);
        List<String> arguments = new ArrayList<>(List.of("serve"));
        settings.forEach((k, v) -> arguments.addAll(List.of("--set", k + "=" + v)));
        return run(arguments.toArray(String[]::new));
    }

    @Test
    void aConfigurationThatCannotBeReadIsNamed() {
        assertEquals(2, run("serve", "--config", data.resolve("none").toString()));
        assertTrue(err.toString().contains(data.resolve("none").toString()), err::toString);
    }

    @Test
    void dumpsAndVerifiesTheJournalsOfAStoppedServer() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
            assertEquals(0, run("journal", "verify", data.toString()));
            assertTrue(err.toString().contains("a server has the folder open"), err::toString);
            assertTrue(out.toString().contains("in use"), out::toString);
            assertEquals(1, run("journal", "repair", data.toString(), "--yes"));
            assertTrue(err.toString().contains("in use by another process"), err::toString);
        }
        assertEquals(0, run("journal", "verify", data.toString()));
        assertTrue(out.toString().contains("metadata cycle "), out::toString);
        assertEquals(0, run("journal", "dump", data.toString()));
        assertTrue(out.toString().contains(" command "), out::toString);
    }

    @Test
    void verifyFailsOnADamagedJournal() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
        }
        damage(data.resolve("journal/metadata"));
        assertEquals(3, run("journal", "verify", data.toString()));
        assertTrue(out.toString().contains("damaged: file=" + data), out::toString);
        assertEquals("headrace: damaged files: count=1\n", err.toString());
        assertEquals(3, run("journal", "verify", "--json", data.toString()));
        assertTrue(out.toString().contains("\"state\" : \"damaged\""), out::toString);
    }

    @Test
    void verifyNamesWhatIsMissingAndTheMarksThatAreDamaged() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
        }
        Path start = data.resolve("journal/metadata/00000001");
        try (Stream<Path> files = Files.list(start)) {
            for (Path cycle : files.filter(file -> file.toString().endsWith(".cq4")).toList()) {
                verifyMisses(cycle);
            }
        }
        verifyMisses(data.resolve("meta.properties"));
        for (String mark : List.of("START", "END")) {
            byte[] bytes = Files.readAllBytes(start.resolve(mark));
            bytes[10] ^= 1;
            Files.write(start.resolve(mark), bytes);
            assertEquals(3, run("journal", "verify", data.toString()));
            assertTrue(said().contains("damaged: file=" + start.resolve(mark)), this::said);
            bytes[10] ^= 1;
            Files.write(start.resolve(mark), bytes);
        }
        assertEquals(0, run("journal", "verify", data.toString()), this::said);
    }

    /** Takes it away for a while. */
    private void verifyMisses(Path file) throws IOException {
        Path folder = file;
        while (!Files.exists(folder.resolve("journal"))) {
            folder = folder.getParent();
        }
        Path away = data.resolve("away");
        Files.move(file, away);
        assertEquals(3, run("journal", "verify", folder.toString()), this::said);
        assertTrue(said().contains("missing: file=" + file + "\n"), this::said);
        assertEquals(3, run("journal", "verify", "--json", folder.toString()), this::said);
        assertTrue(said().contains("\"state\" : \"missing\""), this::said);
        repairMisses(file, folder);
        Files.move(away, file);
    }

    /** And leaves everything as it is. */
    private void repairMisses(Path file, Path folder) throws IOException {
        List<Path> before = allIn(folder);
        for (String option : List.of("--yes", "--json")) {
            assertEquals(3, run("journal", "repair", folder.toString(), option), this::said);
            assertTrue(said().contains(file.toString()), this::said);
            assertTrue(err.toString().contains("or restore a backup"), this::said);
            assertTrue(!said().contains("nothing to repair"), this::said);
        }
        assertEquals(before, allIn(folder));
    }

    private static List<Path> allIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.sorted().toList();
        }
    }

    /** Or it would be in the way of what can be mended. */
    @Test
    void whatIsMissingIsNamedAfterARepairToo() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
        }
        damage(data.resolve("journal/metadata"));
        Files.delete(data.resolve("meta.properties"));
        assertEquals(3, run("journal", "repair", data.toString()));
        assertTrue(err.toString().contains("nothing was changed"), this::said);
        assertEquals(3, run("journal", "repair", data.toString(), "--yes"));
        assertTrue(out.toString().contains("as it was: " + data.resolve("repair-")), this::said);
        assertTrue(out.toString().contains("missing: file=" + data.resolve("meta")), this::said);
        assertTrue(err.toString().contains("files are missing"), this::said);
    }

    @Test
    void repairSaysWhatItWouldDoAndDoesItWhenAsked() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
        }
        assertEquals(0, run("journal", "repair", data.toString(), "--yes"));
        assertTrue(out.toString().contains("nothing to repair"), out::toString);
        damage(data.resolve("journal/metadata"));
        assertEquals(3, run("journal", "repair", data.toString()));
        assertTrue(err.toString().contains("nothing was changed"), err::toString);
        assertEquals(3, run("journal", "verify", data.toString()));
        assertEquals(0, run("journal", "repair", data.toString(), "--yes"));
        assertTrue(out.toString().contains("as it was: " + data.resolve("repair-")), out::toString);
        assertEquals(0, run("journal", "verify", data.toString()));
        assertTrue(out.toString().contains("cut out by a repair"), out::toString);
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "list"));
            assertEquals("a\n", out.toString());
            assertTrue(server.engine().leaderEpoch() > 1_000_000, "epoch not raised");
        }
    }

    @Test
    void segmentsAndCheckpointsAreReadTooAndAreNotRepaired() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertEquals(0, run(server, "topic", "create", "a"));
        }
        Path segment = writeSegment();
        assertEquals(0, run("journal", "verify", data.toString()));
        assertTrue(out.toString().contains("data-1 segment 7: 3 batches, "), out::toString);
        assertEquals(0, run("journal", "dump", data.toString(), "--topic", "sealed"));
        assertEquals(3, out.toString().lines().count(), out::toString);
        assertTrue(out.toString().contains("segment=7 offset=28 batch topic=sealed"));
        byte[] bytes = Files.readAllBytes(segment);
        bytes[100] ^= 1;
        Files.write(segment, bytes);
        Path checkpoint = data.resolve("checkpoints/000000000001");
        Files.createDirectories(checkpoint);
        assertEquals(3, run("journal", "verify", data.toString()));
        assertTrue(
                out.toString().contains("lost: topic=sealed topicId=5 partition=0 offsets=0-0\n"),
                out::toString);
        assertTrue(out.toString().contains("checkpoint 000000000001: damaged: "), out::toString);
        assertEquals("headrace: damaged files: count=2\n", err.toString());
        assertEquals(3, run("journal", "verify", "--json", data.toString()));
        assertTrue(out.toString().contains("\"segment\" : 7"), out::toString);
        assertEquals(3, run("journal", "repair", data.toString(), "--yes"));
        assertTrue(out.toString().contains("file=" + segment + " offset=28"), out::toString);
        assertTrue(err.toString().contains("segments are not repaired"), err::toString);
        assertArrayEquals(bytes, Files.readAllBytes(segment));
    }

    @Test
    void whatCompactionLeavesIsSoundToAllTools() throws Exception {
        Path live = data.resolve("live");
        Map<String, String> settings = ServerTestSettings.of(live);
        settings.put("log.retention.check.interval.ms", "50");
        String backup = data.resolve("backup").toString();
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings))) {
            compact(server, live);
            String admin = "127.0.0.1:" + server.adminPort();
            assertEquals(0, run("backup", "create", backup, "--admin-server", admin), this::said);
        }
        assertEquals(0, run("journal", "verify", live.toString()), this::said);
        assertTrue(out.toString().contains("data-1 segment "), out::toString);
        assertEquals(0, run("journal", "dump", live.toString(), "--topic", "t"), this::said);
        assertTrue(
                out.toString().lines().anyMatch(line -> line.matches(".* segment=.* records=1 .*")),
                out::toString);
        assertEquals(0, run("journal", "repair", live.toString(), "--yes"), this::said);
        assertTrue(out.toString().contains("nothing to repair"), out::toString);
        assertEquals(0, run("backup", "verify", backup), this::said);
        try (Stream<Path> segments = Files.list(live.resolve("segments/data-1"))) {
            verifyMisses(segments.findFirst().orElseThrow());
        }
        verifyMisses(live.resolve("journal/data-1"));
    }

    /** Makes a topic, of which compaction takes one of two records. */
    private void compact(HeadraceServer server, Path folder) throws Exception {
        String[] create = {"topic", "create", "t", "--config", "cleanup.policy=compact"};
        assertEquals(0, run(server, with(create, "--config", "max.compaction.lag.ms=1")));
        Topic topic = Objects.requireNonNull(server.engine().catalog().find("t"));
        PartitionLog log = Objects.requireNonNull(server.engine().partitionLog(topic, 0));
        assertEquals(0, log.append(keyed("a", "b")));
        assertEquals(2, log.append(keyed("a")));
        assertEquals(3, log.append(keyed("a")));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!hasSegment(folder.resolve("segments/data-1"))) {
            assertTrue(System.nanoTime() < deadline, "not compacted");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    private static boolean hasSegment(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".segment"));
        }
    }

    private static ByteBuffer keyed(String... keys) {
        ByteBuffer batch = ByteBuffer.allocateDirect(500);
        RecordBatchWriter records = new RecordBatchWriter().begin(batch, 1);
        for (String key : keys) {
            ByteBuffer bytes = ByteBuffer.wrap(key.getBytes(StandardCharsets.UTF_8));
            records.append(1, bytes, ByteBuffer.wrap(new byte[20]));
        }
        records.end();
        return batch.flip();
    }

    private String said() {
        return out + "\n" + err;
    }

    /** Of three batches of one record. */
    private Path writeSegment() throws IOException {
        SegmentFolder folder = SegmentFolder.open(data.resolve("segments"), 1, SegmentFiles.SYSTEM);
        ByteBuffer block = ByteBuffer.allocateDirect(SegmentWriter.BLOCK_LENGTH_MAX);
        SegmentGroup group = new SegmentGroup("persistent", "", 0);
        try (SegmentWriter writer = folder.begin(7, group, block)) {
            for (int i = 0; i < 3; i++) {
                ByteBuffer batch = ByteBuffer.allocateDirect(200);
                RecordBatchWriter records = new RecordBatchWriter().begin(batch, 1);
                records.append(1, null, ByteBuffer.wrap(new byte[20]));
                records.end();
                RecordBatch.baseOffset(batch, 0, i);
                writer.append(5, "sealed", 0, batch.flip(), 1);
            }
            writer.finish(ByteBuffer::allocateDirect);
        }
        return folder.path(7);
    }

    @Test
    void backsUpAServerAndRestoresIt() throws Exception {
        Path backup = data.resolve("backup");
        Path second = data.resolve("second");
        Path live = data.resolve("live");
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(live))) {
            String admin = "127.0.0.1:" + server.adminPort();
            assertEquals(0, run(server, "topic", "create", "a"));
            assertEquals(0, run("backup", "create", backup.toString(), "--admin-server", admin));
            assertTrue(out.toString().contains("backup complete: " + backup), out::toString);
            assertTrue(
                    out.toString().matches("(?s)[0-9.]+ K?B of [0-9.]+ .?B copied or linked\n.*"),
                    out::toString);
            assertEquals(1, run("backup", "create", backup.toString(), "--admin-server", admin));
            assertTrue(err.toString().contains("would overwrite"), err::toString);
            assertEquals(
                    0,
                    run(
                            "backup",
                            "create",
                            second.toString(),
                            "--base",
                            backup.toString(),
                            "--json",
                            "--admin-server",
                            admin));
            assertTrue(out.toString().contains("\"linkedBytes\""), out::toString);
        }
        assertEquals(0, run("backup", "verify", backup.toString()));
        Path restored = data.resolve("restored");
        assertEquals(0, run("restore", backup.toString(), restored.toString()));
        assertEquals(1, run("restore", backup.toString(), restored.toString()));
        assertTrue(err.toString().contains("data folder is not empty"), err::toString);
        assertEquals(
                Files.readString(live.resolve("meta.properties")),
                Files.readString(restored.resolve("meta.properties")));
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(restored))) {
            assertEquals(0, run(server, "topic", "list"));
            assertEquals("a\n", out.toString());
        }
        Files.write(backup.resolve("meta.properties"), new byte[] {1});
        assertEquals(3, run("backup", "verify", backup.toString()));
        assertTrue(err.toString().contains("file=meta.properties"), err::toString);
        assertEquals(1, run("backup", "verify", data.toString()));
    }

    @Test
    void aFolderWithoutJournalsIsRefused() {
        assertEquals(1, run("journal", "verify", data.toString()));
        assertTrue(err.toString().contains(data.toString()), err::toString);
    }

    /** Changes a byte within the first entry. */
    private static void damage(Path journal) throws IOException {
        try (var files = Files.walk(journal)) {
            Path cycle = files.filter(f -> f.toString().endsWith(".cq4")).findFirst().orElseThrow();
            byte[] bytes = Files.readAllBytes(cycle);
            bytes[450] ^= 1;
            Files.write(cycle, bytes);
        }
    }

    @Test
    void createsAViewAndSaysWhatOfItIsHandedOut() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            String admin = "127.0.0.1:" + server.adminPort();
            run(server, "topic", "create", "orders", "--partitions", "1");
            assertEquals(
                    0,
                    run(
                            server,
                            "view",
                            "create",
                            "work",
                            "--topics",
                            "orders",
                            "--group",
                            "g",
                            "--partitions",
                            "4"));
            assertEquals("created work\n", out.toString());
            Topic orders = Objects.requireNonNull(server.engine().catalog().find("orders"));
            Objects.requireNonNull(server.engine().partitionLog(orders, 0)).append(keyed("a", "b"));
            assertEquals(0, run("view", "status", "work", "--admin-server", admin), this::said);
            assertEquals(
                    """
                    view work  over orders  group g  lanes 4
                      handed out and not committed  0
                      not handed out                2
                    """,
                    out.toString());
            assertEquals(1, run("view", "status", "orders", "--admin-server", admin));
            assertEquals(
                    "headrace: no view of which there is a status: topic=orders mode=persistent\n",
                    err.toString());
            assertEquals(1, run(server, "view", "create", "x", "--topics", "none", "--group", "g"));
            assertTrue(err.toString().contains("none"), err::toString);
        }
    }

    @Test
    void saysWhatViewsAShareViewIsOver(@TempDir Path objects) throws Exception {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("headrace.store.tests.uri", objects.toUri().toString());
        for (String side : List.of("web", "code")) {
            Files.createDirectory(objects.resolve(side));
            Files.writeString(objects.resolve(side).resolve("1.txt"), "a\nb\nc\n");
        }
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings))) {
            String admin = "127.0.0.1:" + server.adminPort();
            for (String side : List.of("web", "code")) {
                String uri = "headrace.source.uri=tests://" + side + "/";
                String format = "headrace.source.format=lines";
                run(server, "topic", "create", side, "--config", uri, "--config", format);
            }
            String mix = "view create mixed --type mix --topics web:0.7,code:0.3 --partitions 2";
            assertEquals(0, run(server, mix.split(" ")), this::said);
            String share = "view create work --topics mixed --group g --partitions 4";
            assertEquals(0, run(server, share.split(" ")), this::said);
            String expected =
                    """
                    view work  over mixed  group g  lanes 4
                      handed out and not committed  0
                      not handed out                4
                      over mixed  mix of web:0.7,code:0.3  partitions 2
                    """;
            long deadline = System.nanoTime() + 20_000_000_000L;
            do { // once the sources are indexed
                run("view", "status", "work", "--admin-server", admin);
            } while (!out.toString().equals(expected) && System.nanoTime() < deadline);
            assertEquals(expected, out.toString(), this::said);
            assertEquals(1, run(server, "topic", "delete", "mixed"));
            assertTrue(err.toString().contains("view=work"), err::toString);
            String again = "view create again --type mix --topics mixed";
            assertEquals(1, run(server, again.split(" ")));
            assertTrue(err.toString().contains("mixed is a mix view"), err::toString);
            String shuffle = "view create shuffled --type shuffle --topics mixed";
            assertEquals(0, run(server, shuffle.split(" ")), this::said);
        }
    }

    @Test
    void createsAUnionAndSaysHowFarItIs() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            String admin = "127.0.0.1:" + server.adminPort();
            run(server, "topic", "create", "agents.1.status", "--partitions", "1");
            String[] create = {"view", "create", "all", "--type", "union", "--topics", "agents.*"};
            assertEquals(0, run(server, create), this::said);
            assertEquals("created all\n", out.toString());
            Topic below = Objects.requireNonNull(server.engine().catalog().find("agents.1.status"));
            Objects.requireNonNull(server.engine().partitionLog(below, 0)).append(keyed("a", "b"));
            String expected =
                    """
                    union all  over agents.*  topics 1  partitions 1
                      not copied yet           0
                      copied since the start   2
                      skipped since the start  0
                    """;
            long deadline = System.nanoTime() + 20_000_000_000L;
            do {
                assertEquals(0, run("view", "status", "all", "--admin-server", admin), this::said);
            } while (!out.toString().equals(expected) && System.nanoTime() < deadline);
            assertEquals(expected, out.toString());
        }
    }

    private int run(HeadraceServer server, String... arguments) {
        return run(with(arguments, "--bootstrap-server", "127.0.0.1:" + server.kafkaPort()));
    }

    private static String[] with(String[] arguments, String option, String value) {
        String[] all = Arrays.copyOf(arguments, arguments.length + 2);
        all[arguments.length] = option;
        all[arguments.length + 1] = value;
        return all;
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
    }
}
