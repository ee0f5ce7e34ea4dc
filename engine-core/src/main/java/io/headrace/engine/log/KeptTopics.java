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
    private final Predicate<Shard> isProjected;

    /**
     * @param logs those in use
     * @param isProjected waits until what was appended to a shard is in the index; false if that is
     *     in vain
     */
    KeptTopics(
            Map<PartitionKey, PartitionLogBase> logs,
            List<Shard> shards,
            Predicate<Shard> isProjected) {
        this.logs = logs;
        this.shards = shards;
        this.isProjected = isProjected;
    }

    /**
     * Has nothing taken away from a topic until {@link #end}.
     *
     * @return false if what was taken away before cannot be brought to the index now, and all is as
     *     before
     */
    boolean begin(Topic topic) {
        Shard shard = shard(topic);
        shard.beginKeepingAll(topic.id());
        Map<PartitionLogBase, Long> ends = ends(topic);
        if (!isProjected.test(shard)) {
            end(topic);
            return false;
        }
        ends.forEach(PartitionLogBase::onCompacted);
        return true;
    }

    /**
     * Where the logs end that may remember batches which compaction has taken away: a pass that is
     * dropped does not tell them.
     */
    private Map<PartitionLogBase, Long> ends(Topic topic) {
        Map<PartitionLogBase, Long> ends = new HashMap<>();
        for (int i = 0; i < topic.partitionCount() && topic.config().compact(); i++) {
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
