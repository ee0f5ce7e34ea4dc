package io.headrace.engine.log;

import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.Topic;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.MetadataStore;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Gives up the index rows of batches that a repair has cut out of journal files, as nothing else
 * would ever take them, and they keep the files. All rows are looked at for that, once for all
 * files: nothing says which of them point to a file.
 *
 * <p>The last row of a partition stays, whatever it points to: where it ends is no hole that
 * readers may pass over.
 *
 * <p>Used by the sealer's thread.
 */
final class CutOutRows {
    private final MetadataStore store;
    private final LongFunction<@Nullable Topic> topics;
    private final IntSupplier leaderEpoch;
    private final BooleanSupplier stopped;
    private final CompactedEntry entry = new CompactedEntry();

    /**
     * @param topics null for one that is gone
     */
    CutOutRows(
            MetadataStore store,
            LongFunction<@Nullable Topic> topics,
            IntSupplier leaderEpoch,
            BooleanSupplier stopped) {
        this.store = store;
        this.topics = topics;
        this.leaderEpoch = leaderEpoch;
        this.stopped = stopped;
    }

    /**
     * What was given up.
     *
     * @param files those of which there was something
     * @param position of the last entry that says so; −1 if there are none
     */
    record GivenUp(Set<Integer> files, long position) {}

    /** One look, at rows in the order of their partitions. */
    private final class Look {
        final Shard shard;
        final Set<Integer> files;
        final Set<Integer> given = new HashSet<>();
        @Nullable PartitionKey partition;
        boolean isOfShard;
        long lastOffset;
        long position = -1;

        Look(Shard shard, Set<Integer> files) {
            this.shard = shard;
            this.files = files;
        }

        void onRow(byte[] key, byte[] value) {
            PartitionKey of = new PartitionKey(Rows.topicIdOf(key), Rows.partitionOf(key));
            if (!of.equals(partition)) {
                end();
                begin(of);
            }
            IndexEntry row = IndexEntry.decode(key, value);
            if (isOfShard
                    && files.contains(row.file())
                    && row.lastOffset() < lastOffset
                    && shard.isCutOut(row)) {
                drop(row);
            }
        }

        private void begin(PartitionKey of) {
            Topic topic = topics.apply(of.topicId());
            partition = of;
            isOfShard = topic != null && topic.journal() == shard.id();
            lastOffset = isOfShard ? lastOffset(of) : -1;
            entry.begin(0);
        }

        private void drop(IndexEntry row) {
            given.add(row.file());
            CompactedEntry.Change gone =
                    new CompactedEntry.Change(row.lastOffset(), row.length(), 0, 0, -1);
            if (!entry.add(gone)) {
                end();
                entry.begin(0);
                entry.add(gone);
            }
        }

        /** Says what has been found of the partition so far. */
        void end() {
            PartitionKey of = partition;
            if (of == null || entry.isEmpty()) {
                return;
            }
            synchronized (shard.lock) {
                long appended =
                        shard.appendEntry(
                                EntryType.COMPACTED,
                                of.topicId(),
                                of.partition(),
                                0,
                                leaderEpoch.getAsInt(),
                                entry.payload());
                if (appended < 0) {
                    throw new OutOfSpaceException("giving up what was cut out");
                }
                position = appended;
            }
        }
    }

    /**
     * Says in the journal that the batches are gone which were cut out of some of its files.
     *
     * @throws CancellationException if the engine is being closed
     */
    GivenUp giveUp(Shard shard, Set<Integer> files) {
        byte[] prefix = {Rows.INDEX};
        Look look = new Look(shard, files);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = !files.isEmpty() && cursor.seek(prefix);
            while (found) {
                if (stopped.getAsBoolean()) {
                    throw new CancellationException("the engine is being closed");
                }
                look.onRow(cursor.key(), cursor.value());
                found = cursor.next();
            }
        }
        look.end();
        return new GivenUp(look.given, look.position);
    }

    private long lastOffset(PartitionKey of) {
        try (MetadataStore.Cursor cursor =
                store.cursor(Rows.key(Rows.INDEX, of.topicId(), of.partition()))) {
            byte[] last = Rows.indexKey(of.topicId(), of.partition(), Long.MAX_VALUE);
            return cursor.seekForPrevious(last)
                    ? IndexEntry.decode(cursor.key(), cursor.value()).lastOffset()
                    : -1;
        }
    }
}
