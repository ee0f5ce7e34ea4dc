package io.headrace.server.admin;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjLongConsumer;

/** What the process itself takes: memory, CPU, descriptors, threads, garbage collection. */
public final class ProcessMetrics implements MetricSource {
    private static final Path STATM = Path.of("/proc/self/statm");
    private static final long PAGE_BYTES = 4096;

    private final UnixOperatingSystemMXBean system =
            (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    @Override
    public void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("process_resident_memory_bytes", residentBytes());
        consumer.accept("process_open_fds", system.getOpenFileDescriptorCount());
        consumer.accept("process_max_fds", system.getMaxFileDescriptorCount());
        consumer.accept(
                "process_cpu_milliseconds_total",
                TimeUnit.NANOSECONDS.toMillis(system.getProcessCpuTime()));
        consumer.accept(
                "process_uptime_milliseconds", ManagementFactory.getRuntimeMXBean().getUptime());
        consumer.accept(
                "jvm_heap_used_bytes",
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        consumer.accept("jvm_threads", ManagementFactory.getThreadMXBean().getThreadCount());
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            String label = "{gc=\"" + collector.getName() + "\"}";
            consumer.accept("jvm_gc_collections_total" + label, collector.getCollectionCount());
            consumer.accept("jvm_gc_milliseconds_total" + label, collector.getCollectionTime());
        }
    }

    /** Resident pages are the second number of statm; 0 where there is no such file. */
    private static long residentBytes() {
        try {
            return Long.parseLong(Files.readString(STATM).split(" ", 3)[1]) * PAGE_BYTES;
        } catch (IOException e) {
            return 0;
        }
    }
}
