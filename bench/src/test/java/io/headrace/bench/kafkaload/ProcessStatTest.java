package io.headrace.bench.kafkaload;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class ProcessStatTest {
    private static final long SELF = ProcessHandle.current().pid();

    @Test
    void cpuTimeIsThatOfAllThreads() {
        com.sun.management.OperatingSystemMXBean system =
                (com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean();
        double before = system.getProcessCpuTime() / 1e9;
        double seconds = ProcessStat.cpuSeconds(SELF);
        double after = system.getProcessCpuTime() / 1e9;

        double tickSeconds = 0.01;
        assertTrue(
                before - 2 * tickSeconds <= seconds && seconds <= after + 2 * tickSeconds,
                () -> "before=" + before + " seconds=" + seconds + " after=" + after);
    }

    @Test
    void residentSetIsCountedInBytes() {
        assertTrue(ProcessStat.residentBytes(SELF) > 10_000_000);
    }
}
