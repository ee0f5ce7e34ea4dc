package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Batches of other topics, where they lie, with the offsets and the leader epochs of a lane. */
final class LaneRecords extends ShownRecords {
    private final List<RecordsLease> leases;

    private LaneRecords(Builder builder) {
        super(builder.parts, builder.length, builder.nextOffset);
        this.leases = builder.leases;
    }

    /** Collects batches, in the order of their offsets in the lane. */
    static final class Builder {
        private final List<RecordsLease> leases = new ArrayList<>();
        private final List<Part> parts = new ArrayList<>();
        private int length;
        private long nextOffset;

        boolean isEmpty() {
            return length == 0;
        }

        int length() {
            return length;
        }

        /** Offset behind what was added last. */
        long nextOffset() {
            return nextOffset;
        }

        boolean isFull() {
            return parts.size() >= SLICE_COUNT_MAX;
        }

        /**
         * Takes over a lease and adds its batches that begin below an offset there.
         *
         * @param endOffset where the stretch that is referred to ends
         * @param shift what makes an offset of the lane out of one there
         * @param leaderEpoch of the reference
         */
        void add(RecordsLease lease, long endOffset, long shift, int leaderEpoch) {
            leases.add(lease);
            boolean isWithin = lease.nextOffset() <= endOffset;
            ByteBuffer last = null;
            int i = 0;
            while (i < lease.sliceCount() && !isFull()) {
                ByteBuffer slice = lease.slice(i++);
                ByteBuffer own = isWithin ? slice : below(slice, endOffset);
                if (!own.hasRemaining()) {
                    break;
                }
                parts.add(new Part(own, shift, leaderEpoch));
                length += own.remaining();
                last = own;
            }
            if (isWithin && i == lease.sliceCount()) {
                nextOffset = lease.nextOffset() + shift;
            } else if (last != null) {
                nextOffset = Math.min(endOf(last), endOffset) + shift;
            }
        }

        private static long endOf(ByteBuffer slice) {
            int last = slice.position();
            for (int at = last; at < slice.limit(); at += RecordBatch.length(slice, at)) {
                last = at;
            }
            return RecordBatch.lastOffset(slice, last) + 1;
        }

        private static ByteBuffer below(ByteBuffer slice, long endOffset) {
            int at = slice.position();
            while (at < slice.limit() && RecordBatch.baseOffset(slice, at) < endOffset) {
                at += RecordBatch.length(slice, at);
            }
            return slice.duplicate().limit(at);
        }

        /** Hands over what was collected. */
        LaneRecords build() {
            return new LaneRecords(this);
        }

        /** Gives back what was collected. */
        void abandon() {
            leases.forEach(RecordsLease::close);
        }
    }

    @Override
    void release() {
        leases.forEach(RecordsLease::close);
        leases.clear();
    }
}
