package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Batches of an overlay: those of the base where they lie, and others in their place. Owns the
 * base's lease, and the slabs in which the others lie.
 */
final class OverlayRecords extends ShownRecords {
    private final RecordsLease base;
    private final List<Slab> slabs;

    private OverlayRecords(Builder builder, long nextOffset) {
        super(builder.pieces, builder.length, nextOffset);
        this.base = builder.base;
        this.slabs = builder.slabs;
    }

    /** Puts a lease together; {@link #close} gives everything back if it does not come to that. */
    static final class Builder {
        private final RecordsLease base;
        private final List<Part> pieces = new ArrayList<>();
        private final List<Slab> slabs = new ArrayList<>();
        private int length;
        private int runSlice = -1;
        private int runFrom;
        private int runTo;

        /**
         * @param base taken over
         */
        Builder(RecordsLease base) {
            this.base = base;
        }

        /** Adds a batch of the base as it is. */
        void add(int slice, int from, int to) {
            if (runSlice != slice || runTo != from) {
                endRun();
                runSlice = slice;
                runFrom = from;
            }
            runTo = to;
            length += to - from;
        }

        private void endRun() {
            if (runSlice >= 0) {
                ByteBuffer bytes = base.slice(runSlice).duplicate().limit(runTo).position(runFrom);
                pieces.add(new Part(bytes, base.offsetShift(runSlice), base.leaderEpoch(runSlice)));
                runSlice = -1;
            }
        }

        /** Adds a batch that is in the place of one. */
        void add(Slab slab, ByteBuffer batch) {
            endRun();
            slabs.add(slab);
            pieces.add(new Part(batch, 0, -1));
            length += batch.remaining();
        }

        /** Whether there is room for two slices more, of which one may be begun. */
        boolean hasRoom() {
            return pieces.size() + 2 < SLICE_COUNT_MAX;
        }

        boolean isEmpty() {
            return pieces.isEmpty() && runSlice < 0;
        }

        int length() {
            return length;
        }

        OverlayRecords end(long nextOffset) {
            endRun();
            return new OverlayRecords(this, nextOffset);
        }

        void close() {
            base.close();
            slabs.forEach(Slab::release);
            slabs.clear();
        }
    }

    @Override
    void release() {
        base.close();
        slabs.forEach(Slab::release);
        slabs.clear();
    }
}
