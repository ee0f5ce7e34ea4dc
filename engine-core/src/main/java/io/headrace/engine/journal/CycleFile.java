package io.headrace.engine.journal;

import java.nio.file.Path;

/** A cycle's file as the journal knows it. The end moves while it is appended to. */
final class CycleFile {
    private final int cycle;
    private final Path path;
    private volatile long endOffset;
    private volatile long lengthOnDisk;

    CycleFile(int cycle, Path path, long endOffset, long lengthOnDisk) {
        this.cycle = cycle;
        this.path = path;
        this.endOffset = endOffset;
        this.lengthOnDisk = lengthOnDisk;
    }

    int cycle() {
        return cycle;
    }

    Path path() {
        return path;
    }

    /** Where the next document header would stand. */
    long endOffset() {
        return endOffset;
    }

    void endOffset(long offset) {
        this.endOffset = offset;
    }

    /** Bytes allocated on disk. */
    long lengthOnDisk() {
        return lengthOnDisk;
    }

    void lengthOnDisk(long length) {
        this.lengthOnDisk = length;
    }
}
