package io.headrace.server.cli;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** Reads a few records of one partition with Kafka's own consumer. Closes what it opened. */
final class RecordReader implements AutoCloseable {
    /** A record that is not in the cache comes from an object store, which may be slow. */
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** How long the end of a partition that still grows is waited at. */
    private static final long END_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(3);

    private static final Duration POLL_MAX = Duration.ofMillis(500);

    private final ClientOptions client;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final TopicPartition partition;

    private RecordReader(
            ClientOptions client,
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition) {
        this.client = client;
        this.consumer = consumer;
        this.partition = partition;
    }

    /** Connects. */
    static RecordReader open(ClientOptions client, String topic, int partition) throws IOException {
        Map<String, Object> settings =
                Map.of(
                        "auto.offset.reset",
                        "none",
                        "enable.auto.commit",
                        false,
                        "allow.auto.create.topics",
                        false,
                        "fetch.max.wait.ms",
                        100);
        return new RecordReader(
                client, client.consumer(settings), new TopicPartition(topic, partition));
    }

    /**
     * Records from an offset on.
     *
     * @param count at most that many; fewer if the partition ends before
     * @throws CommandException if there is not even the first
     */
    List<ConsumerRecord<byte[], byte[]>> read(long offset, int count) {
        try {
            checkPartition();
            consumer.assign(List.of(partition));
            consumer.seek(partition, offset);
            List<ConsumerRecord<byte[], byte[]>> records = poll(count);
            if (records.isEmpty()) {
                throw notThere(offset);
            }
            return records;
        } catch (OffsetOutOfRangeException e) {
            throw notThere(offset);
        } catch (KafkaException e) {
            throw new CommandException(client.describe(e));
        }
    }

    private void checkPartition() {
        List<PartitionInfo> partitions = consumer.partitionsFor(partition.topic());
        if (partitions.isEmpty()) {
            throw new CommandException("no such topic: " + partition.topic());
        }
        if (partition.partition() >= partitions.size() || partition.partition() < 0) {
            throw new CommandException(
                    "no such partition: %d: %s has 0 to %d"
                            .formatted(
                                    partition.partition(),
                                    partition.topic(),
                                    partitions.size() - 1));
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> poll(int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long begun = System.nanoTime();
        long atEndSince = begun;
        while (records.size() < count) {
            consumer.poll(POLL_MAX).records(partition).stream()
                    .limit(count - records.size())
                    .forEach(records::add);
            long now = System.nanoTime();
            if (consumer.position(partition) < end()) {
                atEndSince = now;
            }
            if (now - atEndSince > END_PATIENCE_NANOS || now - begun > DEADLINE_NANOS) {
                break;
            }
        }
        return records;
    }

    private long end() {
        return consumer.endOffsets(List.of(partition)).getOrDefault(partition, 0L);
    }

    private CommandException notThere(long offset) {
        long first = consumer.beginningOffsets(List.of(partition)).getOrDefault(partition, 0L);
        long end = end();
        String offsets = first == end ? "there is none" : "there are " + first + " to " + (end - 1);
        String more =
                isSource()
                        ? "; to have them all: headrace source index --wait " + partition.topic()
                        : "";
        return new CommandException(
                "no such offset: %s partition %d offset %d: %s%s"
                        .formatted(
                                partition.topic(), partition.partition(), offset, offsets, more));
    }

    /** A source's offsets end where its index does, for now. */
    private boolean isSource() {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, partition.topic());
        try (Admin kafka = client.admin()) {
            Config config = kafka.describeConfigs(List.of(topic)).all().get().get(topic);
            return config != null && config.get("headrace.source.uri") != null;
        } catch (IOException | ExecutionException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        consumer.close();
    }
}
