package io.headrace.engine.testing;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What of a folder would be there after a power cut: per file the bytes when it was forced last,
 * per folder the names when it was. Names change in order; what was changed after the last force is
 * there up to one of the changes.
 *
 * <p>Files that others make in the folder without a word (a library, a mapping) are found by
 * looking. Thread-safe.
 */
final class PowerlessTree {
    private static final int SECTOR = 512;
    private static final byte[] NOTHING = {};

    private final Path root;
    private final Node top = new Node(true);

    /** Changes of names that were not forced, oldest first. */
    private final List<Change> changes = new ArrayList<>();

    /** A file or folder, whatever its name is. */
    private static final class Node {
        final boolean isFolder;
        final Map<String, Node> names = new TreeMap<>();
        final Map<String, Node> forcedNames = new TreeMap<>();
        byte[] bytes = NOTHING;
        byte[] forcedBytes = NOTHING;

        /** Sectors that a failed force has lost, and all bytes as they were then. */
        final BitSet lostSectors = new BitSet();

        byte[] lostBytes = NOTHING;
        boolean isWrittenSince;

        Node(boolean isFolder) {
            this.isFolder = isFolder;
        }
    }

    /**
     * Names that one call gave and took in a folder.
     *
     * @param given null if it gave none
     */
    private record Change(
            Node folder, String name, @Nullable Node given, @Nullable String nameTaken) {
        void apply() {
            if (nameTaken != null) {
                folder.forcedNames.remove(nameTaken);
            }
            if (given != null) {
                folder.forcedNames.put(name, given);
            }
        }
    }

    /** A call to the real file system. */
    interface Call {
        void run() throws IOException;
    }

    PowerlessTree(Path root) {
        this.root = root.toAbsolutePath();
    }

    /** Takes note of a file or folder that may be new. */
    synchronized void seen(Path path) throws IOException {
        node(path);
    }

    /**
     * The kernel takes what it failed to write for written; from now on it is in the cache alone.
     */
    synchronized void forceFailed(Path file) throws IOException {
        Node node = node(file);
        if (node == null || node.isFolder) {
            return;
        }
        node.lostBytes = Files.readAllBytes(file);
        node.isWrittenSince = false;
        for (int at = 0; at < node.lostBytes.length; at += SECTOR) {
            if (!isSameSector(node.lostBytes, node.forcedBytes, at)) {
                node.lostSectors.set(at / SECTOR);
            }
        }
    }

    /** What is written again can be forced again. */
    synchronized void written(Path file, long offset, long length) throws IOException {
        Node node = node(file);
        if (node != null && length > 0) {
            node.isWrittenSince = true;
            int last = Math.toIntExact((offset + length - 1) / SECTOR);
            node.lostSectors.clear(Math.toIntExact(offset / SECTOR), last + 1);
        }
    }

    /** False if it is a mere repetition of a force that failed. */
    synchronized boolean forced(Path file) throws IOException {
        Node node = node(file);
        if (node == null || node.isFolder) {
            return true;
        }
        byte[] now = Files.readAllBytes(file);
        byte[] onDisk = now.clone();
        for (int sector : node.lostSectors.stream().toArray()) {
            int at = sector * SECTOR;
            if (at < now.length && isSameSector(now, node.lostBytes, at)) {
                byte[] old = Arrays.copyOf(node.forcedBytes, now.length);
                System.arraycopy(old, at, onDisk, at, Math.min(SECTOR, now.length - at));
            } else { // gone, or written again through a mapping
                node.lostSectors.clear(sector);
            }
        }
        node.forcedBytes = onDisk;
        return node.lostSectors.isEmpty() || node.isWrittenSince;
    }

    private static boolean isSameSector(byte[] one, byte[] other, int at) {
        int end = Math.min(at + SECTOR, one.length);
        return at < other.length
                && Arrays.equals(one, at, end, other, at, Math.min(end, other.length));
    }

    synchronized void namesForced(Path folder) throws IOException {
        Node node = node(folder);
        if (node != null) {
            look(node, folder);
            changes.removeIf(
                    change -> {
                        boolean isHere = change.folder == node;
                        if (isHere) {
                            change.apply();
                        }
                        return isHere;
                    });
        }
    }

    synchronized void move(Path from, Path to, Call call) throws IOException {
        Node moved = node(from);
        Node folder = node(parent(to));
        remember(to);
        call.run();
        if (moved == null || folder == null) {
            return;
        }
        Node origin = node(parent(from));
        folder.names.put(name(to), moved);
        if (origin == folder || origin == null) {
            folder.names.remove(name(from));
            changes.add(new Change(folder, name(to), moved, name(from)));
        } else { // the name that is taken is another folder's
            origin.names.remove(name(from));
            changes.add(new Change(folder, name(to), moved, null));
            changes.add(new Change(origin, name(from), null, name(from)));
        }
    }

    synchronized void delete(Path path, Call call) throws IOException {
        Node folder = node(parent(path));
        remember(path);
        call.run();
        if (folder != null) {
            folder.names.remove(name(path));
            changes.add(new Change(folder, name(path), null, name(path)));
        }
    }

    /** Keeps the bytes of a file that is about to lose its name. */
    private void remember(Path path) throws IOException {
        Node node = node(path);
        if (node != null && !node.isFolder) {
            node.bytes = Files.readAllBytes(path);
        }
    }

    /** The node at a path; null if it is elsewhere or not there. */
    private @Nullable Node node(Path path) throws IOException {
        Path absolute = path.toAbsolutePath();
        if (!absolute.startsWith(root)) {
            return null;
        }
        if (absolute.equals(root)) {
            return top;
        }
        Node folder = node(parent(absolute));
        if (folder == null) {
            return null;
        }
        if (!folder.names.containsKey(name(absolute)) && Files.exists(absolute)) {
            add(folder, absolute);
        }
        return folder.names.get(name(absolute));
    }

    private void add(Node folder, Path path) {
        Node node = new Node(Files.isDirectory(path));
        folder.names.put(name(path), node);
        changes.add(new Change(folder, name(path), node, null));
    }

    /** Finds what others made and deleted in a folder. */
    private void look(Node folder, Path path) throws IOException {
        for (Path child : children(path)) {
            if (!folder.names.containsKey(name(child))) {
                add(folder, child);
            }
        }
        for (String name : List.copyOf(folder.names.keySet())) {
            if (!Files.exists(path.resolve(name))) {
                folder.names.remove(name);
                changes.add(new Change(folder, name, null, name));
            }
        }
    }

    private static List<Path> children(Path folder) throws IOException {
        try (Stream<Path> children = Files.list(folder)) {
            return children.sorted().toList();
        }
    }

    synchronized void write(Path into, Random coin) throws IOException {
        lookEverywhere(top, root);
        int kept = changes.isEmpty() ? 0 : coin.nextInt(changes.size() + 1);
        changes.subList(0, kept).forEach(Change::apply);
        changes.clear();
        write(top, into, coin);
    }

    private void lookEverywhere(Node node, Path path) throws IOException {
        if (!node.isFolder) {
            node.bytes = bytesOf(path);
            return;
        }
        look(node, path);
        for (Map.Entry<String, Node> child : node.names.entrySet()) {
            lookEverywhere(child.getValue(), path.resolve(child.getKey()));
        }
    }

    private static byte[] bytesOf(Path file) throws IOException {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return NOTHING;
        }
    }

    private static void write(Node node, Path path, Random coin) throws IOException {
        if (!node.isFolder) {
            Files.write(path, survivingBytes(node, coin));
            return;
        }
        Files.createDirectories(path);
        for (Map.Entry<String, Node> child : node.forcedNames.entrySet()) {
            write(child.getValue(), path.resolve(child.getKey()), coin);
        }
    }

    private static byte[] survivingBytes(Node node, Random coin) {
        byte[] now = node.bytes;
        byte[] forced = node.forcedBytes;
        byte[] found = Arrays.copyOf(forced, coin.nextBoolean() ? now.length : forced.length);
        for (int at = 0; at < Math.min(found.length, now.length); at += SECTOR) {
            int end = Math.min(at + SECTOR, Math.min(found.length, now.length));
            if (!isSameSector(now, forced, at) && coin.nextBoolean()) {
                System.arraycopy(now, at, found, at, end - at);
            }
        }
        return found;
    }

    private static String name(Path path) {
        return path.getFileName().toString();
    }

    private static Path parent(Path path) {
        return Disk.parent(path);
    }
}
