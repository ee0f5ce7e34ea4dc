package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Says of a journal's folder which files are not there that should be, and which of its small ones
 * are not sound, for tools: by what a start asks of it. Stateless.
 */
public final class JournalFiles {
    private JournalFiles() {}

    /**
     * The files that are missing; the folder itself if that is.
     *
     * @param folder of one journal
     * @param fromPosition to which the newest checkpoint has followed it: behind, all has to be
     *     there
     * @param alive cycles that the checkpoint's rows point to
     */
    public static List<Path> missing(Path folder, long fromPosition, Set<Integer> alive)
            throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of(folder);
        }
        List<StartFolder> starts = StartFolder.list(folder, Disk.SYSTEM);
        Set<Integer> needed = new TreeSet<>(alive);
        int highest = -1;
        for (StartFolder start : starts) {
            needed.addAll(start.missingCycles(fromPosition));
            FolderRecord record = start.start();
            int before = record == null ? 0 : record.cycleBefore();
            if (before > 0 && before >= Journal.cycle(fromPosition)) {
                needed.add(before);
            }
            highest = Math.max(highest, start.highestCycle());
        }
        if (Journal.fileOffset(fromPosition) > 0 && Journal.cycle(fromPosition) > highest) {
            needed.add(Journal.cycle(fromPosition));
        }
        starts.forEach(start -> needed.removeAll(start.cyclePaths().keySet()));
        return needed.stream().map(cycle -> path(folder, starts, cycle)).toList();
    }

    /** Where a cycle would be, as far as it can be told. */
    private static Path path(Path folder, List<StartFolder> starts, int cycle) {
        Path path = folder;
        for (StartFolder start : starts) {
            FolderRecord record = start.start();
            if (record != null && Journal.cycle(record.position()) <= cycle) {
                path = start.path();
            }
        }
        return path.resolve(CycleNumbering.fileName(cycle));
    }

    /** The START and END files that are there and fail their checksum. */
    public static List<Path> unsoundMarks(Path folder) throws IOException {
        List<Path> unsound = new ArrayList<>();
        for (StartFolder start : StartFolder.list(folder, Disk.SYSTEM)) {
            if (start.start() == null) {
                addIfThere(unsound, start.path().resolve(FolderRecord.START));
            }
            if (start.end() == null) {
                addIfThere(unsound, start.path().resolve(FolderRecord.END));
            }
        }
        return unsound;
    }

    /** A server that has the folder open may have written it meanwhile: then it is sound. */
    private static void addIfThere(List<Path> unsound, Path file) throws IOException {
        Path folder = file.getParent();
        String name = String.valueOf(file.getFileName());
        if (folder != null
                && Files.exists(file)
                && FolderRecord.read(folder, name, Disk.SYSTEM) == null) {
            unsound.add(file);
        }
    }
}
