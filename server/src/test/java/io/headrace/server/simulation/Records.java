package io.headrace.server.simulation;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/** The records of what was read. */
final class Records {
    interface Consumer {
        void accept(long offset, byte[] value, int leaderEpoch);
    }

    private Records() {}

    /** Hands over each record from an offset on. */
    static void forEach(RecordsLease lease, long fromOffset, Consumer consumer) {
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            int at = slice.position();
            while (at < slice.limit()) {
                int length = RecordBatch.length(slice, at);
                if (!RecordBatch.isSound(slice.duplicate().position(at).limit(at + length))) {
                    throw new SimulationFailure("unsound batch was served");
                }
                forEachOfBatch(slice, at, fromOffset, consumer);
                at += length;
            }
        }
    }

    private static void forEachOfBatch(
            ByteBuffer slice, int at, long fromOffset, Consumer consumer) {
        long offset = RecordBatch.baseOffset(slice, at);
        int epoch = RecordBatch.leaderEpoch(slice, at);
        ByteBuffer body = slice.duplicate().position(at + RecordBatch.HEADER_LENGTH);
        for (int i = 0; i < RecordBatch.recordCount(slice, at); i++) {
            byte[] value = nextValue(body);
            if (offset + i >= fromOffset) {
                consumer.accept(offset + i, value, epoch);
            }
        }
    }

    private static byte[] nextValue(ByteBuffer body) {
        int length = (int) varint(body);
        int end = body.position() + length;
        body.get();
        varint(body);
        varint(body);
        int keyLength = (int) Math.max(0, varint(body));
        body.position(body.position() + keyLength);
        byte[] value = new byte[(int) varint(body)];
        body.get(value);
        body.position(end);
        return value;
    }

    private static long varint(ByteBuffer buffer) {
        long zigzag = 0;
        int shift = 0;
        byte next;
        do {
            next = buffer.get();
            zigzag |= (long) (next & 0x7F) << shift;
            shift += 7;
        } while (next < 0);
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }
}
