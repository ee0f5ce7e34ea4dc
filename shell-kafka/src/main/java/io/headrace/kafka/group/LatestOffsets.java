package io.headrace.kafka.group;

import io.headrace.engine.Engine;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.server.util.PartitionMetadataClient;

/** Tells the coordinator where partitions end, from the engine of this process. Thread-safe. */
final class LatestOffsets implements PartitionMetadataClient {
    private final Engine engine;

    LatestOffsets(Engine engine) {
        this.engine = engine;
    }

    @Override
    public Map<TopicPartition, CompletableFuture<OffsetResponse>> listLatestOffsets(
            Set<TopicPartition> partitions) {
        Map<TopicPartition, CompletableFuture<OffsetResponse>> offsets = new HashMap<>();
        for (TopicPartition partition : partitions) {
            offsets.put(partition, CompletableFuture.completedFuture(latestOffset(partition)));
        }
        return offsets;
    }

    private OffsetResponse latestOffset(TopicPartition partition) {
        Topic topic = engine.catalog().find(partition.topic());
        PartitionLog log = topic == null ? null : engine.partitionLog(topic, partition.partition());
        return log == null
                ? new OffsetResponse(-1, Errors.UNKNOWN_TOPIC_OR_PARTITION)
                : new OffsetResponse(log.highWatermark(), Errors.NONE);
    }

    @Override
    public void close() {}
}
