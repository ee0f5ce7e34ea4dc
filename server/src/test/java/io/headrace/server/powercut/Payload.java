package io.headrace.server.powercut;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * The value of a record, made from its id, so that whoever reads it knows every byte that it must
 * have. Short ones and long ones: the journal writes these in different ways.
 */
final class Payload {
    private static final int SHORT_MAX = 2_000;
    private static final int LONG_MAX = 30_000;
    private static final int LONG_ONE_IN = 5;

    private Payload() {}

    static byte[] of(long id) {
        SplittableRandom random = new SplittableRandom(id);
        int max = random.nextInt(LONG_ONE_IN) == 0 ? LONG_MAX : SHORT_MAX;
        byte[] bytes = new byte[Long.BYTES + random.nextInt(max)];
        random.nextBytes(bytes);
        ByteBuffer.wrap(bytes).putLong(0, id);
        return bytes;
    }

    /** The id that a value says it has. */
    static long id(byte[] value) {
        return value.length < Long.BYTES ? -1 : ByteBuffer.wrap(value).getLong(0);
    }
}
