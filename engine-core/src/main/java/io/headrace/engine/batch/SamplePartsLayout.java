package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Writes the value of a record that holds a sample of several parts: a MessagePack map in its
 * fixed-width forms only, so that its length follows from names and lengths alone, and values can
 * be read from a file or socket into their places. {@link SampleParts} reads it.
 *
 * <p>Not thread-safe; allocates nothing where names are ASCII.
 */
@Experimental
public final class SamplePartsLayout {
    /** Most parts of a sample. */
    public static final int PART_COUNT_MAX = 65_535;

    /** Most bytes of a part's name, in UTF-8. */
    public static final int NAME_LENGTH_MAX = 255;

    private static final byte MAP_16 = (byte) 0xde;
    private static final byte STR_8 = (byte) 0xd9;
    private static final byte BIN_32 = (byte) 0xc6;

    private static final int MAP_LENGTH = 1 + Short.BYTES;
    private static final int NAME_HEADER_LENGTH = 1 + Byte.BYTES;
    private static final int VALUE_HEADER_LENGTH = 1 + Integer.BYTES;

    private ByteBuffer into = ByteBuffer.allocate(0);
    private int at;
    private int partsLeft;

    /** Bytes before the first part. */
    public static int headerLength() {
        return MAP_LENGTH;
    }

    /** Bytes that a part takes, its value included. */
    public static long partLength(String name, long valueLength) {
        return NAME_HEADER_LENGTH + utf8Length(name) + VALUE_HEADER_LENGTH + valueLength;
    }

    /**
     * Begins a sample.
     *
     * @param buffer big endian; its position and limit are left as they are
     * @param index where the record's value begins in it
     */
    public SamplePartsLayout begin(ByteBuffer buffer, int index, int partCount) {
        if (partCount < 0 || partCount > PART_COUNT_MAX) {
            throw new IllegalArgumentException(
                    "too many parts in one sample: count=" + partCount + " max=" + PART_COUNT_MAX);
        }
        into = buffer;
        partsLeft = partCount;
        into.put(index, MAP_16);
        into.putShort(index + 1, (short) partCount);
        at = index + MAP_LENGTH;
        return this;
    }

    /**
     * Writes what stands before a part's value.
     *
     * @return index of the value's first byte; the caller writes the value there
     */
    public int part(String name, int valueLength) {
        int nameLength = utf8Length(name);
        if (nameLength > NAME_LENGTH_MAX || partsLeft == 0) {
            throw new IllegalArgumentException(
                    "part does not fit: name=" + name + " partsLeft=" + partsLeft);
        }
        partsLeft--;
        into.put(at, STR_8);
        into.put(at + 1, (byte) nameLength);
        putName(at + NAME_HEADER_LENGTH, name, nameLength);
        int headerAt = at + NAME_HEADER_LENGTH + nameLength;
        into.put(headerAt, BIN_32);
        into.putInt(headerAt + 1, valueLength);
        int valueAt = headerAt + VALUE_HEADER_LENGTH;
        at = valueAt + valueLength;
        return valueAt;
    }

    /** Where the sample ends, after its last part. */
    public int end() {
        if (partsLeft != 0) {
            throw new IllegalStateException("parts are missing: partsLeft=" + partsLeft);
        }
        return at;
    }

    private void putName(int index, String name, int length) {
        if (length != name.length()) {
            into.put(index, name.getBytes(StandardCharsets.UTF_8));
            return;
        }
        for (int i = 0; i < length; i++) {
            into.put(index + i, (byte) name.charAt(i));
        }
    }

    private static int utf8Length(String name) {
        for (int i = 0; i < name.length(); i++) {
            if (name.charAt(i) >= 0x80) {
                return name.getBytes(StandardCharsets.UTF_8).length;
            }
        }
        return name.length();
    }
}
