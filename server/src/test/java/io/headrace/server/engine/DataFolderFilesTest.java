package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Unavailable;
import io.headrace.engine.log.MissingFiles;
import io.headrace.rocks.RocksMetadataStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of the data folder that are gone, and files in it that nobody of ours has put there. */
class DataFolderFilesTest {
    private static final int LONG_COUNT = 12;
    private static final int SHORT_COUNT = 3;
    private static final String LONG = "x".repeat(200_000);

    @TempDir Path folder;

    /** One topic over several cycles, and one in the first and the last of them. */
    @BeforeEach
    void fill() {
        try (TestEngine engine = engine()) {
            engine.create("long", 1, Map.of());
            engine.create("short", 1, Map.of());
            append(engine.log("short", 0), batch("0"));
            for (int i = 0; i < LONG_COUNT; i++) {
                append(engine.log("long", 0), batch(LONG));
            }
            append(engine.log("short", 0), batch("1"));
        }
        try (TestEngine engine = engine()) {
            append(engine.log("short", 0), batch("2"));
        }
    }

    private TestEngine engine() {
        return new TestEngine(folder, context -> context.journalCount(1));
    }

    private static void assertShort(TestEngine engine) {
        assertEquals(List.of("0:0", "1:1", "2:2"), readAll(engine.log("short", 0), 0));
    }

    private static void assertAll(TestEngine engine) {
        assertShort(engine);
        assertEquals(LONG_COUNT, readAll(engine.log("long", 0), 0).size());
    }

    private List<Path> cycles() throws IOException {
        try (Stream<Path> paths = Files.walk(folder.resolve("journal/data-1"))) {
            return paths.filter(path -> path.toString().endsWith(".cq4")).sorted().toList();
        }
    }

    private String refusal() {
        return assertThrows(EngineException.class, () -> engine().close()).getMessage();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "of-somebody-else",
                "journal/of-somebody-else",
                "journal/data-1/of-somebody-else",
                "journal/data-1/00000001/of-somebody-else",
                "journal/data-1/00000001/00100000.cq4.bak",
                "journal/data-1/00000001/END.tmp",
                "journal/trimmed.properties.tmp",
                "checkpoints/of-somebody-else",
                "checkpoints/000000000007.tmp/half",
                "rocksdb/of-somebody-else",
                "rocksdb.tmp/half",
                "lost+found/inode"
            })
    void aFileThatIsNotOursIsLeftAlone(String name) throws IOException {
        Path foreign = folder.resolve(name);
        Files.createDirectories(foreign.getParent());
        Files.writeString(foreign, "foreign");
        for (boolean isStoreLost : new boolean[] {false, true}) {
            if (isStoreLost) {
                deleteFolder(folder.resolve("rocksdb"));
            }
            try (TestEngine engine = engine()) {
                assertAll(engine);
            }
        }
        if (name.endsWith("of-somebody-else") && !name.startsWith("rocksdb")) {
            assertEquals("foreign", Files.readString(foreign));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rocksdb",
                "checkpoints",
                "journal/metadata/LOCK",
                "journal/data-1/00000001/START",
                "journal/data-1/00000001/END",
                "journal/data-1/00000002/START",
                "journal/data-1/00000002/END",
                "journal/metadata/00000002/END",
                ".lock"
            })
    void whatCanBeMadeAgainMayBeGone(String name) throws IOException {
        deleteFolder(folder.resolve(name));
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = engine()) {
                assertAll(engine);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"journal/data-1", "journal/metadata", "journal"})
    void aJournalThatIsGoneIsMissed(String name) throws IOException {
        deleteFolder(folder.resolve(name));
        String refusal = refusal();
        assertTrue(refusal.contains(folder.resolve("journal").toString()), refusal);
    }

    @ParameterizedTest
    @ValueSource(strings = {"journal/data-1/00000002", "journal/metadata/00000002"})
    void theNewestFolderOfAJournalIsMissed(String name) throws IOException {
        deleteFolder(folder.resolve(name));
        String refusal = refusal();
        assertTrue(refusal.contains(folder.resolve(name).getParent().toString()), refusal);
    }

    @Test
    void whatWasInACycleThatIsGoneIsRefusedAndTheRestGoesOn() throws IOException {
        List<Path> cycles = cycles();
        assertTrue(cycles.size() > 3, cycles::toString);
        Files.delete(cycles.get(1));
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = engine()) {
                assertShort(engine);
                PartitionLog damaged = engine.log("long", 0);
                int missing = 0;
                for (int offset = 0; offset < LONG_COUNT; offset++) {
                    var read = TestEngine.read(damaged, offset, 1);
                    missing += read == Unavailable.CORRUPT ? 1 : 0;
                    read.close();
                }
                assertTrue(missing > 0 && missing < LONG_COUNT, "missing " + missing);
                assertEquals(LONG_COUNT + start, append(damaged, batch("more")));
            }
        }
    }

    /** A start does without checkpoints; and nothing else says which files had died. */
    @Test
    void whatHadDiedIsNotMissedWithoutCheckpoints() throws IOException {
        Path dead = cycles().get(1);
        assertEquals(List.of(), missing());
        try (TestEngine engine =
                new TestEngine(
                        folder, context -> context.journalCount(1).retentionCheckIntervalMs(20))) {
            get(engine.log("long", 0).deleteRecords(-1));
            await("deleted", () -> !Files.exists(dead));
        }
        assertEquals(List.of(), missing());
        deleteFolder(folder.resolve("checkpoints"));
        assertEquals(List.of(), missing());
        try (TestEngine engine = engine()) {
            assertShort(engine);
        }
    }

    /** Nothing has died yet. */
    @Test
    void whatIsGoneIsMissedWithoutCheckpointsToo() throws IOException {
        deleteFolder(folder.resolve("checkpoints"));
        Path gone = cycles().get(1);
        Files.delete(gone);
        assertEquals(List.of(gone), missing());
    }

    private List<Path> missing() throws IOException {
        return MissingFiles.find(folder, RocksMetadataStore::readCheckpoint);
    }

    @Test
    void aCycleThatIsGoneIsMissedWhenItHasToBeReplayed() throws IOException {
        for (Path cycle : cycles()) {
            Path aside = folder.resolveSibling(folder.getFileName() + "-aside.cq4");
            Files.move(cycle, aside);
            deleteFolder(folder.resolve("rocksdb"));
            String refusal = refusal();
            assertTrue(refusal.contains("file=" + cycle), refusal);
            Files.move(aside, cycle);
        }
        try (TestEngine engine = engine()) {
            assertAll(engine);
            assertEquals(SHORT_COUNT, readAll(engine.log("short", 0), 0).size());
        }
    }

    @Test
    void aTableFileThatIsGoneIsNamedAndTheStoreCanBeMadeAgain() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("rocksdb"))) {
            for (Path table : files.filter(file -> file.toString().endsWith(".sst")).toList()) {
                Files.delete(table);
            }
        }
        String refusal = refusal();
        assertTrue(refusal.contains(".sst"), refusal);
        assertTrue(refusal.contains("move " + folder.resolve("rocksdb")), refusal);
        deleteFolder(folder.resolve("rocksdb"));
        try (TestEngine engine = engine()) {
            assertAll(engine);
        }
    }
}
