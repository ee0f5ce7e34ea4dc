package io.headrace.engine.log;

import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a persistent topic: its batches are entries of its shard's journal, appended under
 * the shard's lock.
 */
final class JournaledLog extends PartitionLogBase {
    private final JournalTier tier;

    /** Records appended since a sync was last asked for; guarded by the shard's lock. */
    private long unsyncedMessages;

    JournaledLog(
            Topic topic,
            int partition,
            Shard shard,
            int leaderEpoch,
            PartitionState state,
            ProducerStates producers,
            ColdReader coldReader,
            Projector projector) {
        super(topic, partition, shard, leaderEpoch, state, producers);
        this.tier = new JournalTier(this, shard, state, coldReader, projector);
    }

    @Override
    Object appendLock() {
        return shard.lock;
    }

    @Override
    long journaledEndOffset() {
        return tier.endOffset();
    }

    @Override
    boolean syncsBeforeAcknowledging() {
        return topic().config().syncsBeforeAcknowledging();
    }

    @Override
    long appendUnlessUnread(ByteBuffer batch, long appendTimeMs) {
        long checked = check(batch);
        if (checked != ProducerState.NEW) {
            return checked;
        }
        Topic current = topic();
        ByteBuffer stamped =
                current.config().logAppendTime() ? LogAppendTime.stamp(batch, appendTimeMs) : batch;
        boolean syncs = current.config().syncsBeforeAcknowledging();
        long baseOffset;
        synchronized (shard.lock) {
            baseOffset = appendLocked(stamped);
            if (baseOffset < 0) {
                return baseOffset;
            }
            if (!syncs) {
                countUnsynced(stamped, current.config().flushMessages());
            }
        }
        if (syncs) {
            shard.requestSync();
        } else {
            publishHighWatermark();
        }
        return baseOffset;
    }

    private long appendLocked(ByteBuffer batch) {
        long admitted = admit(batch);
        if (admitted != ProducerState.NEW) {
            return admitted;
        }
        long baseOffset = logEndOffset();
        long position = tier.append(batch, baseOffset);
        if (position < 0) {
            return position;
        }
        onAppended(batch, baseOffset, shard.nowMs());
        return baseOffset;
    }

    private void countUnsynced(ByteBuffer batch, long flushMessages) {
        unsyncedMessages += RecordBatch.offsetCount(batch, batch.position());
        if (unsyncedMessages >= flushMessages) {
            unsyncedMessages = 0;
            shard.requestSync();
        }
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        touch();
        Unavailable why = unavailable(fromOffset);
        return why != null ? why : tier.readRecent(tier.behindSkipped(fromOffset), lengthMax);
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        tier.readCold(fromOffset, lengthMax, whenRead);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return tier.offsetForTimestamp(timestampMs);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return tier.maxTimestamp();
    }

    @Override
    CompletableFuture<Long> deleteRecords(long beforeOffset, Predicate<Topic> isWanted) {
        long target = deletionTarget(beforeOffset);
        return target < 0 ? outOfRange(beforeOffset) : tier.deleteRecords(target, isWanted);
    }

    @Override
    void onCompacted(long offset) {
        tier.forgetRecent(offset);
    }

    @Override
    void forgetUnmapped() {
        tier.forgetUnmapped();
    }

    @Override
    void onClosed() {}

    @Override
    boolean closeIfIdle(long idleSinceMs, long indexedPosition) {
        // Most are in use: for them nobody who appends to the shard has to wait.
        if (isUsedSince(idleSinceMs)) {
            return false;
        }
        synchronized (shard.lock) {
            if (hasWaiters() || isUsedSince(idleSinceMs)) {
                return false;
            }
            if (!tier.isIndexed(indexedPosition)) {
                return false;
            }
            letGo();
        }
        close();
        return true;
    }
}
