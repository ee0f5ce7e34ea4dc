package io.headrace.engine.source;

import io.headrace.engine.EngineException;
import io.headrace.engine.OnDemandLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.cache.BlockSource;
import io.headrace.engine.source.cache.CachedBlock;
import io.headrace.engine.source.cache.LoadCallback;
import io.headrace.engine.source.cache.LoadTimes;
import io.headrace.engine.source.cache.PartitionBlocks;
import io.headrace.engine.source.cache.StoredBlock;
import io.headrace.engine.source.cache.Tier;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a source topic: its records are objects that already exist, or the samples in
 * them, in the order of the index. Read-only. The high watermark is the end of the index; it grows
 * while objects are listed and, where somebody has to look into them, while somebody reads towards
 * it.
 *
 * <p>Thread-safe. Owned by {@link SourceLogs}.
 */
public final class SourceLog implements OnDemandLog, BlockSource {
    private final SourceTopic topic;
    private final int partition;
    private final SourceLogs logs;
    private final HighWatermarkWaiters waiters = new HighWatermarkWaiters();
    private final PartitionBlocks blocks;
    private final BlockLease.Residents residents;

    /** Finds samples; null if objects are records. Set before anybody else sees this log. */
    private volatile @Nullable PartitionIndexer indexer;

    private volatile long highWatermark;
    private volatile boolean isClosed;

    /** Why the index does not grow; null while nothing is wrong. */
    private volatile @Nullable Unavailable stalled;

    SourceLog(SourceTopic topic, int partition, SourceLogs logs) {
        this.topic = topic;
        this.partition = partition;
        this.logs = logs;
        this.blocks = logs.cache().partition(topic.id(), partition);
        this.residents = this::resident;
    }

    /** Somebody has to look into the objects to find records, and reports here. */
    void indexedBy(PartitionIndexer partitionIndexer) {
        indexer = partitionIndexer;
        partitionIndexer.attach(this);
    }

    @Override
    public Topic topic() {
        return topic.topic();
    }

    @Override
    public int partition() {
        return partition;
    }

    @Override
    public long logStartOffset() {
        return 0;
    }

    @Override
    public long highWatermark() {
        return highWatermark;
    }

    @Override
    public long logEndOffset() {
        return highWatermark;
    }

    /** Always {@link #READ_ONLY}, or {@link #CLOSED}. */
    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return isClosed ? CLOSED : READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        Unavailable reason = whyNot(fromOffset);
        if (reason != null) {
            return reason;
        }
        CachedBlock block = blocks.resident(fromOffset);
        return block == null ? Unavailable.COLD : lease(block, fromOffset, lengthMax);
    }

    private @Nullable Unavailable whyNot(long fromOffset) {
        if (isClosed) {
            return Unavailable.CLOSED;
        }
        Unavailable reason = stalled; // before the high watermark, which is raised before
        long end = highWatermark;
        if (fromOffset < 0 || fromOffset > end) {
            return Unavailable.OFFSET_OUT_OF_RANGE;
        }
        if (fromOffset < end) {
            return null;
        }
        want(fromOffset);
        return reason == null ? Unavailable.CAUGHT_UP : reason;
    }

    /** Has the index grow by a record at least, if there is one. */
    void indexMore() {
        want(highWatermark);
    }

    /** Has the index grow up to an offset, if the objects are there. */
    private void want(long offset) {
        topic.listing().start();
        PartitionIndexer samples = indexer;
        if (samples != null) {
            samples.want(offset + 1);
        }
    }

    /** A block is cached a moment before the high watermark says that it may be read. */
    private @Nullable CachedBlock resident(long offset) {
        return offset < highWatermark ? blocks.resident(offset) : null;
    }

    private BlockLease lease(CachedBlock first, long fromOffset, int lengthMax) {
        BlockLease lease = BlockLease.of(first, fromOffset, lengthMax, residents);
        long next = lease.nextOffset();
        int epoch = blocks.onRead(this, fromOffset, next, lease.lastBlock().recordCount());
        lease.forEachEnded(block -> visited(block, epoch));
        topic.touch();
        topic.served(lease.length());
        PartitionIndexer samples = indexer;
        if (samples != null) {
            samples.read(next); // so that it stays ahead of the reader
        }
        return lease;
    }

    private void visited(CachedBlock block, int epoch) {
        Tier tier = blocks.visited(block);
        topic.visited(epoch, tier, block.recordCount());
    }

    /** Makes a lease of a block that was loaded, whose reference it takes over. */
    private interface Leasing {
        RecordsLease lease(CachedBlock loaded, int lengthMax);
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        readCold(
                fromOffset,
                whenRead,
                (loaded, length) -> lease(loaded, fromOffset, length),
                lengthMax,
                false);
    }

    private void readCold(
            long fromOffset,
            ReadCallback whenRead,
            Leasing leasing,
            int lengthMax,
            boolean isAside) {
        if (!topic.beginRead()) {
            whenRead.onRead(crowded());
            return;
        }
        long begun = logs.nanoClock().getAsLong();
        ReadCallback ended =
                result -> {
                    topic.endRead(logs.nanoClock().getAsLong() - begun);
                    whenRead.onRead(result);
                };
        topic.run(
                () -> load(fromOffset, lengthMax, leasing, isAside, ended),
                () -> ended.onRead(Unavailable.CLOSED));
    }

    /**
     * Reads the block that begins at an offset, as a whole, for somebody who reads blocks in an
     * order of his own: that says nothing of where readers of this partition are.
     */
    void readBlock(long firstOffset, ReadCallback whenRead) {
        topic.touch();
        Unavailable reason = whyNot(firstOffset);
        if (reason != null) {
            whenRead.onRead(reason);
            return;
        }
        CachedBlock block = blocks.resident(firstOffset);
        if (block != null) {
            whenRead.onRead(whole(block, firstOffset));
            return;
        }
        readCold(firstOffset, whenRead, (loaded, length) -> whole(loaded, firstOffset), 0, true);
    }

    private RecordsLease whole(CachedBlock block, long firstOffset) {
        RecordsLease lease =
                BlockLease.of(block, firstOffset, Integer.MAX_VALUE, following -> null);
        topic.served(lease.length());
        return lease;
    }

    private Unavailable crowded() {
        logs.complaints()
                .warn("too many reads wait for a store: store=" + topic.spec().store().name());
        return Unavailable.STORE_ERROR;
    }

    private void load(
            long fromOffset,
            int lengthMax,
            Leasing leasing,
            boolean isAside,
            ReadCallback whenRead) {
        Unavailable reason;
        SourceBlock block = null;
        IndexedBlock stored = null;
        try {
            reason = whyNot(fromOffset);
            if (reason == null) {
                block = logs.index().block(topic.id(), partition, fromOffset);
                stored = block == null ? null : new IndexedBlock(topic, logs, block);
            }
        } catch (RuntimeException | Error failed) {
            logs.complaints().error("source index cannot be read: " + this + " cause=" + failed);
            whenRead.onRead(Unavailable.STORE_ERROR);
            return;
        }
        if (stored == null) {
            whenRead.onRead(reason == null ? corrupt(fromOffset) : reason);
            return;
        }
        IndexedBlock found = stored;
        LoadCallback whenLoaded =
                (loaded, failure) ->
                        whenRead.onRead(
                                loaded == null
                                        ? reason(found, failure)
                                        : leaseOrFail(found, loaded, leasing, lengthMax));
        if (isAside) {
            blocks.loadAside(found, whenLoaded);
        } else {
            blocks.load(fromOffset, found, whenLoaded);
        }
    }

    /** Whatever happens there is an answer, as others wait behind it. */
    private ReadResult leaseOrFail(
            IndexedBlock stored, CachedBlock loaded, Leasing leasing, int lengthMax) {
        try {
            return leasing.lease(loaded, lengthMax);
        } catch (RuntimeException | Error failed) {
            return reason(stored, failed);
        }
    }

    @Override
    public @Nullable StoredBlock blockAt(long offset) {
        SourceBlock block = logs.index().block(topic.id(), partition, offset);
        return block == null ? null : new IndexedBlock(topic, logs, block);
    }

    @Override
    public long endOffset() {
        return highWatermark;
    }

    @Override
    public boolean isIndexComplete() {
        return topic.isIndexComplete(partition);
    }

    @Override
    public LoadTimes loadTimes() {
        return topic.loadTimes();
    }

    @Override
    public Executor ahead() {
        return topic.threads().ahead();
    }

    private Unavailable corrupt(long offset) {
        logs.complaints().error("source index has a gap: " + this + " offset=" + offset);
        return Unavailable.CORRUPT;
    }

    private Unavailable reason(StoredBlock block, @Nullable Throwable failure) {
        String where = " " + this + " firstOffset=" + block.firstOffset();
        if (failure instanceof ObjectChangedException) {
            logs.complaints().error(failure.getMessage() + where);
            return Unavailable.SOURCE_CHANGED;
        }
        if (failure instanceof IOException) {
            logs.complaints().error("block not loaded:" + where + " cause=" + failure);
            return Unavailable.STORE_ERROR;
        }
        logs.complaints().error("block is not what was indexed:" + where + " cause=" + failure);
        return Unavailable.CORRUPT;
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        waiters.add(offset, wake);
        if (offset > highWatermark) {
            want(offset - 1);
        }
        boolean isDue = highWatermark >= offset || isClosed || stalled != null;
        if (isDue && waiters.remove(wake)) {
            wake.run();
        }
    }

    @Override
    public void cancel(Runnable wake) {
        waiters.remove(wake);
    }

    /** More objects have ordinals. */
    void onObjects() {
        if (indexer == null) {
            onIndexed(logs.index().end(topic.id(), partition).offset());
        }
    }

    /** The index has grown. */
    void onIndexed(long endOffset) {
        raise(endOffset);
        waiters.wake(highWatermark);
    }

    /** Whoever opens the log and whoever indexes may come at the same time. */
    private synchronized void raise(long endOffset) {
        if (endOffset > highWatermark) {
            highWatermark = endOffset;
        }
    }

    /** The index may grow again. */
    void onResumed() {
        stalled = null;
    }

    /** The index cannot grow now: who waits is told so at the next read. */
    void onStalled(Unavailable why) {
        stalled = why;
        waiters.wake(Long.MAX_VALUE);
    }

    /**
     * Finds the block by its highest timestamp, then the object in it; modification times are in no
     * order.
     */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return logs.askIndex(
                () -> {
                    SourceBlock block =
                            logs.index()
                                    .firstBlock(
                                            topic.id(),
                                            partition,
                                            candidate -> candidate.maxTimestampMs() >= timestampMs);
                    return block == null ? null : firstOf(block, timestampMs);
                });
    }

    private TimestampedOffset firstOf(SourceBlock block, long timestampMs) {
        if (block.kind() == SourceBlock.Kind.OBJECTS || block.kind() == SourceBlock.Kind.JOINED) {
            for (int i = 0; i < block.recordCount(); i++) {
                long ordinal = block.ordinal() + (long) i * topic.partitionCount();
                StoredObject object = logs.index().object(topic.id(), ordinal);
                if (object != null && object.modifiedMs() >= timestampMs) {
                    return timestamped(block.firstOffset() + i, object.modifiedMs());
                }
            }
        }
        return timestamped(block.firstOffset(), block.maxTimestampMs());
    }

    private TimestampedOffset timestamped(long offset, long timestampMs) {
        return new TimestampedOffset(offset, timestampMs, logs.leaderEpoch());
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return logs.askIndex(
                () -> {
                    long[] max = {Long.MIN_VALUE};
                    logs.index()
                            .firstBlock(
                                    topic.id(),
                                    partition,
                                    block -> {
                                        max[0] = Math.max(max[0], block.maxTimestampMs());
                                        return false;
                                    });
                    SourceBlock block =
                            logs.index()
                                    .firstBlock(
                                            topic.id(),
                                            partition,
                                            candidate -> candidate.maxTimestampMs() == max[0]);
                    return block == null ? null : firstOf(block, max[0]);
                });
    }

    /** No epoch ever lost a record of a source, so every one that was ends where the index ends. */
    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return leaderEpoch < 0 || leaderEpoch > logs.leaderEpoch()
                ? null
                : new EpochEnd(leaderEpoch, highWatermark);
    }

    /** Fails: the objects are not ours. */
    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException("a source topic is read-only: " + this));
    }

    @Override
    public boolean hasMoreToFind() {
        PartitionIndexer samples = indexer;
        return !topic.listing().isDone() || samples != null && !samples.isThrough();
    }

    @Override
    public void onReaderWaited(String reader, long nanos) {
        topic.readerWaits().add(reader, nanos);
    }

    boolean isClosed() {
        return isClosed;
    }

    /** Whether a fetch waits here. */
    boolean isWaitedFor() {
        return !waiters.isEmpty();
    }

    /**
     * Ends the use of this object: reads answer {@link Unavailable#CLOSED}, leases stay readable.
     */
    public void close() {
        isClosed = true;
        topic.forget(this);
        waiters.wake(Long.MAX_VALUE);
    }

    @Override
    public String toString() {
        return "topic=" + topic.name() + " partition=" + partition;
    }
}
