package io.headrace.rocks;

import io.headrace.engine.EngineException;
import io.headrace.engine.Experimental;
import io.headrace.engine.spi.CheckpointFolder;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Checkpoint;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The projection of the journals in RocksDB: one column family, no log of its own. What a crash
 * leaves is a prefix of the batches, up to the last write buffer that was flushed.
 *
 * <p>Thread-safe. Opened and closed by the engine that owns it. A call after {@link #close} throws
 * {@link IllegalStateException}; closing waits for the calls in progress and frees cursors that
 * were left open.
 */
@Experimental
public final class RocksMetadataStore implements MetadataStore {
    static {
        RocksDB.loadLibrary();
    }

    private static final Logger LOGGER = LoggerFactory.getLogger(RocksMetadataStore.class);
    private static final long FULL_DISK_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(200);

    private final Path folder;
    private final RocksResources resources;
    private final RocksDB database;
    private final Disk disk;

    /** Calls hold it shared, close exclusively: native code does not survive a call after it. */
    private final ReadWriteLock gate = new ReentrantReadWriteLock();

    private final Set<RocksCursor> cursors = ConcurrentHashMap.newKeySet();
    private boolean closed;

    private RocksMetadataStore(Path folder, RocksResources resources, RocksDB database, Disk disk) {
        this.folder = folder;
        this.resources = resources;
        this.database = database;
        this.disk = disk;
    }

    /**
     * Opens the store in a folder, which is created if it is not there, with default limits.
     *
     * @throws EngineException if the folder is in use, or its files are damaged or absent
     */
    public static RocksMetadataStore open(Path folder) {
        return open(folder, new RocksContext());
    }

    /**
     * Opens the store in a folder, which is created if it is not there.
     *
     * @throws EngineException if the folder is in use, or its files are damaged or absent
     */
    public static RocksMetadataStore open(Path folder, RocksContext context) {
        context.conclude();
        createFolder(folder);
        checkManifest(folder);
        RocksResources resources = new RocksResources(context);
        try {
            return new RocksMetadataStore(
                    folder,
                    resources,
                    RocksDB.open(resources.options, folder.toString()),
                    context.disk());
        } catch (RocksDBException failure) {
            resources.close();
            throw RocksFailure.of("open folder=" + folder, failure);
        }
    }

    private static void checkManifest(Path folder) {
        try {
            String damage = ManifestFile.damage(folder);
            if (damage != null) {
                throw RocksFailure.damaged("open folder=" + folder, damage);
            }
        } catch (IOException e) {
            throw new EngineException("metadata store cannot be read: folder=" + folder, e);
        }
    }

    /**
     * Reads every byte of a checkpoint and compares it with its checksums.
     *
     * @throws EngineException naming the first file that is not as it was written
     */
    public static void verifyCheckpoint(Path folder) {
        CheckpointFolder.verify(folder, Disk.SYSTEM);
    }

    /**
     * Hands over the rows of a checkpoint whose keys begin with a byte, in order of key, and
     * changes nothing in its folder: for tools.
     *
     * @throws EngineException if it is damaged, or is deleted meanwhile
     */
    public static void readCheckpoint(
            Path folder, byte keysBeginWith, BiConsumer<byte[], byte[]> rows) {
        try (Options options = new Options();
                RocksDB database = RocksDB.openReadOnly(options, folder.toString());
                RocksIterator iterator = database.newIterator()) {
            iterator.seek(new byte[] {keysBeginWith});
            while (iterator.isValid() && iterator.key()[0] == keysBeginWith) {
                rows.accept(iterator.key(), iterator.value());
                iterator.next();
            }
            iterator.status();
        } catch (RocksDBException failure) {
            throw RocksFailure.of("read checkpoint=" + folder, failure);
        }
    }

    /**
     * Copies a checkpoint to where a store can be opened; the folder must not exist.
     *
     * @throws EngineException naming the first file that is not as it was written
     */
    public static void restoreCheckpoint(Path checkpoint, Path folder) {
        CheckpointFolder.restore(checkpoint, folder, Disk.SYSTEM);
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        enter();
        try {
            return database.get(resources.readOptions, key);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("get", failure);
        } finally {
            gate.readLock().unlock();
        }
    }

    @Override
    public Batch newBatch() {
        return new RocksBatch();
    }

    /**
     * {@inheritDoc}
     *
     * <p>Waits while the disk is full: what is written here cannot be left out, and RocksDB goes on
     * by itself when there is space again.
     */
    @Override
    public void write(Batch batch) {
        boolean written = isWritten((RocksBatch) batch);
        if (!written) {
            LOGGER.warn("disk is full, the metadata store waits for space: folder={}", folder);
        }
        while (!written) {
            LockSupport.parkNanos(FULL_DISK_PAUSE_NS);
            written = isWritten((RocksBatch) batch);
        }
    }

    /** False if the disk is full. */
    private boolean isWritten(RocksBatch batch) {
        enter();
        try {
            database.write(resources.writeOptions, batch.changes());
            return true;
        } catch (RocksDBException failure) {
            if (RocksFailure.isOutOfSpace(failure)) {
                return false;
            }
            throw RocksFailure.of("write", failure);
        } finally {
            gate.readLock().unlock();
        }
    }

    @Override
    public Cursor cursor() {
        enter();
        try {
            return cursor(resources.readOptions, null);
        } finally {
            gate.readLock().unlock();
        }
    }

    @Override
    public Cursor cursor(byte[] prefix) {
        enter();
        try {
            KeyBounds bounds = new KeyBounds(prefix, resources.readOptions);
            return cursor(bounds.options(), bounds);
        } finally {
            gate.readLock().unlock();
        }
    }

    private Cursor cursor(ReadOptions options, @Nullable KeyBounds bounds) {
        RocksCursor cursor =
                new RocksCursor(
                        database.newIterator(options), bounds, gate.readLock(), cursors::remove);
        cursors.add(cursor);
        return cursor;
    }

    @Override
    public void flush() {
        enter();
        try {
            database.flush(resources.flushOptions);
        } catch (RocksDBException failure) {
            throw RocksFailure.of("flush", failure);
        } finally {
            gate.readLock().unlock();
        }
    }

    @Override
    public void checkpoint(Path folder) {
        enter();
        try {
            checkpointTo(folder);
        } finally {
            gate.readLock().unlock();
        }
    }

    private void checkpointTo(Path folder) {
        Path links = folder.resolveSibling(folder.getFileName() + ".links");
        CheckpointFolder.delete(links, disk);
        linkLiveFiles(links);
        Path temporary = CheckpointFolder.temporaryFor(folder, disk);
        CheckpointFolder.copyFiles(links, temporary, disk);
        CheckpointFolder.delete(links, disk);
        TableFiles.verify(temporary, resources.options);
        CheckpointFolder.seal(temporary, folder, disk);
    }

    /** RocksDB's own checkpoint: flushes, then links the table files and copies the rest. */
    private void linkLiveFiles(Path links) {
        try (Checkpoint checkpoint = Checkpoint.create(database)) {
            checkpoint.createCheckpoint(links.toString());
        } catch (RocksDBException failure) {
            throw RocksFailure.of("checkpoint folder=" + links, failure);
        }
    }

    @Override
    public long memoryBytes() {
        enter();
        try {
            // The write buffers are charged to the cache: its usage is the sum.
            return resources.cache.getUsage();
        } finally {
            gate.readLock().unlock();
        }
    }

    /** Flushes, and frees everything native. Idempotent. */
    @Override
    public void close() {
        gate.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                free();
            }
        } finally {
            gate.writeLock().unlock();
        }
    }

    private void free() {
        cursors.forEach(RocksCursor::free);
        cursors.clear();
        try {
            database.flush(resources.flushOptions);
            database.closeE();
        } catch (RocksDBException failure) {
            throw RocksFailure.of("close", failure);
        } finally {
            database.close();
            resources.close();
        }
    }

    private void enter() {
        gate.readLock().lock();
        if (closed) {
            gate.readLock().unlock();
            throw new IllegalStateException("metadata store is closed");
        }
    }

    private static void createFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException failure) {
            throw new EngineException(
                    "metadata store failed: action=create folder=" + folder, failure);
        }
    }
}
