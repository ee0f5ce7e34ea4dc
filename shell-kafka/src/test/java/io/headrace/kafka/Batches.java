package io.headrace.kafka;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchResponseData.PartitionData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceDataCollection;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Requests about one partition, and what is in them. */
final class Batches {
    static final int PRODUCE_VERSION = 9;
    static final int FETCH_VERSION = 12;

    private Batches() {}

    /** One batch of as many records as values. */
    static MemoryRecords batch(String... values) {
        SimpleRecord[] records = new SimpleRecord[values.length];
        for (int i = 0; i < values.length; i++) {
            records[i] = new SimpleRecord(values[i].getBytes(StandardCharsets.UTF_8));
        }
        return MemoryRecords.withRecords(Compression.NONE, records);
    }

    /** A batch of one record of that length. */
    static MemoryRecords batchOfLength(int valueLength) {
        return batch("x".repeat(valueLength));
    }

    static ProduceRequestData produce(String topic, int acks, MemoryRecords records) {
        TopicProduceData topicData =
                new TopicProduceData()
                        .setName(topic)
                        .setPartitionData(
                                List.of(
                                        new PartitionProduceData()
                                                .setIndex(0)
                                                .setRecords(records)));
        TopicProduceDataCollection topics = new TopicProduceDataCollection();
        topics.add(topicData);
        return new ProduceRequestData()
                .setAcks((short) acks)
                .setTimeoutMs(30_000)
                .setTopicData(topics);
    }

    static FetchRequestData fetch(String topic, long offset, int maxWaitMs, int minBytes) {
        return fetch(topic, Uuid.ZERO_UUID, offset, maxWaitMs, minBytes);
    }

    static FetchRequestData fetch(
            String topic, Uuid topicId, long offset, int maxWaitMs, int minBytes) {
        return new FetchRequestData()
                .setMaxWaitMs(maxWaitMs)
                .setMinBytes(minBytes)
                .setMaxBytes(50 << 20)
                .setTopics(
                        List.of(
                                new FetchTopic()
                                        .setTopic(topic)
                                        .setTopicId(topicId)
                                        .setPartitions(
                                                List.of(
                                                        new FetchPartition()
                                                                .setPartition(0)
                                                                .setFetchOffset(offset)
                                                                .setPartitionMaxBytes(50 << 20)))));
    }

    static PartitionData partitionOf(FetchResponseData response) {
        return response.responses().get(0).partitions().get(0);
    }
}
