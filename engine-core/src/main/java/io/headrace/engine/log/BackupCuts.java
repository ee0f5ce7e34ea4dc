package io.headrace.engine.log;

import io.headrace.engine.Backups;
import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes cuts of the running engine for backups: docs/design/backup.md says why in this order. The
 * work is done on the thread that otherwise deletes files.
 *
 * <p>Owned by the engine.
 */
final class BackupCuts implements Backups {
    private static final long SYNC_TIMEOUT_S = 60;

    private final DataFolder folder;
    private final MetadataStore store;
    private final Journal metadataJournal;
    private final Catalog catalog;
    private final Projector projector;
    private final List<Shard> shards;
    private final Supplier<Iterable<PartitionLogBase>> activeLogs;
    private final BackupHold hold;
    private final Executor housekeeping;

    /**
     * @param shards all of them, in order of id
     * @param activeLogs those in use when it is asked
     * @param housekeeping the one thread that deletes files
     */
    BackupCuts(
            DataFolder folder,
            MetadataStore store,
            Journal metadataJournal,
            Catalog catalog,
            Projector projector,
            List<Shard> shards,
            Supplier<Iterable<PartitionLogBase>> activeLogs,
            BackupHold hold,
            Executor housekeeping) {
        this.folder = folder;
        this.store = store;
        this.metadataJournal = metadataJournal;
        this.catalog = catalog;
        this.projector = projector;
        this.shards = shards;
        this.activeLogs = activeLogs;
        this.hold = hold;
        this.housekeeping = housekeeping;
    }

    @Override
    public CompletableFuture<Cut> begin() {
        String id = UUID.randomUUID().toString();
        try {
            return CompletableFuture.supplyAsync(() -> cut(id), housekeeping);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(
                    new EngineException("the engine is being closed"));
        }
    }

    private Cut cut(String id) {
        hold.begin(id);
        try {
            List<CutFile> files = new ArrayList<>();
            requireRoom();
            add(files, folder.checkpoint(store));
            awaitSpilled();
            Positions positions = positions();
            awaitSynced(positions);
            add(files, metadataJournal.files(positions.metadata));
            for (Shard shard : shards) {
                add(files, shard.journal().files(positions.data[shard.id() - 1]));
                // Whatever the journal points to was complete before its entry was appended.
                add(files, shard.segments().list());
            }
            add(files, List.of(folder.trimmed()));
            hold.renew(id); // the lease counts from when the client hears of it
            return new Cut(
                    id,
                    folder.root(),
                    catalog.leaderEpoch(),
                    System.currentTimeMillis(),
                    BackupHold.LEASE_MS,
                    List.copyOf(files));
        } catch (IOException e) {
            hold.end(id);
            throw new EngineException("no cut for a backup: folder=" + folder.root(), e);
        } catch (RuntimeException e) {
            hold.end(id);
            throw e;
        }
    }

    /** On a full disk the attempt would stop all writes to the metadata store. */
    private void requireRoom() throws IOException {
        if (!folder.isRoomForCheckpoint()) {
            throw new EngineException(
                    "no room for a backup's checkpoint, which is as large as the metadata store:"
                            + " folder="
                            + folder.root()
                            + " freeBytes="
                            + folder.usableBytes());
        }
    }

    private void add(List<CutFile> files, List<Journal.JournalFile> added) {
        for (Journal.JournalFile file : added) {
            Path path = folder.root().relativize(file.path());
            files.add(new CutFile(path, file.length(), file.isFinal()));
        }
    }

    /** Ends of the journals at one moment. */
    record Positions(long metadata, long[] data) {}

    /** Not private: a test looks at the locks that are held. */
    Positions positions() {
        return positions(0);
    }

    /** With the locks of all shards from this one on: nobody appends a record meanwhile. */
    private Positions positions(int shard) {
        if (shard < shards.size()) {
            synchronized (shards.get(shard).lock) {
                return positions(shard + 1);
            }
        }
        long[] data =
                shards.stream().mapToLong(each -> each.journal().appendedPosition()).toArray();
        return new Positions(metadataJournal.appendedPosition(), data);
    }

    private void awaitSynced(Positions positions) {
        List<CompletableFuture<?>> synced = new ArrayList<>();
        // Commands are synced by the catalog's thread before it begins with anything else.
        synced.add(catalog.barrier());
        for (Shard shard : shards) {
            CompletableFuture<Void> applied = new CompletableFuture<>();
            long position = positions.data[shard.id() - 1];
            projector.whenApplied(shard.id(), position - 1, () -> applied.complete(null));
            shard.requestSync();
            synced.add(applied);
        }
        await(synced);
    }

    /** What was acknowledged in memory alone until now is in the journals from then on. */
    private void awaitSpilled() {
        List<CompletableFuture<?>> spilled = new ArrayList<>();
        for (PartitionLogBase log : activeLogs.get()) {
            CompletableFuture<Void> each = log.whenSpilled();
            if (!each.isDone() || each.isCompletedExceptionally()) {
                spilled.add(each.exceptionally(cause -> ignoreIfClosed(log, cause)));
            }
        }
        await(spilled);
    }

    /** Its topic was deleted, or has another mode now and was brought to the journal for that. */
    private static @Nullable Void ignoreIfClosed(PartitionLogBase log, Throwable cause) {
        if (log.isClosed()) {
            return null;
        }
        throw new CompletionException(cause);
    }

    private static void await(List<CompletableFuture<?>> all) {
        try {
            CompletableFuture.allOf(all.toArray(CompletableFuture[]::new))
                    .get(SYNC_TIMEOUT_S, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new EngineException("no cut for a backup: " + e.getCause(), e);
        } catch (TimeoutException e) {
            throw new EngineException("journals are not synced in time for a backup", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new EngineException("interrupted while a backup was begun", e);
        }
    }

    @Override
    public void renew(String id) {
        hold.renew(id);
    }

    @Override
    public void end(String id) {
        hold.end(id);
    }
}
