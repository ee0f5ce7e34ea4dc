package io.headrace.kafka.topic;

import io.headrace.engine.Engine;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A topic with the logs of those of its partitions that were used. Thread-safe; may be kept as long
 * as a request takes, not longer, since the topic may change.
 */
public final class TopicHandle {
    private final Engine engine;
    private final Topic topic;
    private final AtomicReferenceArray<@Nullable PartitionLog> logs;

    TopicHandle(Engine engine, Topic topic) {
        this.engine = engine;
        this.topic = topic;
        this.logs = new AtomicReferenceArray<>(topic.partitionCount());
    }

    /** The topic. */
    public Topic topic() {
        return topic;
    }

    /** The log of a partition, or null if there is no such partition (any more). */
    public @Nullable PartitionLog log(int partition) {
        if (partition < 0 || partition >= logs.length()) {
            return null;
        }
        // acquire, with setRelease below: the log was built by another thread, perhaps
        PartitionLog log = logs.getAcquire(partition);
        return log != null ? log : reopenedLog(partition);
    }

    /** The log of a partition, asked of the engine anew because the last one was closed. */
    public @Nullable PartitionLog reopenedLog(int partition) {
        if (partition < 0 || partition >= logs.length()) {
            return null;
        }
        PartitionLog log = engine.partitionLog(topic, partition);
        logs.setRelease(partition, log);
        return log;
    }
}
