package io.headrace.engine.log;

import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Deletes the index rows that a log start has given up, and takes their batches off the accounts. A
 * few go with the entry itself. If there are more, a row of its own says how far they are to go,
 * and a stretch of them goes with each turn of the projector: a partition of many millions of
 * batches must not keep all others waiting.
 *
 * <p>Each stretch is one write with what it changes, so that after a crash the next one goes on
 * from there. Until its row is gone a batch counts as live. Nobody reads it: readers begin at the
 * log start, which is raised with the entry.
 *
 * <p>Part of a {@link ShardProjection} and used on its thread; {@link #isPending} by any.
 */
final class IndexDrops {
    /** Rows that go with the entry. */
    static final int AT_ONCE_MAX = 256;

    /** Rows of a stretch; some ten milliseconds. */
    static final int STRETCH_ROWS = 8192;

    /** Rows of one partition that are deleted one by one before a range is. */
    private static final int SINGLE_DELETES_MAX = 256;

    private final int shardId;
    private final MetadataStore store;
    private final MetadataStore.Batch batch;
    private final Account account;
    private final byte[] prefix;
    private volatile boolean pending;

    /** Where batches are counted as long as they have a row. */
    interface Account {
        /**
         * @param isPartitionGone whether all of the partition is given up, for ever
         */
        void onDropped(PartitionKey partition, IndexEntry entry, boolean isPartitionGone);
    }

    /**
     * Batches that end at or below one offset are to go, those that do at or below the next are
     * gone.
     *
     * @param next 0 if none is yet, and no row says so
     */
    private record Drop(PartitionKey partition, long below, long next) {}

    /**
     * @param batch what the deletions are added to; the owner writes it after each call
     */
    IndexDrops(int shardId, MetadataStore store, MetadataStore.Batch batch, Account account) {
        this.shardId = shardId;
        this.store = store;
        this.batch = batch;
        this.account = account;
        this.prefix = Rows.dropKey(shardId);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            this.pending = cursor.seek(prefix);
        }
    }

    /** Whether rows wait for the next stretch. */
    boolean isPending() {
        return pending;
    }

    /** Deletes the rows of batches wholly below an offset, now or with the next stretches. */
    void dropBelow(PartitionKey partition, long offset) {
        byte[] key = key(partition);
        byte[] row = pending ? store.get(key) : null;
        if (row != null) {
            Drop before = decode(key, row);
            put(new Drop(partition, Math.max(before.below, offset), before.next));
        } else {
            drop(new Drop(partition, offset, 0), AT_ONCE_MAX);
        }
    }

    /** Deletes the next rows that wait. */
    void runStretch() {
        int count = 0;
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found && count < STRETCH_ROWS) {
                count += drop(decode(cursor.key(), cursor.value()), STRETCH_ROWS - count);
                found = cursor.next();
            }
            pending = found || count == STRETCH_ROWS;
        }
    }

    /** Deletes so many rows at most, and notes what is left; returns how many it was. */
    private int drop(Drop drop, int countMax) {
        PartitionKey partition = drop.partition;
        int count = 0;
        long next = drop.next;
        byte[] rangeBegin = null;
        byte[] rows = Rows.key(Rows.INDEX, partition.topicId(), partition.partition());
        try (MetadataStore.Cursor cursor = store.cursor(rows)) {
            IndexEntry entry = entryBelow(cursor, cursor.seek(rowKey(partition, next)), drop.below);
            while (entry != null && count < countMax) {
                account.onDropped(partition, entry, drop.below == ShardProjection.EVERYTHING);
                if (count < SINGLE_DELETES_MAX) {
                    batch.delete(cursor.key());
                } else if (rangeBegin == null) {
                    rangeBegin = cursor.key();
                }
                next = entry.lastOffset() + 1;
                count++;
                entry = entryBelow(cursor, cursor.next(), drop.below);
            }
            if (rangeBegin != null) {
                batch.deleteRange(rangeBegin, rowKey(partition, next));
            }
            if (entry != null) {
                put(new Drop(partition, drop.below, next));
            } else if (drop.next > 0) {
                batch.delete(key(partition));
            }
        }
        return count;
    }

    private static @Nullable IndexEntry entryBelow(
            MetadataStore.Cursor cursor, boolean found, long offset) {
        IndexEntry entry = found ? IndexEntry.decode(cursor.key(), cursor.value()) : null;
        return entry != null && entry.lastOffset() < offset ? entry : null;
    }

    private void put(Drop drop) {
        byte[] value =
                ByteBuffer.allocate(2 * Long.BYTES).putLong(drop.below).putLong(drop.next).array();
        batch.put(key(drop.partition), value);
        pending = true;
    }

    private byte[] key(PartitionKey partition) {
        return Rows.dropKey(shardId, partition.topicId(), partition.partition());
    }

    private static Drop decode(byte[] key, byte[] value) {
        ByteBuffer offsets = ByteBuffer.wrap(value);
        return new Drop(Rows.dropPartition(key), offsets.getLong(), offsets.getLong());
    }

    private static byte[] rowKey(PartitionKey partition, long lastOffset) {
        return Rows.indexKey(partition.topicId(), partition.partition(), lastOffset);
    }
}
