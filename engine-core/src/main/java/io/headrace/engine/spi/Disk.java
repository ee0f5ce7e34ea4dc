package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The calls to the file system on which the engine's promises rest: what makes bytes and names
 * durable, and what reads them back after a crash. Everything that forces a file, writes a
 * checkpoint, or looks at what an earlier start left goes through here, so that a test can make
 * each call fail, tear, wait, or be forgotten by a power cut.
 *
 * <p>Thread-safe. None of the calls is tried again by its caller: a force that failed has lost what
 * it was asked for.
 */
@Experimental
public interface Disk {

    /** The real one. */
    Disk SYSTEM = new SystemDisk();

    /**
     * Opens a file. Its channel stays open when a thread that uses it is interrupted: the
     * descriptor that was open at a write is the one that learns of its failure.
     */
    FileChannel open(Path file, OpenOption... options) throws IOException;

    /** Allocates the first {@code length} bytes of a file on disk, without changing its size. */
    void allocate(Path file, long length) throws IOException;

    /** What is in a folder, in order of name. */
    List<Path> list(Path folder) throws IOException;

    /** Creates a folder in one that exists. */
    void createFolder(Path folder) throws IOException;

    /** Gives a file or folder another name, replacing what has it, in one step. */
    void move(Path from, Path to) throws IOException;

    /** Deletes a file or an empty folder. */
    void delete(Path path) throws IOException;

    /** Forces a folder's entries, which are the names of its files, to stable storage. */
    void forceFolder(Path folder) throws IOException;

    /** Bytes that this process may still write to the disk that holds the folder. */
    long usableBytes(Path folder) throws IOException;

    /**
     * Creates a folder and those above it that are not there; the names of all that were created
     * are durable.
     */
    default void createFolders(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            return;
        }
        Path parent = parent(folder);
        createFolders(parent);
        createFolder(folder);
        forceFolder(parent);
    }

    /**
     * Writes a small file so that after a crash it has the old content or the new, and is durable:
     * by way of a file whose name ends in {@code .tmp}. One that an earlier attempt left is not
     * written again: if its force had failed, another would say nothing.
     */
    default void replace(Path file, byte[] content) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        if (Files.exists(temporary)) {
            delete(temporary);
        }
        try (FileChannel channel =
                open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            write(channel, ByteBuffer.wrap(content), 0);
            channel.force(true);
        }
        move(temporary, file);
        forceFolder(parent(file));
    }

    /** The content of a small file; null if there is none of that name. */
    default byte @Nullable [] readIfExists(Path file) throws IOException {
        try (FileChannel channel = open(file, StandardOpenOption.READ)) {
            ByteBuffer content = ByteBuffer.allocate(Math.toIntExact(channel.size()));
            read(channel, content, 0);
            return content.array();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /**
     * Writes the bytes from position to limit, from the file's byte at {@code offset} on, in as
     * many calls as it takes.
     */
    static void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    /**
     * Fills a buffer from the file's byte at {@code offset} on, in as many calls as it takes.
     *
     * @throws EOFException if the file ends before
     */
    static void read(FileChannel channel, ByteBuffer into, long offset) throws IOException {
        long at = offset;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                throw new EOFException("file is too short: offset=" + at);
            }
            at += count;
        }
    }

    /** The folder that a path is in. */
    static Path parent(Path path) {
        return Objects.requireNonNull(path.toAbsolutePath().getParent(), "parent");
    }
}
