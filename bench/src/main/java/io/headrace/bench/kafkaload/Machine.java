package io.headrace.bench.kafkaload;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** What a reader must know of the machine to judge a figure. */
public final class Machine {
    private Machine() {}

    /** The java of this process. */
    public static String javaBinary() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** Who made this JVM, and its version. */
    public static String jdk() {
        return System.getProperty("java.vendor")
                + " "
                + System.getProperty("java.vm.name")
                + " "
                + System.getProperty("java.vm.version");
    }

    /** Processor, cores, memory and kernel, in one line. */
    public static String hardware() {
        return "%s, %d cores, %.0f GiB memory, Linux %s"
                .formatted(
                        valueOf("/proc/cpuinfo", "model name"),
                        Runtime.getRuntime().availableProcessors(),
                        memoryKib() / (1024.0 * 1024.0),
                        System.getProperty("os.version"));
    }

    private static double memoryKib() {
        return Double.parseDouble(valueOf("/proc/meminfo", "MemTotal").replaceAll("[^0-9]", ""));
    }

    /** The load averages of 1, 5 and 15 minutes: whether anything else ran meanwhile. */
    public static String load() {
        try {
            String[] fields = Files.readString(Path.of("/proc/loadavg")).split(" ");
            return String.join(" ", List.of(fields).subList(0, 3));
        } catch (IOException e) {
            return "unknown";
        }
    }

    private static String valueOf(String file, String key) {
        try {
            for (String line : Files.readAllLines(Path.of(file))) {
                if (line.toLowerCase(Locale.ROOT).startsWith(key.toLowerCase(Locale.ROOT))) {
                    return line.substring(line.indexOf(':') + 1).trim();
                }
            }
        } catch (IOException e) {
            // said below
        }
        return "0";
    }

    /** The commit that is checked out, with a mark when files were changed since. */
    public static String gitRevision(Path home) {
        try {
            Process git =
                    new ProcessBuilder("git", "describe", "--always", "--dirty")
                            .directory(home.toFile())
                            .redirectErrorStream(true)
                            .start();
            byte[] output = git.getInputStream().readAllBytes();
            return new String(output, StandardCharsets.UTF_8).trim();
        } catch (IOException e) {
            return "of unknown revision";
        }
    }
}
