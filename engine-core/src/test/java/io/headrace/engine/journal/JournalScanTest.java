package io.headrace.engine.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.journal.JournalScan.ScannedCycle;
import io.headrace.engine.journal.JournalScan.State;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalScanTest {
    private static final long TOPIC_ID = 7;
    private static final int ENTRY_COUNT = 40;

    @TempDir Path folder;

    private final List<Long> baseOffsets = new ArrayList<>();

    @Test
    void findsEveryEntryOfAClosedJournal() throws IOException {
        write(ENTRY_COUNT);
        List<ScannedCycle> cycles = scan();
        assertEquals(offsets(ENTRY_COUNT), baseOffsets);
        assertTrue(
                cycles.stream().allMatch(cycle -> cycle.state() == State.SOUND), cycles::toString);
        assertEquals(ENTRY_COUNT, cycles.stream().mapToLong(ScannedCycle::entryCount).sum());
    }

    @Test
    void seesADamagedByteInAClosedJournal() throws IOException {
        write(ENTRY_COUNT);
        flip(scan().get(0), 300);
        baseOffsets.clear();
        ScannedCycle first = scan().get(0);
        assertEquals(State.DAMAGED, first.state());
        assertTrue(first.entryCount() < ENTRY_COUNT);
        assertTrue(!first.reason().isEmpty());
    }

    @Test
    void takesATornTailForWhatItIs() throws IOException {
        write(ENTRY_COUNT);
        removeEnd();
        List<ScannedCycle> cycles = scan();
        ScannedCycle last = cycles.get(cycles.size() - 1);
        flip(last, 20);
        assertEquals(State.TORN, scan().get(cycles.size() - 1).state());
    }

    @Test
    void refusesAJournalThatIsOpen() throws IOException {
        try (Journal journal = open()) {
            EngineException refused = assertThrows(EngineException.class, this::scan);
            assertTrue(refused.getMessage().contains("in use"), refused.getMessage());
            journal.sync();
        }
    }

    private void write(int count) throws IOException {
        try (Journal journal = open()) {
            for (int i = 0; i < count; i++) {
                journal.append(EntryType.BATCH, TOPIC_ID, 0, i, 1, Batches.batch(1000, i));
            }
        }
    }

    private Journal open() throws IOException {
        return ChronicleJournal.open(
                new JournalContext().folder(folder).cycleBytes(1 << 20).diskReserveBytes(0));
    }

    private List<ScannedCycle> scan() throws IOException {
        return JournalScan.read(
                folder,
                (position, type, topicId, partition, baseOffset, epoch, time, payload) ->
                        baseOffsets.add(baseOffset));
    }

    private static List<Long> offsets(int count) {
        return Stream.iterate(0L, offset -> offset + 1).limit(count).toList();
    }

    /** Changes one byte so far before the end of the sound entries. */
    private static void flip(ScannedCycle cycle, int before) throws IOException {
        long at = Journal.fileOffset(cycle.endPosition()) - before;
        try (FileChannel channel =
                FileChannel.open(cycle.path(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            one.put(0, (byte) ~one.get(0)).rewind();
            channel.write(one, at);
        }
    }

    private void removeEnd() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path end : files.filter(file -> file.endsWith(FolderRecord.END)).toList()) {
                Files.delete(end);
            }
        }
    }
}
