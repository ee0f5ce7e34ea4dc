package io.headrace.engine.backup;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.testing.EachCall;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each call to the disk fails in turn while a backup is written or restored, and the power goes
 * right then, or as soon as it is said to be done: there is the whole or nothing that is taken for
 * it.
 */
class BackupFaultTest {
    private static final Map<String, byte[]> CONTENT =
            new TreeMap<>(
                    Map.of(
                            "journal/metadata/00000001/START", bytes(40, 1),
                            "journal/data-1/00000001/00100000.cq4", bytes(3000, 2),
                            "checkpoints/000000000001/CURRENT", bytes(10, 3),
                            "meta.properties", bytes(50, 4)));

    private static final int NUMBER = 1000;

    @TempDir Path folder;

    private static byte[] bytes(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private Path source() {
        return folder.resolve("source");
    }

    private Path backup() {
        return folder.resolve("backup");
    }

    @BeforeEach
    void backUp() throws IOException {
        for (Map.Entry<String, byte[]> file : CONTENT.entrySet()) {
            Path path = source().resolve(file.getKey());
            Files.createDirectories(Objects.requireNonNull(path.getParent()));
            Files.write(path, file.getValue());
        }
        write(backup(), new FaultyDisk(folder.resolve("other"), 1));
    }

    private void write(Path target, FaultyDisk disk) throws IOException {
        write(target, "cluster", disk);
    }

    private BackupWriter writer(Path target, String clusterId, boolean mayLink, Disk disk)
            throws IOException {
        List<CutFile> files = new ArrayList<>();
        CONTENT.forEach((name, bytes) -> files.add(new CutFile(Path.of(name), bytes.length, true)));
        Cut cut = new Cut("0-a", source(), 5, 0, 30_000, files);
        return new BackupWriter(cut, clusterId, target, null, mayLink, bytes -> {}, disk);
    }

    private void write(Path target, String clusterId, FaultyDisk disk) throws IOException {
        BackupWriter writer = writer(target, clusterId, false, disk);
        try {
            writer.copy();
            writer.complete();
        } catch (IOException | RuntimeException e) {
            writer.abandon();
            throw e;
        }
    }

    /** What is done on a disk. */
    private interface Work {
        void run(Path root, FaultyDisk disk) throws IOException;
    }

    /** What must hold of what a power cut leaves. */
    private interface Check {
        void of(Path root, boolean isDone) throws IOException;
    }

    private void walk(Work work, Check check) throws IOException {
        int calls = EachCall.withEveryFault((call, fault) -> live(work, check, call, fault));
        assertTrue(calls > 20, "calls " + calls);
    }

    private boolean live(Work work, Check check, int call, Fault fault) throws IOException {
        Path run = folder.resolve(fault + "-" + call);
        Path root = Files.createDirectories(run.resolve("root"));
        FaultyDisk disk = new FaultyDisk(root, call).at(call, fault);
        boolean isDone = isDone(work, root, disk);
        for (int coin = 0; coin < 3; coin++) {
            Path left = run.resolve("left-" + coin);
            disk.afterPowerCut(left, new Random(31L * call + coin));
            check.of(left, isDone);
        }
        return disk.isReached();
    }

    private static boolean isDone(Work work, Path root, FaultyDisk disk) {
        try {
            work.run(root, disk);
            return true;
        } catch (IOException | EngineException e) {
            return false;
        }
    }

    @Test
    void aBackupThatHasItsNameIsWhole() throws IOException {
        walk(
                (root, disk) -> write(root.resolve("new/place/backup"), disk),
                (root, isDone) -> {
                    Path target = root.resolve("new/place/backup");
                    assertTrue(!isDone || Files.exists(target), "gone with the power");
                    if (Files.exists(target)) {
                        BackupReader.verify(target, bytes -> {});
                    }
                });
    }

    /** A backup that nobody could restore has no name. */
    @Test
    void aManifestThatCannotBeReadIsNoticedAtOnce() {
        Path target = folder.resolve("second");
        assertThrows(
                DamagedBackupException.class,
                () -> write(target, "two\nlines", new FaultyDisk(folder, 1)));
        assertFalse(Files.exists(target));
    }

    /** What is said to be written and is not, and what somebody writes to a file with two names. */
    @Test
    void everyByteIsReadBackBeforeABackupHasItsName() throws IOException {
        for (boolean mayLink : new boolean[] {false, true}) {
            Path target = folder.resolve("linked-" + mayLink);
            BackupWriter writer = writer(target, "cluster", mayLink, Disk.SYSTEM);
            writer.copy();
            Path changed = writer.partial().resolve("journal/data-1/00000001/00100000.cq4");
            FaultyDisk.flip(changed, 8 * 2999);
            DamagedBackupException damage =
                    assertThrows(DamagedBackupException.class, writer::complete);
            assertTrue(damage.getMessage().contains("00100000.cq4"), damage.getMessage());
            assertFalse(Files.exists(target));
        }
    }

    @Test
    void aRestoredFolderIsWholeOrRefused() throws IOException {
        walk(
                (root, disk) ->
                        BackupReader.restore(
                                backup(), root.resolve("new/data"), NUMBER, bytes -> {}, disk),
                (root, isDone) -> {
                    Path data = root.resolve("new/data");
                    boolean isThere = Files.exists(data.resolve(RestoreMark.RESTORED));
                    assertTrue(!isDone || isThere, "gone with the power");
                    if (isThere) {
                        checkRestored(data);
                    } else if (Files.exists(data.resolve(RestoreMark.RESTORING))) {
                        assertThrows(
                                EngineException.class, () -> RestoreMark.refuseUnfinished(data));
                        BackupReader.restore(backup(), data, NUMBER, bytes -> {});
                        checkRestored(data);
                    } else {
                        assertTrue(Set.of(".lock").containsAll(Folders.names(data)), "half of it");
                    }
                });
    }

    private static void checkRestored(Path data) throws IOException {
        assertEquals(RestoreMark.of("0-a", NUMBER, 1), RestoreMark.read(data));
        for (Map.Entry<String, byte[]> file : CONTENT.entrySet()) {
            assertArrayEquals(file.getValue(), Files.readAllBytes(data.resolve(file.getKey())));
        }
    }

    /** The file system's own folder at a mount point, that only root may look into. */
    @Test
    void aFolderAtAMountPointIsRestoredInto() throws IOException {
        Path target = Files.createDirectories(folder.resolve("mounted"));
        Path foreign = Files.createDirectory(target.resolve("lost+found"));
        Files.setPosixFilePermissions(foreign, Set.of());
        try {
            BackupReader.restore(backup(), target, NUMBER, bytes -> {}, withoutAccessTo(foreign));
        } finally {
            Files.setPosixFilePermissions(foreign, PosixFilePermissions.fromString("rwx------"));
        }
        assertTrue(Files.exists(target.resolve(RestoreMark.RESTORED)));
        for (Map.Entry<String, byte[]> file : CONTENT.entrySet()) {
            assertArrayEquals(file.getValue(), Files.readAllBytes(target.resolve(file.getKey())));
        }
    }

    /** The disk as whoever is not root has it. */
    private static Disk withoutAccessTo(Path folder) {
        return (Disk)
                Proxy.newProxyInstance(
                        Disk.class.getClassLoader(),
                        new Class<?>[] {Disk.class},
                        (proxy, method, arguments) -> {
                            if (arguments[0] instanceof Path path && path.startsWith(folder)) {
                                throw new AccessDeniedException(path.toString());
                            }
                            try {
                                return method.invoke(Disk.SYSTEM, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }
}
