package io.headrace.engine.segment;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * The calls to the disk on which the promises of segments rest, so that a test can make each fail,
 * tear or be the last one in turn. Thread-safe.
 */
public interface SegmentFiles {

    /** The real ones. */
    SegmentFiles SYSTEM = of(Disk.SYSTEM);

    /** Those of a disk. */
    static SegmentFiles of(Disk disk) {
        return new DiskSegmentFiles(disk);
    }

    /** Creates a file, or empties the one that is there, for writing and reading. */
    FileChannel create(Path file) throws IOException;

    /** Opens a file for reading. */
    FileChannel open(Path file) throws IOException;

    /**
     * Writes the bytes from position to limit into a file, from the byte at {@code offset} on, and
     * leaves the position at the limit.
     */
    void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException;

    /**
     * Reads from the byte at {@code offset} until {@code into} is full.
     *
     * @throws java.io.EOFException if the file ends before
     */
    void read(FileChannel channel, ByteBuffer into, long offset) throws IOException;

    /** Forces a file's bytes and length to stable storage. */
    void force(FileChannel channel) throws IOException;

    /** Gives a file another name in its folder, at once or not at all. */
    void rename(Path from, Path to) throws IOException;

    /** Forces a folder's entries to stable storage. */
    void forceDirectory(Path folder) throws IOException;

    /** Deletes a file. */
    void delete(Path file) throws IOException;
}
