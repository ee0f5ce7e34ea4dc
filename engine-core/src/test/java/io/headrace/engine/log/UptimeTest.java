package io.headrace.engine.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UptimeTest {
    @TempDir Path folder;

    @Test
    void isReadInMilliseconds() throws IOException {
        Path file = Files.writeString(folder.resolve("uptime"), "4711.25 9000.00\n");
        assertEquals(4_711_250, Uptime.readMs(file));
    }

    @Test
    void growsWhereThereIsNone() {
        Path absent = folder.resolve("absent");
        long before = Uptime.readMs(absent);
        assertTrue(Uptime.readMs(absent) >= before);
    }
}
