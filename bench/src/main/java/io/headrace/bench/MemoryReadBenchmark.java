package io.headrace.bench;

import io.headrace.engine.RecordsLease;
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

/** Leases a stretch of batches at offsets spread over a memory log of 32 MiB, and closes it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class MemoryReadBenchmark {
    private static final long MIB = 1 << 20;

    /** A prime: consecutive reads fall into different slabs and index entries. */
    private static final int STEP = 7919;

    /** Most bytes that one read leases. */
    @Param({"1000", "65536", "1048576"})
    public int lengthMax;

    private OffHeapMemoryStore store;
    private MemoryLog log;
    private long offset;

    /** Fills the log with batches of one record of 100 bytes. */
    @Setup
    public void setUp() {
        store = new OffHeapMemoryStore(new OffHeapContext().budgetBytes(128 * MIB));
        log = store.openLog(0, 32 * MIB);
        ByteBuffer batch = MemoryAppendBenchmark.batch(100);
        while (log.logStartOffset() == 0) {
            log.append(batch, 1, System.currentTimeMillis());
        }
    }

    /** One read. */
    @Benchmark
    public long read() {
        long count = log.logEndOffset() - log.logStartOffset();
        offset = (offset + STEP) % count;
        try (RecordsLease lease =
                (RecordsLease) log.read(log.logStartOffset() + offset, lengthMax)) {
            return lease.length();
        }
    }

    /** Gives all memory back. */
    @TearDown
    public void tearDown() {
        log.close();
        store.close();
    }
}
