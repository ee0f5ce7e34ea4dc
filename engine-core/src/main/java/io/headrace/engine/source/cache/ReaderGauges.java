package io.headrace.engine.source.cache;

import java.util.function.ObjLongConsumer;

/** How far ahead of their readers the blocks are, summed up over partitions for one look. */
final class ReaderGauges {
    /** A reader that was silent for longer is not waiting. */
    private static final long SILENT_NANOS = 10_000_000_000L;

    private long cursors;
    private double leadBlocks;
    private double stallNanos;

    /**
     * @param loadNanos time that the store takes for a block
     */
    void add(Cursor cursor, double loadNanos, long cycle, long nowNanos) {
        if (!cursor.isFollowed() || nowNanos - cursor.seenNanos() > SILENT_NANOS) {
            return;
        }
        cursors++;
        leadBlocks += cursor.aheadBlocks();
        if (cursor.ahead() < cycle) { // else there is nothing left to be asked for
            stallNanos = Math.max(stallNanos, loadNanos - cursor.aheadNanos());
        }
    }

    void forEach(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_source_readers", cursors);
        consumer.accept("headrace_source_prefetch_lead_blocks", Math.round(leadBlocks));
        consumer.accept("headrace_source_predicted_stall_nanoseconds", (long) stallNanos);
    }
}
