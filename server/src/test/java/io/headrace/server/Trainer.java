package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A stock consumer that reads whole epochs, and compares every record with what it has to be. It
 * may die and come back where it was. Used by one thread.
 */
final class Trainer implements AutoCloseable {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(180);

    private final SourceDataset dataset;
    private final Map<String, Object> config;
    private final long stepNanos;
    private final List<TopicPartition> partitions;
    private KafkaConsumer<byte[], byte[]> consumer;

    /**
     * @param stepNanos time that it takes to train on what one poll gives
     */
    Trainer(String bootstrap, SourceDataset dataset, int pollRecordsMax, long stepNanos) {
        this(bootstrap, dataset, pollRecordsMax, stepNanos, "trainer");
    }

    /** As {@link #Trainer(String, SourceDataset, int, long)}, under a name of its own. */
    Trainer(
            String bootstrap,
            SourceDataset dataset,
            int pollRecordsMax,
            long stepNanos,
            String clientId) {
        this.dataset = dataset;
        this.stepNanos = stepNanos;
        this.config =
                Map.of(
                        "bootstrap.servers",
                        bootstrap,
                        "client.id",
                        clientId,
                        "max.poll.records",
                        pollRecordsMax,
                        "key.deserializer",
                        ByteArrayDeserializer.class,
                        "value.deserializer",
                        ByteArrayDeserializer.class);
        this.partitions =
                IntStream.range(0, dataset.partitions().size())
                        .mapToObj(number -> new TopicPartition(dataset.name(), number))
                        .toList();
        this.consumer = open();
    }

    private KafkaConsumer<byte[], byte[]> open() {
        KafkaConsumer<byte[], byte[]> opened = new KafkaConsumer<>(config);
        opened.assign(partitions);
        return opened;
    }

    /** Reads everything once. */
    void epoch() {
        consumer.seekToBeginning(partitions);
        read(new HashMap<>(), dataset.recordCount());
    }

    /**
     * Reads from the beginning until it is told to stop, through whatever happens to the server.
     *
     * @param next each partition's next offset, kept up to date
     */
    void readUntil(BooleanSupplier isOver, Map<Integer, Long> next) {
        consumer.seekToBeginning(partitions);
        while (!isOver.getAsBoolean()) {
            consumer.poll(Duration.ofMillis(100)).forEach(record -> check(record, next));
        }
    }

    /** The end offsets that the server gives now, by partition. */
    Map<Integer, Long> endOffsets() {
        Map<Integer, Long> ends = new HashMap<>();
        consumer.endOffsets(partitions)
                .forEach((partition, offset) -> ends.put(partition.partition(), offset));
        return ends;
    }

    /** Reads everything once, with a consumer that is lost on the way and replaced by another. */
    void epochWithADeath(int recordsBefore) {
        Map<Integer, Long> next = new HashMap<>();
        consumer.seekToBeginning(partitions);
        int read = read(next, recordsBefore);
        consumer.close(CloseOptions.timeout(Duration.ZERO));
        consumer = open();
        for (TopicPartition partition : partitions) {
            consumer.seek(partition, next.getOrDefault(partition.partition(), 0L));
        }
        read(next, dataset.recordCount() - read);
    }

    /** Reads at least so many records; what each partition's next offset is, is kept in the map. */
    private int read(Map<Integer, Long> next, int count) {
        int read = 0;
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (read < count) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("no more records: read=" + read + " of=" + count);
            }
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                check(record, next);
                read++;
            }
            LockSupport.parkNanos(stepNanos);
        }
        return read;
    }

    private void check(ConsumerRecord<byte[], byte[]> record, Map<Integer, Long> next) {
        long expected = next.getOrDefault(record.partition(), 0L);
        assertEquals(expected, record.offset(), "offset in partition " + record.partition());
        next.put(record.partition(), expected + 1);
        assertArrayEquals(
                dataset.partitions().get(record.partition()).get((int) record.offset()),
                record.value());
    }

    @Override
    public void close() {
        consumer.close(CloseOptions.timeout(Duration.ZERO));
    }
}
