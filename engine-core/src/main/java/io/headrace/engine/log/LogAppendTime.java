package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/**
 * Stamps batches of topics with {@code message.timestamp.type=LogAppendTime}, in a copy: the
 * caller's bytes stay.
 *
 * <p>Each thread that appends has a buffer for that, as long as the longest batch that it has
 * stamped, up to the next power of two; {@code max.message.bytes} bounds it. A buffer for each
 * batch would be off-heap memory that comes back when the heap is collected, and not when it is
 * used up.
 */
final class LogAppendTime {
    private static final int FIRST_CAPACITY = 16 << 10;

    private static final ThreadLocal<ByteBuffer> COPY_OF_THREAD =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(FIRST_CAPACITY));

    private LogAppendTime() {}

    /** A stamped copy, which is this thread's until it stamps the next batch. */
    static ByteBuffer stamp(ByteBuffer batch, long timeMs) {
        int length = batch.remaining();
        ByteBuffer copy = copyOfThread(length).clear().limit(length);
        copy.put(0, batch, batch.position(), length);
        RecordBatch.logAppendTime(copy, 0, timeMs);
        return copy;
    }

    private static ByteBuffer copyOfThread(int length) {
        ByteBuffer copy = COPY_OF_THREAD.get();
        if (copy.capacity() < length) {
            copy = ByteBuffer.allocateDirect(capacity(length));
            COPY_OF_THREAD.set(copy);
        }
        return copy;
    }

    private static int capacity(int length) {
        int highest = Integer.highestOneBit(length);
        return highest == length || highest == 1 << 30 ? length : highest << 1;
    }
}
