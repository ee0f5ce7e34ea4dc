package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real process is killed in the middle of writing blocks, round after round. */
final class CacheKillTest {
    static final int BLOCKS = 64;
    static final int ON_DISK = 32;
    static final long TOPIC = 3;
    private static final int ROUNDS = 5;

    @TempDir private Path temporary;

    @Test
    void killedProcessLeavesBlocksThatAreRightOrNotThere() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        Path folder = temporary.resolve("cache");
        for (int round = 0; round < ROUNDS; round++) {
            runAndKill(folder, random.nextLong(), 2 + random.nextInt(20));
            int found = verify(folder);
            assertTrue(
                    found >= ON_DISK / 2, "seed=" + seed + " round=" + round + " found=" + found);
        }
    }

    private void runAndKill(Path folder, long seed, int lineCount) throws Exception {
        Path output = temporary.resolve("lines");
        Process writer = start(folder, seed, output);
        try {
            TestCache.await(() -> lineCount(output) >= lineCount || !writer.isAlive(), "lines");
            assertTrue(writer.isAlive(), "writer ended by itself");
        } finally {
            writer.destroyForcibly().waitFor();
        }
    }

    private static long lineCount(Path output) {
        try {
            return Files.readAllLines(output).size();
        } catch (IOException failed) {
            throw new AssertionError(failed);
        }
    }

    private static Process start(Path folder, long seed, Path output) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (flag.startsWith("--add") || flag.startsWith("--sun") || flag.startsWith("--en")) {
                command.add(flag);
            }
        }
        command.add("-Xmx128m");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(CacheWriterProcess.class.getName());
        command.add(folder.toString());
        command.add(Long.toString(seed));
        return new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Every block is what it should be; returns how many came from disk. */
    private static int verify(Path folder) throws Exception {
        try (TestCache cache = new TestCache(folder, 4, ON_DISK, 2).open().settle()) {
            assertTrue(cache.tiers().disk().bytes() <= ON_DISK * 4096L);
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            for (int i = 0; i < BLOCKS; i++) {
                cache.read(TOPIC, source, i);
            }
            assertEquals(0, cache.metric("headrace_source_disk_failures_total"));
            return BLOCKS - source.loads.get();
        }
    }
}
