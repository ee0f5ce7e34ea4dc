package io.headrace.engine.log;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a memory topic. Its batches live in a ring of slabs; the journal only knows which
 * offsets may have been used. The log start offset is the ring's: the oldest are overwritten.
 */
final class InMemoryLog extends PartitionLogBase {
    private static final int SCAN_LENGTH = 1 << 20;

    private final Object lock = new Object();
    private final MemoryLog memory;
    private final LongSupplier defaultBudgetBytes;

    InMemoryLog(
            Topic topic,
            int partition,
            Shard shard,
            int leaderEpoch,
            PartitionState state,
            ProducerStates producers,
            MemoryLog memory,
            LongSupplier defaultBudgetBytes) {
        super(topic, partition, shard, leaderEpoch, state, producers);
        this.memory = memory;
        this.defaultBudgetBytes = defaultBudgetBytes;
    }

    static long budgetBytes(Topic topic, long defaultBudgetBytes) {
        long own = topic.config().memoryBudgetBytes();
        long kept = own > 0 ? own : topic.config().retentionBytes();
        return kept > 0 ? kept : defaultBudgetBytes;
    }

    @Override
    Object appendLock() {
        return lock;
    }

    @Override
    long journaledEndOffset() {
        return 0;
    }

    @Override
    boolean syncsBeforeAcknowledging() {
        return false;
    }

    @Override
    void topic(Topic altered) {
        super.topic(altered);
        synchronized (lock) {
            if (!isClosed()) {
                memory.budgetBytes(budgetBytes(altered, defaultBudgetBytes.getAsLong()));
            }
        }
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        if (!RecordBatch.isSound(batch)) {
            return CORRUPT_BATCH;
        }
        Topic current = topic();
        if (batch.remaining() > current.config().maxMessageBytes()) {
            return BATCH_TOO_LARGE;
        }
        ByteBuffer stamped =
                current.config().logAppendTime() ? LogAppendTime.stamp(batch, appendTimeMs) : batch;
        long baseOffset;
        synchronized (lock) {
            baseOffset = admit(stamped);
            if (baseOffset != ProducerState.NEW) {
                return baseOffset;
            }
            long nowMs = System.currentTimeMillis();
            baseOffset = memory.append(stamped, leaderEpoch, nowMs);
            if (baseOffset < 0) {
                return baseOffset;
            }
            onAppended(stamped, baseOffset, nowMs);
        }
        publishHighWatermark();
        return baseOffset;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable why = unavailable(fromOffset);
        if (why != null) {
            return why;
        }
        ReadResult result = memory.read(fromOffset, lengthMax);
        if (result instanceof RecordsLease lease && !mayBeRead(lease.nextOffset())) {
            lease.close();
            return Unavailable.CAUGHT_UP;
        }
        return result;
    }

    /** The oldest are overwritten without asking: the ring knows where it begins. */
    @Override
    public long logStartOffset() {
        return Math.max(super.logStartOffset(), memory.logStartOffset());
    }

    /** Nothing is ever cold in memory; answered like {@link #read}. */
    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        whenRead.onRead(read(fromOffset, lengthMax));
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return CompletableFuture.completedFuture(scan(timestampMs));
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return CompletableFuture.completedFuture(scan(Long.MAX_VALUE));
    }

    /**
     * Walks the batches' headers for the first that reaches the timestamp. With {@link
     * Long#MAX_VALUE}, which none reaches: the one with the highest.
     */
    private @Nullable TimestampedOffset scan(long timestampMs) {
        TimestampedOffset highest = null;
        long offset = logStartOffset();
        while (true) {
            try (ReadResult result = read(offset, SCAN_LENGTH)) {
                if (result == Unavailable.OFFSET_OUT_OF_RANGE && offset < logStartOffset()) {
                    // Overwritten meanwhile: what is left begins further on.
                    offset = logStartOffset();
                    continue;
                }
                if (!(result instanceof RecordsLease lease)) {
                    return timestampMs == Long.MAX_VALUE ? highest : null;
                }
                for (int i = 0; i < lease.sliceCount(); i++) {
                    ByteBuffer slice = lease.slice(i);
                    int at = slice.position();
                    while (at < slice.limit()) {
                        long max = RecordBatch.maxTimestamp(slice, at);
                        TimestampedOffset here =
                                new TimestampedOffset(
                                        Math.max(RecordBatch.baseOffset(slice, at), offset),
                                        max,
                                        RecordBatch.leaderEpoch(slice, at));
                        if (max >= timestampMs) {
                            return here;
                        }
                        if (highest == null || max > highest.timestampMs()) {
                            highest = here;
                        }
                        at += RecordBatch.length(slice, at);
                    }
                }
                offset = lease.nextOffset();
            }
        }
    }

    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        long target = deletionTarget(beforeOffset);
        if (target < 0) {
            return outOfRange(beforeOffset);
        }
        synchronized (lock) {
            if (!isClosed()) {
                memory.dropBefore(target);
            }
        }
        advanceLogStart(target);
        return CompletableFuture.completedFuture(logStartOffset());
    }

    /** Drops what is older than the topic's retention. */
    void expire(long nowMs) {
        long retentionMs = topic().config().retentionMs();
        if (retentionMs < 0) {
            return;
        }
        synchronized (lock) {
            if (!isClosed()) {
                memory.dropOlderThan(nowMs - retentionMs);
            }
        }
    }

    long bytes() {
        return memory.bytes();
    }

    @Override
    void onClosed() {
        synchronized (lock) {
            memory.close();
        }
    }

    /** Memory is the only place where the records are: it stays until the topic goes. */
    @Override
    boolean closeIfIdle(long idleSinceMs, long indexedPosition) {
        return false;
    }
}
