package io.headrace.engine.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** A file opened on a {@link FaultyDisk}. What the engine does not use is refused. */
final class FaultyChannel extends FileChannel {
    private final FaultyDisk disk;
    private final Path file;
    private final FileChannel real;

    FaultyChannel(FaultyDisk disk, Path file, FileChannel real) {
        this.disk = disk;
        this.file = file;
        this.real = real;
    }

    @Override
    public int read(ByteBuffer into, long offset) throws IOException {
        disk.onRead(file);
        int limit = into.limit();
        into.limit(into.position() + disk.part(into.remaining()));
        try {
            return real.read(into, offset);
        } finally {
            into.limit(limit);
        }
    }

    @Override
    public int write(ByteBuffer bytes, long offset) throws IOException {
        boolean torn = disk.isTorn(file);
        int length = torn ? bytes.remaining() / 2 : disk.part(bytes.remaining());
        ByteBuffer part = bytes.duplicate().limit(bytes.position() + length);
        int count = 0;
        while (part.hasRemaining()) {
            count += real.write(part, offset + count);
        }
        disk.onWritten(file, offset, count);
        if (torn) {
            throw new IOException(FaultyDisk.FAILURE + ": torn write of " + file.getFileName());
        }
        bytes.position(bytes.position() + count);
        return count;
    }

    @Override
    public FileChannel truncate(long length) throws IOException {
        disk.truncate(file, real, length);
        return this;
    }

    @Override
    public void force(boolean metadata) throws IOException {
        disk.force(file);
    }

    @Override
    public long size() throws IOException {
        return real.size();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long offset, long length) throws IOException {
        return real.map(mode, offset, length);
    }

    @Override
    protected void implCloseChannel() throws IOException {
        real.close();
    }

    @Override
    public int read(ByteBuffer into) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] into, int from, int count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer bytes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] bytes, int from, int count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long position() {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel position(long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long offset, long count, WritableByteChannel target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long offset, long count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long offset, long length, boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long offset, long length, boolean shared) {
        throw new UnsupportedOperationException();
    }
}
