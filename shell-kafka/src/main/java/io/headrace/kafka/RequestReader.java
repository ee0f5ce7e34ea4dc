package io.headrace.kafka;

import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.ByteBufferAccessor;

/**
 * Reads a request's fields and counts them.
 *
 * <p>The generated readers of kafka-clients 4.4 compare each count with the bytes that remain
 * before they allocate anything by it, so a false count ends a request. What they do not bound is
 * an honest one: an empty string is one byte of a frame and some forty of heap. So the number of
 * fields is bounded here, and what they take is charged to the connection beside the frame itself.
 */
final class RequestReader extends ByteBufferAccessor {
    /** Enough for a request about some hundred thousand partitions. */
    static final int FIELDS_MAX = 2_000_000;

    /** A string with its array, or a small object with its place in a list. */
    private static final int HEAP_BYTES_PER_FIELD = 40;

    private int fieldCount;

    RequestReader(ByteBuffer buffer) {
        super(buffer);
    }

    /** What the request takes of the heap, roughly, in bytes. */
    long heapBytes() {
        return (long) fieldCount * HEAP_BYTES_PER_FIELD;
    }

    private void count() {
        if (++fieldCount > FIELDS_MAX) {
            throw new IllegalArgumentException("more than " + FIELDS_MAX + " fields");
        }
    }

    @Override
    public byte readByte() {
        count();
        return super.readByte();
    }

    @Override
    public short readShort() {
        count();
        return super.readShort();
    }

    @Override
    public int readInt() {
        count();
        return super.readInt();
    }

    @Override
    public long readLong() {
        count();
        return super.readLong();
    }

    @Override
    public double readDouble() {
        count();
        return super.readDouble();
    }

    @Override
    public byte[] readArray(int length) {
        count();
        return super.readArray(length);
    }

    @Override
    public ByteBuffer readByteBuffer(int length) {
        count();
        return super.readByteBuffer(length);
    }

    @Override
    public int readUnsignedVarint() {
        count();
        return super.readUnsignedVarint();
    }

    @Override
    public int readVarint() {
        count();
        return super.readVarint();
    }

    @Override
    public long readVarlong() {
        count();
        return super.readVarlong();
    }
}
