package io.headrace.engine.log;

import io.headrace.engine.PartitionLog.EpochEnd;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The leader epochs of a partition and the offset at which each began; at most {@value #COUNT_MAX},
 * the oldest are forgotten. Guarded by its owner.
 */
final class LeaderEpochs {
    static final int COUNT_MAX = 64;

    private int[] epochs = new int[0];
    private long[] starts = new long[0];

    /** Notes that records from {@code startOffset} on are of this epoch, if that is news. */
    void assign(int epoch, long startOffset) {
        int count = epochs.length;
        if (count > 0 && epochs[count - 1] >= epoch) {
            return;
        }
        int from = count == COUNT_MAX ? 1 : 0;
        epochs = Arrays.copyOf(Arrays.copyOfRange(epochs, from, count), count - from + 1);
        starts = Arrays.copyOf(Arrays.copyOfRange(starts, from, count), count - from + 1);
        epochs[epochs.length - 1] = epoch;
        starts[starts.length - 1] = startOffset;
    }

    /** The epoch of the last record, or −1. */
    int last() {
        return epochs.length == 0 ? -1 : epochs[epochs.length - 1];
    }

    /** Where the first epoch behind this one began; the highest offset if there is none. */
    long startBehind(int epoch) {
        for (int i = 0; i < epochs.length; i++) {
            if (epochs[i] > epoch) {
                return starts[i];
            }
        }
        return Long.MAX_VALUE;
    }

    /** Where an epoch ended; see {@link io.headrace.engine.PartitionLog#endOffsetForEpoch}. */
    @Nullable EpochEnd end(int epoch, int currentEpoch, long logEndOffset) {
        if (epoch > currentEpoch || epoch < 0) {
            return null;
        }
        if (epoch == currentEpoch) {
            return new EpochEnd(epoch, logEndOffset);
        }
        int next = 0;
        while (next < epochs.length && epochs[next] <= epoch) {
            next++;
        }
        long end = next < epochs.length ? starts[next] : logEndOffset;
        return new EpochEnd(next == 0 ? epoch : epochs[next - 1], end);
    }

    int encodedLength() {
        return Short.BYTES + epochs.length * (Integer.BYTES + Long.BYTES);
    }

    void encode(ByteBuffer into) {
        into.putShort((short) epochs.length);
        for (int i = 0; i < epochs.length; i++) {
            into.putInt(epochs[i]).putLong(starts[i]);
        }
    }

    static LeaderEpochs decode(ByteBuffer from) {
        LeaderEpochs decoded = new LeaderEpochs();
        int count = from.getShort();
        decoded.epochs = new int[count];
        decoded.starts = new long[count];
        for (int i = 0; i < count; i++) {
            decoded.epochs[i] = from.getInt();
            decoded.starts[i] = from.getLong();
        }
        return decoded;
    }
}
