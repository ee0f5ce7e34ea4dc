package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.headrace.engine.PartitionLog;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A whole append, from the seam to where the bytes stay, allocates nothing, in each mode. */
class AppendAllocationTest {
    private static final int COUNT = 20_000;
    private static final int PASSES_MAX = 40;
    private static final String NEVER = String.valueOf(Long.MAX_VALUE);

    @TempDir Path folder;

    /** Once it is compiled; the compiler may be kept from its work for a while. */
    @ParameterizedTest
    @CsvSource({
        "memory, LogAppendTime",
        "hybrid, LogAppendTime",
        "persistent, LogAppendTime",
        "unsynced, LogAppendTime",
        "memory, CreateTime",
        "hybrid, CreateTime",
        "persistent, CreateTime",
        "unsynced, CreateTime"
    })
    void anAppendAllocatesNothing(String mode, String timestampType) {
        try (TestEngine engine =
                new TestEngine(
                        folder, context -> context.journalCount(1).journalCycleBytes(64 << 20))) {
            engine.create("t", 1, configs(mode, timestampType));
            PartitionLog log = engine.log("t", 0);
            ByteBuffer batch = batch("x".repeat(100));
            append(log, batch);
            long allocated = Long.MAX_VALUE;
            // Not per append: a journal file that is begun, a ring that grows, the JVM's own.
            for (int pass = 0; pass < PASSES_MAX && allocated >= COUNT; pass++) {
                allocated = allocatedByAppends(log, batch);
            }
            assertTrue(allocated < COUNT, "allocated bytes " + allocated);
        }
    }

    private static Map<String, String> configs(String mode, String timestampType) {
        Map<String, String> configs = new HashMap<>();
        boolean isUnsynced = mode.equals("unsynced");
        configs.put("headrace.storage.mode", isUnsynced ? "persistent" : mode);
        configs.put("message.timestamp.type", timestampType);
        if (isUnsynced) {
            configs.put("flush.messages", NEVER);
        }
        return configs;
    }

    private static long allocatedByAppends(PartitionLog log, ByteBuffer batch) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < COUNT; i++) {
            while (log.append(batch) < 0) {
                LockSupport.parkNanos(100_000);
            }
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }
}
