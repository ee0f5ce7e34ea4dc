package io.headrace.server.simulation;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** A file that a process has open on a {@link SimulatedMachine}. */
final class SimulatedChannel extends FileChannel {
    private final SimulatedMachine machine;
    private final SimulatedMachine.Node node;
    private final SimulatedPath path;
    private final int process;
    private long position;

    SimulatedChannel(
            SimulatedMachine machine, SimulatedMachine.Node node, SimulatedPath path, int process) {
        this.machine = machine;
        this.node = node;
        this.path = path;
        this.process = process;
    }

    @Override
    public int read(ByteBuffer into, long offset) {
        return machine.read(node, into, offset);
    }

    @Override
    public int read(ByteBuffer into) {
        int count = machine.read(node, into, position);
        position += Math.max(0, count);
        return count;
    }

    @Override
    public int write(ByteBuffer from, long offset) throws IOException {
        return machine.write(node, path, process, from, offset);
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
        int count = machine.write(node, path, process, from, position);
        position += count;
        return count;
    }

    @Override
    public long size() {
        return node.length();
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public FileChannel position(long offset) {
        position = offset;
        return this;
    }

    @Override
    public FileChannel truncate(long length) throws IOException {
        machine.truncate(node, path, process, length);
        return this;
    }

    @Override
    public void force(boolean metadata) throws IOException {
        machine.force(node, path, process);
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long offset, long length) throws IOException {
        return machine.map(node, length);
    }

    /** Nobody else runs on the machine. */
    @Override
    public FileLock tryLock(long offset, long length, boolean isShared) {
        return new FileLock(this, offset, length, isShared) {
            @Override
            public boolean isValid() {
                return true;
            }

            @Override
            public void release() {}
        };
    }

    @Override
    public FileLock lock(long offset, long length, boolean isShared) {
        return tryLock(offset, length, isShared);
    }

    @Override
    protected void implCloseChannel() {}

    @Override
    public long read(ByteBuffer[] into, int from, int count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] from, int first, int count) {
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
}
