package io.headrace.engine.journal;

import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import net.openhft.chronicle.core.Jvm;
import net.openhft.posix.PosixAPI;

/** The operating system's calls. */
final class SystemJournalFiles implements JournalFiles {
    /** FALLOC_FL_KEEP_SIZE of linux/falloc.h: Chronicle decides the size of its files. */
    private static final int KEEP_SIZE = 1;

    @Override
    public void force(FileChannel channel, boolean metadata) throws IOException {
        channel.force(metadata);
    }

    @Override
    public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        long to = offset;
        while (bytes.hasRemaining()) {
            to += channel.write(bytes, to);
        }
    }

    @Override
    public void forceDirectory(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            Uninterruptible.make(channel);
            channel.force(true);
        }
    }

    @Override
    public void allocate(FileDescriptor descriptor, long length) throws IOException {
        Integer number = Jvm.getValue(descriptor, "fd");
        if (PosixAPI.posix().fallocate(number, KEEP_SIZE, 0, length) != 0) {
            throw new IOException("fallocate failed: length=" + length);
        }
    }

    @Override
    public long usableBytes(Path folder) {
        return folder.toFile().getUsableSpace();
    }
}
