package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;

/**
 * What the age of a batch is counted from, for retention by time: its highest record timestamp, but
 * never later than its append. A producer's clock may so make records go sooner, which is how old
 * data is loaded into a topic that keeps a week; it cannot keep them, and what lies behind them,
 * for longer. A batch without timestamps is as old as its append.
 */
@Experimental
public final class Dating {
    private Dating() {}

    /**
     * When the batch at an index dates from, in milliseconds since 1970.
     *
     * @param appendTimeMs when it was appended
     */
    public static long of(ByteBuffer buffer, int at, long appendTimeMs) {
        long timestampMs = RecordBatch.maxTimestamp(buffer, at);
        return timestampMs < 0 ? appendTimeMs : Math.min(timestampMs, appendTimeMs);
    }
}
