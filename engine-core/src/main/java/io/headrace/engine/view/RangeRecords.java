package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/** The batches of another lease that begin below an offset. Owns that lease. */
final class RangeRecords implements RecordsLease {
    private final RecordsLease lease;
    private final ByteBuffer lastSlice;
    private final int sliceCount;
    private final int length;
    private final long nextOffset;

    /**
     * @param endOffset where one of its batches begins, but not the first
     */
    RangeRecords(RecordsLease lease, long endOffset) {
        this.lease = lease;
        int count = 0;
        int bytes = 0;
        ByteBuffer last = lease.slice(0);
        while (count < lease.sliceCount()) {
            ByteBuffer slice = below(lease.slice(count), endOffset - lease.offsetShift(count));
            if (!slice.hasRemaining()) {
                break;
            }
            last = slice;
            bytes += slice.remaining();
            count++;
        }
        lastSlice = last;
        sliceCount = count;
        length = bytes;
        nextOffset = endOffset;
    }

    private static ByteBuffer below(ByteBuffer slice, long endOffset) {
        int at = slice.position();
        while (at < slice.limit() && RecordBatch.baseOffset(slice, at) < endOffset) {
            at += RecordBatch.length(slice, at);
        }
        return slice.duplicate().limit(at);
    }

    @Override
    public int sliceCount() {
        return sliceCount;
    }

    @Override
    public ByteBuffer slice(int index) {
        return index == sliceCount - 1 ? lastSlice : lease.slice(index);
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
    public long offsetShift(int index) {
        return lease.offsetShift(index);
    }

    @Override
    public int leaderEpoch(int index) {
        return lease.leaderEpoch(index);
    }

    @Override
    public void close() {
        lease.close();
    }
}
