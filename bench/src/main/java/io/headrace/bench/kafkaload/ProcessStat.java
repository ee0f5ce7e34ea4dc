package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Linux counts for a process: {@code /proc/PID/stat} and {@code /proc/PID/status}. */
public final class ProcessStat {
    /** USER_HZ is 100 on every Linux this runs on (x86-64, arm64): a tick is 10 ms. */
    private static final double TICKS_PER_SECOND = 100;

    /** utime is field 14 of stat; the fields after the command's name begin with field 3. */
    private static final int USER_TICKS_INDEX = 14 - 3;

    private ProcessStat() {}

    /** User and system time of all threads so far, ended ones too, in seconds. */
    public static double cpuSeconds(long pid) {
        String stat = read(pid, "stat");
        // The name is in parentheses and may hold anything, so count from the last one.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        long ticks =
                Long.parseLong(fields[USER_TICKS_INDEX])
                        + Long.parseLong(fields[USER_TICKS_INDEX + 1]);
        return ticks / TICKS_PER_SECOND;
    }

    /** Resident set now, in bytes. */
    public static long residentBytes(long pid) {
        for (String line : read(pid, "status").split("\n")) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        return 0;
    }

    /** Descriptors that are open now: files, sockets and all else. */
    public static int descriptorCount(long pid) {
        String[] names = Path.of("/proc", Long.toString(pid), "fd").toFile().list();
        if (names == null) {
            throw new IllegalStateException("process is gone: pid=" + pid);
        }
        return names.length;
    }

    private static String read(long pid, String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), file));
        } catch (IOException e) {
            throw new IllegalStateException("process is gone: pid=" + pid, e);
        }
    }
}
