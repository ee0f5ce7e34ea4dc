package io.headrace.engine.journal;

import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** The real calls, of which one can be made to fail, and a disk that can be said to be full. */
final class FaultyFiles implements JournalFiles {
    static final String FAILURE = "injected failure";

    /** Calls that may fail, counted. */
    int calls;

    /** The number of the call that fails and all after it; never by default. */
    int failFrom = Integer.MAX_VALUE;

    boolean allocationFails;
    long usableBytes = Long.MAX_VALUE;
    int forces;

    /** Forces are counted and may fail, but do nothing: for tests that reopen hundreds of times. */
    boolean forceless;

    private void count() throws IOException {
        if (++calls >= failFrom) {
            throw new IOException(FAILURE);
        }
    }

    @Override
    public void force(FileChannel channel, boolean metadata) throws IOException {
        count();
        forces++;
        if (!forceless) {
            SYSTEM.force(channel, metadata);
        }
    }

    @Override
    public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        count();
        SYSTEM.write(channel, bytes, offset);
    }

    @Override
    public void forceDirectory(Path folder) throws IOException {
        count();
        if (!forceless) {
            SYSTEM.forceDirectory(folder);
        }
    }

    @Override
    public void allocate(FileDescriptor descriptor, long length) throws IOException {
        if (allocationFails) {
            throw new IOException(FAILURE);
        }
        SYSTEM.allocate(descriptor, length);
    }

    @Override
    public long usableBytes(Path folder) throws IOException {
        count();
        return Math.min(usableBytes, SYSTEM.usableBytes(folder));
    }
}
