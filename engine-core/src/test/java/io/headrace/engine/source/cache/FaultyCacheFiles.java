package io.headrace.engine.source.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/** The real calls, some of which fail, and a disk that can be said to be full. */
final class FaultyCacheFiles implements CacheFiles {
    private final AtomicInteger calls = new AtomicInteger();

    /** Numbers of the calls that fail: from here on, so many. */
    volatile int failFrom = Integer.MAX_VALUE;

    volatile int failCount;

    /** Writes stop half-way, as on a full disk. */
    volatile boolean isFull;

    /** Each read of an open file fails, and the file is as it was. */
    volatile boolean isUnreadable;

    volatile LongSupplier usableBytes = () -> Long.MAX_VALUE / 4;

    int calls() {
        return calls.get();
    }

    private void count() throws IOException {
        int call = calls.getAndIncrement();
        if (call >= failFrom && call - failFrom < failCount) {
            throw new IOException("injected failure");
        }
    }

    @Override
    public void write(Path file, ByteBuffer header, ByteBuffer body) throws IOException {
        count();
        if (isFull) {
            SYSTEM.write(file, header, body.duplicate().limit(body.limit() / 2));
            throw new IOException("No space left on device");
        }
        SYSTEM.write(file, header, body);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        count();
        SYSTEM.rename(from, to);
    }

    @Override
    public FileChannel open(Path file) throws IOException {
        count();
        return SYSTEM.open(file);
    }

    @Override
    public void read(FileChannel channel, ByteBuffer into, long position) throws IOException {
        count();
        if (isUnreadable) {
            throw new IOException("Input/output error");
        }
        SYSTEM.read(channel, into, position);
    }

    @Override
    public void delete(Path path) throws IOException {
        count();
        SYSTEM.delete(path);
    }

    @Override
    public long usableBytes(Path folder) throws IOException {
        count();
        return usableBytes.getAsLong();
    }
}
