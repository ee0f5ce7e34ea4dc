package io.headrace.engine.journal;

import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.Disk;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A cycle's file, open for reading. */
final class ColdCycle implements ColdFile {
    private final Path path;
    private final FileChannel channel;

    ColdCycle(Path path, Disk disk) throws IOException {
        this.path = path;
        this.channel = disk.open(path, StandardOpenOption.READ);
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
        try {
            Disk.read(channel, into, offset);
        } catch (EOFException e) {
            EOFException named =
                    new EOFException(
                            "journal file is too short: file=" + path + " offset=" + offset);
            named.initCause(e);
            throw named;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
