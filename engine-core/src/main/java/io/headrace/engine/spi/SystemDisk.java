package io.headrace.engine.spi;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import net.openhft.chronicle.core.Jvm;
import net.openhft.posix.PosixAPI;

/** The operating system's calls. */
final class SystemDisk implements Disk {
    /** FALLOC_FL_KEEP_SIZE of linux/falloc.h: Chronicle decides the size of its files. */
    private static final int KEEP_SIZE = 1;

    @Override
    public FileChannel open(Path file, OpenOption... options) throws IOException {
        FileChannel channel = FileChannel.open(file, options);
        Uninterruptible.make(channel);
        return channel;
    }

    @Override
    public void allocate(Path file, long length) throws IOException {
        try (RandomAccessFile descriptor = new RandomAccessFile(file.toFile(), "rw")) {
            Integer number = Jvm.getValue(descriptor.getFD(), "fd");
            if (PosixAPI.posix().fallocate(number, KEEP_SIZE, 0, length) != 0) {
                throw new IOException("fallocate failed: file=" + file + " length=" + length);
            }
        }
    }

    @Override
    public List<Path> list(Path folder) throws IOException {
        try (Stream<Path> children = Files.list(folder)) {
            return children.sorted().toList();
        }
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        Files.createDirectory(folder);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void delete(Path path) throws IOException {
        Files.delete(path);
    }

    @Override
    public void forceFolder(Path folder) throws IOException {
        try (FileChannel channel = open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    @Override
    public long usableBytes(Path folder) {
        return folder.toFile().getUsableSpace();
    }
}
