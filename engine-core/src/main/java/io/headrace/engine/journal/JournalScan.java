package io.headrace.engine.journal;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.EntryType;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a journal entry by entry with all checksums, and changes nothing: for tools. Past damage it
 * goes on with the next sound entry. A journal that a crash left behind is read up to where the
 * next start would cut it; one that a process has open, up to what is being written.
 */
public final class JournalScan {
    private static final String LOCK = "LOCK";

    private final List<StartFolder> starts;
    private final boolean isOpen;
    private final Handler handler;

    /** What was found in one cycle file. */
    public enum State {
        /** Sound to its end. */
        SOUND,
        /** Sound up to what a process is just writing. */
        IN_USE,
        /** Sound up to where a crash tore it; what was behind had not been synced. */
        TORN,
        /** Bytes that had been synced are damaged or missing. */
        DAMAGED
    }

    /** Takes what is found, in order. */
    @FunctionalInterface
    public interface Handler extends Journal.EntryHandler {
        /** A stretch that is damaged. */
        default void onDamage(Damage damage) {}
    }

    /**
     * A stretch of a cycle file that had been synced and is not sound.
     *
     * @param fromOffset of the first document header that is not sound
     * @param toOffset of the header behind the stretch; the file's length if nothing behind it is
     *     sound
     * @param isAtEnd whether nothing behind it is sound
     * @param isEndRecorded whether the file is the one in which the start's END lies
     * @param lost what the stretch's first envelope says, if that is sound
     */
    public record Damage(
            Path path,
            int cycle,
            long fromOffset,
            long toOffset,
            boolean isAtEnd,
            boolean isEndRecorded,
            String reason,
            @Nullable LostEntry lost) {
        /** Bytes of the stretch. */
        public long length() {
            return toOffset - fromOffset;
        }
    }

    /** The entry whose payload is damaged. */
    public record LostEntry(EntryType type, long topicId, int partition, long baseOffset) {}

    /**
     * One cycle file.
     *
     * @param path of the file
     * @param cycle its number
     * @param entryCount sound entries
     * @param payloadBytes of these entries
     * @param endPosition where the last sound entry ends
     * @param cutOutBytes that an earlier repair cut out
     * @param reason what is wrong first; empty if nothing is
     * @param damages in order
     */
    public record ScannedCycle(
            Path path,
            int cycle,
            long entryCount,
            long payloadBytes,
            long endPosition,
            long cutOutBytes,
            State state,
            String reason,
            List<Damage> damages) {}

    private JournalScan(List<StartFolder> starts, boolean isOpen, Handler handler) {
        this.starts = starts;
        this.isOpen = isOpen;
        this.handler = handler;
    }

    /**
     * Hands over what is found, oldest first, and tells what was found in each cycle. No process
     * can open the journal meanwhile.
     *
     * @param folder of one journal
     * @param handler borrows each payload until it returns
     * @throws NoSuchFileException if the folder is not a journal's
     * @throws io.headrace.engine.EngineException if a process has the journal open
     */
    public static List<ScannedCycle> read(Path folder, Handler handler) throws IOException {
        List<StartFolder> starts = starts(folder);
        FileChannel lock = ChronicleJournal.lock(folder);
        try {
            return new JournalScan(starts, false, handler).scan();
        } finally {
            lock.close();
        }
    }

    /** As {@link #read}, for who holds the lock. */
    static List<ScannedCycle> readLocked(Path folder, Handler handler) throws IOException {
        return new JournalScan(starts(folder), false, handler).scan();
    }

    /**
     * As {@link #read}, also while a process has the journal open, and of a folder to read only.
     */
    public static List<ScannedCycle> readOnly(Path folder, Handler handler) throws IOException {
        return new JournalScan(starts(folder), isOpen(folder), handler).scan();
    }

    private static List<StartFolder> starts(Path folder) throws IOException {
        List<StartFolder> starts = StartFolder.list(folder, Disk.SYSTEM);
        if (starts.isEmpty() && !Files.exists(folder.resolve(LOCK))) {
            throw new NoSuchFileException(folder.toString(), null, "not a journal's folder");
        }
        return starts;
    }

    /** Whether a process has the journal open. */
    public static boolean isOpen(Path folder) throws IOException {
        if (!Files.exists(folder.resolve(LOCK))) {
            return false;
        }
        try {
            ChronicleJournal.lock(folder).close();
            return false;
        } catch (AccessDeniedException | ReadOnlyFileSystemException e) {
            return false; // cannot be told; no server runs on a folder that is read only
        } catch (EngineException e) {
            return true;
        }
    }

    private List<ScannedCycle> scan() throws IOException {
        List<ScannedCycle> scanned = new ArrayList<>();
        for (StartFolder start : starts) {
            for (Map.Entry<Integer, Path> file : start.cyclePaths().entrySet()) {
                if (!isBehindEnd(start, file.getKey())) {
                    add(scanned, start, file.getKey(), file.getValue());
                }
            }
        }
        return scanned;
    }

    /** There can be a file that was begun and could not be allocated. */
    private static boolean isBehindEnd(StartFolder start, int cycle) {
        FolderRecord end = start.end();
        return end != null && cycle > Journal.cycle(end.position());
    }

    private void add(List<ScannedCycle> scanned, StartFolder start, int cycle, Path path)
            throws IOException {
        try {
            scanned.add(scan(start, cycle, path));
        } catch (NoSuchFileException e) {
            if (!isOpen) {
                throw e;
            }
            // The server has deleted it meanwhile: nothing in it was alive.
        }
    }

    private ScannedCycle scan(StartFolder start, int cycle, Path path) throws IOException {
        try (CycleReader reader = new CycleReader(path, cycle, Disk.SYSTEM)) {
            List<Damage> damages = new ArrayList<>();
            long entryCount = 0;
            long payloadBytes = 0;
            while (true) {
                CycleReader.Found found = reader.next();
                if (found == CycleReader.Found.ENTRY) {
                    handOver(reader, cycle);
                    entryCount++;
                    payloadBytes += reader.envelope().payloadLength();
                    continue;
                }
                long end = Journal.position(cycle, reader.offset());
                State state = state(start, cycle, reader, found);
                String reason =
                        state == State.DAMAGED || state == State.TORN ? why(reader, found) : "";
                if (state == State.DAMAGED) {
                    damages.add(damage(start, cycle, path, reader, reason));
                    if (!damages.get(damages.size() - 1).isAtEnd()) {
                        continue;
                    }
                }
                return new ScannedCycle(
                        path,
                        cycle,
                        entryCount,
                        payloadBytes,
                        end,
                        reader.cutOutBytes(),
                        damages.isEmpty() ? state : State.DAMAGED,
                        damages.isEmpty() ? reason : damages.get(0).reason(),
                        List.copyOf(damages));
            }
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

    /** Describes the stretch that the reader stands at, and moves behind it. */
    private Damage damage(
            StartFolder start, int cycle, Path path, CycleReader reader, String reason)
            throws IOException {
        long from = reader.offset();
        LostEntry lost = lostEntry(reader);
        boolean isAtEnd = !reader.resync();
        boolean isEndRecorded = isEndRecorded(start, cycle);
        long to = isAtEnd ? end(start, cycle, from, reader) : reader.offset();
        Damage damage = new Damage(path, cycle, from, to, isAtEnd, isEndRecorded, reason, lost);
        handler.onDamage(damage);
        return damage;
    }

    private static @Nullable LostEntry lostEntry(CycleReader reader) throws IOException {
        if (!reader.isEnvelopeSound()) {
            return null;
        }
        Envelope envelope = reader.envelope();
        return new LostEntry(
                EntryType.of(envelope.type()),
                envelope.topicId(),
                envelope.partition(),
                envelope.baseOffset());
    }

    private static boolean isEndRecorded(StartFolder start, int cycle) {
        FolderRecord end = start.end();
        return end != null && cycle == Journal.cycle(end.position());
    }

    /** Where a cycle ends whose last entries are not sound. */
    private static long end(StartFolder start, int cycle, long from, CycleReader reader)
            throws IOException {
        FolderRecord end = start.end();
        return end != null && cycle == Journal.cycle(end.position())
                ? Math.max(from, Journal.fileOffset(end.position()))
                : reader.endOfCycle(from);
    }

    private State state(StartFolder start, int cycle, CycleReader reader, CycleReader.Found found)
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
        boolean synced = highestSyncedPosition(start, cycle, reader.offset()) > position;
        if (isOpen && start == starts.get(starts.size() - 1)) {
            return synced && isStillBad(reader, cycle) ? State.DAMAGED : State.IN_USE;
        }
        if (synced) {
            return State.DAMAGED;
        }
        return found == CycleReader.Found.NOTHING ? State.SOUND : State.TORN;
    }

    /**
     * Whether what was not sound still is not. What had been synced before this is called must be:
     * the server writes while we read.
     */
    private static boolean isStillBad(CycleReader reader, int cycle) throws IOException {
        try (CycleReader again = new CycleReader(reader.path(), cycle, Disk.SYSTEM)) {
            again.moveTo(reader.offset());
            CycleReader.Found found = again.next();
            return found == CycleReader.Found.BAD || found == CycleReader.Found.NOTHING;
        }
    }

    /** What the sound envelopes behind the place where reading ended say was synced. */
    private static long highestSyncedPosition(StartFolder start, int cycle, long from)
            throws IOException {
        long highest = 0;
        for (Map.Entry<Integer, Path> file : start.cyclePaths().tailMap(cycle, true).entrySet()) {
            try (CycleReader reader =
                    new CycleReader(file.getValue(), file.getKey(), Disk.SYSTEM)) {
                long begin = file.getKey() == cycle ? from : 0;
                highest = Math.max(highest, reader.highestSyncedPosition(begin));
            }
        }
        return highest;
    }

    private static String why(CycleReader reader, CycleReader.Found found) {
        return found == CycleReader.Found.BAD ? reader.reason() : "entries are missing";
    }
}
