package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.JournalFailedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each call to the disk fails in turn. */
class JournalFailureTest {
    private static final int CYCLE_BYTES = 1 << 20;

    @TempDir Path folder;
    private final FaultyFiles files = new FaultyFiles();

    private JournalContext context() {
        return new JournalContext()
                .folder(folder)
                .cycleBytes(CYCLE_BYTES)
                .diskReserveBytes(1000)
                .files(files);
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
        files.failFrom = files.calls + 1;
        JournalFailedException e = assertThrows(JournalFailedException.class, journal::sync);
        assertEquals(FaultyFiles.FAILURE, e.getCause().getMessage());
        files.failFrom = Integer.MAX_VALUE;
        assertThrows(JournalFailedException.class, journal::sync);
        assertThrows(JournalFailedException.class, () -> append(journal, 10, 2));
        assertEquals(synced, journal.syncedPosition());
        journal.close();
        try (Journal next = ChronicleJournal.open(context())) {
            assertTrue(JournalContractTest.replayAll(next).size() >= 1);
        }
    }

    /** The whole life of a journal, until a call fails; counts what was synced. */
    private int run() throws IOException {
        int synced = 0;
        Journal journal = ChronicleJournal.open(context());
        try {
            for (int i = 0; i < 12; i++) {
                append(journal, 200_000, i);
                journal.sync();
                synced++;
            }
        } finally {
            journal.close();
        }
        return synced;
    }

    @Test
    void whicheverCallFailsNothingThatWasSyncedIsLost() throws IOException {
        files.forceless = true;
        int before = run();
        int callsPerRun = files.calls;
        assertTrue(callsPerRun > 20, "calls " + callsPerRun);
        for (int failing = 1; failing <= callsPerRun; failing++) {
            files.calls = 0;
            files.failFrom = failing;
            assertFailure();
            files.failFrom = Integer.MAX_VALUE;
            try (Journal journal = ChronicleJournal.open(context())) {
                int count = JournalContractTest.replayAll(journal).size();
                assertTrue(count >= before, "failing call " + failing);
                before = count;
            }
        }
    }

    private void assertFailure() {
        Exception e = assertThrows(Exception.class, this::run);
        assertTrue(e instanceof IOException || e instanceof JournalFailedException, e.toString());
    }

    @Test
    void belowTheReserveAppendsAreRefusedUntilThereIsSpaceAgain() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            assertTrue(append(journal, 10, 0) > 0);
            files.usableBytes = CycleWriter.allocatedBytes(CYCLE_BYTES) + 999;
            int accepted = 1;
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
            assertTrue(accepted > 5 && accepted < 12, "accepted " + accepted);
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 100_000, accepted));
            assertEquals(journal.appendedPosition(), journal.sync());
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
            files.usableBytes++;
            assertTrue(append(journal, 100_000, accepted) > 0);
            assertEquals(accepted + 1, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void theReserveIsForWhatBringsSpaceBack() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            files.usableBytes = CycleWriter.allocatedBytes(CYCLE_BYTES) + 999;
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
            files.usableBytes = 999; // the new cycle took it
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 10, accepted));
            files.usableBytes = CycleWriter.allocatedBytes(CYCLE_BYTES) - 1;
            while (marks < 4 * CYCLE_BYTES / 52 && appendMark(journal, marks) > 0) {
                marks++;
            }
            assertEquals(Journal.OUT_OF_SPACE, appendMark(journal, marks));
            files.usableBytes = Long.MAX_VALUE;
            assertTrue(append(journal, 10, accepted) > 0);
            assertEquals(accepted + marks + 1, JournalContractTest.replayAll(journal).size());
        }
    }

    private static long appendMark(Journal journal, long offset) {
        return journal.append(EntryType.LOG_START, 1, 0, offset, 1, ByteBuffer.allocateDirect(0));
    }

    @Test
    void aFailedAllocationRefusesAppendsUntilOneSucceeds() throws IOException {
        int accepted = 0;
        try (Journal journal = ChronicleJournal.open(context())) {
            files.allocationFails = true;
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
            for (int i = 0; i < 3; i++) {
                assertEquals(Journal.OUT_OF_SPACE, append(journal, 100_000, accepted));
                assertEquals(journal.appendedPosition(), journal.sync());
            }
            files.allocationFails = false;
            for (int i = 0; i < 20; i++) {
                assertTrue(append(journal, 100_000, accepted++) > 0);
            }
            journal.sync();
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
            files.allocationFails = true;
            while (accepted < 100 && append(journal, 100_000, accepted) > 0) {
                accepted++;
            }
        }
        files.allocationFails = false;
        try (Journal journal = ChronicleJournal.open(context())) {
            assertEquals(accepted, JournalContractTest.replayAll(journal).size());
        }
    }

    @Test
    void aJournalOpensOnAFullDisk() throws IOException {
        try (Journal journal = ChronicleJournal.open(context())) {
            append(journal, 10, 0);
        }
        files.usableBytes = 0;
        try (Journal journal = ChronicleJournal.open(context())) {
            assertEquals(1, JournalContractTest.replayAll(journal).size());
            assertEquals(Journal.OUT_OF_SPACE, append(journal, 10, 1));
            assertEquals(journal.appendedPosition(), journal.sync());
            files.usableBytes = Long.MAX_VALUE;
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
            int before = files.forces;
            journal.sync();
            assertEquals(before + 1, files.forces);
            journal.sync();
            assertEquals(before + 1, files.forces);
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
