package io.headrace.server.quickstart;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * {@code main()} of the process that reads: a stock Kafka consumer, which knows nothing of
 * Headrace, goes over a topic several times.
 */
final class EpochReader {
    private static final Duration POLL_MAX = Duration.ofSeconds(30);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final long sampleCount;

    private EpochReader(KafkaConsumer<byte[], byte[]> consumer, long sampleCount) {
        this.consumer = consumer;
        this.sampleCount = sampleCount;
    }

    /** Arguments: bootstrap server, topic, samples of an epoch, epochs. */
    public static void main(String[] arguments) throws IOException {
        Map<String, Object> properties =
                Map.of(
                        "bootstrap.servers",
                        arguments[0],
                        "enable.auto.commit",
                        false,
                        // One poll hands out a whole fetch, so that its time is the fetch's.
                        "max.poll.records",
                        Integer.MAX_VALUE);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            EpochReader reader = new EpochReader(consumer, Long.parseLong(arguments[2]));
            reader.assign(arguments[1]);
            for (int epoch = 1; epoch <= Integer.parseInt(arguments[3]); epoch++) {
                System.out.println(reader.read(epoch).encoded());
                System.in.read(); // the other process takes its own figures between two epochs
            }
        }
    }

    private void assign(String topic) {
        consumer.assign(
                consumer.partitionsFor(topic).stream()
                        .map(partition -> new TopicPartition(topic, partition.partition()))
                        .toList());
    }

    private Epoch read(int number) {
        consumer.seekToBeginning(consumer.assignment());
        List<Long> pollNanos = new ArrayList<>();
        long samples = 0;
        long bytes = 0;
        long begun = System.nanoTime();
        while (samples < sampleCount) {
            long asked = System.nanoTime();
            ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL_MAX);
            pollNanos.add(System.nanoTime() - asked);
            if (records.isEmpty()) {
                throw new IllegalStateException(
                        "no records for " + POLL_MAX.toSeconds() + " s: read=" + samples);
            }
            samples += records.count();
            for (ConsumerRecord<byte[], byte[]> sample : records) {
                bytes += sample.serializedValueSize();
            }
        }
        long[] waits = pollNanos.stream().mapToLong(Long::longValue).toArray();
        return Epoch.of(number, samples, bytes, System.nanoTime() - begun, waits);
    }
}
