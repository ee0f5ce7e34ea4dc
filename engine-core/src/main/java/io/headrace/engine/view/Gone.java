package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;

/** Tells what is not there any more from what is not there now. Stateless. */
final class Gone {
    private Gone() {}

    /**
     * Where the offsets end that have gone since they were handed out: below the start of their
     * log, or behind its last record, as a crash has taken those.
     *
     * @return the offset itself if it has not gone
     */
    static long end(PartitionLog log, long offset, long endOffset) {
        long start = log.logStartOffset();
        if (offset < start) {
            return Math.min(start, endOffset);
        }
        return offset >= log.recordsEndOffset() ? endOffset : offset;
    }
}
