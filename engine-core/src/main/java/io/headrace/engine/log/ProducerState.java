package io.headrace.engine.log;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.batch.RecordBatch;
import java.nio.ByteBuffer;

/**
 * What a partition remembers of one idempotent producer: its epoch and its last five batches, so
 * that a batch sent again is recognised (five, because a producer has at most five requests in
 * flight; as Kafka does). Guarded by its owner.
 */
final class ProducerState {
    private static final byte VERSION = 2;
    private static final int BATCH_COUNT_MAX = 5;

    /** Sequences wrap around: beyond half of them, one is behind and not ahead. */
    private static final int AHEAD_MAX = 1 << 30;

    private static final int ENCODED_LENGTH =
            Byte.BYTES
                    + Short.BYTES
                    + Long.BYTES
                    + Byte.BYTES
                    + BATCH_COUNT_MAX * (2 * Integer.BYTES + Long.BYTES);

    private short epoch = -1;
    private long lastAppendMs = -1;
    private int count;
    private int newest = -1;

    /** Whether a crash may have taken batches between the newest and the next. */
    private boolean mayLackBatches;

    private final int[] firstSequences = new int[BATCH_COUNT_MAX];
    private final int[] lastSequences = new int[BATCH_COUNT_MAX];
    private final long[] baseOffsets = new long[BATCH_COUNT_MAX];

    /** {@link #check}: the batch follows; append it. */
    static final long NEW = Long.MIN_VALUE;

    /**
     * Whether the batch may be appended: {@link #NEW}, the base offset of the same batch if it was
     * appended before, or a status of {@link PartitionLog#append}.
     */
    long check(ByteBuffer batch, int at) {
        short batchEpoch = RecordBatch.producerEpoch(batch, at);
        int first = RecordBatch.baseSequence(batch, at);
        if (epoch == -1) {
            return NEW;
        }
        if (batchEpoch < epoch) {
            return PartitionLog.INVALID_PRODUCER_EPOCH;
        }
        if (batchEpoch > epoch) {
            return first == 0 || mayLackBatches ? NEW : PartitionLog.OUT_OF_ORDER_SEQUENCE;
        }
        long duplicate = baseOffsetOf(first, RecordBatch.lastSequence(batch, at));
        if (duplicate >= 0) {
            return duplicate;
        }
        return follows(first) ? NEW : PartitionLog.OUT_OF_ORDER_SEQUENCE;
    }

    private boolean follows(int first) {
        if (count == 0) {
            return true;
        }
        int ahead = (first - (lastSequences[newest] + 1)) & Integer.MAX_VALUE;
        return ahead == 0 || mayLackBatches && ahead < AHEAD_MAX;
    }

    /**
     * Takes the next batch although others should come before it: they were acknowledged and lost,
     * and the producer cannot send them again.
     */
    void expectLoss() {
        mayLackBatches = true;
    }

    /** Offset at which its newest batch begins; −1 if none is known. */
    long lastOffset() {
        return count == 0 ? -1 : baseOffsets[newest];
    }

    private long baseOffsetOf(int first, int last) {
        for (int i = 0; i < count; i++) {
            int slot = Math.floorMod(newest - i, BATCH_COUNT_MAX);
            if (firstSequences[slot] == first && lastSequences[slot] == last) {
                return baseOffsets[slot];
            }
        }
        return -1;
    }

    /** Notes a batch that was appended. */
    void onAppended(ByteBuffer batch, int at, long baseOffset, long appendTimeMs) {
        short batchEpoch = RecordBatch.producerEpoch(batch, at);
        if (batchEpoch != epoch) {
            epoch = batchEpoch;
            count = 0;
            newest = -1;
        }
        newest = (newest + 1) % BATCH_COUNT_MAX;
        count = Math.min(count + 1, BATCH_COUNT_MAX);
        firstSequences[newest] = RecordBatch.baseSequence(batch, at);
        lastSequences[newest] = RecordBatch.lastSequence(batch, at);
        baseOffsets[newest] = baseOffset;
        lastAppendMs = appendTimeMs;
        mayLackBatches = false;
    }

    /** When its last batch was appended, whatever that is dated. */
    long lastAppendMs() {
        return lastAppendMs;
    }

    byte[] encode() {
        ByteBuffer buffer = ByteBuffer.allocate(ENCODED_LENGTH);
        buffer.put(VERSION).putShort(epoch).putLong(lastAppendMs).put((byte) count);
        for (int i = 0; i < count; i++) {
            int slot = Math.floorMod(newest - count + 1 + i, BATCH_COUNT_MAX);
            buffer.putInt(firstSequences[slot]).putInt(lastSequences[slot]);
            buffer.putLong(baseOffsets[slot]);
        }
        return buffer.array();
    }

    static ProducerState decode(byte[] row) {
        ByteBuffer buffer = ByteBuffer.wrap(row);
        byte version = buffer.get();
        if (version != VERSION) {
            throw Rows.unknownVersion("producer", version);
        }
        ProducerState state = new ProducerState();
        state.epoch = buffer.getShort();
        state.lastAppendMs = buffer.getLong();
        state.count = buffer.get();
        state.newest = state.count - 1;
        for (int i = 0; i < state.count; i++) {
            state.firstSequences[i] = buffer.getInt();
            state.lastSequences[i] = buffer.getInt();
            state.baseOffsets[i] = buffer.getLong();
        }
        return state;
    }
}
