package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class OsPriorityTest {
    /** Number of the field behind the name, of proc(5). */
    private static final int NICE_AT = 16;

    private static final int NICE_MAX = 19;

    @Test
    void housekeepingComesAfterWhatSomebodyWaitsFor() throws Exception {
        int own = nice();
        ScheduledExecutorService executor = Background.THREADS.schedule("housekeeping");
        try {
            int lowered = executor.submit(OsPriorityTest::nice).get();
            assertEquals(Math.min(own + OsPriority.NICER_BY, NICE_MAX), lowered);
        } finally {
            executor.shutdown();
        }
        assertEquals(own, nice());
    }

    private static int nice() throws Exception {
        String stat = Files.readString(Path.of("/proc/thread-self/stat"));
        String behindName = stat.substring(stat.lastIndexOf(')') + 2);
        return Integer.parseInt(behindName.split(" ")[NICE_AT]);
    }
}
