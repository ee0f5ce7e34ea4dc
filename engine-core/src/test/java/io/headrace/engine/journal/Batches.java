package io.headrace.engine.journal;

import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.util.Random;

/** Record batches for tests. */
final class Batches {
    private Batches() {}

    /** A batch of one record with a value of that length, the same for the same seed. */
    static ByteBuffer batch(int valueLength, long seed) {
        byte[] value = new byte[valueLength];
        new Random(seed).nextBytes(value);
        ByteBuffer buffer = ByteBuffer.allocateDirect(valueLength + 200);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1_000);
        writer.append(1_000, null, ByteBuffer.wrap(value));
        writer.end();
        return buffer.flip();
    }
}
