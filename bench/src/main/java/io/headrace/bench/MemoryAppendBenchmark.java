package io.headrace.bench;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.MemoryStore.MemoryLog;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Appends one batch of one record to a memory log that overwrites its oldest: {@code -prof gc} must
 * show 0 bytes per operation.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class MemoryAppendBenchmark {
    private static final long MIB = 1 << 20;

    /** Bytes of the record's value. */
    @Param({"100", "4096", "65536"})
    public int valueLength;

    private OffHeapMemoryStore store;
    private MemoryLog log;
    private ByteBuffer batch;

    /** Fills the log once, so that the measurement sees it overwrite. */
    @Setup
    public void setUp() {
        store = new OffHeapMemoryStore(new OffHeapContext().budgetBytes(128 * MIB));
        log = store.openLog(0, 32 * MIB);
        batch = batch(valueLength);
        while (log.logStartOffset() == 0) {
            log.append(batch, 1, System.currentTimeMillis());
        }
    }

    /** A batch of one record. */
    static ByteBuffer batch(int valueLength) {
        int lengthMax = RecordBatch.HEADER_LENGTH + RecordBatchWriter.lengthMax(0, valueLength);
        ByteBuffer buffer = ByteBuffer.allocateDirect(lengthMax);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        writer.append(1, null, ByteBuffer.allocate(valueLength));
        writer.end();
        return buffer.flip();
    }

    /** One append. */
    @Benchmark
    public long append() {
        return log.append(batch, 1, System.currentTimeMillis());
    }

    /** Gives all memory back. */
    @TearDown
    public void tearDown() {
        log.close();
        store.close();
    }
}
