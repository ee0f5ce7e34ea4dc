package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Batches of other topics with the offsets and the leader epochs of a lane. What precedes the
 * checksum is copied and set, everything else is where it was; short batches are copied whole, so
 * that many of them are one slice.
 */
final class LaneRecords implements RecordsLease {
    /** Bytes of a batch that are not as they were: base offset, length, leader epoch. */
    private static final int PATCHED_LENGTH = RecordBatch.LENGTH_OVERHEAD + Integer.BYTES;

    /** Copying so many bytes costs less than a slice of their own. */
    private static final int COPIED_LENGTH_MAX = 2048;

    private final Slab slab;
    private final List<RecordsLease> leases;
    private final List<ByteBuffer> slices;
    private final int length;
    private final long nextOffset;

    private LaneRecords(Builder builder) {
        this.slab = builder.slab;
        this.leases = builder.leases;
        this.slices = builder.slices;
        this.length = builder.length;
        this.nextOffset = builder.nextOffset;
    }

    /** Collects batches, in the order of their offsets in the lane. */
    static final class Builder {
        /** Room for what is copied. */
        static final int SLAB_LENGTH = 64 << 10;

        private final Slab slab;
        private final ByteBuffer copies;
        private final List<RecordsLease> leases = new ArrayList<>();
        private final List<ByteBuffer> slices = new ArrayList<>();
        private int copiedFrom;
        private int length;
        private long nextOffset;
        private boolean isEndVoid;

        /**
         * Takes over the slab.
         *
         * @param slab of {@link #SLAB_LENGTH}
         */
        Builder(Slab slab) {
            this.slab = slab;
            this.copies = slab.buffer().duplicate();
        }

        boolean isEmpty() {
            return length == 0;
        }

        int length() {
            return length;
        }

        /**
         * Whether a batch without records was added last. No others may follow in the same answer:
         * a client goes past offsets without records when it is through with the answer, and what
         * is behind them may be a batch that begins before, whose first records it has to skip.
         */
        boolean isEndVoid() {
            return isEndVoid;
        }

        /** Offset behind what was added last. */
        long nextOffset() {
            return nextOffset;
        }

        /**
         * Takes over a lease and adds its batches that lie below an offset there.
         *
         * @param endOffset where the stretch that is referred to ends
         * @param shift what makes an offset of the lane out of one there
         * @param leaderEpoch of the reference
         * @return whether all of those fitted
         */
        boolean addAll(RecordsLease lease, long endOffset, long shift, int leaderEpoch) {
            leases.add(lease);
            for (int i = 0; i < lease.sliceCount(); i++) {
                ByteBuffer slice = lease.slice(i);
                for (int at = slice.position(); at < slice.limit(); ) {
                    int batchLength = RecordBatch.length(slice, at);
                    if (RecordBatch.baseOffset(slice, at) >= endOffset) {
                        return true;
                    }
                    if (!add(slice, at, batchLength, shift, leaderEpoch)) {
                        return false;
                    }
                    at += batchLength;
                }
            }
            return true;
        }

        private boolean add(
                ByteBuffer slice, int at, int batchLength, long shift, int leaderEpoch) {
            int copied = batchLength <= COPIED_LENGTH_MAX ? batchLength : PATCHED_LENGTH;
            if (copies.remaining() < copied || slices.size() > SLICE_COUNT_MAX - 3) {
                return false;
            }
            int start = copies.position();
            copies.put(start, slice, at, copied);
            copies.position(start + copied);
            RecordBatch.baseOffset(copies, start, RecordBatch.baseOffset(slice, at) + shift);
            RecordBatch.leaderEpoch(copies, start, leaderEpoch);
            if (copied < batchLength) {
                endCopies();
                slices.add(slice.slice(at + copied, batchLength - copied));
            }
            length += batchLength;
            nextOffset = RecordBatch.lastOffset(slice, at) + shift + 1;
            return true;
        }

        /** Adds a batch without records, so that a reader gets past offsets that have none. */
        boolean addVoid(long fromOffset, long endOffset, int leaderEpoch) {
            if (copies.remaining() < RecordBatch.HEADER_LENGTH) {
                return false;
            }
            int start = copies.position();
            RecordBatch.writeEmpty(copies, start, fromOffset, endOffset, leaderEpoch);
            copies.position(start + RecordBatch.HEADER_LENGTH);
            length += RecordBatch.HEADER_LENGTH;
            nextOffset = endOffset;
            isEndVoid = true;
            return true;
        }

        private void endCopies() {
            if (copies.position() > copiedFrom) {
                slices.add(slab.buffer().slice(copiedFrom, copies.position() - copiedFrom));
                copiedFrom = copies.position();
            }
        }

        /** Hands over what was collected. */
        LaneRecords build() {
            endCopies();
            return new LaneRecords(this);
        }

        /** Gives back what was collected. */
        void abandon() {
            leases.forEach(RecordsLease::close);
            slab.release();
        }
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
        leases.forEach(RecordsLease::close);
        slab.release();
    }
}
