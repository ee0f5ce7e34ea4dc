package io.headrace.bench.sources;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** The stock consumer with its defaults, reading whole epochs of a topic. One thread. */
final class EpochReader implements AutoCloseable {
    private static final Duration POLL_MAX = Duration.ofSeconds(1);
    private static final long PATIENCE_NANOS = TimeUnit.MINUTES.toNanos(10);

    private final List<TopicPartition> partitions;
    private final KafkaConsumer<byte[], byte[]> consumer;

    /**
     * @param settings of the consumer, beside the defaults
     */
    EpochReader(
            String bootstrapServer,
            String topic,
            int partitionCount,
            Map<String, String> settings) {
        partitions =
                IntStream.range(0, partitionCount)
                        .mapToObj(number -> new TopicPartition(topic, number))
                        .toList();
        Map<String, Object> config = new HashMap<>(settings);
        config.put("bootstrap.servers", bootstrapServer);
        config.put("key.deserializer", ByteArrayDeserializer.class);
        config.put("value.deserializer", ByteArrayDeserializer.class);
        consumer = new KafkaConsumer<>(config);
        consumer.assign(partitions);
    }

    /**
     * What the reader saw.
     *
     * @param seconds from the first poll to the last record
     * @param bytes of all values
     * @param firstWaitSeconds from the first poll to the first record; a consumer that seeks back
     *     has to wait until the fetch that it left at the end is answered
     * @param waits for the next records, one per later poll that gave any, in µs
     */
    record Epoch(double seconds, long bytes, double firstWaitSeconds, Histogram waits) {
        double megabytesPerSecond() {
            return bytes / seconds / 1e6;
        }

        String waitMs(double percentile) {
            return "%.2f".formatted(waits.getValueAtPercentile(percentile) / 1e3);
        }

        /** Time that the reader waited, of all its time. */
        double waitSeconds() {
            return firstWaitSeconds + waits.getMean() * waits.getTotalCount() / 1e6;
        }
    }

    /** Sees each record as it comes. */
    @FunctionalInterface
    interface Sink {
        void accept(ConsumerRecord<byte[], byte[]> record);
    }

    /** Reads all records as fast as they come. */
    Epoch epoch(long recordCount) {
        return epoch(recordCount, Long.MAX_VALUE, record -> {});
    }

    /**
     * Reads so many records from the beginning.
     *
     * @param pace bytes per second that are taken, as a trainer's steps take them
     */
    Epoch epoch(long recordCount, long pace, Sink sink) {
        consumer.seekToBeginning(partitions);
        Histogram waits = new Histogram(TimeUnit.MINUTES.toMicros(10), 3);
        long begin = System.nanoTime();
        long waitingSince = begin;
        long records = 0;
        long bytes = 0;
        double firstWaitSeconds = 0;
        while (records < recordCount) {
            ConsumerRecords<byte[], byte[]> polled = consumer.poll(POLL_MAX);
            long now = System.nanoTime();
            if (polled.isEmpty()) {
                requirePatience(now - waitingSince, records, recordCount);
                continue;
            }
            if (records == 0) {
                firstWaitSeconds = (now - begin) / 1e9;
            } else {
                waits.recordValue(TimeUnit.NANOSECONDS.toMicros(now - waitingSince));
            }
            for (ConsumerRecord<byte[], byte[]> record : polled) {
                bytes += record.value().length;
                sink.accept(record);
            }
            records += polled.count();
            work(polled, pace);
            waitingSince = System.nanoTime();
        }
        return new Epoch((System.nanoTime() - begin) / 1e9, bytes, firstWaitSeconds, waits);
    }

    private static void requirePatience(long waited, long records, long of) {
        if (waited > PATIENCE_NANOS) {
            throw new IllegalStateException("no more records: read=" + records + " of=" + of);
        }
    }

    /** As long as a trainer takes for these records. */
    private static void work(ConsumerRecords<byte[], byte[]> records, long pace) {
        if (pace == Long.MAX_VALUE) {
            return;
        }
        long bytes = 0;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            bytes += record.value().length;
        }
        long until = System.nanoTime() + (long) (bytes * 1e9 / pace);
        long left;
        while ((left = until - System.nanoTime()) > 0) {
            LockSupport.parkNanos(left);
        }
    }

    /** Waits for the first record there is; seconds since the given {@link System#nanoTime}. */
    double secondsToFirstRecord(long since) {
        consumer.seekToBeginning(partitions);
        while (consumer.poll(POLL_MAX).isEmpty()) {
            requirePatience(System.nanoTime() - since, 0, 1);
        }
        return (System.nanoTime() - since) / 1e9;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
