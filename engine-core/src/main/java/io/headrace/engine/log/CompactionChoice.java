package io.headrace.engine.log;

import io.headrace.engine.CompactionConfig;
import io.headrace.engine.Topic;
import io.headrace.engine.log.PartitionCompaction.Outcome;
import io.headrace.engine.spi.MetadataStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Decides which partitions are compacted: docs/design/compaction.md. Those in use are looked at
 * often, all others with retention's interval.
 *
 * <p>Used by the sealer's thread.
 */
final class CompactionChoice {
    /** Less than that is not worth a file, unless it has waited for too long. */
    private static final long DIRTY_BYTES_MIN = 1 << 20;

    /** Partitions that wait for their pass; the others are found again. */
    private static final int WAITING_MAX = 4096;

    /** Partitions of one pass, at most. */
    private static final int PASS_MAX = 256;

    private static final long LOOK_MS = 15_000;
    private static final long RETRY_MS = 60_000;

    /**
     * What cannot be read is asked for again, in vain perhaps: all that is before it, each time.
     */
    private static final long RETRY_NS_MAX = TimeUnit.HOURS.toNanos(1);

    private final MetadataStore store;
    private final LongFunction<@Nullable Topic> topics;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final long scanIntervalMs;

    /** In the order in which they were found. */
    private final Set<PartitionKey> waiting = new LinkedHashSet<>();

    /** Those for which nothing could be done, for a while. */
    private final Map<PartitionKey, Hold> held = new HashMap<>();

    /** Those in which something is damaged. */
    private final Set<PartitionKey> damaged = new HashSet<>();

    /** Those that could not go on for want of room, until they are done. */
    private final Map<PartitionKey, Wait> roomless = new HashMap<>();

    /** That there was for the last pass. */
    private long roomBytes;

    private final Background background;
    private final long retryNs;
    private long nextLookNs;
    private long nextScanNs;

    /**
     * @param delayNs from the last attempt to the next
     */
    private record Hold(long untilNs, long delayNs) {}

    /**
     * What is free goes up and down where many write and delete: a partition that had room when it
     * was begun, and none when it came to write, is read in vain again unless there is much more,
     * or some time has passed.
     *
     * @param triedBytes room that there was when it was begun; 0 if it was tried without
     */
    private record Wait(long triedBytes, Hold hold) {}

    /**
     * @param topics null for one that is gone
     * @param logs those in use
     * @param scanIntervalMs from one look at all partitions to the next
     */
    CompactionChoice(
            MetadataStore store,
            LongFunction<@Nullable Topic> topics,
            Map<PartitionKey, PartitionLogBase> logs,
            long scanIntervalMs,
            Background background) {
        this.store = store;
        this.topics = topics;
        this.logs = logs;
        this.scanIntervalMs = scanIntervalMs;
        this.background = background;
        this.retryNs = TimeUnit.MILLISECONDS.toNanos(Math.min(RETRY_MS, scanIntervalMs));
        this.nextLookNs = background.nanoTime();
        this.nextScanNs = nextLookNs;
    }

    /** Looks for partitions that are due, if it is time to. */
    void look(long nowMs) {
        long now = background.nanoTime();
        if (now - nextScanNs >= 0) {
            nextScanNs = now + TimeUnit.MILLISECONDS.toNanos(scanIntervalMs);
            held.values().removeIf(hold -> now - hold.untilNs >= RETRY_NS_MAX);
            roomless.keySet().removeIf(waiting -> topics.apply(waiting.topicId()) == null);
            scan(nowMs);
        }
        if (now - nextLookNs >= 0) {
            nextLookNs = now + TimeUnit.MILLISECONDS.toNanos(Math.min(LOOK_MS, scanIntervalMs));
            for (PartitionLogBase log : logs.values()) {
                if (log.topic().config().compact()) {
                    consider(new PartitionKey(log.topic().id(), log.partition()), nowMs);
                }
            }
        }
    }

    private void scan(long nowMs) {
        byte[] prefix = {Rows.PARTITION};
        Topic topic = null;
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                byte[] key = cursor.key();
                long topicId = Rows.topicIdOf(key);
                if (topic == null || topic.id() != topicId) {
                    topic = topics.apply(topicId);
                }
                if (topic != null && topic.config().compact()) {
                    consider(new PartitionKey(topicId, Rows.partitionOf(key)), nowMs);
                }
                found = cursor.next();
            }
        }
    }

    private void consider(PartitionKey partition, long nowMs) {
        if (waiting.size() < WAITING_MAX
                && !waiting.contains(partition)
                && candidate(partition, nowMs) != null) {
            waiting.add(partition);
        }
    }

    /**
     * Takes partitions of a journal, all of one storage mode, for one pass. How much of one lives
     * says little of what will be written: on a disk that is full most of it may be superseded. So
     * one may be taken however long it is; others join it if there is space for all.
     *
     * @param bytesMax that there is space for, as much as is worth a beginning; 0 if there is none:
     *     then each has one try
     */
    List<CompactionCandidate> take(int journal, long nowMs, long bytesMax) {
        roomBytes = bytesMax;
        List<CompactionCandidate> taken = new ArrayList<>();
        long leftBytes = Long.MAX_VALUE;
        for (PartitionKey partition : List.copyOf(waiting)) {
            if (taken.size() == PASS_MAX || leftBytes <= 0) {
                break;
            }
            Topic topic = topics.apply(partition.topicId());
            if (topic != null && !mayJoin(taken, topic, partition, journal, leftBytes)) {
                continue; // before its index is looked into, which takes time for each of its rows
            }
            waiting.remove(partition);
            CompactionCandidate candidate = candidate(partition, nowMs);
            if (candidate != null) {
                long bytes = candidate.state().liveBytes;
                leftBytes =
                        taken.isEmpty()
                                ? Math.min(bytesMax, SegmentPlan.SEGMENT_BYTES) - bytes
                                : leftBytes - bytes;
                taken.add(candidate);
            }
        }
        return taken;
    }

    private boolean mayJoin(
            List<CompactionCandidate> taken,
            Topic topic,
            PartitionKey partition,
            int journal,
            long leftBytes) {
        if (topic.journal() != journal || taken.isEmpty()) {
            return topic.journal() == journal;
        }
        byte[] row = store.get(Rows.partitionKey(partition.topicId(), partition.partition()));
        return topic.storageMode() == taken.get(0).topic().storageMode()
                && PartitionState.decode(row).liveBytes <= leftBytes;
    }

    /** Null if the partition is not due. */
    private @Nullable CompactionCandidate candidate(PartitionKey partition, long nowMs) {
        Topic topic = topics.apply(partition.topicId());
        byte[] row = store.get(Rows.partitionKey(partition.topicId(), partition.partition()));
        if (topic == null || !topic.config().compact() || row == null || isHeldBack(partition)) {
            return null;
        }
        PartitionState state = PartitionState.decode(row);
        CompactionConfig config = topic.config().compaction();
        boolean forTombstones = state.tombstonesUntilMs > 0 && state.tombstonesUntilMs <= nowMs;
        if (!forTombstones && !isMuchNew(config, state) && config.maxLagMs() == Long.MAX_VALUE) {
            return null; // as most often, without a look at the index
        }
        long end = endOffset(partition, config, state, nowMs);
        boolean isDue =
                end > state.dirtyOffset()
                        && (isLate(partition, config, state, nowMs)
                                || isDirty(partition, config, state, end));
        return isDue || forTombstones
                ? new CompactionCandidate(partition, topic, state, end, forTombstones)
                : null;
    }

    private boolean isHeldBack(PartitionKey partition) {
        Hold hold = held.get(partition);
        return damaged.contains(partition)
                || isWaitingForRoom(roomless.get(partition))
                || hold != null && background.nanoTime() - hold.untilNs < 0;
    }

    private boolean isWaitingForRoom(@Nullable Wait wait) {
        boolean mayBeTried =
                wait == null
                        || roomBytes / 2 > wait.triedBytes
                        || roomBytes > 0 && background.nanoTime() - wait.hold.untilNs >= 0;
        return !mayBeTried;
    }

    /** Whether the oldest record that waits has waited for too long. */
    private boolean isLate(
            PartitionKey partition, CompactionConfig config, PartitionState state, long nowMs) {
        if (config.maxLagMs() == Long.MAX_VALUE) {
            return false;
        }
        IndexEntry oldest = firstRow(partition, state.dirtyOffset());
        return oldest != null && oldest.datedMs() <= nowMs - config.maxLagMs();
    }

    /** Whether as much is not compacted as is worth a pass, whether or not it can be yet. */
    private static boolean isMuchNew(CompactionConfig config, PartitionState state) {
        return state.liveBytes - state.compactedBytes >= worth(config, state);
    }

    private static double worth(CompactionConfig config, PartitionState state) {
        return Math.max(DIRTY_BYTES_MIN, config.dirtyRatio() * state.liveBytes);
    }

    /** Whether as much waits as is worth a pass. */
    private boolean isDirty(
            PartitionKey partition, CompactionConfig config, PartitionState state, long end) {
        return isMuchNew(config, state)
                && hasBytes(partition, state.dirtyOffset(), end, worth(config, state));
    }

    private boolean hasBytes(
            PartitionKey partition, long fromOffset, long toOffset, double bytesMin) {
        long bytes = 0;
        try (MetadataStore.Cursor cursor = index(partition)) {
            byte[] from = Rows.indexKey(partition.topicId(), partition.partition(), fromOffset);
            boolean found = cursor.seek(from);
            while (found && bytes < bytesMin) {
                IndexEntry entry = IndexEntry.decode(cursor.key(), cursor.value());
                if (entry.lastOffset() >= toOffset) {
                    break;
                }
                bytes += entry.length();
                found = cursor.next();
            }
        }
        return bytes >= bytesMin;
    }

    private @Nullable IndexEntry firstRow(PartitionKey partition, long fromOffset) {
        try (MetadataStore.Cursor cursor = index(partition)) {
            byte[] from = Rows.indexKey(partition.topicId(), partition.partition(), fromOffset);
            return cursor.seek(from) ? IndexEntry.decode(cursor.key(), cursor.value()) : null;
        }
    }

    private MetadataStore.Cursor index(PartitionKey partition) {
        return store.cursor(Rows.key(Rows.INDEX, partition.topicId(), partition.partition()));
    }

    /** Where what may be compacted ends: never behind the beginning of the last batch. */
    private long endOffset(
            PartitionKey partition, CompactionConfig config, PartitionState state, long nowMs) {
        PartitionLogBase log = logs.get(partition);
        long end = log == null ? Long.MAX_VALUE : log.compactableEndOffset();
        try (MetadataStore.Cursor cursor = index(partition)) {
            byte[] last = Rows.indexKey(partition.topicId(), partition.partition(), Long.MAX_VALUE);
            if (!cursor.seekForPrevious(last)) {
                return 0;
            }
            end = Math.min(end, IndexEntry.decode(cursor.key(), cursor.value()).baseOffset());
        }
        return config.minLagMs() == 0
                ? end
                : Math.min(end, firstYounger(partition, state, end, nowMs - config.minLagMs()));
    }

    private long firstYounger(
            PartitionKey partition, PartitionState state, long end, long keepSinceMs) {
        try (MetadataStore.Cursor cursor = index(partition)) {
            boolean found =
                    cursor.seek(
                            Rows.indexKey(
                                    partition.topicId(),
                                    partition.partition(),
                                    state.dirtyOffset()));
            while (found) {
                IndexEntry entry = IndexEntry.decode(cursor.key(), cursor.value());
                if (entry.datedMs() > keepSinceMs || entry.lastOffset() >= end) {
                    return entry.baseOffset();
                }
                found = cursor.next();
            }
            return end;
        }
    }

    /** What became of a partition in a pass; one that is unfinished is the caller's. */
    void onPass(PartitionKey partition, Outcome outcome) {
        switch (outcome) {
            case DONE -> {
                held.remove(partition);
                roomless.remove(partition);
            }
            case UNFINISHED -> roomless.remove(partition);
            case UNREACHED -> waiting.add(partition);
            case NO_ROOM -> waitForRoom(partition);
            case FRUITLESS -> held.put(partition, holdAfter(null));
            case UNREAD -> held.put(partition, holdAfter(held.get(partition)));
            case DAMAGED -> damaged.add(partition);
        }
    }

    private void waitForRoom(PartitionKey partition) {
        Wait last = roomless.get(partition);
        Hold hold = holdAfter(last == null || last.triedBytes == 0 ? null : last.hold);
        roomless.put(partition, new Wait(roomBytes, hold));
    }

    /** Twice as long as the last one, if what was tried in vain is the same. */
    private Hold holdAfter(@Nullable Hold last) {
        long delayNs = last == null ? retryNs : Math.min(2 * last.delayNs, RETRY_NS_MAX);
        return new Hold(background.nanoTime() + delayNs, delayNs);
    }
}
