package io.headrace.server.powercut;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Reads what QEMU's blklogwrites records while it records it. The format is that of Linux's
 * dm-log-writes: a superblock of one sector, then per request a header of one sector and the bytes
 * written. A request is answered to the guest after it stands here, so that whatever the guest
 * relied on is found. Requests come one at a time (the guest's driver has a queue of one), so that
 * the only one that a kill can catch half-way is the last.
 */
final class WriteLog implements AutoCloseable {
    static final int SECTOR_BYTES = 512;

    private static final long MAGIC = 0x6a736677736872L;
    private static final int HEADER_BYTES = 32;
    private static final long FLUSH = 1;

    private final FileChannel channel;
    private final ByteBuffer header =
            ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long position = SECTOR_BYTES;

    private WriteLog(FileChannel channel) {
        this.channel = channel;
    }

    static WriteLog open(Path file) throws IOException {
        return new WriteLog(FileChannel.open(file, StandardOpenOption.READ));
    }

    /** The next request; null if there is none that is whole, for now. */
    @Nullable DiskRequest next() throws IOException {
        if (!readFully(header.clear(), position)) {
            return null;
        }
        long diskOffset = header.getLong(0) * SECTOR_BYTES;
        long length = header.getLong(8) * SECTOR_BYTES;
        long flags = header.getLong(16);
        if (length == 0 && flags == 0) {
            throw new IOException("hole in the log: position=" + position);
        }
        if ((flags & ~FLUSH) != 0) {
            throw new IOException("unknown request: flags=" + flags + " position=" + position);
        }
        long dataPosition = position + SECTOR_BYTES;
        if (dataPosition + length > channel.size()) {
            return null;
        }
        position = dataPosition + length;
        return new DiskRequest(diskOffset, Math.toIntExact(length), dataPosition, flags == FLUSH);
    }

    ByteBuffer data(DiskRequest request) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(request.length());
        if (!readFully(bytes, request.dataPosition())) {
            throw new IOException("log ends within a request: " + request);
        }
        return bytes.flip();
    }

    /** QEMU writes the superblock at the first flush. */
    void requireSound() throws IOException {
        if (!readFully(header.clear(), 0)) {
            return;
        }
        long magic = header.getLong(0);
        if (magic != 0 && (magic != MAGIC || header.getInt(24) != SECTOR_BYTES)) {
            throw new IOException("not a log of writes: magic=" + Long.toHexString(magic));
        }
    }

    private boolean readFully(ByteBuffer into, long from) throws IOException {
        long at = from;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                return false;
            }
            at += count;
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
