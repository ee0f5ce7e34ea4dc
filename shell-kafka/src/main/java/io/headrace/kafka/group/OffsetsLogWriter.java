package io.headrace.kafka.group;

import io.headrace.engine.TopicConfig;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.coordinator.common.runtime.PartitionWriter;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.VerificationGuard;

/** Where the coordinator writes: the partitions of the offsets topic. Thread-safe. */
final class OffsetsLogWriter implements PartitionWriter {
    private final List<OffsetsPartition> partitions;
    private final LogConfig config;

    OffsetsLogWriter(List<OffsetsPartition> partitions, TopicConfig topicConfig) {
        this.partitions = partitions;
        this.config =
                new LogConfig(
                        Map.of(
                                "max.message.bytes",
                                Integer.toString(topicConfig.maxMessageBytes())));
    }

    @Override
    public void registerListener(TopicPartition tp, Listener listener) {
        partitions.get(tp.partition()).register(listener);
    }

    @Override
    public void deregisterListener(TopicPartition tp, Listener listener) {
        partitions.get(tp.partition()).deregister(listener);
    }

    @Override
    public LogConfig config(TopicPartition tp) {
        return config;
    }

    @Override
    public long append(
            TopicPartition tp,
            VerificationGuard guard,
            MemoryRecords records,
            short transactionVersion) {
        return partitions.get(tp.partition()).append(records);
    }

    /** One node decides about its transactions and its groups: there is nobody to ask. */
    @Override
    public CompletableFuture<VerificationGuard> maybeStartTransactionVerification(
            TopicPartition tp,
            String transactionalId,
            long producerId,
            short producerEpoch,
            int apiVersion) {
        return CompletableFuture.completedFuture(VerificationGuard.SENTINEL);
    }

    /** The group coordinator never asks for it; the engine compacts the topic. */
    @Override
    public CompletableFuture<Void> deleteRecords(TopicPartition tp, long beforeOffset) {
        return CompletableFuture.failedFuture(
                new UnsupportedOperationException("the offsets topic is compacted, not cut off"));
    }
}
