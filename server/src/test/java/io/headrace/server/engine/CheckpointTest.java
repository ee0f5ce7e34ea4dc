package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.deleteFolder;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A metadata store that does not fit its journals is noticed, and put right or refused. */
class CheckpointTest {
    @TempDir Path folder;
    @TempDir Path backup;

    @Test
    void aLiveStoreOlderThanTheCheckpointGivesWayToIt() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("kept", 1, Map.of());
            append(engine.log("kept", 0), batch("a"));
        }
        copy(folder.resolve("rocksdb"), backup.resolve("rocksdb"));
        trimJournal();
        deleteFolder(folder.resolve("rocksdb"));
        copy(backup.resolve("rocksdb"), folder.resolve("rocksdb"));
        for (int start = 0; start < 2; start++) {
            try (TestEngine engine = engine()) {
                assertEquals(1, engine.log("kept", 0).logStartOffset());
                assertNull(engine.engine.catalog().find("gone"));
                assertEquals(start + 1, append(engine.log("kept", 0), batch("b")));
                assertEquals("1:b", readAll(engine.log("kept", 0), 1).get(0));
            }
        }
    }

    @Test
    void aCheckpointNumberIsNeverUsedTwice() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("kept", 1, Map.of());
        }
        trimJournal();
        List<String> before = checkpoints();
        deleteFolder(folder.resolve("checkpoints"));
        trimJournal();
        assertEquals(1, before.size());
        assertEquals(1, checkpoints().size());
        assertTrue(checkpoints().get(0).compareTo(before.get(0)) > 0, before + " " + checkpoints());
    }

    @Test
    void withoutStoreAndCheckpointATrimmedJournalIsRefused() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("kept", 1, Map.of());
            append(engine.log("kept", 0), batch("a"));
        }
        trimJournal();
        deleteFolder(folder.resolve("rocksdb"));
        deleteFolder(folder.resolve("checkpoints"));
        EngineException refused = assertThrows(EngineException.class, this::engine);
        assertTrue(refused.getMessage().contains("needed=1"), refused.getMessage());
    }

    @Test
    void anOldStoreWithoutACheckpointIsRefusedOnceCyclesAreGone() throws IOException {
        try (TestEngine engine = engine()) {
            engine.create("kept", 1, Map.of());
            append(engine.log("kept", 0), batch("a"));
        }
        copy(folder.resolve("rocksdb"), backup.resolve("rocksdb"));
        trimJournal();
        deleteFolder(folder.resolve("rocksdb"));
        deleteFolder(folder.resolve("checkpoints"));
        copy(backup.resolve("rocksdb"), folder.resolve("rocksdb"));
        assertThrows(EngineException.class, this::engine);
    }

    private TestEngine engine() {
        return new TestEngine(folder, context -> context.journalCount(1));
    }

    /** Deletes records and a topic, so that a checkpoint is written and cycles go. */
    private void trimJournal() throws IOException {
        try (TestEngine engine = engine()) {
            PartitionLog kept = engine.log("kept", 0);
            get(kept.deleteRecords(-1));
            Topic gone = engine.create("gone", 1, Map.of());
            fill(engine.log("gone", 0), 6 << 20);
            get(engine.engine.catalog().delete(List.of(gone.id())));
            await("journal files", () -> journalFiles() <= 3);
        }
    }

    private static void fill(PartitionLog log, long bytes) {
        ByteBuffer batch = batch("x".repeat(60_000));
        for (long sent = 0; sent < bytes; sent += batch.remaining()) {
            append(log, batch);
        }
    }

    private long journalFiles() {
        try (Stream<Path> files = Files.walk(folder.resolve("journal/data-1"))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private List<String> checkpoints() throws IOException {
        try (Stream<Path> paths = Files.list(folder.resolve("checkpoints"))) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
    }
}
