package io.headrace.engine.backup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.BackupManifest.ManifestFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupManifestTest {
    @TempDir Path folder;

    @Test
    void isReadAsItWasWritten() throws IOException {
        BackupManifest manifest = manifest("journal/data-1/00000001/00100000.cq4");
        write(manifest.text());
        assertEquals(manifest, BackupManifest.read(folder));
    }

    /** As meta.properties may have it. */
    @Test
    void aClusterIdMayBeAnyLine() throws IOException {
        for (String id : new String[] {"prod.eu", "Übung 1", "a".repeat(255)}) {
            BackupManifest manifest = manifest("a");
            manifest =
                    new BackupManifest(
                            manifest.id(),
                            id,
                            manifest.madeAtS(),
                            manifest.leaderEpoch(),
                            manifest.files());
            write(manifest.text());
            assertEquals(manifest, BackupManifest.read(folder));
        }
    }

    @Test
    void aPathThatLeadsOutOfTheFolderIsRefused() throws IOException {
        for (String path : new String[] {"../x", "/etc/passwd", "a/../../x", ".ssh/x", "a//b"}) {
            write(manifest(path).text());
            assertThrows(DamagedBackupException.class, () -> BackupManifest.read(folder), path);
        }
    }

    /** Nor does it take long to find out. */
    @Test
    void aLongPathThatIsNoneIsRefused() throws IOException {
        write(manifest("a".repeat(100_000) + "/!").text());
        assertThrows(DamagedBackupException.class, () -> BackupManifest.read(folder));
    }

    @Test
    void everyByteCounts() throws IOException {
        byte[] bytes = manifest("meta.properties").text().getBytes("UTF-8");
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] ^= 1;
            Files.write(folder.resolve(BackupManifest.FILE), bytes);
            assertThrows(Exception.class, () -> BackupManifest.read(folder), "byte " + i);
            bytes[i] ^= 1;
        }
    }

    @Test
    void aFolderWithoutItIsNoBackup() {
        EngineException refused =
                assertThrows(EngineException.class, () -> BackupManifest.read(folder));
        assertTrue(refused.getMessage().contains(folder.toString()), refused.getMessage());
    }

    private void write(String text) throws IOException {
        Files.writeString(folder.resolve(BackupManifest.FILE), text);
    }

    private static BackupManifest manifest(String path) {
        return new BackupManifest(
                "0000-ab",
                "cluster_A",
                1_700_000_000,
                7,
                new TreeMap<>(Map.of(path, new ManifestFile(0x89ABCDEF, 42))));
    }
}
