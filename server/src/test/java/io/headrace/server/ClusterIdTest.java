package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.DataLock;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cluster id is drawn once. */
class ClusterIdTest {
    @TempDir Path root;
    @TempDir Path afterPowerCut;

    @Test
    void isThereAfterAPowerCutWithTheFoldersAboveIt() throws IOException {
        FaultyDisk disk = new FaultyDisk(root, 1);
        String id = ClusterId.of(root.resolve("var/lib/headrace"), disk);
        disk.afterPowerCut(afterPowerCut, new Random(1));
        assertEquals(id, ClusterId.of(afterPowerCut.resolve("var/lib/headrace")));
    }

    @Test
    void isNotDrawnWhileAnotherProcessHasTheFolder() throws IOException {
        try (FileChannel lock = DataLock.hold(root)) {
            assertTrue(lock.isOpen());
            assertThrows(EngineException.class, () -> ClusterId.of(root));
        }
        assertFalse(Files.exists(root.resolve(ClusterId.FILE)));
    }

    @Test
    void isNotDrawnForARestoreThatWasNotFinished() throws IOException {
        Files.createFile(root.resolve(RestoreMark.RESTORING));
        assertThrows(EngineException.class, () -> ClusterId.of(root));
        assertFalse(Files.exists(root.resolve(ClusterId.FILE)));
    }

    @Test
    void isNotDrawnAnewForAFolderThatHadOne() throws IOException {
        String id = ClusterId.of(root);
        Files.createDirectory(root.resolve("journal"));
        assertEquals(id, ClusterId.of(root));
        Files.delete(root.resolve(ClusterId.FILE));
        EngineException refused = assertThrows(EngineException.class, () -> ClusterId.of(root));
        String file = "file=" + root.resolve(ClusterId.FILE);
        assertTrue(refused.getMessage().contains(file), refused.getMessage());
    }
}
