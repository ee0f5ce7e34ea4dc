package io.headrace.server.engine;

import io.headrace.engine.spi.Disk;
import io.headrace.engine.testing.FaultyDisk;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The real disk, of which the sealer cannot open some files as long as it is told so. */
final class UnreadableDisk implements Disk {
    final AtomicBoolean failing = new AtomicBoolean();
    final AtomicInteger failures = new AtomicInteger();
    private final Set<Path> files;

    UnreadableDisk(List<Path> files) {
        this.files = Set.copyOf(files);
    }

    @Override
    public FileChannel open(Path file, OpenOption... options) throws IOException {
        boolean isSealers = Thread.currentThread().getName().startsWith("headrace-sealer");
        if (isSealers && failing.get() && files.contains(file)) {
            failures.incrementAndGet();
            throw new IOException(FaultyDisk.FAILURE);
        }
        return SYSTEM.open(file, options);
    }

    @Override
    public void allocate(Path file, long length) throws IOException {
        SYSTEM.allocate(file, length);
    }

    @Override
    public List<Path> list(Path folder) throws IOException {
        return SYSTEM.list(folder);
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        SYSTEM.createFolder(folder);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        SYSTEM.move(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
        SYSTEM.delete(path);
    }

    @Override
    public void forceFolder(Path folder) throws IOException {
        SYSTEM.forceFolder(folder);
    }

    @Override
    public long usableBytes(Path folder) throws IOException {
        return SYSTEM.usableBytes(folder);
    }
}
