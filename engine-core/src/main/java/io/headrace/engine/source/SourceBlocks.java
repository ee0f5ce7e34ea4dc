package io.headrace.engine.source;

import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.cache.ToldOrder;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Sources for those who read their blocks in an order of their own. Thread-safe. What is said to
 * ask the index blocks for the metadata store; nothing here blocks for an object store.
 */
public final class SourceBlocks {
    /** Looks at a source that is listed on meanwhile, at most. */
    private static final int EXTENT_ATTEMPTS = 3;

    /** Partitions that are behind the others and get on with each look, at most. */
    private static final int LAGGARDS_MAX = 16;

    private final SourceLogs logs;

    SourceBlocks(SourceLogs logs) {
        this.logs = logs;
    }

    /**
     * How far a source is known.
     *
     * @param generation of the newest listing
     * @param isListed whether that came to its end
     * @param objectCount ordinals given so far
     * @param indexedCount objects that were looked into
     * @param recordCount in those
     * @param isComplete whether the records of all objects are counted
     */
    public record Extent(
            int generation,
            boolean isListed,
            long objectCount,
            long indexedCount,
            long recordCount,
            boolean isComplete) {}

    /**
     * How far a source is known; never complete if it was listed on while it was looked at. Asks
     * the index.
     */
    public Extent extent(Topic source) {
        SourceIndex.State state = logs.index().state(source.id());
        Extent extent = extent(source, state);
        for (int attempt = 0; attempt < EXTENT_ATTEMPTS; attempt++) {
            SourceIndex.State after = logs.index().state(source.id());
            if (after.equals(state)) {
                return extent;
            }
            state = after;
            extent = extent(source, state);
        }
        return new Extent(
                extent.generation,
                extent.isListed,
                extent.objectCount,
                extent.indexedCount,
                extent.recordCount,
                false);
    }

    private Extent extent(Topic source, SourceIndex.State state) {
        long indexed = 0;
        long records = 0;
        boolean isComplete = state.isComplete();
        for (int partition = 0; partition < source.partitionCount(); partition++) {
            SourceEnd end = logs.index().end(source.id(), partition);
            indexed += end.objectCount();
            records += end.offset();
            isComplete &= end.ordinal() >= state.objectCount();
        }
        return new Extent(
                state.generation(),
                state.isComplete(),
                state.objectCount(),
                indexed,
                records,
                isComplete);
    }

    /** Has a source listed, if it was not, and looked into to its end. */
    public void index(Topic source) {
        if (logs.isClosed()) {
            return;
        }
        logs.use(
                source,
                used -> {
                    used.touch();
                    if (!used.isIndexing()) {
                        used.index(true);
                    }
                });
    }

    /** All blocks of the objects below an ordinal. Asks the index, for as long as they are many. */
    public SourceTable table(Topic source, long objectCount) {
        return SourceTable.read(logs.index(), source.id(), source.partitionCount(), objectCount);
    }

    /**
     * All blocks of the objects that are indexed so far, without a gap: a table that was returned
     * before, or a longer one. Null if not all of them can be read yet, which is a matter of a
     * moment. Asks the index for what is new. To be called by one thread at a time for each table
     * that grows.
     *
     * @param before null to begin with
     */
    public @Nullable SourceTable table(Topic source, @Nullable SourceTable before) {
        long[] ends = new long[source.partitionCount()];
        Arrays.setAll(ends, number -> logs.index().end(source.id(), number).ordinal());
        long indexed = Arrays.stream(ends).min().orElse(0);
        SourceTable known =
                before == null ? SourceTable.empty(source.id(), source.partitionCount()) : before;
        SourceTable grown = known.grown(logs.index(), indexed);
        if (logs.isClosed()) {
            return null;
        }
        for (int partition = 0; partition < source.partitionCount(); partition++) {
            // A block is in the index a moment before its log shows it.
            if (logs.open(source, partition).endOffset() < grown.nextOffset(partition)) {
                return null;
            }
        }
        indexLaggards(source, ends, indexed);
        return grown;
    }

    /**
     * Partitions are indexed to their ends by some at a time, and what is behind the first gap is
     * of no use before: so those that have not had their turn get on a little, as if somebody read
     * them.
     */
    private void indexLaggards(Topic source, long[] ends, long indexed) {
        int left = LAGGARDS_MAX;
        int partition = SourceTopic.INDEXED_AT_ONCE_MAX; // the first ones had it first
        while (partition < ends.length && left > 0) {
            if (ends[partition] < indexed + ends.length) { // of so many objects each has one
                logs.open(source, partition).indexMore();
                left--;
            }
            partition++;
        }
    }

    /**
     * Reads one block whole, from memory, the SSD or its store; who reads is not taken for a reader
     * of the partition. The callback may be called here.
     */
    public void read(Topic source, int partition, long firstOffset, ReadCallback whenRead) {
        if (logs.isClosed()) {
            whenRead.onRead(Unavailable.CLOSED);
        } else {
            logs.open(source, partition).readBlock(firstOffset, whenRead);
        }
    }

    /** Has the cache know in which order a source's blocks are read from now on. */
    public void tell(Topic source, ToldOrder order) {
        for (int partition = 0; partition < source.partitionCount(); partition++) {
            logs.cache().partition(source.id(), partition).tell(order);
        }
    }

    /** Nobody reads in that order any more. */
    public void forget(Topic source, ToldOrder order) {
        for (int partition = 0; partition < source.partitionCount(); partition++) {
            logs.cache().partition(source.id(), partition).forget(order);
        }
    }

    /** The time by which the cache goes. */
    public long nanoTime() {
        return logs.nanoClock().getAsLong();
    }

    /** A slab with one reference, or null if the memory is in use elsewhere. */
    public @Nullable Slab allocate(int length, String tag) {
        return logs.slabs().allocateOrNull(length, tag);
    }

    /** Of the batches that are framed now. */
    public int leaderEpoch() {
        return logs.leaderEpoch();
    }
}
