package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.EachCall;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each call to the disk fails in turn while a journal is repaired, and the power goes then. */
class JournalRepairFaultTest {
    private static final int ENTRIES = 20;
    private static final int DAMAGED = 7;

    @TempDir Path folder;

    private final List<Long> positions = new ArrayList<>();

    private static Path journal(Path data) {
        return data.resolve("journal/data-1");
    }

    private static Path side(Path data) {
        return data.resolve("repair-1");
    }

    private void fill(Path data) throws IOException {
        positions.clear();
        try (Journal journal =
                ChronicleJournal.open(
                        new JournalContext()
                                .folder(journal(data))
                                .cycleBytes(1 << 20)
                                .diskReserveBytes(0))) {
            for (int i = 0; i < ENTRIES; i++) {
                positions.add(journal.append(EntryType.BATCH, 7, 0, i, 1, Batches.batch(1000, i)));
            }
        }
        FaultyDisk.overwrite(
                cycle(data), Journal.fileOffset(positions.get(DAMAGED)) + 100, (byte) 0xAA);
    }

    private static Path cycle(Path data) throws IOException {
        try (Stream<Path> files = Files.walk(journal(data))) {
            return files.filter(file -> file.toString().endsWith(".cq4")).findFirst().orElseThrow();
        }
    }

    private static List<Integer> entries(Path data) throws IOException {
        List<Integer> found = new ArrayList<>();
        JournalScan.readOnly(
                journal(data),
                (position, type, topicId, partition, baseOffset, epoch, time, payload) ->
                        found.add((int) baseOffset));
        return found;
    }

    @Test
    void theJournalIsAsItWasOrMended() throws IOException {
        int calls = EachCall.withEveryFault(this::live);
        assertTrue(calls > 5, "calls " + calls);
    }

    private boolean live(int call, Fault fault) throws IOException {
        Path run = folder.resolve(fault + "-" + call);
        Path data = run.resolve("data");
        fill(data);
        byte[] damaged = Files.readAllBytes(cycle(data));
        FaultyDisk disk = new FaultyDisk(data, call);
        disk.forceAll();
        disk.at(call, fault);
        boolean isDone = isDone(data, disk);
        for (int coin = 0; coin < 3; coin++) {
            Path left = run.resolve("left-" + coin);
            disk.afterPowerCut(left, new Random(31L * call + coin));
            check(left, damaged, isDone);
        }
        return disk.isReached();
    }

    private static boolean isDone(Path data, Disk disk) {
        try {
            assertEquals(1, JournalRepair.run(journal(data), side(data), disk).size());
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static void check(Path data, byte[] damaged, boolean isDone) throws IOException {
        List<Integer> expected = new ArrayList<>();
        for (int i = 0; i < ENTRIES; i++) {
            if (i != DAMAGED) {
                expected.add(i);
            }
        }
        List<ScannedCycle> cycles =
                JournalScan.readOnly(
                        journal(data), (position, type, id, number, at, epoch, time, load) -> {});
        assertEquals(1, cycles.size());
        assertEquals(expected, entries(data));
        if (cycles.get(0).state() == State.DAMAGED) {
            assertTrue(!isDone, "the repair is gone with the power");
            assertArrayEquals(damaged, Files.readAllBytes(cycle(data)));
        } else { // what was cut out is not lost
            Path start = Disk.parent(cycle(data));
            Path kept = side(data).resolve("data-1").resolve(start.getFileName());
            assertTrue(Files.exists(kept.resolve(cycle(data).getFileName())), "not kept");
        }
    }
}
