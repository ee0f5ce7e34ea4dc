package io.headrace.server.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
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

/** A real process ends in the middle of each step of sealing, over one folder again and again. */
class SealingKillTest {
    private static final int KILLS = 4;
    private static final long ROUND_TIMEOUT_S = 120;

    @TempDir Path temporary;
    private Path folder;
    private int round;

    /** Acknowledged values by offset, per topic. */
    private final Map<String, TreeMap<Long, String>> acknowledged = new HashMap<>();

    /** Offsets below were to be deleted. */
    private final Map<String, Long> deletedBelow = new HashMap<>();

    @Test
    void whereverItEndsNothingAcknowledgedIsLost() throws Exception {
        folder = temporary.resolve("data");
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        for (HaltingFiles.Step step : HaltingFiles.Step.values()) {
            if (step != HaltingFiles.Step.NEVER) {
                Path said = run(step, -1);
                check(said, random.nextBoolean());
            }
        }
        for (int kill = 0; kill < KILLS; kill++) {
            Path said = run(HaltingFiles.Step.NEVER, random.nextInt(300));
            check(said, random.nextBoolean());
        }
    }

    /** Runs until it halts, or is killed so long after a new segment was there. */
    private Path run(HaltingFiles.Step step, int killAfterMs) throws Exception {
        Path output = temporary.resolve("said-" + ++round);
        Process victim = start(step, output);
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
        return output;
    }

    private void awaitNewSegment(Process victim) {
        List<Path> before = segments();
        TestEngine.await(
                "a new segment",
                () -> !victim.isAlive() || segments().stream().anyMatch(p -> !before.contains(p)));
    }

    private List<Path> segments() {
        Path in = folder.resolve("segments/data-1");
        try (Stream<Path> files = Files.list(in)) {
            return files.filter(file -> file.toString().endsWith(".segment")).toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private Process start(HaltingFiles.Step step, Path output) throws IOException {
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
                        SealingVictim.class.getName(),
                        folder.toString(),
                        step.name(),
                        String.valueOf(round)));
        return new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(temporary.resolve("errors").toFile())
                .start();
    }

    private void check(Path said, boolean withoutStore) throws IOException {
        hear(said);
        if (withoutStore) {
            TestEngine.deleteFolder(folder.resolve("rocksdb"));
        }
        try (TestEngine engine =
                SealingVictim.engine(folder, new HaltingFiles(HaltingFiles.Step.NEVER))) {
            for (String topic : SealingVictim.TOPICS) {
                check(engine.log(topic, 0));
            }
        }
    }

    private void hear(Path said) throws IOException {
        String text = Files.readString(said);
        for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
            String[] words = line.split(" ");
            if (words[0].equals("A")) {
                acknowledged
                        .computeIfAbsent(words[1], topic -> new TreeMap<>())
                        .put(
                                Long.parseLong(words[2]),
                                SealingVictim.value(words[3], Integer.parseInt(words[4])));
            } else if (words[0].equals("D")) {
                deletedBelow.put(words[1], Long.parseLong(words[2]));
            }
        }
    }

    private void check(PartitionLog log) {
        String topic = log.topic().name();
        TreeMap<Long, String> expected = acknowledged.getOrDefault(topic, new TreeMap<>());
        long start = log.logStartOffset();
        assertTrue(start <= deletedBelow.getOrDefault(topic, 0L), topic + " begins at " + start);
        long offset = start;
        for (String record : TestEngine.readAll(log, start)) {
            String value = expected.get(offset);
            if (value != null) {
                assertEquals(offset + ":" + value, record, "round " + round);
            }
            assertTrue(record.startsWith(offset + ":"), topic + " " + offset + " " + record);
            offset++;
        }
        long last = expected.isEmpty() ? -1 : expected.lastKey();
        assertTrue(offset > last, topic + " ends at " + offset + ", acknowledged " + last);
    }
}
