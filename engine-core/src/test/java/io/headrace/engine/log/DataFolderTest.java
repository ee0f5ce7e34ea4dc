package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.HeapMetadataStore;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a process leaves that is killed, or whose disk fails, does not stay; the folder does. */
class DataFolderTest {
    @TempDir Path root;
    @TempDir Path crashed;
    private FaultyDisk disk;

    @BeforeEach
    void mount() {
        disk = new FaultyDisk(root, 1);
    }

    @Test
    void whicheverCallFailsNothingIsLeftOfTheCheckpoint() throws IOException {
        try (DataFolder folder = DataFolder.open(root, disk);
                MetadataStore store =
                        folder.openStore(path -> HeapMetadataStore.open(path, disk))) {
            for (int call = 1; isFailing(folder, store, call); call++) {
                assertTrue(
                        names().stream().noneMatch(name -> name.contains(".")), names()::toString);
            }
            assertEquals(1, names().size(), names()::toString);
        }
    }

    private boolean isFailing(DataFolder folder, MetadataStore store, int call) throws IOException {
        disk.at(call, Fault.FAIL);
        try {
            folder.checkpoint(store);
        } catch (IOException | RuntimeException expected) {
            assertTrue(!disk.faultyCallName().isEmpty(), expected.toString());
        }
        boolean reached = disk.calls() >= call;
        disk.at(0, Fault.FAIL);
        return reached;
    }

    @Test
    void whatAKilledProcessLeftGoesAtTheNextStart() throws IOException {
        DataFolder.open(root, disk).close();
        for (String left :
                List.of("000000000007.tmp", "000000000007.links", "000000000008.links.tmp")) {
            Path folder = Files.createDirectory(root.resolve("checkpoints").resolve(left));
            Files.writeString(folder.resolve("000004.sst"), "left");
        }
        Files.createDirectory(root.resolve("checkpoints/mine.tmp"));
        DataFolder.open(root, disk).close();
        assertEquals(List.of("mine.tmp"), names());
    }

    /** Nobody should move the store away because somebody else has filled the disk. */
    @Test
    void aStoreThatDoesNotOpenOnAFullDiskIsNotTakenForDamaged() throws IOException {
        try (DataFolder folder = DataFolder.open(root, disk)) {
            disk.usableBytes(100);
            String full = messageOf(folder);
            assertTrue(full.startsWith("disk is full, and a start needs some space: "), full);
            assertTrue(full.contains("folder=" + root + " freeBytes=100"), full);
            assertFalse(full.contains("move"), full);
            disk.usableBytes(1 << 20);
            String damaged = messageOf(folder);
            assertTrue(damaged.startsWith("metadata store cannot be opened; "), damaged);
        }
    }

    @Test
    void whyAStoreDoesNotOpenIsSaidAlsoIfTheDiskDoesNotSayWhatIsFree() throws IOException {
        try (DataFolder folder = DataFolder.open(root, disk)) {
            String message = messageOf(folder, () -> disk.at(1, Fault.FAIL));
            assertTrue(message.startsWith("metadata store cannot be opened; "), message);
            disk.at(0, Fault.FAIL);
        }
    }

    private static String messageOf(DataFolder folder) {
        return messageOf(folder, () -> {});
    }

    private static String messageOf(DataFolder folder, Runnable before) {
        EngineException failure =
                assertThrows(
                        EngineException.class,
                        () ->
                                folder.openStore(
                                        path -> {
                                            before.run();
                                            throw new EngineException("planted");
                                        }));
        return String.valueOf(failure.getMessage());
    }

    @Test
    void aFolderThatAKilledProcessMadeIsThereAfterAPowerCut() throws IOException {
        Path made = root.resolve("data");
        disk.createFolder(made);
        DataFolder.open(made, disk).close();
        Random coin = new Random(1);
        for (int cut = 0; cut < 10; cut++) {
            Path left = crashed.resolve("" + cut);
            disk.afterPowerCut(left, coin);
            assertTrue(Files.isDirectory(left.resolve("data")), () -> "gone: " + left);
        }
    }

    private List<String> names() throws IOException {
        try (Stream<Path> paths = Files.list(root.resolve("checkpoints"))) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}
