package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A walk over the regular files below a folder, in the byte order of their keys.
 *
 * <p>Sorting each folder on its own yields that order if a folder sorts as its name with the slash
 * that follows it in the keys: {@code a.txt} comes before {@code a/b}, as {@code .} is less than
 * {@code /}. Used by one thread at a time.
 */
final class DirectoryWalk {
    /** Behind a key, or at the beginning, of the keys with a prefix. */
    record Place(String prefix, @Nullable String afterKey) {}

    private final Path root;
    private final String prefix;

    /** Folders entered and not finished, the innermost first. */
    private final Deque<Iterator<String>> open = new ArrayDeque<>();

    private @Nullable String lastKey;

    private DirectoryWalk(Path root, String prefix, @Nullable String afterKey) {
        this.root = root;
        this.prefix = prefix;
        this.lastKey = afterKey;
    }

    /** A walk over the keys that begin with the prefix and come after {@code afterKey}. */
    static DirectoryWalk begin(Path root, String prefix, @Nullable String afterKey)
            throws IOException {
        DirectoryWalk walk = new DirectoryWalk(root, prefix, afterKey);
        String folder = prefix.substring(0, prefix.lastIndexOf('/') + 1);
        if (isInside(root, folder)) {
            walk.enter(folder);
        }
        return walk;
    }

    /** Whether the folder is there, inside of the root, and not behind a link. */
    private static boolean isInside(Path root, String folder) {
        try {
            Path path = root.resolve(folder);
            return path.startsWith(root) && path.toRealPath().equals(path);
        } catch (IOException | InvalidPathException absent) {
            return false;
        }
    }

    /** Where {@link #next} goes on. */
    Place place() {
        return new Place(prefix, lastKey);
    }

    /** The next object, or null at the end. */
    @Nullable StoredObject next() throws IOException {
        while (!open.isEmpty()) {
            Iterator<String> names = open.getFirst();
            if (!names.hasNext()) {
                open.removeFirst();
                continue;
            }
            String key = names.next();
            if (key.endsWith("/")) {
                enter(key);
                continue;
            }
            StoredObject object = objectAt(key);
            if (object != null) {
                lastKey = key;
                return object;
            }
        }
        return null;
    }

    private @Nullable StoredObject objectAt(String key) throws IOException {
        Path path = root.resolve(key);
        if (Files.isSymbolicLink(path) && !leadsInside(path)) {
            return null;
        }
        FileState state = FileState.of(path);
        return state == null
                ? null
                : new StoredObject(
                        key, state.length(), state.version(), state.modified().toMillis());
    }

    private boolean leadsInside(Path link) {
        try {
            return link.toRealPath().startsWith(root);
        } catch (IOException dangling) {
            return false;
        }
    }

    /** Reads and sorts a folder; one that vanished or is no folder is empty. */
    private void enter(String folder) throws IOException {
        List<String> keys = new ArrayList<>();
        Path path = root.resolve(folder);
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
            for (Path entry : entries) {
                String key = folder + entry.getFileName() + (isFolder(entry) ? "/" : "");
                if (isWanted(key)) {
                    keys.add(key);
                }
            }
        } catch (NoSuchFileException | NotDirectoryException vanished) {
            return;
        } catch (DirectoryIteratorException failed) {
            throw failed.getCause();
        }
        keys.sort(KeyOrder::compare);
        open.addFirst(keys.iterator());
    }

    private static boolean isFolder(Path entry) {
        return Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Whether the key, or one below the folder, begins with the prefix and comes after the last
     * key.
     */
    private boolean isWanted(String key) {
        boolean isFolder = key.endsWith("/");
        if (!key.startsWith(prefix) && !(isFolder && prefix.startsWith(key))) {
            return false;
        }
        return lastKey == null
                || KeyOrder.compare(key, lastKey) > 0
                || (isFolder && lastKey.startsWith(key));
    }
}
