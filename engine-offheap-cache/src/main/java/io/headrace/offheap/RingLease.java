package io.headrace.offheap;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Stretches of batches in slabs that are retained until {@link #close}. */
final class RingLease implements RecordsLease {
    private static final int SLICES_INITIAL = 2;

    private OffHeapSlab[] slabs = new OffHeapSlab[SLICES_INITIAL];
    private ByteBuffer[] slices = new ByteBuffer[SLICES_INITIAL];
    private int sliceCount;
    private int length;
    private long nextOffset;
    private boolean isClosed;

    /** Takes over the caller's reference to the run's slab. */
    void add(BatchRun run, int position, int lastPosition) {
        if (sliceCount == slices.length) {
            slabs = Arrays.copyOf(slabs, sliceCount * 2);
            slices = Arrays.copyOf(slices, sliceCount * 2);
        }
        int sliceLength = run.nextPosition(lastPosition) - position;
        slabs[sliceCount] = run.slab;
        slices[sliceCount] = run.slab.view(position, sliceLength);
        sliceCount++;
        length += sliceLength;
        nextOffset = run.nextOffset(lastPosition);
    }

    @Override
    public int sliceCount() {
        return sliceCount;
    }

    @Override
    public ByteBuffer slice(int index) {
        if (isClosed) {
            throw new IllegalStateException("lease is closed: nextOffset=" + nextOffset);
        }
        return slices[index];
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public long nextOffset() {
        return nextOffset;
    }

    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        for (int i = sliceCount - 1; i >= 0; i--) {
            // A slice that somebody kept must throw, not read what the slab holds next.
            NativeMemory.blank(slices[i]);
            slabs[i].release();
        }
    }
}
