package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Payloads of {@code SOURCE_INDEX} journal entries, big endian; specified in
 * docs/design/formats.md, "Source index". Each says all that applying it needs, so that applying
 * uses nothing but the entry.
 */
final class SourceEntries {
    static final byte OBJECTS = 1;
    static final byte GENERATION_END = 2;
    static final byte BLOCK = 3;

    private static final byte VERSION = 1;
    private static final int HEADER_LENGTH = 2;
    private static final int OBJECT_FIXED_LENGTH =
            Integer.BYTES + Long.BYTES + Integer.BYTES + Long.BYTES;

    private SourceEntries() {}

    /**
     * Objects that were given ordinals.
     *
     * @param generation of the listing that found them, from 0
     * @param firstOrdinal of the first; the others follow densely
     */
    record Objects(
            SourceFormat format,
            int partitionCount,
            int generation,
            long firstOrdinal,
            List<StoredObject> objects) {

        ByteBuffer encode() {
            int length = HEADER_LENGTH + 1 + 3 * Integer.BYTES + Long.BYTES;
            List<byte[]> texts = new ArrayList<>(2 * objects.size());
            for (StoredObject object : objects) {
                byte[] key = bytes(object.key());
                byte[] version = bytes(object.version());
                texts.add(key);
                texts.add(version);
                length += OBJECT_FIXED_LENGTH + key.length + version.length;
            }
            ByteBuffer payload = begin(OBJECTS, length);
            payload.put(format.code()).putInt(partitionCount).putInt(generation);
            payload.putLong(firstOrdinal).putInt(objects.size());
            for (int i = 0; i < objects.size(); i++) {
                putText(payload, texts.get(2 * i));
                payload.putLong(objects.get(i).length());
                putText(payload, texts.get(2 * i + 1));
                payload.putLong(objects.get(i).modifiedMs());
            }
            return payload.flip();
        }

        static Objects decode(ByteBuffer payload) {
            SourceFormat format = SourceFormat.of(payload.get());
            int partitionCount = payload.getInt();
            int generation = payload.getInt();
            long firstOrdinal = payload.getLong();
            int count = payload.getInt();
            List<StoredObject> objects = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                objects.add(getObject(payload));
            }
            return new Objects(format, partitionCount, generation, firstOrdinal, objects);
        }
    }

    /**
     * A listing came to its end.
     *
     * @param generation of the listing
     * @param objectCount ordinals given so far, in all generations
     */
    record GenerationEnd(int generation, long objectCount) {
        ByteBuffer encode() {
            return begin(GENERATION_END, HEADER_LENGTH + Integer.BYTES + Long.BYTES)
                    .putInt(generation)
                    .putLong(objectCount)
                    .flip();
        }

        static GenerationEnd decode(ByteBuffer payload) {
            return new GenerationEnd(payload.getInt(), payload.getLong());
        }
    }

    /**
     * A range of lines was counted.
     *
     * @param block the range; its record count may be 0 (all lines left out), then it is no block
     * @param next where counting goes on
     */
    record Lines(SourceBlock block, SourceEnd next) {
        private static final int LENGTH = HEADER_LENGTH + 3 * Integer.BYTES + 7 * Long.BYTES;

        ByteBuffer encode() {
            return begin(BLOCK, LENGTH)
                    .putInt(block.partition())
                    .putLong(block.firstOffset())
                    .putInt(block.recordCount())
                    .putLong(block.ordinal())
                    .putLong(block.fromByte())
                    .putLong(block.toByte())
                    .putInt(block.recordLengthMax())
                    .putLong(block.maxTimestampMs())
                    .putLong(next.ordinal())
                    .putLong(next.fromByte())
                    .flip();
        }

        static Lines decode(long topicId, ByteBuffer payload) {
            SourceBlock block =
                    new SourceBlock(
                            topicId,
                            payload.getInt(),
                            payload.getLong(),
                            payload.getInt(),
                            payload.getLong(),
                            payload.getLong(),
                            payload.getLong(),
                            payload.getInt(),
                            payload.getLong());
            return new Lines(
                    block, new SourceEnd(block.endOffset(), payload.getLong(), payload.getLong()));
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

    static byte[] objectValue(StoredObject object) {
        byte[] key = bytes(object.key());
        byte[] version = bytes(object.version());
        ByteBuffer value = ByteBuffer.allocate(OBJECT_FIXED_LENGTH + key.length + version.length);
        putText(value, key);
        value.putLong(object.length());
        putText(value, version);
        value.putLong(object.modifiedMs());
        return value.array();
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

    private static void putText(ByteBuffer into, byte[] text) {
        into.putInt(text.length).put(text);
    }

    private static String getText(ByteBuffer from) {
        byte[] text = new byte[from.getInt()];
        from.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
