package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogAppendTimeTest {
    private static final int COUNT = 20_000;
    private static final int WARM_UP_MAX = 20;

    @Test
    void theCopyIsStampedAndWhatWasSentStaysAsItWas() {
        for (int valueLength : List.of(10, 100_000, 0, 3_000_000, 5000)) {
            ByteBuffer sent = batch(valueLength);
            // In the middle of a buffer, as in a request.
            ByteBuffer framed = ByteBuffer.allocate(sent.remaining() + 20);
            framed.put(7, sent, 0, sent.remaining()).position(7).limit(7 + sent.remaining());
            ByteBuffer before = ByteBuffer.allocate(framed.capacity());
            before.put(0, framed, 0, framed.limit());
            ByteBuffer stamped = LogAppendTime.stamp(framed, 12_345);
            assertEquals(sent.remaining(), stamped.remaining());
            assertTrue(RecordBatch.isSound(stamped));
            assertEquals(12_345, RecordBatch.maxTimestamp(stamped, stamped.position()));
            assertEquals(7, framed.position());
            assertEquals(7 + sent.remaining(), framed.limit());
            assertEquals(before.position(7).limit(framed.limit()), framed);
        }
    }

    /** Once it is compiled; the compiler may be kept from its work for a while. */
    @Test
    void stampingAllocatesNothing() {
        ByteBuffer batch = batch(500);
        long allocated = Long.MAX_VALUE;
        // Not per batch: whatever the JVM itself does on this thread now and then.
        for (int pass = 0; pass < WARM_UP_MAX && allocated >= COUNT; pass++) {
            allocated = allocatedByStamps(batch);
        }
        assertTrue(allocated < COUNT, "allocated bytes " + allocated);
    }

    private static long allocatedByStamps(ByteBuffer batch) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < COUNT; i++) {
            LogAppendTime.stamp(batch, i);
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    private static ByteBuffer batch(int valueLength) {
        ByteBuffer buffer =
                ByteBuffer.allocateDirect(
                        RecordBatch.HEADER_LENGTH + RecordBatchWriter.lengthMax(0, valueLength));
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        writer.append(1, null, ByteBuffer.allocate(valueLength));
        writer.end();
        return buffer.flip();
    }
}
