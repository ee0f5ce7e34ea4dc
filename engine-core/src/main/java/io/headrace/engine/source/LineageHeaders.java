package io.headrace.engine.source;

import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.nio.ByteBuffer;

/** Record headers that say which bytes of which version of which object a sample is. */
final class LineageHeaders {
    static final String OBJECT = "headrace.object";
    static final String RANGE = "headrace.range";
    static final String VERSION = "headrace.version";
    static final int COUNT = 3;

    private static final int VARINT_LENGTH_MAX = 5;

    private LineageHeaders() {}

    /** The headers of a whole object, as they stand on the wire. */
    static ByteBuffer of(StoredObject object) {
        byte[] key = SourceEntries.bytes(object.key());
        byte[] range = SourceEntries.bytes("0-" + object.length());
        byte[] version = SourceEntries.bytes(object.version());
        int names = OBJECT.length() + RANGE.length() + VERSION.length();
        ByteBuffer into =
                ByteBuffer.allocate(
                        names
                                + key.length
                                + range.length
                                + version.length
                                + 2 * COUNT * VARINT_LENGTH_MAX);
        put(into, OBJECT, key);
        put(into, RANGE, range);
        put(into, VERSION, version);
        return into.flip();
    }

    private static void put(ByteBuffer into, String name, byte[] value) {
        byte[] nameBytes = SourceEntries.bytes(name);
        RecordBatchWriter.putVarint(into, nameBytes.length);
        into.put(nameBytes);
        RecordBatchWriter.putVarint(into, value.length);
        into.put(value);
    }
}
