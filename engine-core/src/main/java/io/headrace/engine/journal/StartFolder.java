package io.headrace.engine.journal;

import io.headrace.engine.spi.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One start's folder as it is found on disk. */
final class StartFolder {
    private static final Pattern FOLDER_NAME = Pattern.compile("\\d{8}");
    private static final Pattern CYCLE_NAME = Pattern.compile("(\\d{8,10})\\.cq4");

    private final Path path;
    private final int number;
    private final TreeMap<Integer, Path> cyclePaths = new TreeMap<>();
    private final @Nullable FolderRecord start;
    private final @Nullable FolderRecord end;

    private StartFolder(Path path) throws IOException {
        this.path = path;
        this.number = Integer.parseInt(path.getFileName().toString());
        this.start = FolderRecord.read(path, FolderRecord.START);
        this.end = FolderRecord.read(path, FolderRecord.END);
        listCycles();
    }

    /** The folders of all starts, oldest first. */
    static List<StartFolder> list(Path journalFolder) throws IOException {
        List<Path> paths;
        try (Stream<Path> children = Files.list(journalFolder)) {
            paths = children.filter(StartFolder::isStartFolder).sorted().toList();
        }
        List<StartFolder> folders = new ArrayList<>();
        for (Path path : paths) {
            folders.add(new StartFolder(path));
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
        try (Stream<Path> children = Files.list(path)) {
            children.forEach(this::addCycle);
        }
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

    /** Deletes the folder with what is left in it that is not a cycle. */
    void delete() throws IOException {
        List<Path> children;
        try (Stream<Path> stream = Files.list(path)) {
            children = stream.toList();
        }
        for (Path child : children) {
            Files.delete(child);
        }
        Files.delete(path);
    }
}
