package io.headrace.engine.log;

import io.headrace.engine.Topic;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Has topics keep all their records from one moment on: before it is promised, nothing more is
 * taken away, and what was taken away before is in the index and can be seen by all readers. So
 * what the answer to the promise finds stays, and what was decided before and comes after is
 * dropped.
 *
 * <p>Owned by the engine; called by the catalog's thread, which waits for the disk meanwhile.
 */
final class KeptTopics {
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final List<Shard> shards;
    private final Predicate<Topic> settles;

    /**
     * @param logs those in use
     * @param settles as {@link ModeChanges#settle}
     */
    KeptTopics(
            Map<PartitionKey, PartitionLogBase> logs,
            List<Shard> shards,
            Predicate<Topic> settles) {
        this.logs = logs;
        this.shards = shards;
        this.settles = settles;
    }

    /**
     * Has nothing taken away from a topic until {@link #end}.
     *
     * @return false if what was taken away before cannot be brought to the index now, and all is as
     *     before
     */
    boolean begin(Topic topic) {
        shard(topic).beginKeepingAll(topic.id());
        boolean isBegun = false;
        try {
            Map<PartitionLogBase, Long> ends = ends(topic);
            isBegun = settles.test(topic);
            if (isBegun) {
                ends.forEach(PartitionLogBase::onCompacted);
            }
        } finally {
            if (!isBegun) {
                end(topic);
            }
        }
        return isBegun;
    }

    /**
     * Where the logs end that may remember batches which compaction has taken away: a pass that is
     * dropped does not tell them. The topic may be one that was compacted until a moment ago.
     */
    private Map<PartitionLogBase, Long> ends(Topic topic) {
        Map<PartitionLogBase, Long> ends = new HashMap<>();
        for (int i = 0; i < topic.partitionCount(); i++) {
            PartitionLogBase log = logs.get(new PartitionKey(topic.id(), i));
            if (log != null) {
                ends.put(log, log.recordsEndOffset());
            }
        }
        return ends;
    }

    /** What was promised can be seen, or was not promised. */
    void end(Topic topic) {
        shard(topic).endKeepingAll(topic.id());
    }

    private Shard shard(Topic topic) {
        return shards.get(topic.journal() - 1);
    }
}
