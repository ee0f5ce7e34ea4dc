package io.headrace.server.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real process ends in the middle of each step of compaction, over one folder again and again.
 */
class CompactionKillTest {
    private static final int KILLS = 4;
    private static final long ROUND_TIMEOUT_S = 180;

    @TempDir Path temporary;
    private Path folder;
    private int round;

    /** Acknowledged records by offset. */
    private final TreeMap<Long, KeyedRecord> acknowledged = new TreeMap<>();

    @Test
    void whereverItEndsEachKeyHasItsNewestRecordAndNoOlderOneComesBack() throws Exception {
        folder = temporary.resolve("data");
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        for (HaltingFiles.Step step : HaltingFiles.Step.values()) {
            if (step != HaltingFiles.Step.NEVER) {
                run(step, -1, random.nextLong());
                check(random.nextBoolean());
            }
        }
        for (int kill = 0; kill < KILLS; kill++) {
            run(HaltingFiles.Step.NEVER, random.nextInt(300), random.nextLong());
            check(random.nextBoolean());
        }
    }

    /** Runs until it halts, or is killed so long after a new segment was there. */
    private void run(HaltingFiles.Step step, int killAfterMs, long seed) throws Exception {
        Path output = temporary.resolve("said-" + ++round);
        Process victim = start(step, output, seed);
        try {
            if (killAfterMs >= 0) {
                awaitNewSegment(victim);
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(killAfterMs));
                victim.destroyForcibly();
            }
            assertTrue(
                    victim.waitFor(ROUND_TIMEOUT_S, TimeUnit.SECONDS), step + " was not reached");
            if (killAfterMs < 0) {
                assertEquals(HaltingFiles.HALTED, victim.exitValue(), step + " was not reached");
            }
        } finally {
            victim.destroyForcibly().waitFor();
        }
        hear(Files.readString(output));
    }

    private void awaitNewSegment(Process victim) {
        List<Path> before = segments();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(ROUND_TIMEOUT_S);
        while (victim.isAlive() && before.containsAll(segments())) {
            assertTrue(System.nanoTime() < deadline, "no new segment");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    private List<Path> segments() {
        try (Stream<Path> files = Files.list(folder.resolve("segments/data-1"))) {
            return files.filter(file -> file.toString().endsWith(".segment")).toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private Process start(HaltingFiles.Step step, Path output, long seed) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (flag.startsWith("--add")
                    || flag.startsWith("--sun")
                    || flag.startsWith("--enable")) {
                command.add(flag);
            }
        }
        command.addAll(
                List.of(
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CompactionVictim.class.getName(),
                        folder.toString(),
                        step.name(),
                        String.valueOf(seed)));
        return new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(temporary.resolve("errors").toFile())
                .start();
    }

    private void hear(String text) {
        for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
            String[] words = line.split(" ");
            if (words[0].equals("A")) {
                String value = words.length == 4 ? words[3] : null;
                acknowledged.put(Long.parseLong(words[1]), new KeyedRecord(words[2], value));
            }
        }
    }

    private void check(boolean withoutStore) throws IOException {
        if (withoutStore) {
            TestEngine.deleteFolder(folder.resolve("rocksdb"));
        }
        try (TestEngine engine =
                CompactionVictim.engine(folder, new HaltingFiles(HaltingFiles.Step.NEVER))) {
            check(engine.log(CompactionVictim.TOPIC, 0));
        }
    }

    private void check(PartitionLog log) {
        TreeMap<Long, KeyedRecord> found = KeyedRecord.readAll(log, 0);
        found.forEach(
                (offset, record) ->
                        assertEquals(acknowledged.getOrDefault(offset, record), record));
        Map<String, Long> newestFound = newest(found);
        newest(acknowledged).forEach((key, offset) -> checkKey(key, offset, newestFound.get(key)));
        assertTrue(log.logEndOffset() > acknowledged.lastKey());
        // What was not acknowledged is there, or never was: later rounds know.
        found.forEach(acknowledged::putIfAbsent);
    }

    private static Map<String, Long> newest(TreeMap<Long, KeyedRecord> records) {
        Map<String, Long> newest = new HashMap<>();
        records.forEach((offset, record) -> newest.put(record.key(), offset));
        return newest;
    }

    private void checkKey(String key, long offset, Long found) {
        String what = "round " + round + " key " + key + " offset " + offset + " found " + found;
        if (found == null) {
            assertNull(acknowledged.get(offset).value(), what);
        } else {
            assertNotNull(acknowledged.get(offset), what);
            assertTrue(found >= offset, what);
        }
    }
}
