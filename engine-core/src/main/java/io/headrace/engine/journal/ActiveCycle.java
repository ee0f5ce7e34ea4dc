package io.headrace.engine.journal;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A cycle that was begun by this start: its file held open to be forced, and its mapping for
 * leases.
 *
 * <p>Created by the appending thread. Forced and finished by the syncer. Leased and retired by any
 * thread.
 */
final class ActiveCycle {
    private final CycleFile file;
    private final Disk disk;
    private final long mappedBytes;
    private final FileChannel channel;
    private boolean forcedOnce;
    private volatile @Nullable CycleMapping mapping;
    private boolean retired;

    private ActiveCycle(CycleFile file, Disk disk, long mappedBytes, FileChannel channel) {
        this.file = file;
        this.disk = disk;
        this.mappedBytes = mappedBytes;
        this.channel = channel;
    }

    /**
     * Opens and allocates a file that Chronicle has just created. The channel stays open until the
     * file is finished, so that no writeback error is missed.
     */
    static ActiveCycle open(int cycle, Path path, long allocatedBytes, Disk disk)
            throws IOException {
        FileChannel channel = disk.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            disk.allocate(path, allocatedBytes);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
        CycleFile file = new CycleFile(cycle, path, 0, allocatedBytes);
        return new ActiveCycle(file, disk, allocatedBytes, channel);
    }

    CycleFile file() {
        return file;
    }

    int cycle() {
        return file.cycle();
    }

    /** Writes into the file without its mapping: see {@link CycleWriter}. */
    void write(ByteBuffer bytes, long offset) throws IOException {
        Disk.write(channel, bytes, offset);
    }

    /** Forces the file; the first time also its size, and its name in the folder. */
    void force() throws IOException {
        channel.force(!forcedOnce);
        if (!forcedOnce) {
            disk.forceFolder(Disk.parent(file.path()));
            forcedOnce = true;
        }
    }

    /**
     * Cuts the file to its end, once nobody writes to it any more and it has been forced, and
     * closes it. Mappings of it stay valid below the end, and nothing beyond is read.
     */
    void finish(long length) throws IOException {
        try (FileChannel closing = channel) {
            synchronized (this) {
                closing.truncate(length);
                file.lengthOnDisk(length);
            }
        }
    }

    /** Closes the file as it is, after a failure. */
    void abandon() throws IOException {
        channel.close();
    }

    /** A lease on the mapping, made on first use; null once retired. */
    @Nullable CycleMapping lease() {
        CycleMapping current = mapping;
        if (current == null) {
            current = map();
        }
        return current != null && current.tryAcquire() ? current : null;
    }

    private synchronized @Nullable CycleMapping map() {
        if (mapping == null && !retired) {
            try {
                mapping = new CycleMapping(mapFile());
            } catch (IOException e) {
                // No descriptor or map left just now: a cold read is as right, and says why if not.
                return null;
            }
        }
        return mapping;
    }

    private ByteBuffer mapFile() throws IOException {
        try (FileChannel read = disk.open(file.path(), StandardOpenOption.READ)) {
            long length = Math.min(mappedBytes, read.size());
            return read.map(FileChannel.MapMode.READ_ONLY, 0, length);
        }
    }

    /** Gives up the journal's own reference: no new leases. */
    synchronized void retire() {
        if (!retired) {
            retired = true;
            CycleMapping current = mapping;
            if (current != null) {
                current.close();
            }
        }
    }
}
