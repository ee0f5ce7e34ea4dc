package io.headrace.engine.source;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A lease of batches in slices, which are shown as they lie. What it holds is given back once,
 * however often it is closed, and nothing can be had of it then.
 */
public abstract class SlicedRecords implements RecordsLease {
    private static final int SLICES_INITIAL = 2;

    private final List<ByteBuffer> slices;
    private int length;
    private long nextOffset;
    private boolean isClosed;

    /** Without any slice yet. */
    protected SlicedRecords() {
        slices = new ArrayList<>(SLICES_INITIAL);
    }

    /**
     * @param slices taken over
     * @param length of them together
     * @param nextOffset behind their last batch
     */
    protected SlicedRecords(List<ByteBuffer> slices, int length, long nextOffset) {
        this.slices = slices;
        this.length = length;
        this.nextOffset = nextOffset;
    }

    /**
     * Adds a slice.
     *
     * @param nextOffset behind its last batch
     */
    protected final void add(ByteBuffer slice, long nextOffset) {
        slices.add(slice);
        length += slice.remaining();
        this.nextOffset = nextOffset;
    }

    /** Gives back what the slices lie in; called once. */
    protected abstract void release();

    @Override
    public final int sliceCount() {
        return slices.size();
    }

    @Override
    public final ByteBuffer slice(int index) {
        return slices.get(index);
    }

    @Override
    public final int length() {
        return length;
    }

    @Override
    public final long nextOffset() {
        return nextOffset;
    }

    @Override
    public final void close() {
        if (!isClosed) {
            isClosed = true;
            slices.clear();
            release();
        }
    }
}
