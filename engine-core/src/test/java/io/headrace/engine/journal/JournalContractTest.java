package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every {@link Journal} does. Cycles are 1 MiB, the recent window is 2 cycles. */
public abstract class JournalContractTest {
    /** What the journal's clock says; in seconds it needs all 32 bits. */
    protected static final long NOW_MS = 4_000_000_000_987L;

    /** Bytes of a cycle in these tests. */
    protected static final int CYCLE_BYTES = 1 << 20;

    @TempDir Path folder;

    /** Opens the journal in a folder; a journal was there before, or not. */
    protected abstract Journal open(Path folder, long scanFromPosition) throws IOException;

    private Journal open() throws IOException {
        return open(folder, 0);
    }

    /** An entry as it was replayed. */
    record Entry(
            long position,
            EntryType type,
            long topicId,
            int partition,
            long baseOffset,
            int leaderEpoch,
            long appendTimeMs,
            ByteBuffer payload) {}

    static List<Entry> replay(Journal journal, long from, long to) throws IOException {
        List<Entry> entries = new ArrayList<>();
        journal.replay(
                from,
                to,
                (position, type, topicId, partition, baseOffset, leaderEpoch, time, payload) ->
                        entries.add(
                                new Entry(
                                        position,
                                        type,
                                        topicId,
                                        partition,
                                        baseOffset,
                                        leaderEpoch,
                                        time,
                                        copy(payload))));
        return entries;
    }

    private static ByteBuffer copy(ByteBuffer payload) {
        return ByteBuffer.allocate(payload.remaining()).put(payload.duplicate()).flip();
    }

    static List<Entry> replayAll(Journal journal) throws IOException {
        return replay(journal, journal.firstPosition(), journal.appendedPosition());
    }

    private static long appendBatch(Journal journal, int valueLength, long baseOffset) {
        ByteBuffer batch = Batches.batch(valueLength, baseOffset);
        return journal.append(EntryType.BATCH, 7, 3, baseOffset, 5, batch);
    }

    @Test
    void entriesComeBackAsAppended() throws IOException {
        try (Journal journal = open()) {
            ByteBuffer command = ByteBuffer.wrap("create".getBytes());
            long first = journal.append(EntryType.COMMAND, 1, 2, 3, 4, command);
            long second = journal.append(EntryType.LOG_START, -1, 9, 1L << 40, 6, empty());
            assertEquals(0, command.position());

            List<Entry> entries = replayAll(journal);

            assertEquals(
                    List.of(
                            new Entry(first, EntryType.COMMAND, 1, 2, 3, 4, -1, command),
                            new Entry(
                                    second, EntryType.LOG_START, -1, 9, 1L << 40, 6, -1, empty())),
                    entries);
            assertTrue(second > first);
        }
    }

    @Test
    void aBatchComesBackWithTheTimeOfItsAppend() throws IOException {
        try (Journal journal = open()) {
            appendBatch(journal, 100, 0);
            assertEquals(NOW_MS / 1000 * 1000, replayAll(journal).get(0).appendTimeMs());
        }
        try (Journal journal = open()) {
            assertEquals(NOW_MS / 1000 * 1000, replayAll(journal).get(0).appendTimeMs());
        }
    }

    private static ByteBuffer empty() {
        return ByteBuffer.allocate(0);
    }

    @Test
    void offsetAndEpochAreSetInTheCopyOfABatch() throws IOException {
        try (Journal journal = open()) {
            ByteBuffer batch = Batches.batch(100, 1);
            ByteBuffer before = copy(batch);
            long position = journal.append(EntryType.BATCH, 7, 3, 1234, 5, batch);

            ByteBuffer copy = ByteBuffer.allocate(batch.remaining());
            readCold(journal, position + Journal.ENVELOPE_LENGTH, copy);

            assertEquals(1234, copy.getLong(0));
            assertEquals(5, copy.getInt(12));
            assertEquals(before.slice(16, before.limit() - 16), copy.slice(16, copy.limit() - 16));
            assertEquals(before, batch);
        }
    }

    @Test
    void positionsGrowOverCyclesAndRestarts() throws IOException {
        long last = -1;
        for (int start = 0; start < 3; start++) {
            try (Journal journal = open()) {
                for (int i = 0; i < 30; i++) {
                    long position = appendBatch(journal, 100_000, i);
                    assertTrue(position > last);
                    last = position;
                }
                assertEquals(30L * (start + 1), replayAll(journal).size());
            }
        }
    }

    @Test
    void replayTakesAnyEntryOrEndAsItsBounds() throws IOException {
        List<Long> positions = new ArrayList<>();
        List<Long> ends = new ArrayList<>();
        try (Journal journal = open()) {
            for (int i = 0; i < 25; i++) {
                positions.add(appendBatch(journal, 90_001 + i, i));
                ends.add(journal.appendedPosition());
            }
            assertBounds(journal, positions, ends);
        }
        try (Journal journal = open()) {
            assertBounds(journal, positions, ends);
        }
    }

    private static void assertBounds(Journal journal, List<Long> positions, List<Long> ends)
            throws IOException {
        long end = journal.appendedPosition();
        for (int i = 0; i < positions.size(); i++) {
            int after = positions.size() - i - 1;
            assertEquals(after + 1, replay(journal, positions.get(i), end).size());
            assertEquals(after, replay(journal, ends.get(i), end).size());
            assertEquals(i, replay(journal, 0, positions.get(i)).size());
            assertEquals(i + 1, replay(journal, 0, ends.get(i)).size());
        }
    }

    @Test
    void syncMovesTheSyncedPositionToTheAppended() throws IOException {
        try (Journal journal = open()) {
            assertEquals(journal.appendedPosition(), journal.syncedPosition());
            long position = appendBatch(journal, 100, 0);
            assertTrue(journal.syncedPosition() <= position);
            assertEquals(journal.appendedPosition(), journal.sync());
            assertTrue(journal.syncedPosition() > position);
            for (int i = 0; i < 40; i++) {
                appendBatch(journal, 100_000, i);
            }
            assertEquals(journal.appendedPosition(), journal.sync());
            assertEquals(journal.appendedPosition(), journal.syncedPosition());
        }
    }

    @Test
    void aLeaseShowsTheBytesOfTheFile() throws IOException {
        try (Journal journal = open()) {
            ByteBuffer batch = Batches.batch(1000, 1);
            long position = journal.append(EntryType.BATCH, 7, 3, 0, 0, batch);
            try (Journal.JournalLease lease = leased(journal, position)) {
                int index = (int) Journal.fileOffset(position) + Journal.ENVELOPE_LENGTH;
                ByteBuffer leased = lease.buffer().slice(index, batch.remaining());
                ByteBuffer cold = ByteBuffer.allocate(batch.remaining());
                readCold(journal, position + Journal.ENVELOPE_LENGTH, cold);
                assertEquals(cold.flip(), leased);
            }
        }
    }

    private static void readCold(Journal journal, long position, ByteBuffer into)
            throws IOException {
        try (ColdFile file = journal.openCold(Journal.cycle(position))) {
            file.read(Journal.fileOffset(position), into);
        }
    }

    private static Journal.JournalLease leased(Journal journal, long position) {
        Journal.JournalLease lease = journal.lease(position);
        assertNotNull(lease);
        return lease;
    }

    @Test
    void onlyTheRecentWindowIsLeased() throws IOException {
        try (Journal journal = open()) {
            List<Long> positions = fillCycles(journal, 4);
            assertNull(journal.lease(positions.get(0)));
            assertNull(journal.lease(positions.get(1)));
            leased(journal, positions.get(2)).close();
            leased(journal, positions.get(3)).close();
        }
        try (Journal journal = open()) {
            assertNull(journal.lease(journal.firstPosition()));
        }
    }

    /** The first entry's position of each of so many cycles. */
    private static List<Long> fillCycles(Journal journal, int count) {
        List<Long> firstOfCycle = new ArrayList<>();
        for (int i = 0; firstOfCycle.size() < count; i++) {
            long position = appendBatch(journal, 200_000, i);
            if (firstOfCycle.isEmpty()
                    || Journal.cycle(position)
                            != Journal.cycle(firstOfCycle.get(firstOfCycle.size() - 1))) {
                firstOfCycle.add(position);
            }
        }
        return firstOfCycle;
    }

    @Test
    void aLeaseOutlivesWindowDeletionAndClose() throws IOException {
        Journal journal = open();
        ByteBuffer batch = Batches.batch(1000, 1);
        long position = journal.append(EntryType.BATCH, 7, 3, 0, 0, batch);
        Journal.JournalLease lease = leased(journal, position);
        fillCycles(journal, 3);
        journal.sync();
        journal.deleteCycle(Journal.cycle(position));
        journal.close();
        int index = (int) Journal.fileOffset(position) + Journal.ENVELOPE_LENGTH;
        ByteBuffer leased = lease.buffer().slice(index + 16, batch.remaining() - 16);
        assertEquals(batch.slice(16, batch.remaining() - 16), leased);
        lease.close();
    }

    @Test
    void deletedCyclesAreGone() throws IOException {
        List<Long> positions;
        try (Journal journal = open()) {
            positions = fillCycles(journal, 4);
            journal.sync();
            long before = journal.lengthOnDisk();
            int first = Journal.cycle(positions.get(0));
            journal.deleteCycle(first);
            journal.deleteCycle(first);
            assertTrue(journal.lengthOnDisk() < before);
            assertEquals(first + 1, Journal.cycle(journal.firstPosition()));
            assertNull(journal.lease(positions.get(0)));
            assertThrows(
                    IOException.class,
                    () -> readCold(journal, positions.get(0), ByteBuffer.allocate(1)));
            appendBatch(journal, 100, 0);
            fillCycles(journal, 2);
        }
        long needed = Journal.position(Journal.cycle(positions.get(0)) + 1, 0);
        try (Journal journal = open(folder, needed)) {
            assertEquals(needed, journal.firstPosition());
        }
    }

    @Test
    void theCycleBeingAppendedToIsNotDeleted() throws IOException {
        try (Journal journal = open()) {
            int cycle = Journal.cycle(appendBatch(journal, 100, 0));
            assertThrows(IllegalArgumentException.class, () -> journal.deleteCycle(cycle));
        }
    }

    @Test
    void cycleNumbersAreNotUsedAgainWhenAllCyclesAreDeleted() throws IOException {
        int cycle;
        try (Journal journal = open()) {
            cycle = Journal.cycle(appendBatch(journal, 100, 0));
        }
        for (int i = 0; i < 3; i++) {
            long needed = i == 0 ? 0 : Journal.position(cycle + 1, 0);
            try (Journal journal = open(folder, needed)) {
                if (i == 0) {
                    journal.deleteCycle(cycle);
                }
                assertTrue(Journal.cycle(journal.appendedPosition()) > cycle);
            }
        }
    }

    @Test
    void aPayloadOfAQuarterCycleFitsAndALongerOneIsRefused() throws IOException {
        try (Journal journal = open()) {
            ByteBuffer payload = ByteBuffer.allocateDirect(CYCLE_BYTES / 4);
            for (int i = 0; i < 12; i++) {
                assertTrue(journal.append(EntryType.COMMAND, 1, 0, 0, 0, payload) > 0);
            }
            assertEquals(12, replayAll(journal).size());
            ByteBuffer longer = ByteBuffer.allocateDirect(CYCLE_BYTES / 4 + 1);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> journal.append(EntryType.COMMAND, 1, 0, 0, 0, longer));
        }
    }

    @Test
    void cyclesSayHowFarTheyHoldEntries() throws IOException {
        List<Journal.Cycle> cycles;
        try (Journal journal = open()) {
            fillCycles(journal, 3);
            cycles = journal.cycles();
            assertEquals(3, cycles.size());
            Journal.Cycle last = cycles.get(2);
            assertEquals(
                    journal.appendedPosition(), Journal.position(last.cycle(), last.endOffset()));
        }
        try (Journal journal = open()) {
            assertEquals(cycles, journal.cycles().subList(0, 3));
        }
    }
}
