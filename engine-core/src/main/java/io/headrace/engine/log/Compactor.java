package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.segment.SegmentGroup;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.ObjLongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Compacts topics whose {@code cleanup.policy} contains {@code compact}, as one more form of
 * sealing: docs/design/compaction.md.
 *
 * <p>Part of the {@link Sealer}, on its thread; the metrics by any.
 */
final class Compactor {
    private final MetadataStore store;
    private final MemoryStore memory;
    private final RecordFilter filter;
    private final long keyBytesMax;
    private final RetentionClock clock;
    private final IntSupplier leaderEpoch;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final CompactionChoice choice;
    private final CompactionCounters counters = new CompactionCounters();

    /**
     * @param keyBytesMax of memory in which keys are noted
     * @param clock by which records are old
     * @param logs those in use
     * @param scanIntervalMs from one look at all partitions to the next
     */
    Compactor(
            MetadataStore store,
            MemoryStore memory,
            RecordFilter filter,
            long keyBytesMax,
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
        this.clock = clock;
        this.leaderEpoch = leaderEpoch;
        this.logs = logs;
        this.choice = new CompactionChoice(store, topics, logs, scanIntervalMs, background);
    }

    /** Looks for partitions that are due, if it is time to. */
    void look() {
        choice.look(clock.nowMs());
    }

    /**
     * Runs a pass over partitions of a shard, if any is due; what the shard did before is in the
     * index.
     *
     * @param roomBytes that may be written before any space comes back
     * @return whether there was a pass
     */
    boolean compact(
            ShardSealer shard, SealPace pace, BooleanSupplier stopped, LongSupplier roomBytes)
            throws IOException {
        long nowMs = clock.nowMs();
        List<CompactionCandidate> candidates =
                choice.take(shard.shard().id(), nowMs, roomBytes.getAsLong());
        if (candidates.isEmpty()) {
            return false;
        }
        CompactionPass.Context context =
                new CompactionPass.Context(
                        store, filter, pace, counters, stopped, nowMs, keyBytesMax);
        try (SealBuffer blockBuffer = new SealBuffer(memory);
                SealBuffer batchBuffer = new SealBuffer(memory);
                SealBuffer keyBuffer = new SealBuffer(memory);
                CompactionWriter writer =
                        writer(shard, candidates, blockBuffer, batchBuffer, roomBytes);
                CompactionPass pass =
                        new CompactionPass(
                                shard.shard(), context, batchBuffer, keyBuffer, writer)) {
            run(shard, pass, writer, candidates);
        }
        return true;
    }

    private CompactionWriter writer(
            ShardSealer shard,
            List<CompactionCandidate> candidates,
            SealBuffer blockBuffer,
            SealBuffer batchBuffer,
            LongSupplier roomBytes) {
        return new CompactionWriter(
                shard.shard(),
                groupOf(candidates),
                shard::nextSegment,
                leaderEpoch.getAsInt(),
                blockBuffer,
                batchBuffer,
                roomBytes,
                counters);
    }

    private static SegmentGroup groupOf(List<CompactionCandidate> candidates) {
        Set<String> tenants =
                candidates.stream()
                        .map(candidate -> SegmentPlan.tenant(candidate.topic()))
                        .collect(Collectors.toSet());
        return new SegmentGroup(
                candidates.get(0).topic().storageMode().configValue(),
                tenants.size() == 1 ? tenants.iterator().next() : "",
                RetentionClass.COMPACTED);
    }

    private void run(
            ShardSealer shard,
            CompactionPass pass,
            CompactionWriter writer,
            List<CompactionCandidate> candidates)
            throws IOException {
        boolean isComplete = false;
        try {
            pass.run(candidates);
            isComplete = true;
        } finally {
            shard.onCompacted(writer.lastPosition());
            Collection<PartitionKey> done =
                    pass.done().stream().map(CompactionPass.Done::partition).toList();
            choice.onPass(candidates, isComplete ? done : List.of(), pass.unread(), pass.damaged());
            if (!isComplete) {
                counters.onFailed();
            }
        }
        pass.done().forEach(done -> tell(shard, writer.lastPosition(), done));
    }

    /** Has the log forget what it knows of batches that are elsewhere now, or gone. */
    private void tell(ShardSealer shard, long position, CompactionPass.Done done) {
        shard.whenApplied(
                position,
                () -> {
                    PartitionLogBase log = logs.get(done.partition());
                    if (log != null) {
                        log.onCompacted(done.compactedOffset());
                    }
                });
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        counters.forEach(consumer);
    }
}
