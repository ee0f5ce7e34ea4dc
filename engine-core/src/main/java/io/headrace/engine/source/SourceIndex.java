package io.headrace.engine.source;

import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceObjects;
import io.headrace.engine.SourceObjects.SourceObject;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.spi.MetadataStore.Batch;
import io.headrace.engine.spi.MetadataStore.Cursor;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
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
    private static final byte FACTS = 'f';
    private static final byte FAULT = 'x';
    private static final byte WAITING = 'w';
    private static final int TOPIC_KEY_LENGTH = 1 + Long.BYTES;
    private static final int BLOCK_VALUE_FIXED_LENGTH = 1 + 3 * Integer.BYTES + 4 * Long.BYTES;
    private static final int FAULT_KEY_LENGTH = 1 + Integer.BYTES + 2 * Long.BYTES;

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
     * @param byteCount length of their objects
     * @param orphanCount objects that no joined sample has use for, when a listing last came to its
     *     end
     * @param lastKey last key given an ordinal by that listing; empty if it is complete or gave
     *     none
     */
    record State(
            int generation,
            boolean isComplete,
            long objectCount,
            long byteCount,
            long orphanCount,
            String lastKey) {
        static final State NONE = new State(0, false, 0, 0, 0, "");
    }

    /** Adds to a batch what an entry says; deterministic, and the same again when repeated. */
    static void apply(long topicId, ByteBuffer payload, Batch batch) {
        ByteBuffer from = payload.duplicate();
        byte kind = SourceEntries.kind(from);
        switch (kind) {
            case SourceEntries.OBJECTS ->
                    applyObjects(topicId, SourceEntries.Objects.decode(from), batch);
            case SourceEntries.GENERATION_END ->
                    applyEnd(topicId, SourceEntries.GenerationEnd.decode(from), batch);
            case SourceEntries.STRETCH ->
                    applyStretch(topicId, SourceEntries.Stretch.decode(topicId, from), batch);
            case SourceEntries.WAITING ->
                    applyWaiting(topicId, SourceEntries.Waiting.decode(from), batch);
            default ->
                    throw new IllegalArgumentException("unknown source index entry: kind=" + kind);
        }
    }

    /** Removes all rows of a topic. */
    static void applyTopicDeleted(long topicId, Batch batch) {
        batch.deleteRange(key(topicId, (byte) 0, 0).array(), key(topicId + 1, (byte) 0, 0).array());
    }

    private static void applyObjects(long topicId, SourceEntries.Objects entry, Batch batch) {
        long byteCount = entry.bytesBefore();
        List<ListedObject> objects = entry.objects();
        for (int i = 0; i < objects.size(); i++) {
            putListed(topicId, entry.firstOrdinal() + i, objects.get(i), batch);
            byteCount += objects.get(i).length();
        }
        putState(
                topicId,
                new State(
                        entry.generation(),
                        false,
                        entry.firstOrdinal() + objects.size(),
                        byteCount,
                        0,
                        objects.get(objects.size() - 1).lastKey()),
                batch);
        ObjectBlocks blocks = new ObjectBlocks(topicId, entry);
        for (int i = 0; i < entry.ends().size(); i++) {
            blocks.apply(i, batch);
        }
    }

    private static void putListed(long topicId, long ordinal, ListedObject listed, Batch batch) {
        ByteBuffer value = ByteBuffer.allocate(listed.encodedLength());
        listed.encode(value);
        batch.put(objectKey(topicId, ordinal), value.array());
        batch.put(keyKey(topicId, listed.object().key()), longValue(ordinal));
        for (ListedObject.Member member : listed.members()) {
            String key = member.object().key();
            batch.put(keyKey(topicId, key), longValue(ordinal));
            batch.delete(waitingKey(topicId, member.tree(), key));
        }
    }

    private static void applyEnd(long topicId, SourceEntries.GenerationEnd end, Batch batch) {
        State state =
                new State(
                        end.generation(),
                        true,
                        end.objectCount(),
                        end.byteCount(),
                        end.orphanCount(),
                        "");
        putState(topicId, state, batch);
    }

    private static void applyStretch(long topicId, SourceEntries.Stretch entry, Batch batch) {
        if (entry.block() != null) {
            putBlock(entry.block(), batch);
        }
        if (entry.facts() != null) {
            batch.put(factsKey(topicId, entry.ordinal()), entry.facts().encode());
        }
        for (Fault fault : entry.faults()) {
            putFault(topicId, entry.partition(), entry.ordinal(), fault, batch);
        }
        putEnd(topicId, entry.partition(), entry.end(), batch);
    }

    private static void applyWaiting(long topicId, SourceEntries.Waiting entry, Batch batch) {
        for (StoredObject object : entry.objects()) {
            ByteBuffer value = ByteBuffer.allocate(SourceEntries.encodedLength(object));
            SourceEntries.putObject(value, object);
            batch.put(waitingKey(topicId, entry.tree(), object.key()), value.array());
        }
    }

    static void putBlock(SourceBlock block, Batch batch) {
        ByteBuffer value = ByteBuffer.allocate(blockValueLength(block));
        putBlockValue(value, block);
        batch.put(blockKey(block.topicId(), block.partition(), block.firstOffset()), value.array());
    }

    static int blockValueLength(SourceBlock block) {
        return BLOCK_VALUE_FIXED_LENGTH + block.holes().encodedLength();
    }

    static void putBlockValue(ByteBuffer into, SourceBlock block) {
        into.put(block.kind().code())
                .putInt(block.recordCount())
                .putLong(block.ordinal())
                .putLong(block.fromByte())
                .putLong(block.toByte())
                .putInt(block.recordLengthMax())
                .putLong(block.maxTimestampMs())
                .putInt(block.framedLength());
        block.holes().encode(into);
    }

    static SourceBlock getBlockValue(
            long topicId, int partition, long firstOffset, ByteBuffer from) {
        SourceBlock.Kind kind = SourceBlock.Kind.of(from.get());
        return new SourceBlock(
                topicId,
                partition,
                firstOffset,
                from.getInt(),
                kind,
                from.getLong(),
                from.getLong(),
                from.getLong(),
                from.getInt(),
                from.getLong(),
                from.getInt(),
                ByteRanges.decode(from));
    }

    static void putEnd(long topicId, int partition, SourceEnd end, Batch batch) {
        ByteBuffer value = ByteBuffer.allocate(SourceEnd.LENGTH);
        end.encode(value);
        batch.put(endKey(topicId, partition), value.array());
    }

    static void putFault(long topicId, int partition, long ordinal, Fault fault, Batch batch) {
        byte[] key =
                key(topicId, FAULT, FAULT_KEY_LENGTH)
                        .put(Fault.code(fault.kind()))
                        .putInt(partition)
                        .putLong(ordinal)
                        .putLong(fault.position())
                        .array();
        batch.put(key, fault.encode());
    }

    private static void putState(long topicId, State state, Batch batch) {
        byte[] lastKey = SourceEntries.bytes(state.lastKey());
        ByteBuffer value = ByteBuffer.allocate(Integer.BYTES + 1 + 3 * Long.BYTES + lastKey.length);
        value.putInt(state.generation()).put((byte) (state.isComplete() ? 1 : 0));
        value.putLong(state.objectCount()).putLong(state.byteCount());
        value.putLong(state.orphanCount()).put(lastKey);
        batch.put(stateKey(topicId), value.array());
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
        long byteCount = from.getLong();
        long orphanCount = from.getLong();
        byte[] lastKey = Arrays.copyOfRange(value, from.position(), value.length);
        return new State(
                generation,
                isComplete,
                objectCount,
                byteCount,
                orphanCount,
                new String(lastKey, StandardCharsets.UTF_8));
    }

    /** The object of an ordinal, or null if it was not given yet. */
    @Nullable ListedObject listed(long topicId, long ordinal) {
        byte[] value = store.get(objectKey(topicId, ordinal));
        return value == null ? null : ListedObject.decode(ByteBuffer.wrap(value));
    }

    /** The object of an ordinal, or null if it was not given yet. */
    @Nullable StoredObject object(long topicId, long ordinal) {
        ListedObject listed = listed(topicId, ordinal);
        return listed == null ? null : listed.object();
    }

    /** What was decided about an object; null if it follows from the topic. */
    @Nullable ObjectFacts facts(long topicId, long ordinal) {
        byte[] value = store.get(factsKey(topicId, ordinal));
        return value == null ? null : ObjectFacts.decode(ByteBuffer.wrap(value));
    }

    /** The ordinal of a key, or −1. */
    long ordinal(long topicId, String key) {
        byte[] value = store.get(keyKey(topicId, key));
        return value == null ? -1 : ByteBuffer.wrap(value).getLong();
    }

    /** Where the index of a partition ends. */
    SourceEnd end(long topicId, int partition) {
        byte[] value = store.get(endKey(topicId, partition));
        return value == null
                ? SourceEnd.begin(partition)
                : SourceEnd.decode(ByteBuffer.wrap(value));
    }

    /** The block that holds an offset, or null. */
    @Nullable SourceBlock block(long topicId, int partition, long offset) {
        SourceBlock block = blockBefore(topicId, partition, offset);
        return block == null || !block.holds(offset) ? null : block;
    }

    /** The last block that begins at an offset or before, or null. */
    @Nullable SourceBlock blockBefore(long topicId, int partition, long offset) {
        try (Cursor cursor = store.cursor(partitionPrefix(topicId, partition))) {
            return cursor.seekForPrevious(blockKey(topicId, partition, offset))
                    ? blockAt(cursor, topicId, partition)
                    : null;
        }
    }

    /** The first block, in order of offset, that satisfies a condition; or null. */
    @Nullable SourceBlock firstBlock(
            long topicId, int partition, Predicate<SourceBlock> condition) {
        return firstBlock(topicId, partition, 0, condition);
    }

    /** As above, among those that begin at an offset or behind it. */
    @Nullable SourceBlock firstBlock(
            long topicId, int partition, long fromOffset, Predicate<SourceBlock> condition) {
        try (Cursor cursor = store.cursor(partitionPrefix(topicId, partition))) {
            boolean isThere = cursor.seek(blockKey(topicId, partition, fromOffset));
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
        byte[] prefix = partitionPrefix(topicId, partition);
        if (key.length != prefix.length + Long.BYTES || !beginsWith(key, prefix)) {
            return null;
        }
        return getBlockValue(
                topicId,
                partition,
                ByteBuffer.wrap(key).getLong(prefix.length),
                ByteBuffer.wrap(cursor.value()));
    }

    /** An object that waits for what it belongs to, as it was listed; or null. */
    @Nullable StoredObject waiting(long topicId, short tree, String key) {
        byte[] value = store.get(waitingKey(topicId, tree, key));
        return value == null ? null : SourceEntries.getObject(ByteBuffer.wrap(value));
    }

    /** Objects of a tree that wait and whose keys are a stem, a dot and more, in order. */
    List<StoredObject> waitingOf(long topicId, short tree, String stem, int limit) {
        byte[] prefix = waitingKey(topicId, tree, stem + ".");
        List<StoredObject> objects = new ArrayList<>(2);
        try (Cursor cursor = store.cursor(prefix)) {
            boolean isThere = cursor.seek(prefix);
            while (isThere && objects.size() < limit && beginsWith(cursor.key(), prefix)) {
                StoredObject object = SourceEntries.getObject(ByteBuffer.wrap(cursor.value()));
                if (SourceJoin.stem(object.key()).equals(stem)) {
                    objects.add(object);
                }
                isThere = cursor.next();
            }
        }
        return objects;
    }

    /** How many objects wait for what they belong to. */
    long waitingCount(long topicId) {
        byte[] prefix = key(topicId, WAITING, 0).array();
        long count = 0;
        try (Cursor cursor = store.cursor(prefix)) {
            boolean isThere = cursor.seek(prefix);
            while (isThere && beginsWith(cursor.key(), prefix)) {
                count++;
                isThere = cursor.next();
            }
        }
        return count;
    }

    /** A page of findings; where the next page begins is the hexadecimal form of a key. */
    SourceFindings findings(long topicId, SourceFindings.Kind kind, String after, int limit) {
        boolean isOrphan = kind == SourceFindings.Kind.ORPHAN;
        byte[] prefix =
                isOrphan
                        ? key(topicId, WAITING, 0).array()
                        : key(topicId, FAULT, 1).put(Fault.code(kind)).array();
        byte[] last = after.isEmpty() ? prefix : HexFormat.of().parseHex(after);
        if (!beginsWith(last, prefix)) {
            throw new IllegalArgumentException("not a place of this listing: after=" + after);
        }
        List<Finding> findings = new ArrayList<>();
        try (Cursor cursor = store.cursor(prefix)) {
            boolean isThere = cursor.seek(last);
            if (isThere && !after.isEmpty() && Arrays.equals(cursor.key(), last)) {
                isThere = cursor.next();
            }
            while (isThere && beginsWith(cursor.key(), prefix)) {
                if (findings.size() == limit) {
                    return new SourceFindings(findings, HexFormat.of().formatHex(last));
                }
                last = cursor.key();
                ByteBuffer value = ByteBuffer.wrap(cursor.value());
                findings.add(isOrphan ? orphan(value) : fault(topicId, last, value));
                isThere = cursor.next();
            }
        }
        return new SourceFindings(findings, "");
    }

    /**
     * A page of what was listed, in order of the keys.
     *
     * @param path which keys are below; left out of them
     * @param after key below the path that the page begins behind; empty for the first
     */
    SourceObjects objects(long topicId, String path, String after, int limit) {
        byte[] prefix = key(topicId, KEY, 0).array();
        byte[] last = after.isEmpty() ? prefix : keyKey(topicId, path + after);
        List<SourceObject> objects = new ArrayList<>();
        try (Cursor cursor = store.cursor(prefix)) {
            boolean isThere = cursor.seek(last);
            if (isThere && Arrays.equals(cursor.key(), last)) {
                isThere = cursor.next();
            }
            while (isThere && beginsWith(cursor.key(), prefix)) {
                if (objects.size() == limit) {
                    return new SourceObjects(objects, objects.get(limit - 1).key());
                }
                byte[] key = Arrays.copyOfRange(cursor.key(), prefix.length, cursor.key().length);
                StoredObject object =
                        object(
                                topicId,
                                new String(key, StandardCharsets.UTF_8),
                                ByteBuffer.wrap(cursor.value()).getLong());
                if (object != null) {
                    objects.add(shown(object, path));
                }
                isThere = cursor.next();
            }
        }
        return new SourceObjects(objects, "");
    }

    /** An object that was listed, by its key in the store; null if there is none. */
    @Nullable StoredObject object(long topicId, String key) {
        byte[] ordinal = store.get(keyKey(topicId, key));
        return ordinal == null ? null : object(topicId, key, ByteBuffer.wrap(ordinal).getLong());
    }

    private @Nullable StoredObject object(long topicId, String key, long ordinal) {
        ListedObject listed = listed(topicId, ordinal);
        if (listed == null) {
            return null;
        }
        for (ListedObject.Member member : listed.members()) {
            if (member.object().key().equals(key)) {
                return member.object();
            }
        }
        return listed.object();
    }

    private static SourceObject shown(StoredObject object, String path) {
        String key = object.key();
        return new SourceObject(
                key.startsWith(path) ? key.substring(path.length()) : key,
                object.length(),
                object.version());
    }

    private static Finding orphan(ByteBuffer value) {
        String key = SourceEntries.getObject(value).key();
        return new Finding(SourceFindings.Kind.ORPHAN, key, -1, 0, "its sample is not complete");
    }

    private Finding fault(long topicId, byte[] key, ByteBuffer value) {
        ByteBuffer place = ByteBuffer.wrap(key).position(TOPIC_KEY_LENGTH + 2);
        int partition = place.getInt();
        StoredObject object = object(topicId, place.getLong());
        Fault fault = Fault.decode(value);
        return new Finding(
                fault.kind(),
                object == null ? "" : object.key(),
                partition,
                fault.position(),
                fault.reason());
    }

    private static boolean beginsWith(byte[] key, byte[] prefix) {
        return key.length >= prefix.length
                && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
    }

    private static byte[] stateKey(long topicId) {
        return key(topicId, STATE, 0).array();
    }

    private static byte[] objectKey(long topicId, long ordinal) {
        return key(topicId, OBJECT, Long.BYTES).putLong(ordinal).array();
    }

    private static byte[] factsKey(long topicId, long ordinal) {
        return key(topicId, FACTS, Long.BYTES).putLong(ordinal).array();
    }

    private static byte[] keyKey(long topicId, String key) {
        byte[] bytes = SourceEntries.bytes(key);
        return key(topicId, KEY, bytes.length).put(bytes).array();
    }

    private static byte[] waitingKey(long topicId, short tree, String key) {
        byte[] bytes = SourceEntries.bytes(key);
        return key(topicId, WAITING, Short.BYTES + bytes.length).putShort(tree).put(bytes).array();
    }

    private static byte[] partitionPrefix(long topicId, int partition) {
        return key(topicId, BLOCK, Integer.BYTES).putInt(partition).array();
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
