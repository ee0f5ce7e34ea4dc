package io.headrace.objects.format;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Little-endian integers of a borrowed buffer, whatever byte order that has. */
final class LittleEndian {
    private static final VarHandle INT =
            MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG =
            MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private LittleEndian() {}

    static int intAt(ByteBuffer bytes, int index) {
        return (int) INT.get(bytes, index);
    }

    static long unsignedIntAt(ByteBuffer bytes, int index) {
        return Integer.toUnsignedLong(intAt(bytes, index));
    }

    static long longAt(ByteBuffer bytes, int index) {
        return (long) LONG.get(bytes, index);
    }
}
