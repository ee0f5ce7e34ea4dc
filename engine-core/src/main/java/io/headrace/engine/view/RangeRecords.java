package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/** The first batches of another lease. Owns that lease. */
final class RangeRecords implements RecordsLease {
    private final RecordsLease lease;
    private final ByteBuffer lastSlice;
    private final int sliceCount;
    private final int length;
    private final long nextOffset;

    /**
     * @param endSlice slice in which the first batch lies that is left out
     * @param endAt where it begins there; not the very first one
     */
    RangeRecords(RecordsLease lease, int endSlice, int endAt) {
        this.lease = lease;
        ByteBuffer end = lease.slice(endSlice);
        nextOffset = RecordBatch.baseOffset(end, endAt) + lease.offsetShift(endSlice);
        boolean isPart = endAt > end.position();
        sliceCount = isPart ? endSlice + 1 : endSlice;
        lastSlice = isPart ? end.duplicate().limit(endAt) : lease.slice(endSlice - 1);
        int bytes = 0;
        for (int i = 0; i < sliceCount; i++) {
            bytes += slice(i).remaining();
        }
        length = bytes;
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
