package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A journal's whole life (append, sync, roll, delete a cycle, close, recover, go on), in which each
 * call to the disk in turn fails, is torn, or is the last before the power goes. Whatever is found
 * then: all that was synced, in order and byte for byte, and nothing that was never appended.
 */
class JournalFaultTest {
    private static final long SEED = Long.getLong("headrace.seed", System.nanoTime());
    private static final int CYCLE_BYTES = 1 << 20;

    /** Appends that are refused because the next cycle cannot be begun may be tried again. */
    private static final int ATTEMPTS = 3;

    private static final int LONG = 250_000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir Path temporary;

    /** What one life has done until its disk had enough. */
    private static final class Life {
        /** Of the value of each appended entry, by base offset. */
        final List<Integer> lengths = new ArrayList<>();

        final List<Long> positions = new ArrayList<>();
        long syncedCount;
        long deletedBelow;

        void live(Path folder, FaultyDisk disk) throws IOException {
            try (Journal journal = ChronicleJournal.open(context(folder, disk))) {
                for (int length : new int[] {20, 9000, LONG, LONG, LONG, LONG, LONG, 20}) {
                    append(journal, length);
                    sync(journal);
                }
                deletedBelow = secondCycle();
                journal.deleteCycle(Journal.cycle(journal.firstPosition()));
                append(journal, LONG);
                append(journal, LONG);
            } // and syncs
            syncedCount = lengths.size();
            try (Journal journal = ChronicleJournal.open(context(folder, disk, needed()))) {
                append(journal, 20);
                sync(journal);
                append(journal, LONG);
                // Killed here: the next one recovers.
                disk.die();
            } catch (JournalFailedException killed) {
                // Closing it was not possible any more.
            }
        }

        private void append(Journal journal, int length) {
            long offset = lengths.size();
            lengths.add(length);
            long position = Journal.OUT_OF_SPACE;
            for (int attempt = 0; attempt < ATTEMPTS && position < 0; attempt++) {
                position = journal.append(EntryType.BATCH, 1, 0, offset, 0, batch(offset, length));
            }
            assertTrue(position > 0, "refused");
            positions.add(position);
        }

        /** The first entry that is not in the oldest cycle. */
        private long secondCycle() {
            int first = Journal.cycle(positions.get(0));
            return positions.stream().filter(at -> Journal.cycle(at) == first).count();
        }

        /** From where on the journal has to have everything. */
        long needed() {
            return deletedBelow == 0 ? 0 : positions.get((int) deletedBelow);
        }

        private void sync(Journal journal) {
            journal.sync();
            syncedCount = lengths.size();
        }
    }

    private static JournalContext context(Path folder, FaultyDisk disk) {
        return context(folder, disk, 0);
    }

    private static JournalContext context(Path folder, FaultyDisk disk, long needed) {
        return new JournalContext()
                .folder(folder)
                .scanFromPosition(needed)
                .cycleBytes(CYCLE_BYTES)
                .diskReserveBytes(0)
                .disk(disk);
    }

    private static ByteBuffer batch(long offset, int length) {
        return Batches.batch(length, offset);
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void whicheverCallHasAFaultNothingSyncedIsLost(Fault fault) throws IOException {
        System.out.println("headrace.seed=" + SEED);
        int call = 0;
        boolean reached = true;
        while (reached) {
            Path folder = folder(++call);
            FaultyDisk disk = new FaultyDisk(folder, SEED + call).at(call, fault);
            Life life = new Life();
            try {
                life.live(folder.resolve("journal"), disk);
            } catch (IOException | RuntimeException expected) {
                assertFalse(disk.faultyCallName().isEmpty(), expected::toString);
            }
            reached = !disk.faultyCallName().isEmpty();
            String what = fault + " at call " + call + ": " + disk.faultyCallName();
            assertEquals(0, disk.retriedForces(), what);
            disk.die();
            checkAfterPowerCut(disk, life, call, what);
            check(folder.resolve("journal"), life, what);
        }
        assertTrue(call > 60, "calls " + call);
    }

    /**
     * The kernel takes for written what it failed to write, and what a start reads then may be in
     * its memory alone: what it has found, and so has answered for, stays.
     */
    @Test
    void whatAStartFindsAfterAFailedCallSurvivesThePowerCut() throws IOException {
        System.out.println("headrace.seed=" + SEED);
        int call = 0;
        boolean reached = true;
        while (reached) {
            Path folder = folder(++call);
            FaultyDisk disk = new FaultyDisk(folder, SEED + call).at(call, Fault.FAIL);
            Life life = new Life();
            try {
                life.live(folder.resolve("journal"), disk);
            } catch (IOException | RuntimeException expected) {
                assertFalse(disk.faultyCallName().isEmpty(), expected::toString);
            }
            reached = !disk.faultyCallName().isEmpty();
            String what = "at call " + call + ": " + disk.faultyCallName();
            disk.revive();
            List<Long> found = offsets(folder.resolve("journal"), disk, life, what);
            assertEquals(0, disk.retriedForces(), what);
            Path after = temporary.resolve(call + "-after");
            disk.afterPowerCut(after, new Random(SEED + call));
            FaultyDisk left = new FaultyDisk(after, SEED);
            assertEquals(found, offsets(after.resolve("journal"), left, life, what), what);
        }
    }

    private static List<Long> offsets(Path folder, FaultyDisk disk, Life life, String what) {
        try (Journal journal = ChronicleJournal.open(context(folder, disk, life.needed()))) {
            return JournalContractTest.replayAll(journal).stream()
                    .map(JournalContractTest.Entry::baseOffset)
                    .toList();
        } catch (IOException | RuntimeException e) {
            throw new AssertionError(what, e);
        }
    }

    private Path folder(int call) throws IOException {
        return Files.createDirectories(temporary.resolve(Integer.toString(call)));
    }

    private void checkAfterPowerCut(FaultyDisk disk, Life life, int call, String what)
            throws IOException {
        Path after = temporary.resolve(call + "-after");
        disk.afterPowerCut(after, new Random(SEED + call));
        check(after.resolve("journal"), life, what + ", power cut");
    }

    /** Two starts: the second finds what the first has made of it. */
    private static void check(Path folder, Life life, String what) throws IOException {
        for (int start = 1; start <= 2; start++) {
            FaultyDisk disk = new FaultyDisk(folder, SEED);
            try (Journal journal = ChronicleJournal.open(context(folder, disk, life.needed()))) {
                check(JournalContractTest.replayAll(journal), life, what + ", start " + start);
            } catch (RuntimeException e) {
                throw new AssertionError(what + ", start " + start, e);
            }
        }
    }

    /** Without base offset, length and leader epoch, of which the journal sets two. */
    private static ByteBuffer unstamped(ByteBuffer batch) {
        return batch.slice(16, batch.limit() - 16);
    }

    private static void check(List<JournalContractTest.Entry> found, Life life, String what) {
        List<Long> offsets = new ArrayList<>();
        for (JournalContractTest.Entry entry : found) {
            offsets.add(entry.baseOffset());
            int length = life.lengths.get((int) entry.baseOffset());
            ByteBuffer expected = batch(entry.baseOffset(), length);
            assertEquals(unstamped(expected), unstamped(entry.payload()), what);
        }
        long first = offsets.isEmpty() ? 0 : offsets.get(0);
        assertTrue(first == 0 || first == life.deletedBelow, () -> what + offsets);
        long end = first + offsets.size();
        assertTrue(end >= life.syncedCount && end <= life.lengths.size(), () -> what + offsets);
        assertEquals(
                IntStream.range((int) first, (int) end).mapToObj(i -> (long) i).toList(),
                offsets,
                what);
    }

    @Test
    void nothingCountsAsSyncedWhileTheForceIsUnderWay() throws Exception {
        Path folder = folder(0);
        FaultyDisk disk = new FaultyDisk(folder, SEED);
        try (Journal journal = ChronicleJournal.open(context(folder, disk))) {
            long before = journal.syncedPosition();
            journal.append(EntryType.BATCH, 1, 0, 0, 0, batch(0, 20));
            disk.holdForces();
            Thread syncer = new Thread(journal::sync);
            int forces = disk.forces();
            syncer.start();
            while (syncer.getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
            }
            journal.append(EntryType.BATCH, 1, 0, 1, 0, batch(1, 20));
            assertEquals(before, journal.syncedPosition());
            assertEquals(forces, disk.forces());
            disk.releaseForces();
            syncer.join();
            assertTrue(journal.syncedPosition() > before);
            assertTrue(journal.syncedPosition() < journal.appendedPosition());
        }
    }
}
