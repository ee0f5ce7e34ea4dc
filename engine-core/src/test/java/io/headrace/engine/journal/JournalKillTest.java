package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.Journal;
import io.headrace.testing.history.Assignment;
import io.headrace.testing.history.History;
import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.ProducerHistory;
import io.headrace.testing.history.Promise;
import io.headrace.testing.history.Stop;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real process is killed in the middle of appending, round after round. The journal is a log of
 * one producer: what it said was synced is acknowledged, and a number is its own offset.
 */
class JournalKillTest {
    private static final int ROUNDS = 5;

    @TempDir Path temporary;
    private Path folder;

    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final History history = new History(seed);
    private final PartitionHistory log = history.partition("journal", Promise.persistent());
    private final ProducerHistory producer = history.producer("writer");
    private final List<Long> ids = new ArrayList<>();

    @Test
    void aKilledProcessLosesNothingThatWasSynced() throws Exception {
        folder = temporary.resolve("journal");
        Random random = new Random(seed);
        long next = 0;
        try (history) {
            for (int round = 0; round < ROUNDS; round++) {
                long since = history.now();
                long synced = runAndKill(next, 20 + random.nextInt(100));
                for (long number = next; number <= synced; number++) {
                    log.acknowledged(id(number), number);
                }
                history.stopped(Stop.KILL, since);
                next = readAll("round-" + round) + 1;
                history.verify().orThrow();
            }
        }
    }

    /** What the history knows a number by: it was sent, at the latest by now. */
    private long id(long number) {
        while (ids.size() <= number) {
            ids.add(log.send(producer));
        }
        return ids.get((int) number);
    }

    /** Kills the writer once it said so many times what was synced; returns what it said last. */
    private long runAndKill(long first, int syncCount) throws Exception {
        Path output = temporary.resolve("synced-from-" + first);
        Process writer = start(first, output);
        try {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (lines(output).size() < syncCount) {
                assertTrue(System.nanoTime() < deadline, "writer is too slow");
                assertTrue(writer.isAlive(), "writer ended by itself");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            }
        } finally {
            writer.destroyForcibly().waitFor();
        }
        List<String> said = lines(output);
        return Long.parseLong(said.get(said.size() - 1));
    }

    /** The lines that were written whole. */
    private static List<String> lines(Path output) throws IOException {
        String text = Files.readString(output);
        return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    }

    private Process start(long first, Path output) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (flag.startsWith("--add")
                    || flag.startsWith("--sun")
                    || flag.startsWith("--enable")) {
                command.add(flag);
            }
        }
        command.add("-Xmx128m");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(JournalWriterProcess.class.getName());
        command.add(folder.toString());
        command.add(Long.toString(first));
        return new ProcessBuilder(command)
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Notes every number that is there; returns the last. */
    private long readAll(String reader) throws IOException {
        Assignment assignment = log.assign(reader);
        JournalContext context =
                new JournalContext().folder(folder).cycleBytes(1 << 20).diskReserveBytes(0);
        try (Journal journal = ChronicleJournal.open(context)) {
            long[] last = {-1};
            assignment.fromStart(0);
            journal.replay(
                    journal.firstPosition(),
                    journal.appendedPosition(),
                    (position,
                            type,
                            topicId,
                            partition,
                            baseOffset,
                            leaderEpoch,
                            time,
                            payload) -> {
                        assignment.read(baseOffset, id(baseOffset), leaderEpoch);
                        assertBatch(baseOffset, payload);
                        last[0] = baseOffset;
                    });
            assignment.reachedEnd(last[0] + 1);
            return last[0];
        }
    }

    private static void assertBatch(long number, ByteBuffer payload) {
        ByteBuffer expected = Batches.batch((int) (number * 7919 % 30_000), number);
        assertEquals(
                expected.slice(16, expected.limit() - 16),
                payload.slice(16, payload.limit() - 16),
                "bytes of " + number);
    }
}
