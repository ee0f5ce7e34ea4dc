package io.headrace.engine.log;

import io.headrace.engine.batch.Dating;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.source.SourceLogs;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Folds the entries of one data journal into rows of the metadata store: offset index, partition
 * states, producers, live bytes per file. Deterministic: uses nothing but the entry and the rows.
 * The applied position is written with the rows it belongs to, so that each entry counts once.
 *
 * <p>Used by the projector's thread; the accessors by any thread.
 */
final class ShardProjection {
    /** Entries per write to the metadata store, at most. */
    private static final int ENTRIES_PER_WRITE = 4096;

    /** Rows of one partition that are deleted one by one before a range is. */
    private static final int SINGLE_DELETES_MAX = 256;

    /** What {@link EntryType#LOG_START} says when the whole topic is gone. */
    static final long EVERYTHING = Long.MAX_VALUE;

    private final int shardId;
    private final Journal journal;
    private final MetadataStore store;
    private final MetadataStore.Batch batch;
    private final Map<PartitionKey, PartitionState> partitions = new HashMap<>();
    private final Map<ProducerKey, ProducerState> producers = new HashMap<>();

    /** By file: the upper half of the positions in it. Only what the store has been told. */
    private final Map<Integer, Long> liveBytes = new ConcurrentHashMap<>();

    private final Map<Integer, Long> liveBytesChanged = new HashMap<>();

    private final IndexDrops indexDrops;
    private final UnionRows unionRows = new UnionRows();
    private final Set<Long> unionIds;
    private int entryCount;
    private long turnBytes;
    private long unreportedBytes;
    private @Nullable Shard shard;
    private volatile long appliedPosition;

    private record ProducerKey(PartitionKey partition, long producerId) {}

    /**
     * @param unionIds topics of which each batch says how far others are copied; those of the
     *     catalog as it is now
     */
    ShardProjection(int shardId, Journal journal, MetadataStore store, Set<Long> unionIds) {
        this.unionIds = unionIds;
        this.shardId = shardId;
        this.journal = journal;
        this.store = store;
        this.batch = store.newBatch();
        this.indexDrops = new IndexDrops(shardId, store, batch, this::onDropped);
        byte[] applied = store.get(Rows.appliedKey(shardId));
        appliedPosition = applied == null ? journal.firstPosition() : Rows.number(applied);
        loadLiveBytes();
    }

    private void loadLiveBytes() {
        byte[] prefix = Rows.liveBytesKey(shardId);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            while (found) {
                liveBytes.put(Rows.fileOf(cursor.key()), Rows.number(cursor.value()));
                found = cursor.next();
            }
        }
    }

    void attach(Shard reportTo) {
        shard = reportTo;
    }

    int shardId() {
        return shardId;
    }

    long appliedPosition() {
        return appliedPosition;
    }

    /** Bytes that wait to be applied, about. */
    long waitingBytes() {
        Shard attached = shard;
        return attached == null ? 0 : attached.syncedUnindexedBytes();
    }

    boolean isBehind() {
        return appliedPosition < journal.syncedPosition();
    }

    /** Bytes of live batches in a file: upper half of the positions in it. */
    long liveBytes(int file) {
        return liveBytes.getOrDefault(file, 0L);
    }

    /** Live bytes of each file that has any. */
    Map<Integer, Long> liveBytes() {
        return Collections.unmodifiableMap(liveBytes);
    }

    /** Applies all that is synced and not applied yet; returns its length in bytes. */
    long applySynced() throws IOException {
        return apply(journal.syncedPosition());
    }

    /** As {@link #applySynced}, up to a position below what is synced. */
    long apply(long to) throws IOException {
        if (appliedPosition >= to) {
            return 0;
        }
        turnBytes = 0;
        journal.replay(appliedPosition, to, this::apply);
        write(to);
        return turnBytes;
    }

    private void apply(
            long position,
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {
        if (entryCount >= ENTRIES_PER_WRITE) {
            write(position);
        }
        entryCount++;
        turnBytes += Shard.entryLength(payload);
        unreportedBytes += Shard.entryLength(payload);
        PartitionKey key = new PartitionKey(topicId, partition);
        switch (type) {
            case BATCH -> applyBatch(key, position, baseOffset, leaderEpoch, appendTimeMs, payload);
            case LOG_START -> applyLogStart(key, position, baseOffset);
            case OFFSET_RESERVE -> state(key).reserve(baseOffset);
            case LOG_END -> state(key).end(baseOffset);
            case SOURCE_INDEX -> SourceLogs.onEntry(topicId, payload, batch);
            case SEALED -> applySealed(position, payload);
            case COMPACTED -> applyCompacted(key, position, baseOffset, payload);
            default ->
                    throw new IllegalStateException(
                            "unexpected entry in a data journal: type="
                                    + type
                                    + " position="
                                    + position);
        }
    }

    private void applyBatch(
            PartitionKey key,
            long position,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {
        int at = payload.position();
        int length = payload.remaining();
        int offsetCount = RecordBatch.offsetCount(payload, at);
        PartitionState state = state(key);
        long maxTimestampMs = RecordBatch.maxTimestamp(payload, at);
        state.maxTimestampMs = Math.max(state.maxTimestampMs, maxTimestampMs);
        // Not at the base offset: if the end jumped to a reserve, what is between was lost.
        state.epochs.assign(leaderEpoch, state.logEndOffset);
        if (baseOffset > state.logEndOffset) {
            state.thinnedOffset = Math.max(state.thinnedOffset, baseOffset);
        }
        state.logEndOffset = baseOffset + offsetCount;
        state.liveBytes += length;
        IndexEntry entry =
                new IndexEntry(
                        state.logEndOffset - 1,
                        position,
                        length,
                        offsetCount,
                        maxTimestampMs,
                        state.maxTimestampMs,
                        Dating.of(payload, at, appendTimeMs),
                        leaderEpoch);
        batch.put(
                Rows.indexKey(key.topicId(), key.partition(), entry.lastOffset()), entry.encode());
        addLiveBytes(position, length);
        if (unionIds.contains(key.topicId())) {
            unionRows.onBatch(key.topicId(), payload, batch);
        }
        long producerId = RecordBatch.producerId(payload, at);
        if (producerId >= 0) {
            producer(new ProducerKey(key, producerId))
                    .onAppended(payload, at, baseOffset, appendTimeMs);
        }
    }

    private void applyLogStart(PartitionKey key, long position, long offset) {
        // The rows below are read from the store: what this turn has so far must be there.
        write(position);
        entryCount++;
        indexDrops.dropBelow(key, offset);
        if (offset == EVERYTHING) {
            partitions.remove(key);
            batch.delete(Rows.partitionKey(key.topicId(), key.partition()));
            deleteRows(
                    Rows.key(Rows.PRODUCER, key.topicId(), key.partition()),
                    Rows.key(Rows.PRODUCER, key.topicId(), key.partition() + 1));
        } else {
            PartitionState state = state(key);
            state.logStartOffset = Math.max(state.logStartOffset, offset);
            // A log that begins beyond its end: what was before it was in memory alone.
            state.logEndOffset = Math.max(state.logEndOffset, offset);
        }
    }

    /**
     * Deletes the rows from the prefix itself to a key, exclusive. A few go one by one, and none
     * leaves no trace: each deleted range makes every later read of the store slower until it has
     * been compacted away, and a topic that comes and goes has few rows.
     */
    private void deleteRows(byte[] prefix, byte[] end) {
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
            boolean found = cursor.seek(prefix);
            for (int count = 0; found && isBefore(cursor, end); count++) {
                if (count == SINGLE_DELETES_MAX) {
                    batch.deleteRange(cursor.key(), end);
                    return;
                }
                batch.delete(cursor.key());
                found = cursor.next();
            }
        }
    }

    private static boolean isBefore(MetadataStore.Cursor cursor, byte[] end) {
        return Arrays.compareUnsigned(cursor.key(), end) < 0;
    }

    /** A partition that is gone has no row to count in. */
    private void onDropped(PartitionKey key, IndexEntry entry, boolean isPartitionGone) {
        addLiveBytes(entry.position(), -entry.length());
        if (!isPartitionGone) {
            state(key).onDropped(entry);
        }
    }

    /** Whether a log start has given up batches that are still counted. */
    boolean isDropping() {
        return indexDrops.isPending();
    }

    /** Takes a stretch of such batches off the accounts; between two turns. */
    void dropStretch() {
        if (indexDrops.isPending()) {
            indexDrops.runStretch();
            write(appliedPosition);
        }
    }

    private void applySealed(long position, ByteBuffer payload) {
        // The rows are read from the store: what this turn has so far must be there.
        write(position);
        entryCount++;
        noteSegment(SealedEntry.segment(payload));
        SealedEntry.forEach(payload, this::move);
    }

    private void noteSegment(int segment) {
        byte[] highest = store.get(Rows.segmentKey(shardId));
        if (highest == null || ByteBuffer.wrap(highest).getInt() < segment) {
            byte[] value = ByteBuffer.allocate(Integer.BYTES).putInt(segment).array();
            batch.put(Rows.segmentKey(shardId), value);
        }
    }

    /** Points a batch's row at a segment; a row that is gone by now stays gone. */
    private void move(long topicId, int partition, long lastOffset, long newPosition, int length) {
        byte[] key = Rows.indexKey(topicId, partition, lastOffset);
        byte[] row = store.get(key);
        IndexEntry entry = row == null ? null : IndexEntry.decode(key, row);
        if (entry != null && entry.length() == length) {
            addLiveBytes(entry.position(), -length);
            addLiveBytes(newPosition, length);
            batch.put(key, entry.at(newPosition).encode());
        }
    }

    private void applyCompacted(
            PartitionKey key, long position, long compactedOffset, ByteBuffer payload) {
        // The rows are read from the store: what this turn has so far must be there.
        write(position);
        entryCount++;
        noteSegment(CompactedEntry.segment(payload));
        byte[] row = store.get(Rows.partitionKey(key.topicId(), key.partition()));
        if (row == null) {
            return; // the topic is gone, and stays so
        }
        PartitionState state = state(key);
        CompactedEntry.forEach(
                payload, (change, newPosition) -> compact(key, state, change, newPosition));
        if (compactedOffset > 0) {
            state.compactedOffset = Math.max(state.compactedOffset, compactedOffset);
            // What it has taken may have been said to a version that did not count it.
            state.thinnedOffset = Math.max(state.thinnedOffset, compactedOffset);
            state.compactedBytes =
                    Math.min(state.liveBytes, CompactedEntry.compactedBytes(payload));
            state.tombstonesUntilMs = CompactedEntry.tombstonesUntilMs(payload);
        }
    }

    /** Points a batch's row at what is left of it; a row that is gone by now stays gone. */
    private void compact(
            PartitionKey partition,
            PartitionState state,
            CompactedEntry.Change change,
            long newPosition) {
        state.thinnedOffset = Math.max(state.thinnedOffset, change.lastOffset() + 1);
        byte[] key = Rows.indexKey(partition.topicId(), partition.partition(), change.lastOffset());
        byte[] row = store.get(key);
        IndexEntry entry = row == null ? null : IndexEntry.decode(key, row);
        if (entry == null || entry.length() != change.oldLength()) {
            return;
        }
        addLiveBytes(entry.position(), -entry.length());
        state.liveBytes += change.length() - entry.length();
        if (change.length() == 0) {
            batch.delete(key);
        } else {
            addLiveBytes(newPosition, change.length());
            IndexEntry left =
                    entry.compacted(newPosition, change.length(), change.maxTimestampMs());
            batch.put(key, left.encode());
        }
    }

    private void addLiveBytes(long position, long bytes) {
        int file = Journal.cycle(position);
        Long changed = liveBytesChanged.get(file);
        liveBytesChanged.put(file, (changed == null ? liveBytes(file) : changed) + bytes);
    }

    /** After the rows are written: from now on a file without live bytes may be deleted. */
    private void publishLiveBytes() {
        liveBytesChanged.forEach(
                (file, live) -> {
                    if (live == 0) {
                        liveBytes.remove(file);
                    } else {
                        liveBytes.put(file, live);
                    }
                });
        liveBytesChanged.clear();
    }

    private PartitionState state(PartitionKey key) {
        return partitions.computeIfAbsent(
                key,
                k ->
                        PartitionState.decode(
                                store.get(Rows.partitionKey(k.topicId(), k.partition()))));
    }

    private ProducerState producer(ProducerKey key) {
        return producers.computeIfAbsent(key, this::loadProducer);
    }

    private ProducerState loadProducer(ProducerKey key) {
        PartitionKey partition = key.partition;
        byte[] row =
                store.get(
                        Rows.producerKey(
                                partition.topicId(), partition.partition(), key.producerId));
        return row == null ? new ProducerState() : ProducerState.decode(row);
    }

    private void putLiveBytes(int file, long live) {
        byte[] key = Rows.liveBytesKey(shardId, file);
        if (live == 0) {
            batch.delete(key);
        } else {
            batch.put(key, Rows.value(live));
        }
    }

    private void write(long applied) {
        partitions.forEach(
                (key, state) ->
                        batch.put(
                                Rows.partitionKey(key.topicId(), key.partition()), state.encode()));
        producers.forEach(
                (key, state) ->
                        batch.put(
                                Rows.producerKey(
                                        key.partition.topicId(),
                                        key.partition.partition(),
                                        key.producerId),
                                state.encode()));
        liveBytesChanged.forEach(this::putLiveBytes);
        batch.put(Rows.appliedKey(shardId), Rows.value(applied));
        store.write(batch);
        batch.clear();
        partitions.clear();
        producers.clear();
        publishLiveBytes();
        entryCount = 0;
        appliedPosition = applied;
        if (shard != null) {
            shard.onIndexed(unreportedBytes);
        }
        unreportedBytes = 0;
    }
}
