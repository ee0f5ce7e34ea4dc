package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/**
 * Stamps batches of topics with {@code message.timestamp.type=LogAppendTime}, in a copy: the
 * caller's bytes stay.
 */
final class LogAppendTime {
    private LogAppendTime() {}

    static ByteBuffer stamp(ByteBuffer batch, long timeMs) {
        ByteBuffer copy = ByteBuffer.allocateDirect(batch.remaining());
        copy.put(0, batch, batch.position(), batch.remaining());
        RecordBatch.logAppendTime(copy, 0, timeMs);
        return copy;
    }
}
