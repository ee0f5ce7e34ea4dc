package io.headrace.engine.source.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** The calls to the SSD, so that a test can make each of them fail. Thread-safe. */
interface CacheFiles {
    /** The real ones. */
    CacheFiles SYSTEM = new SystemCacheFiles();

    /** Writes a new file, or another one in its place; no sync. */
    void write(Path file, ByteBuffer header, ByteBuffer body) throws IOException;

    /** Gives a file its final name, in place of what had it. */
    void rename(Path from, Path to) throws IOException;

    /** Opens a file for reading. */
    FileChannel open(Path file) throws IOException;

    /** Fills a buffer with the bytes from a position on. */
    void read(FileChannel channel, ByteBuffer into, long position) throws IOException;

    /** Deletes a file or an empty folder, if it is there. */
    void delete(Path path) throws IOException;

    /** Bytes that may still be written to the disk that holds a folder. */
    long usableBytes(Path folder) throws IOException;
}
