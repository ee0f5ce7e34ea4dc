package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.ControlBatch;
import java.nio.ByteBuffer;

/** One batch that lies in memory of its own. */
final class OwnBatch implements RecordsLease {
    /** Offsets that one batch without records covers. */
    private static final int PASSED_COUNT_MAX = 1 << 30;

    private final ByteBuffer batch;
    private final long nextOffset;

    /**
     * @param batch a direct buffer with the batch alone
     */
    OwnBatch(ByteBuffer batch, long nextOffset) {
        this.batch = batch;
        this.nextOffset = nextOffset;
    }

    /**
     * Says that offsets have no records: a control batch that covers them. So whoever reads moves
     * on over them, and commits behind them; of batches without records, as compaction leaves them,
     * not all clients make that.
     *
     * @param endOffset behind those that have no records; as far as one batch goes
     */
    static OwnBatch passed(long fromOffset, long endOffset, int leaderEpoch, long nowMs) {
        int count = (int) Math.min(endOffset - fromOffset, PASSED_COUNT_MAX);
        return new OwnBatch(
                ControlBatch.of(fromOffset, count, leaderEpoch, nowMs), fromOffset + count);
    }

    @Override
    public int sliceCount() {
        return 1;
    }

    @Override
    public ByteBuffer slice(int index) {
        return batch;
    }

    @Override
    public int length() {
        return batch.limit();
    }

    @Override
    public long nextOffset() {
        return nextOffset;
    }

    @Override
    public void close() {
        // its bytes are its own
    }
}
