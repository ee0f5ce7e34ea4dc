package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import io.headrace.engine.testing.FaultyDisk;
import io.headrace.engine.testing.FaultyDisk.Fault;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a journal does on a disk that fails or is full; {@link JournalFaultTest} goes further. */
class JournalFailureTest {
    private static final int CYCLE_BYTES = 1 << 20;

    @TempDir Path folder;
    @TempDir Path afterPowerCut;
    private FaultyDisk disk;

    @BeforeEach
    void mount() {
        disk = new FaultyDisk(folder, 1);
    }

    private JournalContext context() {
        return new JournalContext()
                .folder(folder)
                .cycleBytes(CYCLE_BYTES)
                .diskReserveBytes(1000)
                .disk(disk);
    }

    private static long append(Journal journal, int valueLength, long baseOffset) {
        ByteBuffer batch = Batches.batch(valueLength, baseOffset);
        return journal.append(EntryType.BATCH, 1, 0, baseOffset, 0, batch);
    }

    @Test
    void aFailedForceIsFinal() throws IOException {
        Journal journal = ChronicleJournal.open(context());
        append(journal, 10, 0);
        long synced = journal.sync();
        append(journal, 10, 1);
        disk.at(1, Fault.FAIL);
        JournalFailedException e = assertThrows(JournalFailedException.class, journal::sync);
        assertTrue(e.getCause().getMessage().startsWith(FaultyDisk.FAILURE), e.toString());
        assertThrows(JournalFailedException.class, journal::sync);
        assertThrows(JournalFailedException.class, () -> append(journal, 10, 2));
        assertEquals(synced, journal.syncedPosition());
        journal.close();
        int found;
        try (Journal next = ChronicleJournal.open(context())) {
            found = JournalContractTest.replayAll(next).size();
            assertEquals(0, disk.retriedForces());
        }
        assertEquals(2, found);
        disk.afterPowerCut(afterPowerCut, new Random(1));
        try (Journal next =
                ChronicleJournal.open(context().folder(afterPowerCut).disk(Disk.SYSTEM))) {
            assertEquals(found, JournalContractTest.replayAll(next).size());
        }
    }

    @Test
    void belowTheReserveAppendsAreRefusedUntilThereIsSpaceAgain() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            assertTrue(append(journal, 10, 0) > 0);
            disk.usableBytes(CycleWriter.allocatedBytes(CYCLE_BYTES) + 999);
            int accepted = 1;
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
            assertTrue(accepted > 5 && accepted < 12, "accepted " + accepted);
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 100_000, accepted));
            assertEquals(journal.appendedPosition(), journal.sync());
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
            disk.usableBytes(CycleWriter.allocatedBytes(CYCLE_BYTES) + 1000);
            assertTrue(append(journal, 100_000, accepted) > 0);
            assertEquals(accepted + 1, JournalContractTest.replayAll(journal).size());
        }
    }

    /** A store through the mapping into a page that there is no room for would end the process. */
    @Test
    void aFirstPageThatCouldNotBeWrittenIsWrittenByTheNextTry() throws IOException {
        int pageCall = 1;
        while (!isPage(pageCall)) {
            pageCall++;
            assertTrue(pageCall < 10, "the page is not written through the disk");
        }
    }

    /** Whether that call of the append that begins a cycle is the page; if so, fails it twice. */
    private boolean isPage(int call) throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            for (int i = 0; i < 10; i++) {
                assertTrue(append(journal, 100_000, i) > 0);
            }
            disk.at(call, Fault.FAIL);
            boolean isRefused = append(journal, 100_000, 10) == Journal.OUT_OF_SPACE;
            if (!isRefused || !disk.faultyCallName().matches("write .*cq4")) {
                return false;
            }
            disk.at(call, Fault.FAIL);
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 100_000, 10));
            assertTrue(disk.faultyCallName().matches("write .*cq4"), disk::faultyCallName);
            assertTrue(append(journal, 100_000, 10) > 0);
            return true;
        } catch (JournalFailedException e) {
            assertTrue(e.getCause().getMessage().startsWith(FaultyDisk.FAILURE), e.toString());
            return false;
        }
    }

    @Test
    void theReserveIsForWhatBringsSpaceBack() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            disk.usableBytes(CycleWriter.allocatedBytes(CYCLE_BYTES) + 999);
            int accepted = 0;
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
            assertTrue(accepted < 12, "accepted " + accepted);
            int marks = 0;
            while (marks < 2 * CYCLE_BYTES / 52 && appendMark(journal, marks) > 0) {
                marks++;
            }
            assertTrue(marks > CYCLE_BYTES / 52, "marks " + marks);
            disk.usableBytes(999); // the new cycle took it
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 10, accepted));
            disk.usableBytes(CycleWriter.allocatedBytes(CYCLE_BYTES) - 1);
            while (marks < 4 * CYCLE_BYTES / 52 && appendMark(journal, marks) > 0) {
                marks++;
            }
            assertEquals(Journal.OUT_OF_SPACE, appendMark(journal, marks));
            disk.usableBytes(Long.MAX_VALUE);
            assertTrue(append(journal, 10, accepted) > 0);
            assertEquals(accepted + marks + 1, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void deletionsAreWrittenAlsoWhereNoFurtherCycleCanBeBegun() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            disk.usableBytes(0);
            int accepted = 0;
            while (append(journal, 10, accepted) > 0) {
                accepted++;
            }
            int marks = 0;
            while (appendMark(journal, marks) > 0) {
                marks++;
            }
            assertTrue(marks > 100, "marks " + marks);
            assertEquals(accepted + marks, JournalContractTest.replayAll(journal).size());
        }
    }

    private static long appendMark(Journal journal, long offset) {
        return journal.append(EntryType.LOG_START, 1, 0, offset, 1, ByteBuffer.allocateDirect(0));
    }

    @Test
    void aFailedAllocationRefusesAppendsUntilOneSucceeds() throws IOException {
        int accepted = 0;
        try (Journal journal = ChronicleJournal.open(context())) {
            disk.allocationFails(true);
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
            for (int i = 0; i < 3; i++) {
                assertEquals(Journal.OUT_OF_SPACE, append(journal, 100_000, accepted));
                assertEquals(journal.appendedPosition(), journal.sync());
            }
            disk.allocationFails(false);
            for (int i = 0; i < 20; i++) {
                assertTrue(append(journal, 100_000, accepted++) > 0);
            }
            journal.sync();
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
            disk.allocationFails(true);
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
        }
        disk.allocationFails(false);
        try (Journal journal = ChronicleJournal.open(context())) {
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void aCycleThatCannotBeDeletedIsDeletedLater() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            for (int i = 0; i < 20; i++) {
                append(journal, 100_000, i);
            }
            journal.sync();
            int cycle = journal.cycles().get(0).cycle();
            int count = journal.cycles().size();
            disk.at(1, Fault.FAIL);
            assertThrows(IOException.class, () -> journal.deleteCycle(cycle));
            assertEquals(count, journal.cycles().size());
            journal.deleteCycle(cycle);
            assertEquals(count - 1, journal.cycles().size());
            journal.deleteCycle(cycle);
        }
    }

    @Test
    void aJournalOpensOnAFullDisk() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            append(journal, 10, 0);
        }
        disk.usableBytes(0);
        try (Journal journal = ChronicleJournal.open(context())) {
            assertEquals(1, JournalContractTest.replayAll(journal).size());
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 10, 1));
            assertEquals(journal.appendedPosition(), journal.sync());
            disk.usableBytes(Long.MAX_VALUE);
            assertTrue(append(journal, 10, 1) > 0);
        }
        try (Journal journal = ChronicleJournal.open(context())) {
            assertEquals(2, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void anInterruptedThreadAppendsAndSyncsLikeAnyOther() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            Thread.currentThread().interrupt();
            assertTrue(append(journal, 10, 0) > 0);
            assertTrue(append(journal, 100_000, 1) > 0);
            journal.sync();
            assertTrue(Thread.interrupted(), "the interrupt is still the caller's");
            assertTrue(append(journal, 100_000, 2) > 0);
            journal.sync();
            assertEquals(3, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void aSyncForcesOnlyWhenThereIsSomethingNew() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            append(journal, 10, 0);
            int before = disk.forces();
            journal.sync();
            assertEquals(before + 1, disk.forces());
            journal.sync();
            assertEquals(before + 1, disk.forces());
        }
    }

    @Test
    void aClosedJournalTakesNothing() throws IOException {
        Journal journal = ChronicleJournal.open(context());
        long position = append(journal, 10, 0);
        journal.close();
        journal.close();
        assertThrows(IllegalStateException.class, () -> append(journal, 10, 1));
        assertThrows(IllegalStateException.class, journal::sync);
        assertEquals(null, journal.lease(position));
    }

    @Test
    void aBadContextIsNamed() {
        JournalContext context = context().cycleBytes(1000);
        EngineException e = assertThrows(InvalidConfigException.class, context::conclude);
        assertTrue(e.getMessage().contains("cycleBytes"), e.getMessage());
        assertThrows(
                InvalidConfigException.class, () -> context().recentWindowCycles(0).conclude());
    }
}
