package io.headrace.engine.segment;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The real calls, of which one goes wrong. */
final class FaultySegmentFiles implements SegmentFiles {
    static final String FAILURE = "injected failure";

    /** What becomes of the call. */
    enum Fault {
        /** It fails and has done nothing. */
        FAIL,
        /** A write does its first half and fails; anything else as {@link #FAIL}. */
        TEAR,
        /** A write does its first half, and says that it did all; anything else is done. */
        LOSE
    }

    Fault fault = Fault.FAIL;

    /** Calls so far. */
    int calls;

    /** The number of the call that goes wrong; none by default. */
    int faultyCall = Integer.MAX_VALUE;

    /** Whether a write was told to have been done, and was not. */
    boolean lost;

    /** Folders whose names were forced. */
    final List<Path> forcedFolders = new ArrayList<>();

    private boolean isFaulty() {
        return ++calls == faultyCall;
    }

    private void count() throws IOException {
        if (isFaulty() && fault != Fault.LOSE) {
            throw new IOException(FAILURE);
        }
    }

    @Override
    public FileChannel create(Path file) throws IOException {
        count();
        return SYSTEM.create(file);
    }

    @Override
    public FileChannel open(Path file) throws IOException {
        count();
        return SYSTEM.open(file);
    }

    @Override
    public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        if (!isFaulty()) {
            SYSTEM.write(channel, bytes, offset);
            return;
        }
        if (fault != Fault.FAIL) {
            ByteBuffer half = bytes.duplicate();
            SYSTEM.write(channel, half.limit(half.position() + half.remaining() / 2), offset);
        }
        if (fault != Fault.LOSE) {
            throw new IOException(FAILURE);
        }
        lost = true;
        bytes.position(bytes.limit());
    }

    @Override
    public void read(FileChannel channel, ByteBuffer into, long offset) throws IOException {
        count();
        SYSTEM.read(channel, into, offset);
    }

    @Override
    public void force(FileChannel channel) throws IOException {
        count();
        SYSTEM.force(channel);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        count();
        SYSTEM.rename(from, to);
    }

    @Override
    public void forceDirectory(Path folder) throws IOException {
        count();
        SYSTEM.forceDirectory(folder);
        forcedFolders.add(folder);
    }

    @Override
    public void delete(Path file) throws IOException {
        count();
        SYSTEM.delete(file);
    }
}
