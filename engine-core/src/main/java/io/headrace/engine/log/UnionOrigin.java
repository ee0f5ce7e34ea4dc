package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Where a record of a union comes from, as its last two headers say: the topic's name, and behind
 * it topic id, partition and offset (docs/design/formats.md). The last bytes of a record are these
 * three, so that nobody has to look for them. Used by one thread.
 */
final class UnionOrigin {
    /** Of topic id, partition and offset. */
    static final int LENGTH = 2 * Long.BYTES + Integer.BYTES;

    /** How many headers these are. */
    static final int HEADER_COUNT = 2;

    private static final byte[] TOPIC = "headrace.topic".getBytes(StandardCharsets.UTF_8);
    private static final byte[] ORIGIN = "headrace.origin".getBytes(StandardCharsets.UTF_8);
    private static final int VARINTS_LENGTH_MAX = 4 * 5;

    private ByteBuffer headers = ByteBuffer.allocate(1024);

    /**
     * Headers of a record and these two behind them, as they stand on the wire; overwritten by the
     * next.
     *
     * @param topic the name's bytes
     */
    ByteBuffer append(ByteBuffer own, byte[] topic, long topicId, int partition, long offset) {
        int lengthMax =
                own.remaining()
                        + TOPIC.length
                        + topic.length
                        + ORIGIN.length
                        + LENGTH
                        + VARINTS_LENGTH_MAX;
        if (headers.capacity() < lengthMax) {
            headers = ByteBuffer.allocate(Math.max(lengthMax, 2 * headers.capacity()));
        }
        headers.clear().put(own.duplicate());
        put(TOPIC, topic.length);
        headers.put(topic);
        put(ORIGIN, LENGTH);
        headers.putLong(topicId).putInt(partition).putLong(offset);
        return headers.flip();
    }

    private void put(byte[] name, int valueLength) {
        RecordBatchWriter.putVarint(headers, name.length);
        headers.put(name);
        RecordBatchWriter.putVarint(headers, valueLength);
    }

    static long topicId(ByteBuffer batch, int at) {
        return batch.getLong(at);
    }

    static int partition(ByteBuffer batch, int at) {
        return batch.getInt(at + Long.BYTES);
    }

    static long offset(ByteBuffer batch, int at) {
        return batch.getLong(at + Long.BYTES + Integer.BYTES);
    }
}
