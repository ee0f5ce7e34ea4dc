package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Unavailable;

/** Tells what is not there any more from what is not there now. Stateless. */
final class Gone {
    private Gone() {}

    /**
     * Where the offsets end that have gone since they were handed out: below the start of their
     * log, or behind its last record, as a crash or a repair has taken those.
     *
     * @param why a read at the offset found nothing
     * @return the offset itself if it has not gone
     */
    static long end(PartitionLog log, long offset, long endOffset, Unavailable why) {
        if (why == Unavailable.CUT_OUT) {
            return endOffset;
        }
        if (why != Unavailable.OFFSET_OUT_OF_RANGE && why != Unavailable.CAUGHT_UP) {
            return offset;
        }
        long start = log.logStartOffset();
        long end = offset < log.recordsEndOffset() ? offset : endOffset;
        if (offset < start) {
            end = Math.min(start, endOffset);
        }
        // One that is being closed, as its topic's mode changes, is empty before it says so.
        return end > offset && log.read(offset, 0) == Unavailable.CLOSED ? offset : end;
    }
}
