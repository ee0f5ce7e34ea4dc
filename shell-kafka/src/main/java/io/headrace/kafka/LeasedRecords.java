package io.headrace.kafka;

import io.headrace.engine.RecordsLease;
import java.nio.ByteBuffer;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.RecordsSend;

/**
 * Record batches of the engine as the records of a fetch response. The lease stays its owner's; the
 * response is released before the lease is.
 */
public final class LeasedRecords implements BaseRecords {
    private final RecordsLease lease;

    /**
     * @param lease open until the response was written
     */
    public LeasedRecords(RecordsLease lease) {
        this.lease = lease;
    }

    @Override
    public int sizeInBytes() {
        return lease.length();
    }

    int sliceCount() {
        return lease.sliceCount();
    }

    ByteBuffer slice(int index) {
        return lease.slice(index);
    }

    long offsetShift(int index) {
        return lease.offsetShift(index);
    }

    int leaderEpoch(int index) {
        return lease.leaderEpoch(index);
    }

    /** Never used: our own encoder writes the slices. */
    @Override
    public RecordsSend<? extends BaseRecords> toSend() {
        throw new UnsupportedOperationException("written by ResponseEncoder");
    }
}
