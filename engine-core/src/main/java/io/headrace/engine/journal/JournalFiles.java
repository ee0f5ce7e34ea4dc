package io.headrace.engine.journal;

import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * The calls to the disk on which the journal's promises rest, so that a test can make each fail in
 * turn. Thread-safe.
 */
public interface JournalFiles {

    /** The real ones. */
    JournalFiles SYSTEM = new SystemJournalFiles();

    /**
     * Forces a file's bytes to stable storage.
     *
     * @param metadata also what the bytes can be read without, such as times
     */
    void force(FileChannel channel, boolean metadata) throws IOException;

    /**
     * Writes the bytes from position to limit into a file, from the byte at {@code offset} on, and
     * leaves the position at the limit.
     */
    void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException;

    /** Forces a folder's entries to stable storage. */
    void forceDirectory(Path folder) throws IOException;

    /** Allocates the first {@code length} bytes of a file on disk, without changing its size. */
    void allocate(FileDescriptor descriptor, long length) throws IOException;

    /** Bytes that this process may still write to the disk that holds the folder. */
    long usableBytes(Path folder) throws IOException;
}
