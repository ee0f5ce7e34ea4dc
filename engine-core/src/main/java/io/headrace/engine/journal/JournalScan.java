package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads a journal that no process has open, entry by entry with all checksums, and changes nothing:
 * for tools. A journal that a crash left behind is read up to where the next start would cut it.
 */
public final class JournalScan {
    private static final String LOCK = "LOCK";

    private final Path folder;
    private final Journal.EntryHandler handler;
    private final List<ScannedCycle> scanned = new ArrayList<>();

    /** What was found in one cycle file. */
    public enum State {
        /** Sound to its end. */
        SOUND,
        /** Sound up to where a crash tore it; what was behind had not been synced. */
        TORN,
        /** Bytes that had been synced are damaged or missing. */
        DAMAGED
    }

    /**
     * One cycle file.
     *
     * @param path of the file
     * @param cycle its number
     * @param entryCount sound entries
     * @param payloadBytes of these entries
     * @param endPosition where the sound entries end
     * @param reason what is wrong there; empty if nothing is
     */
    public record ScannedCycle(
            Path path,
            int cycle,
            long entryCount,
            long payloadBytes,
            long endPosition,
            State state,
            String reason) {}

    private JournalScan(Path folder, Journal.EntryHandler handler) {
        this.folder = folder;
        this.handler = handler;
    }

    /**
     * Hands over every sound entry, oldest first, and tells what was found in each cycle.
     *
     * @param folder of one journal
     * @param handler borrows each payload until it returns
     * @throws NoSuchFileException if the folder is not a journal's
     * @throws io.headrace.engine.EngineException if a process has the journal open
     */
    public static List<ScannedCycle> read(Path folder, Journal.EntryHandler handler)
            throws IOException {
        if (!Files.exists(folder.resolve(LOCK))) {
            throw new NoSuchFileException(folder.toString(), null, "not a journal's folder");
        }
        FileChannel lock = ChronicleJournal.lock(folder);
        try {
            return new JournalScan(folder, handler).scan();
        } finally {
            lock.close();
        }
    }

    private List<ScannedCycle> scan() throws IOException {
        List<StartFolder> folders = StartFolder.list(folder, Disk.SYSTEM);
        for (StartFolder start : folders) {
            for (Map.Entry<Integer, Path> file : start.cyclePaths().entrySet()) {
                scanned.add(scan(start, file.getKey(), file.getValue()));
            }
        }
        return scanned;
    }

    private ScannedCycle scan(StartFolder start, int cycle, Path path) throws IOException {
        try (CycleReader reader = new CycleReader(path, cycle, Disk.SYSTEM)) {
            long entryCount = 0;
            long payloadBytes = 0;
            CycleReader.Found found = reader.next();
            while (found == CycleReader.Found.ENTRY) {
                handOver(reader, cycle);
                entryCount++;
                payloadBytes += reader.envelope().payloadLength();
                found = reader.next();
            }
            State state = state(start, cycle, reader, found);
            return new ScannedCycle(
                    path,
                    cycle,
                    entryCount,
                    payloadBytes,
                    Journal.position(cycle, reader.offset()),
                    state,
                    state == State.SOUND ? "" : reason(reader, found));
        }
    }

    private void handOver(CycleReader reader, int cycle) {
        Envelope envelope = reader.envelope();
        handler.onEntry(
                Journal.position(cycle, reader.entryOffset()),
                EntryType.of(envelope.type()),
                envelope.topicId(),
                envelope.partition(),
                envelope.baseOffset(),
                envelope.leaderEpoch(),
                envelope.appendTimeMs(),
                reader.payload());
    }

    private static State state(
            StartFolder start, int cycle, CycleReader reader, CycleReader.Found found)
            throws IOException {
        if (found == CycleReader.Found.END_OF_CYCLE) {
            return State.SOUND;
        }
        long position = Journal.position(cycle, reader.offset());
        FolderRecord end = start.end();
        if (end != null) {
            boolean isWhole = position == end.position() && found == CycleReader.Found.NOTHING;
            return isWhole ? State.SOUND : State.DAMAGED;
        }
        boolean synced = highestSyncedPosition(start, cycle, reader) > position;
        if (synced) {
            return State.DAMAGED;
        }
        return found == CycleReader.Found.NOTHING ? State.SOUND : State.TORN;
    }

    /** What the sound envelopes behind the place where reading ended say was synced. */
    private static long highestSyncedPosition(StartFolder start, int cycle, CycleReader reader)
            throws IOException {
        long highest = reader.highestSyncedPosition(reader.offset());
        for (Map.Entry<Integer, Path> later : start.cyclePaths().tailMap(cycle, false).entrySet()) {
            try (CycleReader laterReader =
                    new CycleReader(later.getValue(), later.getKey(), Disk.SYSTEM)) {
                highest = Math.max(highest, laterReader.highestSyncedPosition(0));
            }
        }
        return highest;
    }

    private static String reason(CycleReader reader, CycleReader.Found found) {
        return found == CycleReader.Found.BAD ? reader.reason() : "entries are missing";
    }
}
