package io.headrace.engine.backup;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.BackupManifest.ManifestFile;
import io.headrace.engine.backup.BackupWriter.Progress;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Verifies a backup, and makes a data folder of it. Stateless; one thread per folder. Blocks for
 * the disk.
 */
public final class BackupReader {
    /** So many damaged files are named; more would not be read by anybody. */
    private static final int NAMED_MAX = 20;

    private BackupReader() {}

    /**
     * Reads every byte and compares it with the manifest.
     *
     * @throws EngineException naming every file that is absent, foreign, or not what was written
     */
    public static BackupManifest verify(Path backup, Progress progress) throws IOException {
        BackupManifest manifest = BackupManifest.read(backup);
        verifyFiles(backup, manifest, progress);
        return manifest;
    }

    static void verifyFiles(Path folder, BackupManifest manifest, Progress progress)
            throws IOException {
        Set<String> foreign = new TreeSet<>(Folders.files(folder));
        foreign.remove(BackupManifest.FILE);
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<String, ManifestFile> file : manifest.files().entrySet()) {
            if (foreign.remove(file.getKey())) {
                compare(folder, file.getKey(), file.getValue(), progress, wrong);
            } else {
                wrong.add("file=" + file.getKey() + " is absent");
            }
        }
        foreign.forEach(name -> wrong.add("file=" + name + " is not in MANIFEST"));
        if (!wrong.isEmpty()) {
            throw new DamagedBackupException(
                    "folder=%s files=%d\n  %s"
                            .formatted(
                                    folder,
                                    wrong.size(),
                                    String.join(
                                            "\n  ",
                                            wrong.subList(0, Math.min(NAMED_MAX, wrong.size())))));
        }
    }

    private static void compare(
            Path folder, String name, ManifestFile expected, Progress progress, List<String> wrong)
            throws IOException {
        Path file = folder.resolve(name);
        long length = Files.size(file);
        ManifestFile found =
                new ManifestFile(
                        Checksum.of(file, Math.min(length, expected.length()), progress::onBytes),
                        length);
        if (!found.equals(expected)) {
            wrong.add("file=" + name + " expected=" + expected + " found=" + found);
        }
    }

    /**
     * Verifies a backup, and then copies it into a data folder that is empty, or that an earlier
     * restore did not finish.
     *
     * @param number by which the restored folder goes on above what may have been given out: {@link
     *     RestoreMark#numberAt}
     * @throws EngineException if the backup is damaged, the folder is not empty or in use, or the
     *     number is too low or too high
     */
    public static RestoreMark restore(Path backup, Path data, int number, Progress progress)
            throws IOException {
        return restore(backup, data, number, progress, Disk.SYSTEM);
    }

    /** As {@link #restore(Path, Path, int, Progress)}, writing to that disk. */
    public static RestoreMark restore(
            Path backup, Path data, int number, Progress progress, Disk disk) throws IOException {
        BackupManifest manifest = verify(backup, progress);
        int lowest =
                Math.max(
                        manifest.leaderEpoch() + 1,
                        RestoreMark.numberAt(manifest.madeAtS() * 1000));
        RestoreMark mark = RestoreMark.of(manifest.id(), number, lowest);
        Folders.create(data, disk);
        requireEmpty(data);
        FileChannel lock = DataLock.hold(data);
        try {
            requireEmpty(data);
            Folders.writeForced(data.resolve(RestoreMark.RESTORING), mark.text(), disk);
            disk.forceFolder(data);
            Folders.clear(data);
            copyAll(backup, manifest, data, progress, disk);
            Folders.forceAll(data, disk);
            disk.move(data.resolve(RestoreMark.RESTORING), data.resolve(RestoreMark.RESTORED));
            disk.forceFolder(data);
        } finally {
            lock.close();
        }
        return mark;
    }

    private static void copyAll(
            Path backup, BackupManifest manifest, Path data, Progress progress, Disk disk)
            throws IOException {
        for (Map.Entry<String, ManifestFile> file : manifest.files().entrySet()) {
            Path to = data.resolve(file.getKey());
            disk.createFolders(Disk.parent(to));
            int crc =
                    Checksum.copy(
                            backup.resolve(file.getKey()),
                            to,
                            file.getValue().length(),
                            progress::onBytes,
                            disk);
            if (crc != file.getValue().crc()) { // it was verified a moment ago
                throw new DamagedBackupException(
                        "file=" + file.getKey() + " reason=changed_while_it_was_restored");
            }
        }
    }

    /** A mount point's own folder does not count. */
    private static void requireEmpty(Path data) throws IOException {
        Set<String> names = Folders.names(data);
        Set<String> allowed = Set.of(DataLock.FILE, "lost+found", RestoreMark.RESTORING);
        boolean isEmpty =
                names.contains(RestoreMark.RESTORING)
                        ? Folders.holdsOnlyOurs(data, allowed)
                        : allowed.containsAll(names);
        if (!isEmpty) {
            throw new EngineException(
                    "data folder is not empty: folder=" + data + " found=" + names);
        }
    }
}
