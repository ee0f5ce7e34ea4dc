package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.batch.SampleParts;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;

/**
 * Record headers as they stand on the wire: which bytes of which version of which object a sample
 * is, and how its value is encoded. One for all samples of an object; what {@link #buffer} gives is
 * overwritten by the next sample's. Used by one thread.
 */
final class LineageHeaders {
    static final String OBJECT = "headrace.object";
    static final String RANGE = "headrace.range";
    static final String VERSION = "headrace.version";

    private static final int VARINT_LENGTH_MAX = 5;

    /** Digits of two positions, and what is between them. */
    private static final int RANGE_LENGTH_MAX = 2 * 19 + 1;

    private static final byte[] FORMAT_BYTES = SourceEntries.bytes(SampleParts.FORMAT_HEADER);
    private static final byte[] PARTS_BYTES = SourceEntries.bytes(SampleParts.FORMAT);
    private static final byte[] OBJECT_BYTES = SourceEntries.bytes(OBJECT);
    private static final byte[] RANGE_BYTES = SourceEntries.bytes(RANGE);
    private static final byte[] VERSION_BYTES = SourceEntries.bytes(VERSION);
    private static final byte[] SKIPPED_BYTES = SourceEntries.bytes(SkippedOffsets.HEADER);
    private static final byte[] TRUE_BYTES = SourceEntries.bytes("true");

    private final byte[] key;
    private final byte[] version;
    private final ByteBuffer into;
    private final byte[] range = new byte[RANGE_LENGTH_MAX];
    private int count;

    LineageHeaders(StoredObject object) {
        key = SourceEntries.bytes(object.key());
        version = SourceEntries.bytes(object.version());
        int names =
                OBJECT_BYTES.length
                        + RANGE_BYTES.length
                        + VERSION_BYTES.length
                        + FORMAT_BYTES.length
                        + PARTS_BYTES.length
                        + SKIPPED_BYTES.length
                        + TRUE_BYTES.length;
        into =
                ByteBuffer.allocate(
                        names
                                + key.length
                                + version.length
                                + RANGE_LENGTH_MAX
                                + 2 * 5 * VARINT_LENGTH_MAX);
    }

    /** Begins a record without headers. */
    LineageHeaders none() {
        into.clear();
        count = 0;
        return this;
    }

    /** Begins a record with its lineage: a range of the object, the end exclusive. */
    LineageHeaders of(long from, long to) {
        none();
        put(OBJECT_BYTES, key, 0, key.length);
        int end = putDigits(to, RANGE_LENGTH_MAX);
        range[end - 1] = '-';
        int begin = putDigits(from, end - 1);
        put(RANGE_BYTES, range, begin, RANGE_LENGTH_MAX - begin);
        put(VERSION_BYTES, version, 0, version.length);
        return this;
    }

    /** Adds that the value is a map of parts. */
    LineageHeaders withParts() {
        put(FORMAT_BYTES, PARTS_BYTES, 0, PARTS_BYTES.length);
        return this;
    }

    /** Adds that the value was taken out. */
    LineageHeaders withSkipped() {
        put(SKIPPED_BYTES, TRUE_BYTES, 0, TRUE_BYTES.length);
        return this;
    }

    /** Writes a number before an index; returns where it begins. */
    private int putDigits(long number, int before) {
        int at = before;
        long rest = number;
        do {
            range[--at] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest > 0);
        return at;
    }

    private void put(byte[] name, byte[] value, int from, int length) {
        RecordBatchWriter.putVarint(into, name.length);
        into.put(name);
        RecordBatchWriter.putVarint(into, length);
        into.put(value, from, length);
        count++;
    }

    /** How many there are. */
    int count() {
        return count;
    }

    /** Their bytes, from position to limit. */
    ByteBuffer buffer() {
        return into.duplicate().flip();
    }

    int length() {
        return into.position();
    }
}
