package io.headrace.server.engine;

import io.headrace.engine.segment.SegmentFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** The real calls; at one of them the process is gone, as if it had been killed. */
class HaltingFiles implements SegmentFiles {
    /** Exit status of the halt. */
    static final int HALTED = 77;

    /** Where the process halts. */
    enum Step {
        CREATED,
        HALF_WRITTEN,
        WRITTEN,
        FORCED,
        READ_BACK,
        RENAMED,
        FOLDER_FORCED,
        BEFORE_DELETION,
        DELETED,
        NEVER
    }

    private final Step step;
    private volatile boolean armed;

    HaltingFiles(Step step) {
        this.step = step;
    }

    /** From now on it may halt. */
    void arm() {
        armed = true;
    }

    private void reach(Step reached) {
        if (armed && step == reached) {
            Runtime.getRuntime().halt(HALTED);
        }
    }

    @Override
    public FileChannel create(Path file) throws IOException {
        FileChannel channel = SYSTEM.create(file);
        reach(Step.CREATED);
        return channel;
    }

    @Override
    public FileChannel open(Path file) throws IOException {
        return SYSTEM.open(file);
    }

    @Override
    public void write(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        int limit = bytes.limit();
        bytes.limit(bytes.position() + bytes.remaining() / 2);
        long half = offset + bytes.remaining();
        SYSTEM.write(channel, bytes, offset);
        reach(Step.HALF_WRITTEN);
        SYSTEM.write(channel, bytes.limit(limit), half);
        reach(Step.WRITTEN);
    }

    @Override
    public void read(FileChannel channel, ByteBuffer into, long offset) throws IOException {
        SYSTEM.read(channel, into, offset);
    }

    @Override
    public void force(FileChannel channel) throws IOException {
        SYSTEM.force(channel);
        reach(Step.FORCED);
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        reach(Step.READ_BACK);
        SYSTEM.rename(from, to);
        reach(Step.RENAMED);
    }

    @Override
    public void forceDirectory(Path folder) throws IOException {
        SYSTEM.forceDirectory(folder);
        reach(Step.FOLDER_FORCED);
    }

    @Override
    public void delete(Path file) throws IOException {
        reach(Step.BEFORE_DELETION);
        SYSTEM.delete(file);
        reach(Step.DELETED);
    }
}
