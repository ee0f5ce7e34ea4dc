package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import io.headrace.engine.source.SourceLogs;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What can wait: retention, the rows and bytes of deleted topics, checkpoints, dead cycles, logs
 * that nobody uses any more. One thread, low in frequency; nothing here is on a path that a client
 * waits for.
 *
 * <p>Owned by the engine; {@link #stop}, then {@link #awaitEnd}.
 */
final class Maintenance {
    private static final Logger LOGGER = LoggerFactory.getLogger(Maintenance.class);
    private static final long TICK_MS = 1000;
    private static final long BARRIER_TIMEOUT_S = 60;
    private static final ByteBuffer NO_PAYLOAD = ByteBuffer.allocateDirect(0);

    /**
     * Bytes of checkpoints per second on the average, each of which is a copy of the whole metadata
     * store; more only while the disk is short. What is dead waits meanwhile.
     */
    private static final long CHECKPOINT_BYTES_PER_SECOND = 16L << 20;

    /** From a deletion that failed to the next attempt, which takes a checkpoint too. */
    private static final long RETRY_MS = 10_000;

    /** Metadata cycles before a checkpoint is worth its while. */
    private static final int METADATA_CYCLES_KEPT = 4;

    private final StorageEngine engine;
    private final EngineContext context;
    private final DataFolder folder;
    private final DiskSpace space;
    private final MetadataStore store;
    private final Journal metadataJournal;
    private final Projector projector;
    private final RetentionClock retentionClock;
    private final List<Shard> shards;
    private final BackupHold hold;
    private final Background background;
    private final ScheduledExecutorService executor;

    private final ProducerExpiry producerExpiry;
    private final Sealer sealer;
    private final CompletableFuture<Void> stopping = new CompletableFuture<>();
    private volatile long retentionPassCount;
    private boolean noRoomReported;

    /** When the last checkpoint is paid for, and when what it could not delete is tried again. */
    private long nextCheckpointMs;

    private long retryMs;

    /** By a clock that cannot be set, as all that asks how long ago something was in this run. */
    private long lastRetentionMs;

    /**
     * Ids of deleted topics whose logs are closed, and whose rows and bytes can go. Not all that
     * have a row saying so: it is there before the logs are closed.
     */
    private final Set<Long> deletedTopics = ConcurrentHashMap.newKeySet();

    private record DeletedTopic(long id, int journal) {}

    Maintenance(
            StorageEngine engine,
            EngineContext context,
            DataFolder folder,
            DiskSpace space,
            MetadataStore store,
            Journal metadataJournal,
            Projector projector,
            RetentionClock retentionClock,
            ProducerExpiry producerExpiry,
            Sealer sealer,
            List<Shard> shards,
            BackupHold hold,
            Background background) {
        this.engine = engine;
        this.context = context;
        this.folder = folder;
        this.space = space;
        this.store = store;
        this.metadataJournal = metadataJournal;
        this.projector = projector;
        this.retentionClock = retentionClock;
        this.producerExpiry = producerExpiry;
        this.sealer = sealer;
        this.shards = shards;
        this.hold = hold;
        this.background = background;
        this.executor = background.schedule("headrace-maintenance");
    }

    /** The thread that deletes files, for whoever must not do so at the same time. */
    Executor thread() {
        return executor;
    }

    /** Before anybody can delete a topic. */
    void start() {
        addDeletedBefore();
        lastRetentionMs = elapsedMs();
        nextCheckpointMs = lastRetentionMs;
        retryMs = lastRetentionMs;
        executor.scheduleWithFixedDelay(this::tick, tickMs(), tickMs(), TimeUnit.MILLISECONDS);
    }

    /** Time between two looks at what there is to do. */
    long tickMs() {
        return Math.min(TICK_MS, context.retentionCheckIntervalMs());
    }

    /** Tells that a topic's logs are closed, so that nothing more will be appended to it. */
    void topicDeleted(long topicId) {
        deletedTopics.add(topicId);
    }

    private void tick() {
        try {
            long nowMs = elapsedMs();
            space.look();
            space.report(shards.stream().mapToLong(Shard::refusedCount).sum());
            tryToFinishDeletions();
            if (nowMs - lastRetentionMs >= context.retentionCheckIntervalMs()) {
                lastRetentionMs = nowMs;
                retain(retentionClock.nowMs());
                retentionPassCount = retentionPassCount + 1;
                expireProducers();
                projector.offer(producerExpiry::runStretch);
            } else if (producerExpiry.isPassing()) {
                projector.offer(producerExpiry::runStretch);
            }
            for (PartitionLogBase log : engine.activeLogs()) {
                log.noteUse(nowMs);
                log.forgetUnmapped();
                engine.deactivateIfIdle(log, nowMs - context.partitionIdleMs());
            }
            if (!stopping.isDone()) {
                engine.sweepSources();
                engine.sweepViews();
                if (!isHeldForBackup() && isCheckpointDue(nowMs)) {
                    reclaim(nowMs);
                }
            }
        } catch (TimeoutException e) {
            LOGGER.warn("maintenance goes on later: {}", e.toString());
        } catch (Throwable e) { // whatever it is: the executor would drop the task without a word
            LOGGER.error("maintenance failed, tried again in {} ms", TICK_MS, e);
        }
    }

    /**
     * All of them in each pass, so that they cannot come faster than they go. It comes to an end:
     * those that appended since it began are not silent for too long.
     */
    private void expireProducers() {
        Collection<PartitionLogBase> logs = engine.activeLogs();
        while (!logs.isEmpty() && !stopping.isDone()) {
            logs = logs.stream().filter(PartitionLogBase::expireProducers).toList();
        }
    }

    private long elapsedMs() {
        return TimeUnit.NANOSECONDS.toMillis(background.nanoTime());
    }

    /** Passes over all logs for what is too old or too much, since the start. */
    long retentionPassCount() {
        return retentionPassCount;
    }

    /** What else there is to do does not wait until the index has followed. */
    private void tryToFinishDeletions() throws TimeoutException {
        try {
            finishDeletions();
        } catch (TimeoutException e) {
            if (stopping.isDone()) {
                throw e;
            }
            LOGGER.warn("deleted topics wait for the index: {}", e.toString());
        }
    }

    private void finishDeletions() throws TimeoutException {
        List<DeletedTopic> deleted = deletedTopics();
        if (deleted.isEmpty()) {
            return;
        }
        // Their logs are closed: after this barrier, all that they ever appended has its rows.
        awaitProjection(deleted);
        for (DeletedTopic topic : deleted) {
            if (!markPartitionsDead(topic)) {
                return;
            }
        }
        awaitProjection(deleted);
        try (MetadataStore.Batch batch = store.newBatch()) {
            for (DeletedTopic topic : deleted) {
                SourceLogs.onTopicDeleted(topic.id, batch);
                UnionRows.onTopicDeleted(topic.id, store, batch);
                batch.delete(Rows.deletedTopicKey(topic.id));
            }
            store.write(batch);
        }
        deleted.forEach(topic -> deletedTopics.remove(topic.id));
    }

    /** Topics that were deleted before the start: nobody has a log of theirs. */
    private void addDeletedBefore() {
        byte[] prefix = {Rows.DELETED_TOPIC};
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                deletedTopics.add(Rows.topicIdOf(cursor.key()));
                found = cursor.next();
            }
        }
    }

    private List<DeletedTopic> deletedTopics() {
        List<DeletedTopic> deleted = new ArrayList<>();
        for (long topicId : deletedTopics) {
            byte[] row = store.get(Rows.deletedTopicKey(topicId));
            if (row != null) {
                deleted.add(new DeletedTopic(topicId, ByteBuffer.wrap(row).getShort()));
            }
        }
        return deleted;
    }

    private boolean markPartitionsDead(DeletedTopic topic) {
        Shard shard = shards.get(topic.journal - 1);
        for (int partition : partitionsWithRows(topic.id)) {
            synchronized (shard.lock) {
                long position =
                        shard.appendEntry(
                                EntryType.LOG_START,
                                topic.id,
                                partition,
                                ShardProjection.EVERYTHING,
                                engine.leaderEpoch(),
                                NO_PAYLOAD);
                if (position < 0) {
                    return false;
                }
            }
        }
        return true;
    }

    private List<Integer> partitionsWithRows(long topicId) {
        List<Integer> partitions = new ArrayList<>();
        byte[] prefix = Rows.key(Rows.PARTITION, topicId);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                partitions.add(Rows.partitionOf(cursor.key()));
                found = cursor.next();
            }
        }
        return partitions;
    }

    /** Waits until everything appended so far to their journals is in the projection. */
    private void awaitProjection(List<DeletedTopic> topics) throws TimeoutException {
        Set<Integer> journals = new TreeSet<>();
        topics.forEach(topic -> journals.add(topic.journal));
        for (int journal : journals) {
            Shard shard = shards.get(journal - 1);
            long position;
            synchronized (shard.lock) {
                position = shard.journal().appendedPosition();
            }
            CompletableFuture<Void> applied = new CompletableFuture<>();
            projector.whenApplied(shard.id(), position - 1, () -> applied.complete(null));
            shard.requestSync();
            try {
                background.await(CompletableFuture.anyOf(applied, stopping), BARRIER_TIMEOUT_S);
                if (!applied.isDone()) {
                    throw new TimeoutException("the engine is being closed");
                }
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new TimeoutException("interrupted");
            }
        }
    }

    private void retain(long nowMs) {
        for (PartitionLogBase log : engine.activeLogs()) {
            if (log instanceof InMemoryLog memoryLog) {
                memoryLog.expire(nowMs);
            }
        }
        byte[] prefix = {Rows.PARTITION};
        try (MetadataStore.Cursor cursor = store.cursor(prefix);
                MetadataStore.Cursor index = store.cursor(new byte[] {Rows.INDEX})) {
            boolean found = cursor.seek(prefix);
            while (found) {
                byte[] key = cursor.key();
                PartitionState state = PartitionState.decode(cursor.value());
                if (state.liveBytes > 0) {
                    retain(Rows.topicIdOf(key), Rows.partitionOf(key), state, index, nowMs);
                }
                found = cursor.next();
            }
        }
    }

    private void retain(
            long topicId,
            int partition,
            PartitionState state,
            MetadataStore.Cursor index,
            long nowMs) {
        Topic topic = engine.catalog().find(topicId);
        if (topic == null
                || topic.storageMode() == StorageMode.SOURCE
                || topic.storageMode() == StorageMode.VIEW && !Views.isUnion(topic)) {
            return; // they see to it themselves
        }
        if (topic.storageMode() == StorageMode.MEMORY
                && engine.partitionLog(topic, partition) instanceof InMemoryLog memoryLog) {
            memoryLog.releasePast();
        }
        if (!topic.config().delete()) {
            return;
        }
        long keepSinceMs =
                topic.config().retentionMs() < 0
                        ? Long.MIN_VALUE
                        : nowMs - topic.config().retentionMs();
        long keptBytes =
                topic.config().retentionBytes() < 0
                        ? Long.MAX_VALUE
                        : topic.config().retentionBytes();
        long start = newLogStart(topicId, partition, state, index, keepSinceMs, keptBytes);
        if (start > state.logStartOffset) {
            trim(topic, engine.partitionLog(topic, partition), start);
        }
    }

    /** To find a start may take long, and the topic may be another one meanwhile. */
    private static void trim(Topic topic, @Nullable PartitionLog log, long start) {
        if (log instanceof PartitionLogBase stored) {
            stored.deleteRecords(
                    Math.min(start, stored.highWatermark()), now -> isTrimmedAs(topic, now));
        } else if (log != null) {
            log.deleteRecords(Math.min(start, log.highWatermark())); // of a union, its copies
        }
    }

    private static boolean isTrimmedAs(Topic topic, Topic now) {
        return now.config().delete()
                && now.config().retentionMs() == topic.config().retentionMs()
                && now.config().retentionBytes() == topic.config().retentionBytes();
    }

    private static long newLogStart(
            long topicId,
            int partition,
            PartitionState state,
            MetadataStore.Cursor index,
            long keepSinceMs,
            long keptBytes) {
        long start = state.logStartOffset;
        long bytes = state.liveBytes;
        boolean found = index.seek(Rows.key(Rows.INDEX, topicId, partition));
        while (found) {
            byte[] key = index.key();
            if (!Rows.isOf(key, Rows.INDEX, topicId, partition)) {
                break;
            }
            IndexEntry entry = IndexEntry.decode(key, index.value());
            boolean tooOld = entry.datedMs() < keepSinceMs;
            boolean tooMuch = bytes - entry.length() >= keptBytes;
            if (!tooOld && !tooMuch) {
                break;
            }
            start = entry.lastOffset() + 1;
            bytes -= entry.length();
            found = index.next();
        }
        return start;
    }

    /** Files stay while a backup copies them; but not at the cost of those who produce. */
    private boolean isHeldForBackup() throws IOException {
        if (hold.isHeld() && space.isShort()) {
            hold.lose("space is short");
        }
        return hold.isHeld();
    }

    /**
     * Deletes cycles and segments in which nothing lives any more. A checkpoint is written first
     * and read back: from then on nothing needs what these cycles said about topics and offsets
     * either, and its rows point to nothing that goes.
     */
    private void reclaim(long nowMs) throws IOException {
        List<BooleanSupplier> deletions = new ArrayList<>(sealer.deletions());
        for (Shard shard : shards) {
            int appliedCycle = Journal.cycle(projector.appliedPosition(shard.id()));
            for (Journal.Cycle cycle : shard.journal().cycles()) {
                if (cycle.cycle() < appliedCycle
                        && projector.liveBytes(shard.id(), cycle.cycle()) == 0) {
                    deletions.add(() -> delete(shard.journal(), cycle.cycle()));
                }
            }
        }
        List<Journal.Cycle> metadataCycles = metadataJournal.cycles();
        if (deletions.isEmpty() && metadataCycles.size() <= METADATA_CYCLES_KEPT) {
            return;
        }
        byte[] applied = store.get(Rows.appliedKey(CatalogState.JOURNAL));
        int metadataApplied = applied == null ? 0 : Journal.cycle(Rows.number(applied));
        for (Journal.Cycle cycle : metadataCycles) {
            if (cycle.cycle() < metadataApplied) {
                deletions.add(() -> delete(metadataJournal, cycle.cycle()));
            }
        }
        if (!folder.isRoomForCheckpoint()) {
            reportNoRoom();
            return;
        }
        noRoomReported = false;
        folder.checkpoint(store);
        nextCheckpointMs =
                nowMs
                        + TimeUnit.SECONDS.toMillis(space.checkpointBytes())
                                / CHECKPOINT_BYTES_PER_SECOND;
        for (BooleanSupplier deletion : deletions) {
            if (!deletion.getAsBoolean()) {
                retryMs = nowMs + RETRY_MS;
            }
        }
    }

    private boolean isCheckpointDue(long nowMs) throws IOException {
        return nowMs >= retryMs && (nowMs >= nextCheckpointMs || space.isShort());
    }

    /** Once until there is room: it is tried again and again. */
    private void reportNoRoom() {
        if (!noRoomReported) {
            noRoomReported = true;
            LOGGER.warn("no room for a checkpoint, dead journal files have to stay until there is");
        }
    }

    private static boolean delete(Journal journal, int cycle) {
        try {
            journal.deleteCycle(cycle);
            return true;
        } catch (IOException e) {
            LOGGER.warn("dead cycle cannot be deleted: cycle={}", cycle, e);
            return false;
        }
    }

    /** Begins nothing more; what waits for the projection gives up. */
    void stop() {
        stopping.complete(null);
        executor.shutdown();
    }

    /** Waits for what is running, until the deadline; false if it still is. */
    boolean awaitEnd(Deadline deadline) {
        return Threads.awaitTermination(executor, deadline);
    }
}
