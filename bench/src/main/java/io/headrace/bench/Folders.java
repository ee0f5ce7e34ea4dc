package io.headrace.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** What benchmarks do with whole folders. */
public final class Folders {
    private Folders() {}

    /** Length of all files in a folder. */
    public static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.mapToLong(file -> Files.isRegularFile(file) ? file.toFile().length() : 0)
                    .sum();
        }
    }

    /** Removes a folder with all that is in it, if it is there. */
    public static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** The folder, without anything in it. */
    public static Path empty(Path folder) throws IOException {
        delete(folder);
        return Files.createDirectories(folder);
    }
}
