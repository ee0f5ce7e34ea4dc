package io.headrace.engine.source;

import java.nio.ByteBuffer;

/**
 * Where the index of a partition ends, and what is in it so far.
 *
 * @param offset of the next record
 * @param ordinal of the object that it comes from, or of a later one
 * @param fromByte first byte of that object that was not indexed yet, after decompression
 * @param objectCount objects that are indexed to their end
 * @param byteCount bytes of objects that are indexed, after decompression
 * @param leftOutCount samples and objects that are longer than a record may be
 * @param badCount objects that broke the rules of their format
 */
record SourceEnd(
        long offset,
        long ordinal,
        long fromByte,
        long objectCount,
        long byteCount,
        long leftOutCount,
        long badCount) {
    static final int LENGTH = 7 * Long.BYTES;

    /** Before the first object of a partition. */
    static SourceEnd begin(int partition) {
        return new SourceEnd(0, partition, 0, 0, 0, 0, 0);
    }

    void encode(ByteBuffer into) {
        into.putLong(offset).putLong(ordinal).putLong(fromByte);
        into.putLong(objectCount).putLong(byteCount).putLong(leftOutCount).putLong(badCount);
    }

    static SourceEnd decode(ByteBuffer from) {
        return new SourceEnd(
                from.getLong(),
                from.getLong(),
                from.getLong(),
                from.getLong(),
                from.getLong(),
                from.getLong(),
                from.getLong());
    }

    /** So many records on, up to a byte of the same object. */
    SourceEnd at(long toOffset, long toByte, int leftOut) {
        return new SourceEnd(
                toOffset,
                ordinal,
                toByte,
                objectCount,
                byteCount + (toByte - fromByte),
                leftOutCount + leftOut,
                badCount);
    }

    /** Behind the object. */
    SourceEnd nextObject(int partitionCount) {
        return new SourceEnd(
                offset,
                ordinal + partitionCount,
                0,
                objectCount + 1,
                byteCount,
                leftOutCount,
                badCount);
    }

    /** One more bad object. */
    SourceEnd withBad() {
        return new SourceEnd(
                offset, ordinal, fromByte, objectCount, byteCount, leftOutCount, badCount + 1);
    }
}
