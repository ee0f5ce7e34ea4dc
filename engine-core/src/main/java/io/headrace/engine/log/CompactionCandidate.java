package io.headrace.engine.log;

import io.headrace.engine.Topic;

/**
 * A partition that is worth a compaction.
 *
 * @param state its row
 * @param endOffset what may be compacted ends here
 * @param isForTombstones whether there are some whose time has come
 */
record CompactionCandidate(
        PartitionKey partition,
        Topic topic,
        PartitionState state,
        long endOffset,
        boolean isForTombstones) {}
