package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * A lease of batches that are shown with other offsets and leader epochs than they lie there with.
 * What it holds is given back once, however often it is closed, and nothing can be had of it then.
 */
abstract class ShownRecords implements RecordsLease {
    private final List<Part> parts;
    private final int length;
    private final long nextOffset;
    private boolean isClosed;

    /** A slice, and how it is shown: as {@link #offsetShift} and {@link #leaderEpoch} say. */
    record Part(ByteBuffer slice, long shift, int leaderEpoch) {}

    /**
     * @param parts taken over
     * @param length of their slices together
     * @param nextOffset behind the last batch, as it is shown
     */
    ShownRecords(List<Part> parts, int length, long nextOffset) {
        this.parts = parts;
        this.length = length;
        this.nextOffset = nextOffset;
    }

    /** Gives back what the slices lie in; called once. */
    abstract void release();

    @Override
    public final int sliceCount() {
        return parts.size();
    }

    @Override
    public final ByteBuffer slice(int index) {
        return parts.get(index).slice;
    }

    @Override
    public final long offsetShift(int index) {
        return parts.get(index).shift;
    }

    @Override
    public final int leaderEpoch(int index) {
        return parts.get(index).leaderEpoch;
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
            parts.clear();
            release();
        }
    }
}
