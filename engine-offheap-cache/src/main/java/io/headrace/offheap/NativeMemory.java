package io.headrace.offheap;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import org.agrona.BufferUtil;
import org.agrona.UnsafeApi;

/**
 * Memory outside of the heap, and direct buffers over it.
 *
 * <p>{@link ByteBuffer#allocateDirect} is not used: it counts against {@code
 * -XX:MaxDirectMemorySize}, which an embedder has set for other reasons, and it writes zeros to
 * every page, so that unused budget would be resident.
 */
final class NativeMemory {
    /** What a view begins as: the fields that say where it points are overwritten. */
    private static final ByteBuffer SEED = ByteBuffer.allocateDirect(1);

    private static final long CAPACITY = UnsafeApi.objectFieldOffset(Buffer.class, "capacity");
    private static final long ADDRESS = BufferUtil.BYTE_BUFFER_ADDRESS_FIELD_OFFSET;

    static {
        checkViews();
    }

    private NativeMemory() {}

    /**
     * Takes memory whose content is undefined; throws {@link OutOfMemoryError} if there is none.
     */
    static long allocate(long bytes) {
        return UnsafeApi.allocateMemory(bytes);
    }

    /** Gives back what {@link #allocate} returned. */
    static void free(long address) {
        UnsafeApi.freeMemory(address);
    }

    /** A direct buffer over memory that somebody else keeps allocated. */
    static ByteBuffer view(long address, int length) {
        ByteBuffer view = SEED.duplicate();
        UnsafeApi.putLong(view, ADDRESS, address);
        UnsafeApi.putInt(view, CAPACITY, length);
        return view.clear();
    }

    /** Makes a view useless: every access to it throws from now on. Duplicates are not reached. */
    static void blank(ByteBuffer view) {
        view.position(0).limit(0);
        UnsafeApi.putInt(view, CAPACITY, 0);
        UnsafeApi.putLong(view, ADDRESS, BufferUtil.address(SEED));
    }

    /** A JDK that lays buffers out in another way must fail here and not by writing elsewhere. */
    private static void checkViews() {
        long address = allocate(Long.BYTES);
        try {
            UnsafeApi.putLong(address, 0);
            ByteBuffer view = view(address, Long.BYTES).putLong(0, -2L);
            boolean isSound = UnsafeApi.getLong(address) == Long.reverseBytes(-2L);
            if (!isSound && UnsafeApi.getLong(address) != -2L || view.capacity() != Long.BYTES) {
                throw new ExceptionInInitializerError(
                        "direct buffers are not laid out as expected: java="
                                + System.getProperty("java.version"));
            }
        } finally {
            free(address);
        }
    }
}
