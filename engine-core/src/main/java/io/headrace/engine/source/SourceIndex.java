package io.headrace.engine.source;

import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.MetadataStore.Cursor;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The index of all sources as rows of the metadata store, a projection of the {@code SOURCE_INDEX}
 * entries. Nothing of it is held in memory, so that ten million objects cost none. The rows are
 * specified in docs/design/formats.md, "Source index". Thread-safe.
 */
final class SourceIndex {
    /** First byte of all keys. */
    static final byte PREFIX = 's';

    /**
     * Bytes that are loaded together, unless one object has more: what fits with its framing into a
     * slab of 1 MiB. Part of the format, as block boundaries follow from it.
     */
    static final int BLOCK_LENGTH_TARGET = 896 << 10;

    /** Objects that are loaded together at most: each is a request. Part of the format, too. */
    static final int BLOCK_OBJECTS_MAX = 64;

    private static final byte STATE = 'g';
    private static final byte OBJECT = 'o';
    private static final byte KEY = 'k';
    private static final byte BLOCK = 'b';
    private static final byte END = 'e';
    private static final int TOPIC_KEY_LENGTH = 1 + Long.BYTES;
    private static final int BLOCK_VALUE_LENGTH = 2 * Integer.BYTES + 4 * Long.BYTES;

    private final MetadataStore store;

    SourceIndex(MetadataStore store) {
        this.store = store;
    }

    /**
     * How far a source is listed.
     *
     * @param generation of the newest listing
     * @param isComplete whether that listing came to its end
     * @param objectCount ordinals given so far
     * @param lastKey last key given an ordinal by that listing; empty if it is complete or gave
     *     none
     */
    record State(int generation, boolean isComplete, long objectCount, String lastKey) {
        static final State NONE = new State(0, false, 0, "");
    }

    /** Adds to a batch what an entry says; deterministic, and the same again when repeated. */
    static void apply(long topicId, ByteBuffer payload, Batch batch) {
        ByteBuffer from = payload.duplicate();
        byte kind = SourceEntries.kind(from);
        switch (kind) {
            case SourceEntries.OBJECTS ->
                    applyObjects(topicId, SourceEntries.Objects.decode(from), batch);
            case SourceEntries.GENERATION_END -> {
                SourceEntries.GenerationEnd end = SourceEntries.GenerationEnd.decode(from);
                putState(topicId, new State(end.generation(), true, end.objectCount(), ""), batch);
            }
            case SourceEntries.BLOCK ->
                    applyLines(topicId, SourceEntries.Lines.decode(topicId, from), batch);
            default ->
                    throw new IllegalArgumentException("unknown source index entry: kind=" + kind);
        }
    }

    /** Removes all rows of a topic. */
    static void applyTopicDeleted(long topicId, Batch batch) {
        batch.deleteRange(key(topicId, (byte) 0, 0).array(), key(topicId + 1, (byte) 0, 0).array());
    }

    private static void applyObjects(long topicId, SourceEntries.Objects entry, Batch batch) {
        List<StoredObject> objects = entry.objects();
        for (int i = 0; i < objects.size(); i++) {
            StoredObject object = objects.get(i);
            long ordinal = entry.firstOrdinal() + i;
            batch.put(objectKey(topicId, ordinal), SourceEntries.objectValue(object));
            batch.put(keyKey(topicId, object.key()), longValue(ordinal));
        }
        long objectCount = entry.firstOrdinal() + objects.size();
        String lastKey = objects.get(objects.size() - 1).key();
        putState(topicId, new State(entry.generation(), false, objectCount, lastKey), batch);
        if (entry.format() == SourceFormat.FILES) {
            for (int i = 0; i < Math.min(entry.partitionCount(), objects.size()); i++) {
                applyFileBlocks(topicId, entry, i, batch);
            }
        }
    }

    /**
     * Blocks of the partition that the entry's object {@code first} belongs to. A block never spans
     * two entries, so that its boundaries follow from the entry alone, for ever.
     */
    private static void applyFileBlocks(
            long topicId, SourceEntries.Objects entry, int first, Batch batch) {
        int step = entry.partitionCount();
        int partition = (int) ((entry.firstOrdinal() + first) % step);
        int i = first;
        while (i < entry.objects().size()) {
            int begin = i;
            long length = 0;
            int count = 0;
            long maxTimestampMs = Long.MIN_VALUE;
            while (i < entry.objects().size()
                    && count < BLOCK_OBJECTS_MAX
                    && (count == 0
                            || length + entry.objects().get(i).length() <= BLOCK_LENGTH_TARGET)) {
                StoredObject object = entry.objects().get(i);
                length += object.length();
                maxTimestampMs = Math.max(maxTimestampMs, object.modifiedMs());
                count++;
                i += step;
            }
            long ordinal = entry.firstOrdinal() + begin;
            SourceBlock block =
                    new SourceBlock(
                            topicId,
                            partition,
                            ordinal / step,
                            count,
                            ordinal,
                            0,
                            length,
                            0,
                            maxTimestampMs);
            putBlock(block, new SourceEnd(block.endOffset(), entry.firstOrdinal() + i, 0), batch);
        }
    }

    private static void applyLines(long topicId, SourceEntries.Lines entry, Batch batch) {
        SourceBlock block = entry.block();
        if (block.recordCount() > 0) {
            putBlock(block, entry.next(), batch);
        } else {
            putEnd(topicId, block.partition(), entry.next(), batch);
        }
    }

    private static void putBlock(SourceBlock block, SourceEnd end, Batch batch) {
        byte[] value =
                ByteBuffer.allocate(BLOCK_VALUE_LENGTH)
                        .putInt(block.recordCount())
                        .putLong(block.ordinal())
                        .putLong(block.fromByte())
                        .putLong(block.toByte())
                        .putInt(block.recordLengthMax())
                        .putLong(block.maxTimestampMs())
                        .array();
        batch.put(blockKey(block.topicId(), block.partition(), block.firstOffset()), value);
        putEnd(block.topicId(), block.partition(), end, batch);
    }

    private static void putEnd(long topicId, int partition, SourceEnd end, Batch batch) {
        byte[] value =
                ByteBuffer.allocate(3 * Long.BYTES)
                        .putLong(end.offset())
                        .putLong(end.ordinal())
                        .putLong(end.fromByte())
                        .array();
        batch.put(endKey(topicId, partition), value);
    }

    private static void putState(long topicId, State state, Batch batch) {
        byte[] lastKey = SourceEntries.bytes(state.lastKey());
        ByteBuffer value = ByteBuffer.allocate(Integer.BYTES + 1 + Long.BYTES + lastKey.length);
        value.putInt(state.generation()).put((byte) (state.isComplete() ? 1 : 0));
        value.putLong(state.objectCount()).put(lastKey);
        batch.put(stateKey(topicId), value.array());
    }

    /** Applies an entry at once; what a projection adds later is the same. */
    void write(long topicId, ByteBuffer payload) {
        try (Batch batch = store.newBatch()) {
            apply(topicId, payload, batch);
            store.write(batch);
        }
    }

    /** How far a source is listed. */
    State state(long topicId) {
        byte[] value = store.get(stateKey(topicId));
        if (value == null) {
            return State.NONE;
        }
        ByteBuffer from = ByteBuffer.wrap(value);
        int generation = from.getInt();
        boolean isComplete = from.get() != 0;
        long objectCount = from.getLong();
        byte[] lastKey = Arrays.copyOfRange(value, from.position(), value.length);
        return new State(
                generation, isComplete, objectCount, new String(lastKey, StandardCharsets.UTF_8));
    }

    /** The object of an ordinal, or null if it was not given yet. */
    @Nullable StoredObject object(long topicId, long ordinal) {
        byte[] value = store.get(objectKey(topicId, ordinal));
        return value == null ? null : SourceEntries.getObject(ByteBuffer.wrap(value));
    }

    /** The ordinal of a key, or −1. */
    long ordinal(long topicId, String key) {
        byte[] value = store.get(keyKey(topicId, key));
        return value == null ? -1 : ByteBuffer.wrap(value).getLong();
    }

    /** Where the index of a partition ends. */
    SourceEnd end(long topicId, int partition) {
        byte[] value = store.get(endKey(topicId, partition));
        if (value == null) {
            return new SourceEnd(0, partition, 0);
        }
        ByteBuffer from = ByteBuffer.wrap(value);
        return new SourceEnd(from.getLong(), from.getLong(), from.getLong());
    }

    /** The block that holds an offset, or null. */
    @Nullable SourceBlock block(long topicId, int partition, long offset) {
        try (Cursor cursor = store.cursor()) {
            if (!cursor.seekForPrevious(blockKey(topicId, partition, offset))) {
                return null;
            }
            SourceBlock block = blockAt(cursor, topicId, partition);
            return block == null || !block.holds(offset) ? null : block;
        }
    }

    /** The first block, in order of offset, that satisfies a condition; or null. */
    @Nullable SourceBlock firstBlock(
            long topicId, int partition, Predicate<SourceBlock> condition) {
        try (Cursor cursor = store.cursor()) {
            boolean isThere = cursor.seek(blockKey(topicId, partition, 0));
            while (isThere) {
                SourceBlock block = blockAt(cursor, topicId, partition);
                if (block == null || condition.test(block)) {
                    return block;
                }
                isThere = cursor.next();
            }
            return null;
        }
    }

    private static @Nullable SourceBlock blockAt(Cursor cursor, long topicId, int partition) {
        byte[] key = cursor.key();
        byte[] prefix = blockKey(topicId, partition, 0);
        int length = prefix.length - Long.BYTES;
        if (key.length != prefix.length || !Arrays.equals(key, 0, length, prefix, 0, length)) {
            return null;
        }
        ByteBuffer value = ByteBuffer.wrap(cursor.value());
        return new SourceBlock(
                topicId,
                partition,
                ByteBuffer.wrap(key).getLong(length),
                value.getInt(),
                value.getLong(),
                value.getLong(),
                value.getLong(),
                value.getInt(),
                value.getLong());
    }

    private static byte[] stateKey(long topicId) {
        return key(topicId, STATE, 0).array();
    }

    private static byte[] objectKey(long topicId, long ordinal) {
        return key(topicId, OBJECT, Long.BYTES).putLong(ordinal).array();
    }

    private static byte[] keyKey(long topicId, String key) {
        byte[] bytes = SourceEntries.bytes(key);
        return key(topicId, KEY, bytes.length).put(bytes).array();
    }

    private static byte[] blockKey(long topicId, int partition, long firstOffset) {
        return key(topicId, BLOCK, Integer.BYTES + Long.BYTES)
                .putInt(partition)
                .putLong(firstOffset)
                .array();
    }

    private static byte[] endKey(long topicId, int partition) {
        return key(topicId, END, Integer.BYTES).putInt(partition).array();
    }

    private static ByteBuffer key(long topicId, byte kind, int length) {
        return ByteBuffer.allocate(TOPIC_KEY_LENGTH + 1 + length)
                .put(PREFIX)
                .putLong(topicId)
                .put(kind);
    }

    private static byte[] longValue(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }
}
