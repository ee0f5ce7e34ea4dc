package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.RestoreMark;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The folders and files of an engine, and the lock that keeps a second process out. */
final class DataFolder implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(DataFolder.class);

    /** What a store may have in memory; a write buffer of it. */
    private static final long CHECKPOINT_MARGIN_BYTES = 8 << 20;

    /** With less free, whatever cannot be opened is so for want of space before all else. */
    private static final long START_BYTES = 1 << 20;

    /** What an attempt leaves that fails or is killed. */
    private static final Pattern UNFINISHED_CHECKPOINT =
            Pattern.compile("[0-9]{12}\\.(tmp|links|links\\.tmp)");

    private static final Pattern TRIMMED = Pattern.compile("version=1\ncheckpoint=(\\d{1,18})\n");

    private final Path root;
    private final FileChannel lockFile;
    private final Disk disk;

    private DataFolder(Path root, FileChannel lockFile, Disk disk) {
        this.root = root;
        this.lockFile = lockFile;
        this.disk = disk;
    }

    static DataFolder open(Path root, Disk disk) throws IOException {
        createRoot(root, disk);
        FileChannel file =
                FileChannel.open(
                        root.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (tryLock(file) == null) {
            file.close();
            throw new EngineException("data folder is in use by another process: folder=" + root);
        }
        DataFolder folder = new DataFolder(root, file, disk);
        try {
            RestoreMark.refuseUnfinished(root);
            folder.createFolders();
            folder.clearUnfinishedCheckpoints();
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
        return folder;
    }

    /**
     * Its name is forced also if it is there: who made it may have been killed before that. Where
     * the folder around it is for others to read, it was for others to make.
     */
    private static void createRoot(Path root, Disk disk) throws IOException {
        disk.createFolders(root);
        Path around = Disk.parent(root);
        if (Files.isReadable(around)) {
            disk.forceFolder(around);
        }
    }

    /** Their names are forced also if they are there, for the same reason. */
    private void createFolders() throws IOException {
        disk.createFolders(journals());
        disk.createFolders(checkpointsFolder());
        disk.forceFolder(root);
    }

    /** Says that the folder came from a backup and was not started since; null otherwise. */
    @Nullable RestoreMark restoreMark() throws IOException {
        return RestoreMark.read(root);
    }

    /** Once the metadata journal has what the mark says. */
    void forgetRestore() throws IOException {
        Path mark = root.resolve(RestoreMark.RESTORED);
        if (Files.exists(mark)) {
            disk.delete(mark);
            disk.forceFolder(root);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
        try {
            return file.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    /** The folder of a journal: 0 is the metadata journal's, from 1 on the shards'. */
    Path journal(int id) {
        return journals().resolve(id == 0 ? "metadata" : "data-" + id);
    }

    /** Where the retention clock keeps what it believes. */
    Path clock() {
        return root.resolve("clock.properties");
    }

    private Path journals() {
        return root.resolve("journal");
    }

    /** The folder of what was sealed, of all journals. */
    Path segments() {
        return root.resolve("segments");
    }

    /** The highest number of a data journal that exists, 0 if there is none. */
    int dataJournalCount() throws IOException {
        return disk.list(journals()).stream()
                .map(path -> path.getFileName().toString())
                .filter(name -> name.matches("data-[0-9]{1,4}"))
                .mapToInt(name -> Integer.parseInt(name.substring("data-".length())))
                .max()
                .orElse(0);
    }

    /**
     * Opens the metadata store. If its folder is gone, or older than the newest checkpoint, that
     * takes its place; without one, the journals are replayed from their beginning.
     *
     * @throws EngineException if the journals were trimmed on the strength of a later checkpoint
     *     than is to be found
     */
    MetadataStore openStore(Function<Path, MetadataStore> factory) throws IOException {
        Path live = root.resolve("rocksdb");
        Path checkpoint = newestCheckpoint();
        if (!isAbsentOrEmpty(live)) {
            MetadataStore store = open(live, factory);
            if (isAsNewAs(checkpoint, store)) {
                return store;
            }
            store.close();
            setAside(live, Objects.requireNonNull(checkpoint));
        }
        requireTrimmedUnder(numberOf(checkpoint));
        if (checkpoint != null) {
            LOGGER.warn("metadata store is gone, restored from checkpoint={}", checkpoint);
            Files.deleteIfExists(live);
            CheckpointFolder.restore(checkpoint, live, disk);
        }
        return open(live, factory);
    }

    private MetadataStore open(Path live, Function<Path, MetadataStore> factory)
            throws IOException {
        try {
            return factory.apply(live);
        } catch (EngineException e) {
            long freeBytes = freeBytesAfter(e);
            if (freeBytes < START_BYTES) {
                throw new EngineException(
                        "disk is full, and a start needs some space: folder="
                                + root
                                + " freeBytes="
                                + freeBytes,
                        e);
            }
            throw new EngineException(
                    "metadata store cannot be opened; if files of it are damaged or gone, move "
                            + live
                            + " away: the next start makes it again from checkpoints/ and journal/:"
                            + " "
                            + e.getMessage(),
                    e);
        }
    }

    /** No less than enough if the disk does not say: then it is the failure that counts. */
    private long freeBytesAfter(EngineException failure) {
        try {
            return usableBytes();
        } catch (IOException e) {
            failure.addSuppressed(e);
            return START_BYTES;
        }
    }

    /**
     * Whether the store knows of that checkpoint; closed if it is too old for the journals, or that
     * cannot be told.
     */
    private boolean isAsNewAs(@Nullable Path checkpoint, MetadataStore store) throws IOException {
        try {
            long number = checkpointNumber(store);
            boolean isAsNew = number >= numberOf(checkpoint);
            if (isAsNew) {
                requireTrimmedUnder(number);
            }
            return isAsNew;
        } catch (IOException | RuntimeException e) {
            store.close();
            throw e;
        }
    }

    /** What the live folder lacks may have been in cycles that are gone; the checkpoint has it. */
    private void setAside(Path live, Path checkpoint) throws IOException {
        CheckpointFolder.verify(checkpoint, disk);
        Path aside = live.resolveSibling("rocksdb.older-than-" + checkpoint.getFileName());
        LOGGER.warn(
                "metadata store is older than checkpoint={} and is not used: kept as {}",
                checkpoint,
                aside);
        disk.move(live, aside);
        disk.forceFolder(root);
    }

    private void requireTrimmedUnder(long number) throws IOException {
        long needed = trimmedUnder();
        if (number < needed) {
            throw new EngineException(
                    "metadata store and checkpoints are older than the journals, which were trimmed"
                            + " under a later checkpoint; restore rocksdb/ or checkpoints/: folder="
                            + root
                            + " found="
                            + number
                            + " needed="
                            + needed);
        }
    }

    /** The newest checkpoint whose existence a metadata store knows of; 0 if none. */
    static long checkpointNumber(MetadataStore store) {
        byte[] row = store.get(Rows.checkpointKey());
        return row == null ? 0 : Rows.number(row);
    }

    private static long numberOf(@Nullable Path checkpoint) {
        return checkpoint == null ? 0 : Long.parseLong(checkpoint.getFileName().toString());
    }

    /** The checkpoint under which journal cycles were deleted last; 0 if none ever was. */
    private long trimmedUnder() throws IOException {
        Path file = trimmedFile();
        byte[] content = disk.readIfExists(file);
        if (content == null) {
            return 0;
        }
        String text = new String(content, StandardCharsets.UTF_8);
        Matcher matcher = TRIMMED.matcher(text);
        if (!matcher.matches()) {
            throw new EngineException("unknown content: file=" + file + " text=" + text.trim());
        }
        return Long.parseLong(matcher.group(1));
    }

    private Path trimmedFile() {
        return journals().resolve("trimmed.properties");
    }

    /**
     * Whether the disk has room for another copy of the store and for what of it is still in
     * memory. On a full disk the attempt would stop all writes to the store.
     */
    boolean isRoomForCheckpoint() throws IOException {
        clearUnfinishedCheckpoints();
        return usableBytes() >= checkpointBytes();
    }

    /** Room that the next checkpoint needs, at most. */
    long checkpointBytes() throws IOException {
        long needed = CHECKPOINT_MARGIN_BYTES;
        for (Path file : disk.list(root.resolve("rocksdb"))) {
            needed += file.toFile().length();
        }
        return needed;
    }

    Path root() {
        return root;
    }

    /** Bytes that may still be written to the disk. */
    long usableBytes() throws IOException {
        return disk.usableBytes(root);
    }

    /**
     * Writes the next checkpoint of a store and makes it the one that the journals depend on: after
     * this, cycles may go.
     *
     * @return its files
     */
    List<Journal.JournalFile> checkpoint(MetadataStore store) throws IOException {
        long number = Math.max(numberOf(newestCheckpoint()), checkpointNumber(store)) + 1;
        try (MetadataStore.Batch batch = store.newBatch()) {
            batch.put(Rows.checkpointKey(), Rows.value(number));
            store.write(batch);
        }
        Path checkpoint = checkpointsFolder().resolve(String.format("%012d", number));
        try {
            store.checkpoint(checkpoint);
        } catch (RuntimeException | Error e) {
            clearAfter(e);
            throw e;
        }
        noteTrimmedUnder(number);
        dropOldCheckpoints();
        return finalFiles(checkpoint);
    }

    /** At once: on a full disk it would keep the space that the next attempt needs. */
    private void clearAfter(Throwable failure) {
        try {
            clearUnfinishedCheckpoints();
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    /** Each attempt has a number of its own, so none would clear what another has left. */
    private void clearUnfinishedCheckpoints() throws IOException {
        for (Path path : disk.list(checkpointsFolder())) {
            if (UNFINISHED_CHECKPOINT.matcher(path.getFileName().toString()).matches()) {
                CheckpointFolder.delete(path, disk);
            }
        }
    }

    private Path checkpointsFolder() {
        return root.resolve("checkpoints");
    }

    private List<Journal.JournalFile> finalFiles(Path folder) throws IOException {
        List<Journal.JournalFile> files = new ArrayList<>();
        for (Path path : disk.list(folder)) {
            files.add(new Journal.JournalFile(path, Files.size(path), true));
        }
        return files;
    }

    /** The note that says under which checkpoint the journals were trimmed. */
    Journal.JournalFile trimmed() throws IOException {
        return new Journal.JournalFile(trimmedFile(), Files.size(trimmedFile()), true);
    }

    private void noteTrimmedUnder(long number) throws IOException {
        String content = "version=1\ncheckpoint=" + number + "\n";
        disk.replace(trimmedFile(), content.getBytes(StandardCharsets.UTF_8));
    }

    private boolean isAbsentOrEmpty(Path folder) throws IOException {
        return !Files.exists(folder) || disk.list(folder).isEmpty();
    }

    private @Nullable Path newestCheckpoint() throws IOException {
        List<Path> all = checkpoints();
        return all.isEmpty() ? null : all.get(all.size() - 1);
    }

    /** Deletes all checkpoints but the newest. */
    private void dropOldCheckpoints() throws IOException {
        List<Path> all = checkpoints();
        for (Path old : all.subList(0, Math.max(0, all.size() - 1))) {
            CheckpointFolder.delete(old, disk);
        }
    }

    private List<Path> checkpoints() throws IOException {
        return disk.list(checkpointsFolder()).stream()
                .filter(path -> path.getFileName().toString().matches("[0-9]{12}"))
                .toList();
    }

    @Override
    public void close() {
        try {
            lockFile.close();
        } catch (IOException e) {
            LOGGER.warn("lock file cannot be closed: folder={}", root, e);
        }
    }
}
