package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The folders and files of an engine, and the lock that keeps a second process out. */
final class DataFolder implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(DataFolder.class);

    private final Path root;
    private final FileChannel lockFile;

    private DataFolder(Path root, FileChannel lockFile) {
        this.root = root;
        this.lockFile = lockFile;
    }

    static DataFolder open(Path root) throws IOException {
        Files.createDirectories(root);
        FileChannel file =
                FileChannel.open(
                        root.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (tryLock(file) == null) {
            file.close();
            throw new EngineException("data folder is in use by another process: folder=" + root);
        }
        return new DataFolder(root, file);
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
        return root.resolve("journal").resolve(id == 0 ? "metadata" : "data-" + id);
    }

    /** The highest number of a data journal that exists, 0 if there is none. */
    int dataJournalCount() throws IOException {
        Path journals = root.resolve("journal");
        if (!Files.exists(journals)) {
            return 0;
        }
        try (Stream<Path> paths = Files.list(journals)) {
            return paths.map(path -> path.getFileName().toString())
                    .filter(name -> name.matches("data-[0-9]{1,4}"))
                    .mapToInt(name -> Integer.parseInt(name.substring("data-".length())))
                    .max()
                    .orElse(0);
        }
    }

    /**
     * Opens the metadata store. If its folder is gone, the newest checkpoint takes its place;
     * without one, the journals are replayed from their beginning.
     */
    MetadataStore openStore(Function<Path, MetadataStore> factory) throws IOException {
        Path live = root.resolve("rocksdb");
        if (isAbsentOrEmpty(live)) {
            Path checkpoint = newestCheckpoint();
            if (checkpoint != null) {
                LOGGER.warn("metadata store is gone, restored from checkpoint={}", checkpoint);
                Files.deleteIfExists(live);
                CheckpointFolder.restore(checkpoint, live);
            }
        }
        return factory.apply(live);
    }

    private static boolean isAbsentOrEmpty(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return true;
        }
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.findAny().isEmpty();
        }
    }

    /** Where the next checkpoint goes. */
    Path nextCheckpoint() throws IOException {
        Path newest = newestCheckpoint();
        long number = newest == null ? 1 : Long.parseLong(newest.getFileName().toString()) + 1;
        Path checkpoints = Files.createDirectories(root.resolve("checkpoints"));
        return checkpoints.resolve(String.format("%012d", number));
    }

    @Nullable Path newestCheckpoint() throws IOException {
        List<Path> all = checkpoints();
        return all.isEmpty() ? null : all.get(all.size() - 1);
    }

    /** Deletes all checkpoints but the newest. */
    void dropOldCheckpoints() throws IOException {
        List<Path> all = checkpoints();
        for (Path old : all.subList(0, Math.max(0, all.size() - 1))) {
            CheckpointFolder.delete(old);
        }
    }

    private List<Path> checkpoints() throws IOException {
        Path folder = root.resolve("checkpoints");
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.filter(path -> path.getFileName().toString().matches("[0-9]{12}"))
                    .sorted()
                    .toList();
        }
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
