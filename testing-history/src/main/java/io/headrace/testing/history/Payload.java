package io.headrace.testing.history;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The value of a record, made from what it is known by, so that whoever reads it knows every byte
 * that it must have.
 */
final class Payload {
    /** Partition, with one added, so that zeros are nobody's; id; length. */
    static final int LENGTH_MIN = Integer.BYTES + Long.BYTES + Integer.BYTES;

    private static final int ID = Integer.BYTES;
    private static final int LENGTH = ID + Long.BYTES;

    private Payload() {}

    static byte[] of(int partition, long id, int length) {
        if (length < LENGTH_MIN) {
            throw new IllegalArgumentException("length=" + length + " min=" + LENGTH_MIN);
        }
        byte[] bytes = new byte[length];
        new SplittableRandom(id * 31 + partition).nextBytes(bytes);
        ByteBuffer.wrap(bytes).putInt(partition + 1).putLong(id).putInt(length);
        return bytes;
    }

    /**
     * The id that a value says it has; −1 if it says that it is another partition's, or nothing.
     */
    static long id(int partition, byte[] value) {
        boolean isOurs =
                value.length >= LENGTH_MIN && ByteBuffer.wrap(value).getInt(0) == partition + 1;
        return isOurs ? ByteBuffer.wrap(value).getLong(ID) : -1;
    }

    static boolean isWhole(int partition, long id, byte[] value) {
        int length = ByteBuffer.wrap(value).getInt(LENGTH);
        return length == value.length && Arrays.equals(value, of(partition, id, length));
    }
}
