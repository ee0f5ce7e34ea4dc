package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a start makes of the files that a crash left. The crash is a copy of a live folder. */
class JournalRecoveryTest {
    private static final int ENTRY_COUNT = 10;

    @TempDir Path temporary;
    private Path live;
    private Path crashed;
    private final List<Long> positions = new ArrayList<>();

    @BeforeEach
    void paths() {
        live = temporary.resolve("live");
        crashed = temporary.resolve("crashed");
    }

    private static JournalContext context(Path folder) {
        return new JournalContext()
                .folder(folder)
                .cycleBytes(1 << 20)
                .diskReserveBytes(0)
                .disk(new FaultyDisk(folder, 1));
    }

    /** Appends small batches, each synced or none, and returns the end position. */
    private long crash(boolean synced, int valueLength) throws IOException {
        try (Journal journal = ChronicleJournal.open(context(live))) {
            for (int i = 0; i < ENTRY_COUNT; i++) {
                append(journal, valueLength, i);
                if (synced) {
                    journal.sync();
                }
            }
            copy(live, crashed);
            return journal.appendedPosition();
        }
    }

    private void append(Journal journal, int valueLength, long baseOffset) {
        ByteBuffer batch = Batches.batch(valueLength, baseOffset);
        positions.add(journal.append(EntryType.BATCH, 1, 0, baseOffset, 0, batch));
    }

    private static void copy(Path from, Path to) throws IOException {
        delete(to);
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.sorted().toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private Path file(long position) {
        return crashed.resolve("00000001")
                .resolve(CycleNumbering.fileName(Journal.cycle(position)));
    }

    private interface Damage {
        void apply(RandomAccessFile file) throws IOException;
    }

    private void damage(long position, Damage damage) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(file(position).toFile(), "rw")) {
            damage.apply(file);
        }
    }

    private static void zero(RandomAccessFile file, long from, long to) throws IOException {
        file.seek(from);
        file.write(new byte[(int) (to - from)]);
    }

    private static void flip(RandomAccessFile file, long offset, int bit) throws IOException {
        file.seek(offset);
        int value = file.read();
        file.seek(offset);
        file.write(value ^ (1 << bit));
    }

    @Test
    void aStartFolderThatIsMissingInTheMiddleIsMissed() throws IOException {
        List<Long> ends = new ArrayList<>();
        for (int start = 0; start < 4; start++) {
            try (Journal journal = ChronicleJournal.open(context(live))) {
                if (start != 1) { // which leaves nothing, and may be gone
                    append(journal, 10, start);
                }
                journal.sync();
                ends.add(journal.appendedPosition());
            }
        }
        for (int applied = 0; applied < 4; applied++) {
            for (int gone : new int[] {0, 2}) {
                copy(live, crashed);
                delete(StartFolder.path(crashed, gone + 1));
                JournalContext context = context(crashed).scanFromPosition(ends.get(applied));
                if (gone < applied) {
                    ChronicleJournal.open(context).close();
                } else {
                    String what = "gone " + gone + " applied " + applied;
                    assertThrows(
                            CorruptJournalException.class,
                            () -> ChronicleJournal.open(context).close(),
                            what);
                }
            }
        }
    }

    private void assertEntries(int count) throws IOException {
        // The second start finds what the first has recorded.
        assertEntriesAtStart(count);
        assertEntriesAtStart(count);
    }

    private void assertEntriesAtStart(int count) throws IOException {
        try (Journal journal = ChronicleJournal.open(context(crashed))) {
            List<JournalContractTest.Entry> entries = JournalContractTest.replayAll(journal);
            assertEquals(count, entries.size());
            for (int i = 0; i < count; i++) {
                assertEquals((long) positions.get(i), entries.get(i).position());
            }
        }
    }

    @Test
    void everythingIsThereAfterACrash() throws IOException {
        crash(true, 20);
        assertEntries(ENTRY_COUNT);
    }

    @Test
    void aTailTornAtAnyByteIsCutThere() throws IOException {
        long end = Journal.fileOffset(crash(false, 20));
        long last = positions.get(ENTRY_COUNT - 1);
        long header = Journal.fileOffset(last) - 4;
        Path intact = temporary.resolve("intact");
        copy(crashed, intact);
        // The value's last byte differs from zero; up to three bytes of padding follow.
        for (long torn = header; torn < end - 3; torn++) {
            long from = torn;
            copy(intact, crashed);
            damage(last, file -> zero(file, from, end));
            assertEntriesAtStart(ENTRY_COUNT - 1);
            copy(intact, crashed);
            damage(last, file -> file.setLength(from));
            assertEntriesAtStart(ENTRY_COUNT - 1);
        }
    }

    @Test
    void aFlippedBitInWhatWasSyncedIsNamedAndNothingIsChanged() throws IOException {
        crash(true, 20);
        long position = positions.get(4);
        Path intact = temporary.resolve("intact");
        copy(crashed, intact);
        long from = Journal.fileOffset(position) - 4;
        long to = from + 4 + Journal.ENVELOPE_LENGTH + Batches.batch(20, 4).remaining();
        for (long offset = from; offset < to; offset++) {
            long at = offset;
            copy(intact, crashed);
            damage(position, file -> flip(file, at, (int) (at % 8)));
            byte[] before = Files.readAllBytes(file(position));
            CorruptJournalException e =
                    assertThrows(
                            CorruptJournalException.class,
                            () -> ChronicleJournal.open(context(crashed)).close(),
                            () -> "offset " + (at - from));
            assertTrue(e.getMessage().contains("file=" + file(position)), e.getMessage());
            assertTrue(e.getMessage().contains("offset=" + from), e.getMessage());
            assertEquals(
                    ByteBuffer.wrap(before), ByteBuffer.wrap(Files.readAllBytes(file(position))));
        }
    }

    @Test
    void aLostPageInWhatWasSyncedIsNotTakenForTheEnd() throws IOException {
        crash(true, 5000);
        long from = Journal.fileOffset(positions.get(4)) - 4;
        damage(positions.get(4), file -> zero(file, from, from + 4096));
        assertThrows(CorruptJournalException.class, () -> ChronicleJournal.open(context(crashed)));
    }

    @Test
    void damageInWhatWasNotSyncedCutsTheRestOff() throws IOException {
        crash(false, 20);
        damage(positions.get(4), file -> flip(file, Journal.fileOffset(positions.get(4)) + 60, 3));
        assertEntries(4);
    }

    @Test
    void laterCyclesGoWithATornOne() throws IOException {
        crash(false, 200_000);
        assertTrue(Files.exists(file(positions.get(ENTRY_COUNT - 1))));
        assertFalse(file(positions.get(2)).equals(file(positions.get(ENTRY_COUNT - 1))));
        damage(positions.get(2), file -> flip(file, Journal.fileOffset(positions.get(2)) + 99, 3));
        assertEntries(2);
        assertFalse(Files.exists(file(positions.get(ENTRY_COUNT - 1))));
    }

    @Test
    void aLaterCycleTellsThatAnEarlierOneWasSynced() throws IOException {
        try (Journal journal = ChronicleJournal.open(context(live))) {
            for (int i = 0; i < 4; i++) {
                append(journal, 200_000, i);
            }
            journal.sync();
            for (int i = 4; i < 6; i++) {
                append(journal, 200_000, i);
            }
            copy(live, crashed);
        }
        damage(positions.get(3), file -> flip(file, Journal.fileOffset(positions.get(3)) + 99, 3));
        assertThrows(CorruptJournalException.class, () -> ChronicleJournal.open(context(crashed)));
    }

    @Test
    void theScanBeginsWhereItIsToldTo() throws IOException {
        crash(true, 20);
        damage(positions.get(4), file -> flip(file, Journal.fileOffset(positions.get(4)) + 60, 3));
        JournalContext context = context(crashed).scanFromPosition(positions.get(5));
        try (Journal journal = ChronicleJournal.open(context)) {
            long end = journal.appendedPosition();
            assertEquals(5, JournalContractTest.replay(journal, positions.get(5), end).size());
            CorruptJournalException e =
                    assertThrows(
                            CorruptJournalException.class,
                            () -> JournalContractTest.replayAll(journal));
            assertTrue(e.getMessage().contains("file=" + file(positions.get(4))));
        }
    }

    @Test
    void anEndBeforeTheProjectionsPositionIsDamage() throws IOException {
        long end = crash(false, 20);
        damage(end, file -> file.setLength(Journal.fileOffset(positions.get(9))));
        assertThrows(
                CorruptJournalException.class,
                () -> ChronicleJournal.open(context(crashed).scanFromPosition(end)));
        Files.delete(file(end));
        assertThrows(
                CorruptJournalException.class,
                () -> ChronicleJournal.open(context(crashed).scanFromPosition(end + (1L << 33))));
    }

    @Test
    void aLostEndFileOfAnEarlierStartIsMadeAgain() throws IOException {
        crash(true, 20);
        assertEntries(ENTRY_COUNT);
        Path end = crashed.resolve("00000001/END");
        Files.delete(end);
        try (Journal journal = ChronicleJournal.open(context(crashed))) {
            append(journal, 20, 0);
        }
        assertTrue(Files.exists(end));
        Files.delete(end);
        damage(positions.get(9), file -> flip(file, Journal.fileOffset(positions.get(9)) + 60, 3));
        assertThrows(CorruptJournalException.class, () -> ChronicleJournal.open(context(crashed)));
    }

    @Test
    void anEntryMovedElsewhereIsNotTakenForOne() throws IOException {
        crash(false, 20);
        long from = Journal.fileOffset(positions.get(2)) - 4;
        int length = (int) (Journal.fileOffset(positions.get(3)) - 4 - from);
        damage(
                positions.get(2),
                file -> {
                    byte[] entry = new byte[length];
                    file.seek(from);
                    file.readFully(entry);
                    file.seek(from + length);
                    file.write(entry);
                });
        assertEntries(3);
    }

    @Test
    void journalFilesStoredAsRecordsAreNoEvidence() throws IOException {
        crash(true, 20);
        byte[] foreign = Files.readAllBytes(file(positions.get(0)));
        Path other = temporary.resolve("other");
        long position;
        try (Journal journal = ChronicleJournal.open(context(other))) {
            ByteBuffer payload = ByteBuffer.wrap(foreign, 0, 200_000);
            assertTrue(payload.remaining() > Journal.fileOffset(positions.get(9)));
            position = journal.append(EntryType.COMMAND, 1, 0, 0, 0, payload);
            copy(other, crashed);
        }
        damage(position, file -> flip(file, Journal.fileOffset(position) + 5, 1));
        positions.clear();
        assertEntries(0);
    }

    @Test
    void aFolderWithAnEndIsNotScannedButAReplayFindsTheDamage() throws IOException {
        crash(true, 20);
        copy(live, crashed);
        assertTrue(Files.exists(crashed.resolve("00000001/END")));
        damage(positions.get(4), file -> flip(file, Journal.fileOffset(positions.get(4)) + 60, 3));
        try (Journal journal = ChronicleJournal.open(context(crashed))) {
            long end = journal.appendedPosition();
            assertEquals(5, JournalContractTest.replay(journal, positions.get(5), end).size());
            assertThrows(
                    CorruptJournalException.class, () -> JournalContractTest.replayAll(journal));
        }
    }

    @Test
    void aFileShorterThanItsRecordedEndIsDamage() throws IOException {
        crash(true, 20);
        copy(live, crashed);
        damage(positions.get(4), file -> file.setLength(Journal.fileOffset(positions.get(4))));
        assertThrows(CorruptJournalException.class, () -> ChronicleJournal.open(context(crashed)));
    }

    @Test
    void aStartThatAppendedNothingLeavesNothing() throws IOException {
        ChronicleJournal.open(context(live)).close();
        ChronicleJournal.open(context(live)).close();
        Journal open = ChronicleJournal.open(context(live));
        copy(live, crashed);
        open.close();
        try (Journal journal = ChronicleJournal.open(context(crashed))) {
            assertEquals(1, journal.cycles().size());
        }
        try (Stream<Path> starts = Files.list(live)) {
            assertEquals(2, starts.count(), "LOCK and the last start");
        }
    }

    @Test
    void oneProcessAtATime() throws IOException {
        try (Journal journal = ChronicleJournal.open(context(live))) {
            append(journal, 20, 0);
            assertThrows(
                    io.headrace.engine.EngineException.class,
                    () -> ChronicleJournal.open(context(live)));
        }
    }
}
