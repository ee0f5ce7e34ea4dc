package io.headrace.engine.log;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.List;

/** Batches that were loaded into a slab. */
final class SlabRecords implements RecordsLease {
    private final Slab slab;
    private final List<ByteBuffer> slices;
    private final int length;
    private final long nextOffset;

    /** Takes over the slab and one reference to it. */
    SlabRecords(Slab slab, List<ByteBuffer> slices, int length, long nextOffset) {
        this.slab = slab;
        this.slices = slices;
        this.length = length;
        this.nextOffset = nextOffset;
    }

    @Override
    public int sliceCount() {
        return slices.size();
    }

    @Override
    public ByteBuffer slice(int index) {
        return slices.get(index);
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
        slices.clear();
        slab.release();
    }
}
