package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.journal.ChronicleJournal;
import io.headrace.engine.log.PartitionCompaction.Outcome;
import io.headrace.engine.segment.SegmentGroup;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.ObjLongConsumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compacts topics whose {@code cleanup.policy} contains {@code compact}, as one more form of
 * sealing: docs/design/compaction.md.
 *
 * <p>Part of the {@link Sealer}, on its thread, closed by it; the metrics by any.
 */
final class Compactor {
    private static final Logger LOGGER = LoggerFactory.getLogger(Compactor.class);

    /** Room that files are to give back is waited for so long: by then they have gone. */
    private static final long RETRY_MS = 60_000;

    private final MetadataStore store;
    private final MemoryStore memory;
    private final RecordFilter filter;
    private final long keyBytesMax;
    private final long passBytesMax;
    private final long cycleBytes;
    private final long entryFileBytes;
    private final RetentionClock clock;
    private final LongFunction<@Nullable Topic> topics;
    private final IntSupplier leaderEpoch;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final CompactionChoice choice;
    private final Background background;
    private final long retryNs;
    private final CompactionCounters counters = new CompactionCounters();

    /** Of the pass that is under way, and of what it leaves unfinished. */
    private final SealBuffer keyBuffer;

    /** One of all shards' partitions at most: its keys stay in memory. */
    private @Nullable PartitionCompaction unfinished;

    /** Whether that one can only go on where there is room, and since when. */
    private boolean isWaitingForRoom;

    private long waitingSinceNs;

    /** There was no memory for a pass. */
    private long notBeforeNs;

    /** Files that were dead before anything that it has said since was in the index. */
    private Set<Integer> deadBefore = Set.of();

    /**
     * @param keyBytesMax of memory in which keys are noted
     * @param passBytesMax after which a pass has read enough
     * @param cycleBytes of a journal file
     * @param entryFileBytes of the room that another one would take; 0 if it has a place of its own
     * @param clock by which records are old
     * @param logs those in use
     * @param scanIntervalMs from one look at all partitions to the next
     */
    Compactor(
            MetadataStore store,
            MemoryStore memory,
            RecordFilter filter,
            long keyBytesMax,
            long passBytesMax,
            long cycleBytes,
            long entryFileBytes,
            RetentionClock clock,
            LongFunction<@Nullable Topic> topics,
            IntSupplier leaderEpoch,
            Map<PartitionKey, PartitionLogBase> logs,
            long scanIntervalMs,
            Background background) {
        this.store = store;
        this.memory = memory;
        this.filter = filter;
        this.keyBytesMax = keyBytesMax;
        this.passBytesMax = passBytesMax;
        this.cycleBytes = cycleBytes;
        this.entryFileBytes = entryFileBytes;
        this.clock = clock;
        this.topics = topics;
        this.leaderEpoch = leaderEpoch;
        this.logs = logs;
        this.keyBuffer = new SealBuffer(memory);
        this.choice = new CompactionChoice(store, topics, logs, scanIntervalMs, background);
        this.background = background;
        this.retryNs = TimeUnit.MILLISECONDS.toNanos(Math.min(RETRY_MS, scanIntervalMs));
        this.notBeforeNs = background.nanoTime();
    }

    /** Looks for partitions that are due, if it is time to. */
    void look() {
        choice.look(clock.nowMs());
    }

    /**
     * Runs a pass over partitions of a shard, if any is due; what the shard did before is in the
     * index. It ends after a bounded number of bytes; a partition that is not done by then is gone
     * on with in the next pass, and all others wait for it: for a while only if there is no room.
     *
     * @param roomBytes that may be written before any space comes back
     * @return whether there was a pass
     */
    boolean compact(
            ShardSealer shard, SealPace pace, BooleanSupplier stopped, LongSupplier roomBytes)
            throws IOException {
        if (background.nanoTime() - notBeforeNs < 0) {
            return false;
        }
        long nowMs = clock.nowMs();
        Supplier<CompactionRoom> room = () -> room(roomBytes.getAsLong(), shard.shard());
        List<PartitionCompaction> partitions = partitions(shard, nowMs, roomBytes, room.get());
        if (partitions.isEmpty()) {
            return false;
        }
        try (SealBuffer blockBuffer = new SealBuffer(memory);
                SealBuffer batchBuffer = new SealBuffer(memory);
                CompactionReader reader =
                        new CompactionReader(
                                shard.shard(),
                                store,
                                batchBuffer,
                                pace,
                                counters,
                                stopped,
                                passBytesMax);
                CompactionWriter writer =
                        writer(shard, partitions, blockBuffer, batchBuffer, room)) {
            if (!hasMemory(writer)) {
                putOff(partitions);
                return false;
            }
            unfinished = null;
            run(
                    shard,
                    new CompactionPass(reader, writer, pace, counters, nowMs),
                    writer,
                    partitions);
        } finally {
            releaseKeys();
        }
        return true;
    }

    /** Whether there is what a pass cannot go on without, before it reads anything. */
    private static boolean hasMemory(CompactionWriter writer) {
        try {
            writer.takeMemory(0);
            return true;
        } catch (EngineException e) {
            LOGGER.warn("no memory to compact anything now, tried again: {}", e.getMessage());
            return false;
        }
    }

    /** Nothing has become of them: what is unfinished stays so, with all that it has noted. */
    private void putOff(List<PartitionCompaction> partitions) {
        notBeforeNs = background.nanoTime() + retryNs;
        counters.onFailed();
        if (unfinished == null) {
            partitions.forEach(each -> choice.onPass(each.partition(), Outcome.UNREACHED));
        }
    }

    /** Of the end of the journal's file that batches leave, half stays for deletions. */
    private CompactionRoom room(long roomBytes, Shard shard) {
        long deletionBytes = ChronicleJournal.keptBytes(cycleBytes) / 2;
        long endBytes = cycleBytes - Journal.fileOffset(shard.journal().appendedPosition());
        long leftBytes = Math.min(deletionBytes, endBytes - deletionBytes);
        return CompactionRoom.of(roomBytes, cycleBytes, entryFileBytes, leftBytes);
    }

    /**
     * What a pass goes on with, or begins: that also without room for batches, as what is
     * superseded altogether only goes.
     */
    private List<PartitionCompaction> partitions(
            ShardSealer shard, long nowMs, LongSupplier roomBytes, CompactionRoom room) {
        PartitionCompaction begun = unfinished;
        if (begun != null && begun.topic().journal() != shard.shard().id()) {
            return List.of();
        }
        boolean isStuck = isWaitingForRoom && room.segmentBytes() == 0;
        if (begun != null && !isGivenUp(begun, isStuck && !isRoomComing(shard, roomBytes))) {
            return isStuck ? List.of() : List.of(begun);
        }
        unfinished = null;
        releaseKeys();
        if (room.entryBytes() == 0) {
            return List.of();
        }
        return choice.take(shard.shard().id(), nowMs, room.segmentBytes()).stream()
                .map(
                        found ->
                                new PartitionCompaction(
                                        found,
                                        () -> isCompacted(found.topic().id()),
                                        filter,
                                        keyBuffer,
                                        keyBytesMax))
                .toList();
    }

    private boolean isCompacted(long topicId) {
        Topic now = topics.apply(topicId);
        return now != null && now.config().compact();
    }

    /** Whether what it has said makes files go, or be sealed, which is waited for, but not long. */
    private boolean isRoomComing(ShardSealer shard, LongSupplier roomBytes) {
        return background.nanoTime() - waitingSinceNs < retryNs
                && (!deadBefore.containsAll(shard.deadFiles())
                        || !shard.choose(roomBytes.getAsLong(), true).isEmpty());
    }

    private boolean isGivenUp(PartitionCompaction begun, boolean isInVain) {
        if (!begun.topic().equals(topics.apply(begun.topic().id()))) {
            return true;
        }
        if (isInVain) {
            choice.onPass(begun.partition(), Outcome.NO_ROOM);
        }
        return isInVain;
    }

    private void releaseKeys() {
        if (unfinished == null) {
            keyBuffer.close();
        }
    }

    private CompactionWriter writer(
            ShardSealer shard,
            List<PartitionCompaction> partitions,
            SealBuffer blockBuffer,
            SealBuffer batchBuffer,
            Supplier<CompactionRoom> room) {
        return new CompactionWriter(
                shard.shard(),
                groupOf(partitions),
                shard::nextSegment,
                leaderEpoch.getAsInt(),
                blockBuffer,
                batchBuffer,
                room,
                this::isCompacted,
                counters);
    }

    private static SegmentGroup groupOf(List<PartitionCompaction> partitions) {
        Set<String> tenants =
                partitions.stream()
                        .map(partition -> SegmentPlan.tenant(partition.topic()))
                        .collect(Collectors.toSet());
        return new SegmentGroup(
                partitions.get(0).topic().storageMode().configValue(),
                tenants.size() == 1 ? tenants.iterator().next() : "",
                RetentionClass.COMPACTED);
    }

    private void run(
            ShardSealer shard,
            CompactionPass pass,
            CompactionWriter writer,
            List<PartitionCompaction> partitions)
            throws IOException {
        boolean isComplete = false;
        try {
            pass.run(partitions);
            isComplete = true;
        } finally {
            shard.onCompacted(writer.lastPosition());
            for (int i = 0; i < partitions.size(); i++) {
                choice.onPass(partitions.get(i).partition(), outcome(pass, writer, i, isComplete));
            }
            if (!isComplete) {
                counters.onFailed();
            }
        }
        for (int i = 0; i < partitions.size(); i++) {
            Outcome outcome = outcome(pass, writer, i, true);
            if (outcome == Outcome.UNFINISHED) {
                unfinished = partitions.get(i);
                isWaitingForRoom = writer.isFull();
                waitingSinceNs = background.nanoTime();
                deadBefore = shard.deadFiles();
            } else if (outcome == Outcome.DONE) {
                tell(shard, writer.lastPosition(), partitions.get(i));
            }
        }
    }

    /**
     * If the pass has failed, what it noted last may not have happened. One that ended for want of
     * room may go on once what it has said frees files; if it has said nothing, nothing will.
     */
    private static Outcome outcome(
            CompactionPass pass, CompactionWriter writer, int index, boolean isComplete) {
        Outcome noted =
                index < pass.outcomes().size() ? pass.outcomes().get(index) : Outcome.FRUITLESS;
        if (!isComplete) {
            return noted == Outcome.DAMAGED || noted == Outcome.UNREAD ? noted : Outcome.FRUITLESS;
        }
        return noted == Outcome.NO_ROOM && writer.lastPosition() >= 0 ? Outcome.UNFINISHED : noted;
    }

    /** Has the log forget what it knows of batches that are elsewhere now, or gone. */
    private void tell(ShardSealer shard, long position, PartitionCompaction done) {
        shard.whenApplied(
                position,
                () -> {
                    PartitionLogBase log = logs.get(done.partition());
                    if (log != null) {
                        log.onCompacted(done.endOffset());
                    }
                });
    }

    /** Gives memory back; nothing runs any more. */
    void close() {
        keyBuffer.close();
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        counters.forEach(consumer);
    }
}
