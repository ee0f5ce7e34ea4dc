package io.headrace.engine.segment;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The calls of the disk that everything else goes through, so that what fails or forgets there does
 * so for segments, too.
 */
record DiskSegmentFiles(Disk disk) implements SegmentFiles {
    @Override
    public FileChannel create(Path file) throws IOException {
        return disk.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE,
                StandardOpenOption.READ);
    }

    @Override
    public FileChannel open(Path file) throws IOException {
        return disk.open(file, StandardOpenOption.READ);
    }

    @Override
    public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        Disk.write(channel, bytes, offset);
    }

    @Override
    public void read(FileChannel channel, ByteBuffer into, long offset) throws IOException {
        Disk.read(channel, into, offset);
    }

    @Override
    public void force(FileChannel channel) throws IOException {
        channel.force(true);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        disk.move(from, to);
    }

    @Override
    public void forceDirectory(Path folder) throws IOException {
        disk.forceFolder(folder);
    }

    @Override
    public void delete(Path file) throws IOException {
        disk.delete(file);
    }
}
