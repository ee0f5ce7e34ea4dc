package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One start's folder as it is found on disk. */
final class StartFolder {
    private static final Pattern FOLDER_NAME = Pattern.compile("\\d{8}");
    private static final Pattern CYCLE_NAME = Pattern.compile("(\\d{8,10})\\.cq4");

    private final Disk disk;
    private final Path path;
    private final int number;
    private final TreeMap<Integer, Path> cyclePaths = new TreeMap<>();
    private final @Nullable FolderRecord start;
    private final @Nullable FolderRecord end;

    private StartFolder(Path path, Disk disk) throws IOException {
        this.disk = disk;
        this.path = path;
        this.number = Integer.parseInt(path.getFileName().toString());
        this.start = FolderRecord.read(path, FolderRecord.START, disk);
        this.end = FolderRecord.read(path, FolderRecord.END, disk);
        listCycles();
    }

    /** The folders of all starts, oldest first. */
    static List<StartFolder> list(Path journalFolder, Disk disk) throws IOException {
        List<StartFolder> folders = new ArrayList<>();
        for (Path path : disk.list(journalFolder)) {
            if (isStartFolder(path)) {
                folders.add(new StartFolder(path, disk));
            }
        }
        return folders;
    }

    private static boolean isStartFolder(Path path) {
        return FOLDER_NAME.matcher(path.getFileName().toString()).matches()
                && Files.isDirectory(path);
    }

    /** The path of a start's folder. */
    static Path path(Path journalFolder, int number) {
        return journalFolder.resolve(String.format("%08d", number));
    }

    private void listCycles() throws IOException {
        disk.list(path).forEach(this::addCycle);
    }

    private void addCycle(Path file) {
        Matcher name = CYCLE_NAME.matcher(file.getFileName().toString());
        if (name.matches()) {
            cyclePaths.put(Integer.parseInt(name.group(1)), file);
        }
    }

    Path path() {
        return path;
    }

    int number() {
        return number;
    }

    /** Paths of its cycle files by number. */
    TreeMap<Integer, Path> cyclePaths() {
        return cyclePaths;
    }

    /** Its beginning, if that is known. */
    @Nullable FolderRecord start() {
        return start;
    }

    /** Its end, if it was closed or recovered. */
    @Nullable FolderRecord end() {
        return end;
    }

    /** The highest cycle number that this folder has used, as far as can be told; −1 if none. */
    int highestCycle() {
        int highest = cyclePaths.isEmpty() ? -1 : cyclePaths.lastKey();
        if (start != null) {
            highest = Math.max(highest, Journal.cycle(start.position()));
        }
        return end == null ? highest : Math.max(highest, Journal.cycle(end.position()));
    }

    /**
     * Cycles that are missing: from the position on from which the projection needs them, all have
     * to be there; those before may have been deleted. Of an end at offset 0, nothing was in the
     * last one.
     */
    List<Integer> missingCycles(long fromPosition) {
        List<Integer> missing = new ArrayList<>();
        boolean isBegun = end != null || !cyclePaths.isEmpty();
        if (start == null || !isBegun) {
            return missing;
        }
        int first = Math.max(Journal.cycle(start.position()), Journal.cycle(fromPosition));
        int last = end == null ? highestCycle() : lastCycleWithEntries(end.position());
        for (int cycle = first; cycle <= last; cycle++) {
            if (!cyclePaths.containsKey(cycle)) {
                missing.add(cycle);
            }
        }
        return missing;
    }

    private static int lastCycleWithEntries(long endPosition) {
        int cycle = Journal.cycle(endPosition);
        return Journal.fileOffset(endPosition) == 0 ? cycle - 1 : cycle;
    }

    /** Deletes the folder with what is left in it that is not a cycle. */
    void delete() throws IOException {
        for (Path child : disk.list(path)) {
            disk.delete(child);
        }
        disk.delete(path);
    }
}
