package io.headrace.engine.log;

import io.headrace.engine.Topic;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.log.UnionCounts.Skipped;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Puts the batches of unions together and appends them. A union whose append is refused takes
 * nothing for a while, longer each time: what was put together for it is dropped, and nothing of
 * that was copied. The others go on.
 *
 * <p>Used by the thread that copies.
 */
final class UnionWriter {
    private static final long PAUSE_MIN_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long PAUSE_MAX_NS = TimeUnit.SECONDS.toNanos(10);

    private final Function<Long, @Nullable Union> unions;
    private final BiFunction<Topic, Integer, @Nullable PartitionLogBase> opener;
    private final UnionPositions positions;
    private final int batchLengthMax;
    private final UnionBounds bounds;
    private final Background background;
    private final Refusals refusals;
    private final Map<PartitionKey, UnionBatch> open = new LinkedHashMap<>();
    private final ArrayDeque<UnionBatch> spare = new ArrayDeque<>();

    /** Unions that take nothing now, or have not since they did not, by view id. */
    private final Map<Long, Refusal> refused = new HashMap<>();

    private record Refusal(long untilNs, long pauseNs) {}

    /** Hears of a union that takes nothing. */
    interface Refusals {
        /** All that the union has not got is to be looked for again, not before that. */
        void onRefused(Union union, long untilNs);
    }

    /**
     * @param unions by view id; null if there is none any more
     * @param opener opens the log of a partition; null if that cannot be had now
     * @param batchLengthMax longest batch that a journal takes
     */
    UnionWriter(
            Function<Long, @Nullable Union> unions,
            BiFunction<Topic, Integer, @Nullable PartitionLogBase> opener,
            UnionPositions positions,
            int batchLengthMax,
            UnionBounds bounds,
            Background background,
            Refusals refusals) {
        this.unions = unions;
        this.opener = opener;
        this.positions = positions;
        this.batchLengthMax = batchLengthMax;
        this.bounds = bounds;
        this.background = background;
        this.refusals = refusals;
    }

    /** Whether it takes nothing now. */
    boolean isRefusing(Union union) {
        Refusal refusal = refused.get(union.id());
        return refusal != null && background.nanoTime() - refusal.untilNs < 0;
    }

    /** Whether a record is too long for any batch of a union. */
    boolean isTooLong(BatchRecords record, ByteBuffer headers) {
        return UnionBatch.lengthAlone(record, headers) > batchLengthMax;
    }

    /**
     * Adds a record that is not too long.
     *
     * @return false if the union takes nothing now
     */
    boolean add(Union union, UnionPart part, BatchRecords record, ByteBuffer headers) {
        PartitionKey target = union.target(part);
        if (openBatch(target).add(part, record, headers)) {
            return true;
        }
        flush(target);
        return !isRefusing(union) && openBatch(target).add(part, record, headers);
    }

    private UnionBatch openBatch(PartitionKey target) {
        UnionBatch batch = open.get(target);
        if (batch == null) {
            if (open.size() >= bounds.openMax()) {
                flush(open.keySet().iterator().next());
            }
            UnionBatch taken = spare.poll();
            batch = taken == null ? newBatch() : taken;
            open.put(target, batch);
        }
        return batch;
    }

    private UnionBatch newBatch() {
        return new UnionBatch(Math.min(bounds.batchLength(), batchLengthMax));
    }

    /** Appends all that was put together. */
    void flushAll() {
        while (!open.isEmpty()) {
            flush(open.keySet().iterator().next());
        }
    }

    private void flush(PartitionKey target) {
        UnionBatch batch = open.get(target);
        if (batch == null) {
            return;
        }
        Union union = unions.apply(target.topicId());
        boolean isRefused = union != null && !batch.isEmpty() && !append(union, target, batch);
        open.remove(target);
        recycle(batch);
        if (union != null && isRefused) {
            refuse(union);
        }
    }

    private boolean append(Union union, PartitionKey target, UnionBatch batch) {
        int count = batch.count();
        ByteBuffer bytes = batch.end();
        int length = bytes.remaining();
        PartitionLogBase log = opener.apply(union.topic(), target.partition());
        if (log == null || log.append(bytes, log.shard.nowMs()) < 0) {
            return false;
        }
        int journal = union.topic().journal();
        long appended = log.shard.journal().appendedPosition();
        batch.nextOffsets()
                .forEach((part, next) -> positions.copied(part, next, journal, appended));
        batch.skipped().forEach(union.counts()::skip);
        union.counts().copied.add(count);
        union.counts().copiedBytes.add(length);
        refused.remove(union.id());
        return true;
    }

    private void refuse(Union union) {
        union.counts().refused.increment();
        drop(union.id());
        Refusal before = refused.get(union.id());
        long pauseNs = before == null ? PAUSE_MIN_NS : Math.min(2 * before.pauseNs, PAUSE_MAX_NS);
        long untilNs = background.nanoTime() + pauseNs;
        refused.put(union.id(), new Refusal(untilNs, pauseNs));
        refusals.onRefused(union, untilNs);
    }

    private void drop(long viewId) {
        List<PartitionKey> targets = new ArrayList<>(open.keySet());
        for (PartitionKey target : targets) {
            UnionBatch batch = target.topicId() == viewId ? open.remove(target) : null;
            if (batch != null) {
                recycle(batch);
            }
        }
    }

    private void recycle(UnionBatch batch) {
        batch.clear();
        if (spare.size() < bounds.openMax()) {
            spare.add(batch);
        }
    }

    /** Forgets a union that is gone. */
    void remove(long viewId) {
        drop(viewId);
        refused.remove(viewId);
    }

    /** The next offset to copy, also behind what is about to be appended. */
    long nextOffset(Union union, UnionPart part) {
        UnionBatch batch = open.get(union.target(part));
        Long next = batch == null ? null : batch.nextOffsets().get(part);
        return next == null ? positions.nextOffset(part) : next;
    }

    /** Notes that nothing is to be copied before an offset. */
    void pass(Union union, UnionPart part, long nextOffset) {
        UnionBatch batch = open.get(union.target(part));
        if (batch == null || !batch.pass(part, nextOffset)) {
            positions.passed(part, nextOffset);
        }
    }

    /**
     * As {@link #pass}, over what is not copied; that counts once nothing before it can be refused.
     */
    void skip(Union union, UnionPart part, long nextOffset, Skipped reason, long count) {
        UnionBatch batch = open.get(union.target(part));
        if (batch != null && batch.pass(part, nextOffset)) {
            batch.skip(reason, count);
        } else if (positions.passed(part, nextOffset)) {
            union.counts().skip(reason, count);
        }
    }
}
