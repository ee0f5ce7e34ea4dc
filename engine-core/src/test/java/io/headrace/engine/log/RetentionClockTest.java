package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the clock keeps on disk; what it makes of it is ClockJumpTest's. */
class RetentionClockTest {
    private static final long NOW_MS = 2_000_000_000_000L;
    private static final long UP_MS = 10_000_000;

    @TempDir Path folder;
    private long passedMs;

    private RetentionClock clock(FaultyDisk disk) throws IOException {
        return new RetentionClock(
                folder.resolve("clock"),
                disk,
                "boot",
                () -> NOW_MS + passedMs,
                () -> UP_MS + passedMs);
    }

    /** On a full disk retention is what is needed most. */
    @Test
    void goesOnWhenItsFileCannotBeWrittenAndWritesItLater() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        disk.at(2, Fault.FAIL); // after it was looked for
        RetentionClock clock = clock(disk);
        assertEquals("open clock.tmp", disk.faultyCallName());
        assertFalse(Files.exists(folder.resolve("clock")));
        assertEquals(NOW_MS, clock.latestMs());
        passedMs = 1000;
        assertEquals(NOW_MS + 1000, clock.nowMs());
        assertTrue(Files.exists(folder.resolve("clock")));
    }

    /** So that it is known later whether the machine has counted on. */
    @Test
    void notesTheUptimeEveryTenMinutes() throws IOException {
        FaultyDisk disk = new FaultyDisk(folder, 1);
        RetentionClock clock = clock(disk);
        String first = Files.readString(folder.resolve("clock"));
        passedMs = 9 * 60_000;
        clock.nowMs();
        assertEquals(first, Files.readString(folder.resolve("clock")));
        passedMs = 10 * 60_000;
        clock.nowMs();
        assertEquals(
                "version=1\nboot=boot\nbooted="
                        + (NOW_MS - UP_MS)
                        + "\nuptime="
                        + (UP_MS + passedMs)
                        + "\n",
                Files.readString(folder.resolve("clock")));
    }
}
