package io.headrace.engine.log;

import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.Topic;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.MetadataStore;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongConsumer;
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

    /** One look, at rows in the order of their partitions. */
    private final class Look {
        final Shard shard;
        final int[] files;
        final LongConsumer said;
        final Set<Integer> given = new HashSet<>();
        long topicId = -1;
        boolean isOfShard;
        @Nullable PartitionKey partition;
        long lastOffset;

        Look(Shard shard, Set<Integer> files, LongConsumer said) {
            this.shard = shard;
            this.files = files.stream().mapToInt(Integer::intValue).sorted().toArray();
            this.said = said;
        }

        boolean isOfShard(long ofTopicId) {
            if (ofTopicId != topicId) {
                topicId = ofTopicId;
                Topic topic = topics.apply(ofTopicId);
                isOfShard = topic != null && topic.journal() == shard.id();
            }
            return isOfShard;
        }

        void onRow(byte[] key, byte[] value) {
            begin(Rows.topicIdOf(key), Rows.partitionOf(key));
            IndexEntry row = IndexEntry.decode(key, value);
            if (Arrays.binarySearch(files, row.file()) >= 0
                    && row.lastOffset() < lastOffset
                    && shard.isCutOut(row)) {
                drop(row);
            }
        }

        private void begin(long ofTopicId, int number) {
            PartitionKey before = partition;
            if (before == null || before.topicId() != ofTopicId || before.partition() != number) {
                end();
                PartitionKey of = new PartitionKey(ofTopicId, number);
                partition = of;
                lastOffset = lastOffset(of);
                entry.begin(0);
            }
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
                long position =
                        shard.appendEntry(
                                EntryType.COMPACTED,
                                of.topicId(),
                                of.partition(),
                                0,
                                leaderEpoch.getAsInt(),
                                entry.payload());
                if (position < 0) {
                    throw new OutOfSpaceException("giving up what was cut out");
                }
                said.accept(position);
            }
        }
    }

    /**
     * Says in the journal that the batches are gone which were cut out of some of its files.
     *
     * @param said is given the position of each entry that says so, also of those before a failure
     * @return the files of which there was something
     * @throws CancellationException if the engine is being closed
     */
    Set<Integer> giveUp(Shard shard, Set<Integer> files, LongConsumer said) {
        byte[] prefix = {Rows.INDEX};
        Look look = new Look(shard, files, said);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = !files.isEmpty() && cursor.seek(prefix);
            while (found) {
                requireRunning();
                byte[] key = cursor.key();
                long topicId = Rows.topicIdOf(key);
                if (look.isOfShard(topicId)) {
                    look.onRow(key, cursor.value());
                    found = cursor.next();
                } else { // gone, or another journal's, with all of its partitions
                    found = cursor.seek(Rows.key(Rows.INDEX, topicId + 1));
                }
            }
        }
        look.end();
        return look.given;
    }

    private void requireRunning() {
        if (stopped.getAsBoolean()) {
            throw new CancellationException("the engine is being closed");
        }
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
