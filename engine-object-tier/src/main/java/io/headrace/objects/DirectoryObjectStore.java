package io.headrace.objects;

import io.headrace.engine.Experimental;
import io.headrace.engine.spi.ObjectStore;
import io.headrace.objects.DirectoryWalk.Place;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files below a folder as objects: the key is the path relative to the root, with {@code /};
 * the version is size, modification time and inode.
 *
 * <p>Nothing outside of the root is ever read: keys with {@code .} or {@code ..} are refused, a
 * link counts only if it leads to a regular file inside of the root, and folders behind links are
 * not entered (which also rules out cycles). Whoever may write to the folder is trusted with what
 * is in it. Linux only, as the version contains the inode. Names that the process's locale cannot
 * decode are not listed.
 *
 * <p>Thread-safe. A listing holds the names of the folders on the way to where it stands, never
 * more; the next page goes on there, so that a folder is read and sorted once and not once per
 * page.
 */
@Experimental
public final class DirectoryObjectStore implements ObjectStore {
    private final String name;
    private final Path root;

    /** Listings under way that are remembered; one that is forgotten reads its folders again. */
    private static final int PAUSED_MAX = 16;

    /** Where pages ended, for whoever asks for the next one; the latest ones. Its own lock. */
    private final Map<Place, DirectoryWalk> paused =
            new LinkedHashMap<>() {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Place, DirectoryWalk> eldest) {
                    return size() > PAUSED_MAX;
                }
            };

    /**
     * @param name of the store in the server's config
     * @param root an existing folder
     * @throws IOException if it is not there
     */
    public DirectoryObjectStore(String name, Path root) throws IOException {
        this.name = name;
        this.root = root.toRealPath();
        if (!Files.isDirectory(this.root)) {
            throw new NotDirectoryException(this.root.toString());
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<StoredObject> list(String prefix, @Nullable String afterKey, int limit)
            throws IOException {
        DirectoryWalk walk = resume(new Place(prefix, afterKey));
        if (walk == null) {
            walk = DirectoryWalk.begin(root, prefix, afterKey);
        }
        List<StoredObject> page = new ArrayList<>(Math.min(limit, 1024));
        while (page.size() < limit) {
            StoredObject object = walk.next();
            if (object == null) {
                return page;
            }
            page.add(object);
        }
        pause(walk);
        return page;
    }

    private @Nullable DirectoryWalk resume(Place place) {
        synchronized (paused) {
            return paused.remove(place);
        }
    }

    private void pause(DirectoryWalk walk) {
        synchronized (paused) {
            paused.put(walk.place(), walk);
        }
    }

    @Override
    public void read(StoredObject object, long offset, ByteBuffer into) throws IOException {
        Path path = resolve(object);
        requireVersion(object, path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            readFully(channel, offset, into);
        } catch (NoSuchFileException | EOFException shrunk) {
            throw new ObjectChangedException(object.key(), object.version(), foundVersion(path));
        }
        // again, as it may have been written to meanwhile
        requireVersion(object, path);
    }

    private Path resolve(StoredObject object) throws IOException {
        String key = object.key();
        if (!isPlainKey(key)) {
            throw new IOException("not a key of a directory store: store=" + name + " key=" + key);
        }
        try {
            Path real = root.resolve(key).toRealPath();
            if (real.startsWith(root)) {
                return real;
            }
        } catch (NoSuchFileException absent) {
            throw new ObjectChangedException(key, object.version(), "absent");
        } catch (InvalidPathException undecodable) {
            throw new IOException("not a file name: store=" + name + " key=" + key, undecodable);
        }
        throw new IOException("key leads out of the store: store=" + name + " key=" + key);
    }

    /** Whether each segment is a name: not empty, not {@code .} or {@code ..}, without NUL. */
    private static boolean isPlainKey(String key) {
        for (String segment : key.split("/", -1)) {
            if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
                return false;
            }
        }
        return key.indexOf('\0') < 0;
    }

    private static void requireVersion(StoredObject object, Path path) throws IOException {
        String found = foundVersion(path);
        if (!found.equals(object.version())) {
            throw new ObjectChangedException(object.key(), object.version(), found);
        }
    }

    private static String foundVersion(Path path) throws IOException {
        FileState state = FileState.of(path);
        return state == null ? "absent" : state.version();
    }

    private static void readFully(FileChannel channel, long offset, ByteBuffer into)
            throws IOException {
        long position = offset;
        while (into.hasRemaining()) {
            int length = channel.read(into, position);
            if (length < 0) {
                throw new EOFException("file too short: position=" + position);
            }
            position += length;
        }
    }

    @Override
    public void close() {
        synchronized (paused) {
            paused.clear();
        }
    }
}
