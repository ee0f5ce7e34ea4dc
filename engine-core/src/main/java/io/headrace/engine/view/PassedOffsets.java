package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.ControlBatch;
import java.nio.ByteBuffer;

/**
 * Says that offsets of a lane have no records: a control batch that covers them. So whoever reads
 * moves on over them, and commits behind them; of batches without records, as compaction leaves
 * them, not all clients make that.
 */
final class PassedOffsets implements RecordsLease {
    /** Offsets that one batch covers. */
    private static final int COUNT_MAX = 1 << 30;

    private final ByteBuffer batch;
    private final long nextOffset;

    /**
     * @param endOffset behind those that have no records; as far as one batch goes
     */
    PassedOffsets(long fromOffset, long endOffset, int leaderEpoch, long nowMs) {
        int count = (int) Math.min(endOffset - fromOffset, COUNT_MAX);
        this.batch = ControlBatch.of(fromOffset, count, leaderEpoch, nowMs);
        this.nextOffset = fromOffset + count;
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
