package io.headrace.engine.journal;

import io.headrace.engine.spi.CorruptJournalException;
import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds where an earlier start's folder ends, and makes that its end for good: docs/design/
 * formats.md, "Recovery". Runs once per folder, on the thread that opens the journal.
 */
final class Recovery {
    private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

    private static final int REWRITE_LENGTH = 1 << 20;

    private final StartFolder folder;
    private final boolean latest;
    private final long scanFromPosition;
    private final Disk disk;

    /** The highest position of which the scan has learnt that it had been synced. */
    private long syncedPosition;

    /**
     * @param latest whether no later start's folder exists
     */
    Recovery(StartFolder folder, boolean latest, long scanFromPosition, Disk disk) {
        this.folder = folder;
        this.latest = latest;
        this.scanFromPosition = scanFromPosition;
        this.disk = disk;
        this.syncedPosition = scanFromPosition;
    }

    /** The folder's cycles, each with its end; those that a crash tore off are gone. */
    List<CycleFile> cycles() throws IOException {
        FolderRecord end = folder.end();
        refuseIfMissing();
        if (end != null && latest) {
            // Who wrote it may have been killed, or have failed, before its name was durable.
            disk.forceFolder(folder.path());
        }
        long endPosition = end == null ? recover() : end.position();
        // Behind a recorded end there can be a file that Chronicle made and we could not allocate.
        deleteCyclesAfter(Journal.cycle(endPosition));
        deleteLastIfEmpty(endPosition);
        List<CycleFile> cycles = new ArrayList<>();
        for (Map.Entry<Integer, Path> entry : folder.cyclePaths().entrySet()) {
            cycles.add(cycleFile(entry.getKey(), entry.getValue(), endPosition));
        }
        return cycles;
    }

    private void refuseIfMissing() {
        for (int cycle : folder.missingCycles(scanFromPosition)) {
            throw new CorruptJournalException(
                    "journal file is missing: file="
                            + folder.path().resolve(CycleNumbering.fileName(cycle))
                            + " position="
                            + Journal.position(cycle, 0));
        }
    }

    private CycleFile cycleFile(int cycle, Path path, long endPosition) throws IOException {
        try (CycleReader reader = new CycleReader(path, cycle, disk)) {
            long end =
                    cycle == Journal.cycle(endPosition)
                            ? Journal.fileOffset(endPosition)
                            : reader.findEnd();
            if (end > reader.fileLength()) {
                throw new CorruptJournalException(
                        "journal file is shorter than its recorded end: file="
                                + path
                                + " position="
                                + endPosition
                                + " fileLength="
                                + reader.fileLength());
            }
            return new CycleFile(cycle, path, end, reader.fileLength());
        }
    }

    /** Scans, cuts, and records the end. */
    private long recover() throws IOException {
        NavigableMap<Integer, Long> ends = scan();
        Map.Entry<Integer, Long> last = ends.lastEntry();
        long endPosition =
                last == null
                        ? Journal.position(Math.max(folder.highestCycle(), 0), 0)
                        : Journal.position(last.getKey(), last.getValue());
        deleteCyclesAfter(Journal.cycle(endPosition));
        for (Map.Entry<Integer, Long> end : ends.entrySet()) {
            boolean isLast = end.getKey() == Journal.cycle(endPosition);
            secure(end.getKey(), end.getValue(), isLast ? 0 : Integer.BYTES);
        }
        recordEnd(endPosition);
        LOG.info("recovered journal: folder={} endPosition={}", folder.path(), endPosition);
        return endPosition;
    }

    private void recordEnd(long endPosition) throws IOException {
        new FolderRecord(endPosition, FolderRecord.RECOVERED, folder.number(), 0)
                .write(folder.path(), FolderRecord.END, disk);
    }

    /** Where the documents of each scanned cycle end, up to the first cycle that is not whole. */
    private NavigableMap<Integer, Long> scan() throws IOException {
        NavigableMap<Integer, Long> ends = new TreeMap<>();
        for (Map.Entry<Integer, Path> entry : cyclesToScan().entrySet()) {
            int cycle = entry.getKey();
            try (CycleReader reader = new CycleReader(entry.getValue(), cycle, disk)) {
                reader.seek(scanFromOffset(cycle));
                CycleReader.Found found = readToEnd(reader);
                ends.put(cycle, reader.offset());
                boolean more = folder.cyclePaths().higherKey(cycle) != null;
                if (found != CycleReader.Found.END_OF_CYCLE || !more) {
                    refuseIfSynced(reader, Journal.position(cycle, reader.offset()), found);
                    return ends;
                }
            }
        }
        return ends;
    }

    /** From the scan's beginning, but the last cycle always: its end has to be found. */
    private NavigableMap<Integer, Path> cyclesToScan() {
        NavigableMap<Integer, Path> all = folder.cyclePaths();
        if (all.isEmpty()) {
            return all;
        }
        int from = Math.min(Journal.cycle(scanFromPosition), all.lastKey());
        return all.tailMap(from, true);
    }

    private long scanFromOffset(int cycle) {
        return cycle == Journal.cycle(scanFromPosition) ? Journal.fileOffset(scanFromPosition) : 0;
    }

    private CycleReader.Found readToEnd(CycleReader reader) throws IOException {
        CycleReader.Found found = reader.next();
        while (found == CycleReader.Found.ENTRY) {
            syncedPosition = Math.max(syncedPosition, reader.envelope().syncedPosition());
            found = reader.next();
        }
        return found;
    }

    /** Everything behind the end must be what a crash may tear. */
    private void refuseIfSynced(CycleReader reader, long endPosition, CycleReader.Found found)
            throws IOException {
        long synced = highestSyncedPosition(reader, endPosition);
        if (Journal.cycle(scanFromPosition) <= Journal.cycle(endPosition)) {
            synced = Math.max(synced, scanFromPosition);
        }
        // Without END although a later start saw to it: the file had been cut to its end.
        boolean endLost = !latest && reader.offset() != reader.fileLength();
        if (synced > endPosition || endLost) {
            String what = found == CycleReader.Found.BAD ? reader.reason() : "entries are missing";
            throw reader.corrupt(
                    "journal is damaged where it had been synced: reason="
                            + what.replace(' ', '_')
                            + " syncedPosition="
                            + synced);
        }
    }

    private long highestSyncedPosition(CycleReader reader, long endPosition) throws IOException {
        long highest = reader.highestSyncedPosition(reader.offset());
        int endCycle = Journal.cycle(endPosition);
        for (Map.Entry<Integer, Path> later :
                folder.cyclePaths().tailMap(endCycle, false).entrySet()) {
            try (CycleReader laterReader =
                    new CycleReader(later.getValue(), later.getKey(), disk)) {
                highest = Math.max(highest, laterReader.highestSyncedPosition(0));
            }
        }
        return highest;
    }

    /** A start that appended nothing leaves no cycle behind, and an end that says so. */
    private void deleteLastIfEmpty(long endPosition) throws IOException {
        int cycle = Journal.cycle(endPosition);
        Path path = folder.cyclePaths().get(cycle);
        if (path != null && isEmpty(path, cycle, Journal.fileOffset(endPosition))) {
            recordEnd(Journal.position(cycle, 0));
            disk.delete(path);
            folder.cyclePaths().remove(cycle);
        }
    }

    private boolean isEmpty(Path path, int cycle, long endOffset) throws IOException {
        try (CycleReader reader = new CycleReader(path, cycle, disk)) {
            return reader.next() != CycleReader.Found.ENTRY && reader.offset() >= endOffset;
        }
    }

    private void deleteCyclesAfter(int cycle) throws IOException {
        Map<Integer, Path> later = folder.cyclePaths().tailMap(cycle, false);
        for (Path path : later.values()) {
            disk.delete(path);
        }
        later.clear();
    }

    /**
     * Makes a cycle durable as it was found. After a force that failed the kernel takes for written
     * what is in its cache alone, and another force would write nothing: so all that is not known
     * to have been synced is written again. Then it is read again, because the kernel may have
     * dropped it between the scan and that.
     *
     * @param headerLength of the end-of-cycle header behind the end, if there is one
     */
    private void secure(int cycle, long end, int headerLength) throws IOException {
        Path path = Objects.requireNonNull(folder.cyclePaths().get(cycle));
        long from = unsyncedOffset(cycle, end);
        try (FileChannel channel =
                disk.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            cut(channel, end + headerLength);
            rewrite(channel, from, end + headerLength);
            channel.force(true);
        }
        if (from < end) {
            requireReadable(cycle, path, from, end);
        }
    }

    private long unsyncedOffset(int cycle, long end) {
        int syncedCycle = Journal.cycle(syncedPosition);
        if (cycle == syncedCycle) {
            return Math.min(Journal.fileOffset(syncedPosition), end);
        }
        return cycle < syncedCycle ? end : 0;
    }

    /**
     * Cuts a file to its end; or pads it, if the crash took bytes that only align the next entry.
     */
    private static void cut(FileChannel channel, long length) throws IOException {
        channel.truncate(length);
        int missing = Math.toIntExact(length - Math.min(length, channel.size()));
        Disk.write(channel, ByteBuffer.allocate(missing), length - missing);
    }

    private static void rewrite(FileChannel channel, long from, long to) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(REWRITE_LENGTH, to - from));
        for (long at = from; at < to; at += bytes.limit()) {
            bytes.clear().limit((int) Math.min(bytes.capacity(), to - at));
            Disk.read(channel, bytes, at);
            Disk.write(channel, bytes.flip(), at);
        }
    }

    private void requireReadable(int cycle, Path path, long from, long end) throws IOException {
        try (CycleReader reader = new CycleReader(path, cycle, disk)) {
            reader.seek(from);
            readToEnd(reader);
            if (reader.offset() != end) {
                throw new IOException(
                        "journal file does not read as before: file="
                                + path
                                + " end="
                                + end
                                + " offset="
                                + reader.offset());
            }
        }
    }
}
