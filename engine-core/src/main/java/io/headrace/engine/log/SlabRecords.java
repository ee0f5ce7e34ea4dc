package io.headrace.engine.log;

import io.headrace.engine.source.SlicedRecords;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Batches that were loaded into a slab. */
final class SlabRecords extends SlicedRecords {
    private final Slab slab;

    private SlabRecords(Slab slab, List<ByteBuffer> slices, int length, long nextOffset) {
        super(slices, length, nextOffset);
        this.slab = slab;
    }

    /** Collects batches of one slab, in offset order; those that lie side by side are a slice. */
    static final class Builder {
        private final Slab slab;
        private final List<ByteBuffer> slices = new ArrayList<>();
        private int sliceAt;
        private int sliceEnd;
        private int length;
        private long nextOffset;

        /** Takes over the slab and one reference to it, if {@link #build} is called. */
        Builder(Slab slab) {
            this.slab = slab;
        }

        /** Adds a batch at an index of the slab; false if it would be a slice too many. */
        boolean add(int at, IndexEntry entry) {
            if (length == 0 || at != sliceEnd) {
                if (slices.size() == SLICE_COUNT_MAX - 1) {
                    return false;
                }
                endSlice();
                sliceAt = at;
            }
            sliceEnd = at + entry.length();
            length += entry.length();
            nextOffset = entry.lastOffset() + 1;
            return true;
        }

        boolean isEmpty() {
            return length == 0;
        }

        private void endSlice() {
            if (sliceEnd > sliceAt) {
                slices.add(slab.buffer().slice(sliceAt, sliceEnd - sliceAt));
            }
        }

        SlabRecords build() {
            endSlice();
            return new SlabRecords(slab, slices, length, nextOffset);
        }
    }

    @Override
    protected void release() {
        slab.release();
    }
}
