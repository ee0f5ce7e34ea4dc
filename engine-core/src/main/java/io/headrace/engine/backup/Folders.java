package io.headrace.engine.backup;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Folders of a backup or a restore: what is in them, made stable, and cleared. */
final class Folders {
    /** Everything that a backup holds stands below one of these. */
    private static final Set<String> OURS =
            Set.of("journal", "segments", "checkpoints", "meta.properties", BackupManifest.FILE);

    private Folders() {}

    /** Names of what is in a folder; none if there is no folder. */
    static Set<String> names(Path folder) throws IOException {
        Set<String> names = new TreeSet<>();
        if (Files.exists(folder)) {
            try (Stream<Path> children = Files.list(folder)) {
                children.forEach(child -> names.add(String.valueOf(child.getFileName())));
            }
        }
        return names;
    }

    /** Whether nothing is in a folder but what a backup or a restore puts there, or these. */
    static boolean holdsOnlyOurs(Path folder, Set<String> others) throws IOException {
        return names(folder).stream()
                .allMatch(name -> OURS.contains(name) || others.contains(name));
    }

    /** Deletes what a backup or a restore put into a folder; the folder stays. */
    static void clear(Path folder) throws IOException {
        for (String name : names(folder)) {
            if (OURS.contains(name)) {
                delete(folder.resolve(name));
            }
        }
    }

    private static void delete(Path root) throws IOException {
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(
                            Path folder, @Nullable IOException failure) throws IOException {
                        if (failure != null) {
                            throw failure;
                        }
                        Files.delete(folder);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }

    /** Paths of all files below a folder, relative, parts separated by {@code /}. */
    static Set<String> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new NoSuchFileException(folder.toString());
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            Set<String> files = new TreeSet<>();
            paths.filter(path -> !Files.isDirectory(path))
                    .forEach(path -> files.add(text(folder.relativize(path))));
            return files;
        }
    }

    /** A relative path as it stands in a manifest. */
    static String text(Path path) {
        List<String> parts = new ArrayList<>();
        path.forEach(part -> parts.add(part.toString()));
        return String.join("/", parts);
    }

    /**
     * Forces the entries of a folder, and of all below it that a backup or a restore put there: a
     * mount point has a folder of its own that only root may look into.
     */
    static void forceAll(Path folder, Disk disk) throws IOException {
        for (String name : names(folder)) {
            if (OURS.contains(name)) {
                forceTree(folder.resolve(name), disk);
            }
        }
        disk.forceFolder(folder);
    }

    private static void forceTree(Path root, Disk disk) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path each : paths.filter(Files::isDirectory).toList()) {
                disk.forceFolder(each);
            }
        }
    }

    /**
     * Makes a folder, whose name is durable then; also if it is there: whoever made it may have
     * been killed before that.
     */
    static void create(Path folder, Disk disk) throws IOException {
        disk.createFolders(folder);
        disk.forceFolder(Disk.parent(folder));
    }

    static void writeForced(Path file, String text, Disk disk) throws IOException {
        try (FileChannel channel =
                disk.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            Disk.write(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
            channel.force(true);
        }
    }
}
