package io.headrace.engine.log;

import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What is done to a topic's logs around a change of its storage mode: appends are refused, all that
 * a log knows is brought into the journal and the projection, and the log of the new mode begins
 * from there. So a log is never changed under its users, and what a crash leaves at any step is one
 * mode or the other (docs/design/hybrid.md).
 *
 * <p>Owned by the engine; {@link #begin} and {@link #end} are called by the catalog's thread, which
 * waits for the disk meanwhile.
 */
final class ModeChanges {
    /** How long the disk may take for a log, and the projection behind it. */
    private static final long TIMEOUT_S = 60;

    private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocateDirect(0);

    private final Map<PartitionKey, PartitionLogBase> logs;
    private final BiFunction<Topic, PartitionKey, PartitionState> stateLoader;
    private final MetadataStore store;
    private final List<Shard> shards;
    private final Projector projector;
    private final IntSupplier leaderEpoch;
    private final Background background;

    /** Topics whose mode is being changed: no log of theirs is activated. */
    private final Set<Long> frozen = ConcurrentHashMap.newKeySet();

    /** Completed when the engine is being closed, so that nobody waits for the disk any more. */
    private final CompletableFuture<Void> stopping = new CompletableFuture<>();

    /**
     * @param logs those in use; the map's lock for a key keeps its log from being activated
     * @param stateLoader what an activation in the topic's mode starts from
     */
    ModeChanges(
            Map<PartitionKey, PartitionLogBase> logs,
            BiFunction<Topic, PartitionKey, PartitionState> stateLoader,
            MetadataStore store,
            List<Shard> shards,
            Projector projector,
            IntSupplier leaderEpoch,
            Background background) {
        this.logs = logs;
        this.stateLoader = stateLoader;
        this.store = store;
        this.shards = shards;
        this.projector = projector;
        this.leaderEpoch = leaderEpoch;
        this.background = background;
    }

    boolean isFrozen(long topicId) {
        return frozen.contains(topicId);
    }

    /**
     * Refuses appends to a topic until {@link #end}, and has the journal and the projection know
     * all of it.
     *
     * @return null if the mode can be changed now, else why not, and appends are taken again
     */
    @Nullable CatalogResult begin(Topic topic, Topic altered) {
        if (!frozen.add(topic.id())) {
            // What was begun for it goes on: it is not for this one to end.
            return refused(topic, "it is being changed already, retry");
        }
        boolean begun = false;
        try {
            CatalogResult refused = refuseAppends(topic, altered);
            if (refused == null && !isSource(altered)) {
                refused = move(topic);
            }
            begun = refused == null;
            return refused;
        } finally {
            if (!begun) {
                end(topic);
            }
        }
    }

    private @Nullable CatalogResult move(Topic topic) {
        try {
            return isMoved(topic)
                    ? null
                    : CatalogResult.failed(
                            Error.OUT_OF_SPACE,
                            "records cannot be brought to the journal now, retry: name="
                                    + topic.name());
        } catch (IllegalArgumentException e) {
            // A batch that memory took and the journal does not.
            return refused(topic, String.valueOf(e.getMessage()));
        }
    }

    /** Lets whoever waits for the disk give up, and begins nothing more. */
    void stop() {
        stopping.complete(null);
    }

    /**
     * Waits until all that was done to a topic's records by now is in its rows, and has its logs
     * begin where these say, also where whoever deletes has not come to that yet.
     *
     * @return false if that is in vain
     */
    boolean settle(Topic topic) {
        if (!isProjected(shards.get(topic.journal() - 1))) {
            return false;
        }
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            PartitionLogBase log = logs.get(new PartitionKey(topic.id(), partition));
            if (log != null) {
                byte[] row = store.get(Rows.partitionKey(topic.id(), partition));
                log.advanceLogStart(PartitionState.decode(row).logStartOffset);
            }
        }
        return true;
    }

    private @Nullable CatalogResult refuseAppends(Topic topic, Topic altered) {
        boolean isSource = isSource(topic) || isSource(altered);
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            long end = refuseAppends(topic, new PartitionKey(topic.id(), partition));
            if (isSource && end > 0) {
                return refused(topic, "objects and records cannot be in one topic");
            }
        }
        return null;
    }

    /** Where the log ends. */
    private long refuseAppends(Topic topic, PartitionKey key) {
        // Waits for an activation that is under way; later ones find the topic frozen.
        PartitionLogBase log = logs.computeIfPresent(key, ModeChanges::refusing);
        return log != null ? log.logEndOffset() : stateLoader.apply(topic, key).logEndOffset;
    }

    private static PartitionLogBase refusing(PartitionKey key, PartitionLogBase log) {
        log.refuseAppends();
        return log;
    }

    private static CatalogResult refused(Topic topic, String why) {
        return CatalogResult.failed(
                Error.REFUSED,
                "the storage mode cannot be set: "
                        + why
                        + ": name="
                        + topic.name()
                        + " mode="
                        + topic.storageMode().configValue());
    }

    private static boolean isSource(Topic topic) {
        return topic.storageMode() == StorageMode.SOURCE;
    }

    private boolean isMoved(Topic topic) {
        if (isSource(topic)) {
            return true;
        }
        Shard shard = shards.get(topic.journal() - 1);
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            PartitionKey key = new PartitionKey(topic.id(), partition);
            PartitionLogBase log = logs.get(key);
            if (log != null
                    ? !log.moveToJournal(this::isDone, stopping::isDone)
                    : !moveRow(topic, key, shard)) {
                return false;
            }
        }
        return isProjected(shard);
    }

    /** Tells the journal what only an activation in the mode before would know. */
    private boolean moveRow(Topic topic, PartitionKey key, Shard shard) {
        PartitionState state = stateLoader.apply(topic, key);
        if (state.logEndOffset == 0) {
            return true;
        }
        byte[] row = store.get(Rows.partitionKey(key.topicId(), key.partition()));
        boolean isStartKnown = PartitionState.decode(row).logStartOffset >= state.logStartOffset;
        return (isStartKnown || mark(shard, EntryType.LOG_START, key, state.logStartOffset))
                && mark(shard, EntryType.LOG_END, key, state.logEndOffset);
    }

    private boolean mark(Shard shard, EntryType type, PartitionKey key, long offset) {
        synchronized (shard.lock) {
            return shard.appendEntry(
                            type,
                            key.topicId(),
                            key.partition(),
                            offset,
                            leaderEpoch.getAsInt(),
                            NO_PAYLOAD)
                    >= 0;
        }
    }

    /** Waits until everything appended so far is in the projection. */
    private boolean isProjected(Shard shard) {
        long position;
        synchronized (shard.lock) {
            position = shard.journal().appendedPosition();
        }
        CompletableFuture<Void> applied = new CompletableFuture<>();
        projector.whenApplied(shard.id(), position - 1, () -> applied.complete(null));
        shard.requestSync();
        return isDone(applied);
    }

    /** Waits for the disk. */
    private boolean isDone(CompletableFuture<?> future) {
        try {
            background.await(CompletableFuture.anyOf(future, stopping), TIMEOUT_S);
            return future.isDone() && !future.isCompletedExceptionally();
        } catch (ExecutionException | TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Takes appends again: to the logs of the mode before, if the change did not come. */
    void end(Topic topic) {
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            logs.computeIfPresent(
                    new PartitionKey(topic.id(), partition),
                    (key, log) -> {
                        log.acceptAppends();
                        return log;
                    });
        }
        frozen.remove(topic.id());
    }
}
