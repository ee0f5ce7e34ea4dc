package io.headrace.engine.backup;

import io.headrace.engine.Backups.Cut;
import io.headrace.engine.Backups.CutFile;
import io.headrace.engine.EngineException;
import io.headrace.engine.backup.BackupManifest.ManifestFile;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes the files of a cut into a folder that has its name only when it is complete, read back and
 * forced. Used by one thread, once.
 */
public final class BackupWriter {
    private static final String PARTIAL = ".partial";

    private final Cut cut;
    private final String clusterId;
    private final Path target;
    private final Path partial;
    private final Map<String, ManifestFile> written = new TreeMap<>();
    private final @Nullable BackupManifest base;
    private final @Nullable Path baseFolder;
    private final boolean mayLink;
    private final Progress progress;
    private final Disk disk;

    /** Whether the partial folder holds nothing but what this writer put there. */
    private boolean isOurs;

    private long copiedBytes;
    private long linkedBytes;

    /** Told between two pieces of the work; ends it by an exception. */
    @FunctionalInterface
    public interface Progress {
        /**
         * @param bytes read since the last call; some are read more than once
         * @throws IOException if there is no point in going on
         */
        void onBytes(long bytes) throws IOException;

        /**
         * A file of the cut is in the backup's folder, to be read back when all are.
         *
         * @param length of it
         */
        default void onFile(long length) {}
    }

    /**
     * What a backup took.
     *
     * @param copiedBytes written
     * @param linkedBytes of files that got another name
     */
    public record Written(BackupManifest manifest, long copiedBytes, long linkedBytes) {}

    /**
     * @param baseFolder an earlier backup whose files are taken where they are the same; null for
     *     none
     * @param mayLink whether files that never change may get another name instead of being copied
     */
    public BackupWriter(
            Cut cut,
            String clusterId,
            Path target,
            @Nullable Path baseFolder,
            boolean mayLink,
            Progress progress)
            throws IOException {
        this(cut, clusterId, target, baseFolder, mayLink, progress, Disk.SYSTEM);
    }

    /** As the other, writing to that disk. */
    public BackupWriter(
            Cut cut,
            String clusterId,
            Path target,
            @Nullable Path baseFolder,
            boolean mayLink,
            Progress progress,
            Disk disk)
            throws IOException {
        this.disk = disk;
        this.cut = cut;
        this.clusterId = clusterId;
        this.target = target.toAbsolutePath().normalize();
        this.partial = this.target.resolveSibling(this.target.getFileName() + PARTIAL);
        this.baseFolder = baseFolder;
        this.base = baseFolder == null ? null : BackupManifest.read(baseFolder);
        this.mayLink = mayLink;
        this.progress = progress;
    }

    /**
     * Refuses a place that is taken, before anything is asked of a server.
     *
     * @throws EngineException naming it
     */
    public static void checkTarget(Path target) throws IOException {
        if (!Folders.names(target).isEmpty()) {
            throw new EngineException("backup would overwrite something: folder=" + target);
        }
    }

    /** Copies the cut's files; what is held for it can be let go afterwards. */
    public void copy() throws IOException {
        checkTarget(target);
        if (!Folders.holdsOnlyOurs(partial, Set.of())) {
            throw new EngineException("not what an earlier backup left behind: folder=" + partial);
        }
        isOurs = true;
        Folders.clear(partial);
        Folders.create(Disk.parent(partial), disk);
        disk.createFolders(partial);
        for (CutFile file : cut.files()) {
            write(file);
        }
    }

    private void write(CutFile file) throws IOException {
        String name = Folders.text(file.path());
        Path to = partial.resolve(name);
        disk.createFolders(Disk.parent(to));
        Path from = cut.folder().resolve(file.path());
        ManifestFile earlier = inBase(name, file);
        if (earlier != null && isLinked(baseOf(name), to)) {
            written.put(name, earlier);
            linkedBytes += file.length();
        } else if (file.isFinal() && mayLink && isLinked(from, to)) {
            written.put(name, new ManifestFile(crc(to, file.length()), file.length()));
            linkedBytes += file.length();
        } else {
            Files.deleteIfExists(to);
            int crc = Checksum.copy(from, to, file.length(), progress::onBytes, disk);
            written.put(name, new ManifestFile(crc, file.length()));
            copiedBytes += file.length();
        }
        progress.onFile(file.length());
    }

    /**
     * The same file in the earlier backup, if its bytes are sound. Name and length do not say that
     * it is the same: a folder that was restored goes on under names which the original used too.
     */
    private @Nullable ManifestFile inBase(String name, CutFile file) throws IOException {
        BackupManifest manifest = base;
        if (manifest == null || !file.isFinal() || !manifest.clusterId().equals(clusterId)) {
            return null;
        }
        ManifestFile earlier = manifest.files().get(name);
        if (earlier == null || earlier.length() != file.length()) {
            return null;
        }
        Path path = baseOf(name);
        boolean isSame =
                Files.exists(path)
                        && Files.mismatch(path, cut.folder().resolve(file.path())) < 0
                        && crc(path, earlier.length()) == earlier.crc();
        return isSame ? earlier : null;
    }

    private Path baseOf(String name) {
        Path folder = baseFolder;
        if (folder == null) {
            throw new IllegalStateException("no earlier backup: file=" + name);
        }
        return folder.resolve(name);
    }

    private int crc(Path file, long length) throws IOException {
        return Checksum.of(file, length, progress::onBytes);
    }

    /** Another file system, or one without links: then there is a copy. */
    private static boolean isLinked(Path existing, Path link) {
        try {
            Files.createLink(link, existing);
            return true;
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    /** Reads everything back, writes the manifest, and gives the folder its name. */
    public Written complete() throws IOException {
        BackupManifest manifest =
                new BackupManifest(
                        cut.id(),
                        clusterId,
                        cut.madeAtMs() / 1000,
                        cut.leaderEpoch(),
                        new TreeMap<>(written));
        BackupReader.verifyFiles(partial, manifest, progress);
        Folders.writeForced(partial.resolve(BackupManifest.FILE), manifest.text(), disk);
        BackupManifest.read(partial); // a backup that nobody could restore gets no name
        Folders.forceAll(partial, disk);
        disk.move(partial, target);
        disk.forceFolder(Disk.parent(target));
        return new Written(manifest, copiedBytes, linkedBytes);
    }

    /** Removes what was written, if it did not come to a backup. */
    public void abandon() throws IOException {
        if (isOurs) {
            Folders.clear(partial);
            Files.deleteIfExists(partial);
        }
    }

    /** Where it is written until it is complete. */
    public Path partial() {
        return partial;
    }
}
