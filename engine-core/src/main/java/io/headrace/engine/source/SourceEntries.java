package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Payloads of {@code SOURCE_INDEX} journal entries, big endian; specified in
 * docs/design/formats.md, "Source index". Each says all that applying it needs, so that applying
 * uses nothing but the entry.
 */
final class SourceEntries {
    static final byte OBJECTS = 1;
    static final byte GENERATION_END = 2;
    static final byte STRETCH = 3;
    static final byte WAITING = 4;

    private static final byte VERSION = 1;
    private static final int HEADER_LENGTH = 2;
    private static final int OBJECT_FIXED_LENGTH =
            Integer.BYTES + Long.BYTES + Integer.BYTES + Long.BYTES;

    private SourceEntries() {}

    /** How the objects of an entry become records. The codes are on disk. */
    enum Rule {
        /** Somebody has to look into them: <em>stretch</em> entries follow. */
        SCANNED(0),
        /** Each is a record; what is longer than a record may be is left out. */
        FILES(1),
        /** Each is a record, or as many as it has pieces of a record's greatest length. */
        SPLIT_FILES(2),
        /** Each stands for objects that share a stem: a record. */
        JOINED(3);

        private final byte code;

        Rule(int code) {
            this.code = (byte) code;
        }

        static Rule of(byte code) {
            for (Rule rule : values()) {
                if (rule.code == code) {
                    return rule;
                }
            }
            throw new IllegalArgumentException("unknown rule of source objects: code=" + code);
        }
    }

    /**
     * Objects that were given ordinals.
     *
     * @param generation of the listing that found them, from 0
     * @param firstOrdinal of the first; the others follow densely
     * @param bytesBefore length of all objects of lower ordinals
     * @param recordLengthMax what is longer is left out or split
     * @param ends where the index of the partitions ended before, the first ordinal's partition
     *     first; empty for {@link Rule#SCANNED}
     */
    record Objects(
            Rule rule,
            int partitionCount,
            int generation,
            long firstOrdinal,
            long bytesBefore,
            int recordLengthMax,
            List<ListedObject> objects,
            List<SourceEnd> ends) {

        /** How many partitions get some of these objects. */
        static int endCount(Rule rule, int partitionCount, int objectCount) {
            return rule == Rule.SCANNED ? 0 : Math.min(partitionCount, objectCount);
        }

        /** Bytes that these entries take beside their objects. */
        static int fixedLength(int endCount) {
            return HEADER_LENGTH
                    + 1
                    + 4 * Integer.BYTES
                    + 2 * Long.BYTES
                    + endCount * SourceEnd.LENGTH;
        }

        ByteBuffer encode() {
            int length = fixedLength(ends.size());
            for (ListedObject object : objects) {
                length += object.encodedLength();
            }
            ByteBuffer payload = begin(OBJECTS, length);
            payload.put(rule.code).putInt(partitionCount).putInt(generation);
            payload.putLong(firstOrdinal).putLong(bytesBefore).putInt(recordLengthMax);
            payload.putInt(objects.size());
            objects.forEach(object -> object.encode(payload));
            ends.forEach(end -> end.encode(payload));
            return payload.flip();
        }

        static Objects decode(ByteBuffer payload) {
            Rule rule = Rule.of(payload.get());
            int partitionCount = payload.getInt();
            int generation = payload.getInt();
            long firstOrdinal = payload.getLong();
            long bytesBefore = payload.getLong();
            int recordLengthMax = payload.getInt();
            int count = payload.getInt();
            List<ListedObject> objects = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                objects.add(ListedObject.decode(payload));
            }
            List<SourceEnd> ends = new ArrayList<>();
            for (int i = 0; i < endCount(rule, partitionCount, count); i++) {
                ends.add(SourceEnd.decode(payload));
            }
            return new Objects(
                    rule,
                    partitionCount,
                    generation,
                    firstOrdinal,
                    bytesBefore,
                    recordLengthMax,
                    objects,
                    ends);
        }
    }

    /**
     * A listing came to its end.
     *
     * @param generation of the listing
     * @param objectCount ordinals given so far, in all generations
     * @param byteCount length of their objects
     * @param orphanCount objects that no joined sample has use for
     */
    record GenerationEnd(int generation, long objectCount, long byteCount, long orphanCount) {
        ByteBuffer encode() {
            return begin(GENERATION_END, HEADER_LENGTH + Integer.BYTES + 3 * Long.BYTES)
                    .putInt(generation)
                    .putLong(objectCount)
                    .putLong(byteCount)
                    .putLong(orphanCount)
                    .flip();
        }

        static GenerationEnd decode(ByteBuffer payload) {
            return new GenerationEnd(
                    payload.getInt(), payload.getLong(), payload.getLong(), payload.getLong());
        }
    }

    /**
     * A stretch of one object was looked into.
     *
     * @param partition number
     * @param ordinal of the object
     * @param block its records; null if it has none
     * @param facts what was decided about the object; null if that is known, or follows from the
     *     topic
     * @param faults what was found in it
     * @param end where the index goes on
     */
    record Stretch(
            int partition,
            long ordinal,
            @Nullable SourceBlock block,
            @Nullable ObjectFacts facts,
            List<Fault> faults,
            SourceEnd end) {
        private static final int HAS_BLOCK = 1;
        private static final int HAS_FACTS = 2;

        ByteBuffer encode() {
            byte[] factBytes = facts == null ? new byte[0] : facts.encode();
            List<byte[]> faultBytes = faults.stream().map(Fault::encode).toList();
            int length = HEADER_LENGTH + Integer.BYTES + Long.BYTES + 1 + factBytes.length;
            length += block == null ? 0 : Long.BYTES + SourceIndex.blockValueLength(block);
            length += Integer.BYTES + SourceEnd.LENGTH;
            for (byte[] fault : faultBytes) {
                length += fault.length;
            }
            ByteBuffer payload = begin(STRETCH, length).putInt(partition).putLong(ordinal);
            payload.put((byte) ((block == null ? 0 : HAS_BLOCK) | (facts == null ? 0 : HAS_FACTS)));
            if (block != null) {
                payload.putLong(block.firstOffset());
                SourceIndex.putBlockValue(payload, block);
            }
            payload.put(factBytes).putInt(faultBytes.size());
            faultBytes.forEach(payload::put);
            end.encode(payload);
            return payload.flip();
        }

        static Stretch decode(long topicId, ByteBuffer payload) {
            int partition = payload.getInt();
            long ordinal = payload.getLong();
            byte flags = payload.get();
            SourceBlock block =
                    (flags & HAS_BLOCK) == 0
                            ? null
                            : SourceIndex.getBlockValue(
                                    topicId, partition, payload.getLong(), payload);
            ObjectFacts facts = (flags & HAS_FACTS) == 0 ? null : ObjectFacts.decode(payload);
            int faultCount = payload.getInt();
            List<Fault> faults = new ArrayList<>();
            for (int i = 0; i < faultCount; i++) {
                faults.add(Fault.decode(payload));
            }
            return new Stretch(partition, ordinal, block, facts, faults, SourceEnd.decode(payload));
        }
    }

    /**
     * Objects of a joined source that wait for what they belong to.
     *
     * @param tree number of their tree in {@code headrace.source.join}
     */
    record Waiting(short tree, List<StoredObject> objects) {
        ByteBuffer encode() {
            int length = HEADER_LENGTH + Short.BYTES + Integer.BYTES;
            for (StoredObject object : objects) {
                length += encodedLength(object);
            }
            ByteBuffer payload = begin(WAITING, length).putShort(tree).putInt(objects.size());
            objects.forEach(object -> putObject(payload, object));
            return payload.flip();
        }

        static Waiting decode(ByteBuffer payload) {
            short tree = payload.getShort();
            int count = payload.getInt();
            List<StoredObject> objects = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                objects.add(getObject(payload));
            }
            return new Waiting(tree, objects);
        }
    }

    /**
     * Reads kind and version; the payload then stands at what the kind's {@code decode} reads.
     *
     * @throws IllegalArgumentException if a newer version wrote it
     */
    static byte kind(ByteBuffer payload) {
        byte kind = payload.get();
        byte version = payload.get();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "unknown source index entry: kind=" + kind + " version=" + version);
        }
        return kind;
    }

    private static ByteBuffer begin(byte kind, int length) {
        return ByteBuffer.allocate(length).put(kind).put(VERSION);
    }

    static int encodedLength(StoredObject object) {
        return OBJECT_FIXED_LENGTH + bytes(object.key()).length + bytes(object.version()).length;
    }

    static void putObject(ByteBuffer into, StoredObject object) {
        putText(into, bytes(object.key()));
        into.putLong(object.length());
        putText(into, bytes(object.version()));
        into.putLong(object.modifiedMs());
    }

    static StoredObject getObject(ByteBuffer from) {
        String key = getText(from);
        long length = from.getLong();
        String version = getText(from);
        return new StoredObject(key, length, version, from.getLong());
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void putText(ByteBuffer into, byte[] text) {
        into.putInt(text.length).put(text);
    }

    static String getText(ByteBuffer from) {
        byte[] text = new byte[from.getInt()];
        from.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
