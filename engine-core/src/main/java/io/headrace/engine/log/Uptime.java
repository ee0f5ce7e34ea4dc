package io.headrace.engine.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The time since the machine was booted, in which it may have slept; nobody can set it. */
final class Uptime {
    /** Where Linux has it. */
    static final Path FILE = Path.of("/proc/uptime");

    private static final int MS_PER_SECOND = 1000;

    private Uptime() {}

    /** In milliseconds. Where the file is not to be read, the time that the machine was awake. */
    static long readMs(Path file) {
        try {
            String text = Files.readString(file);
            return (long)
                    (Double.parseDouble(text.substring(0, text.indexOf(' '))) * MS_PER_SECOND);
        } catch (IOException e) {
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        }
    }
}
