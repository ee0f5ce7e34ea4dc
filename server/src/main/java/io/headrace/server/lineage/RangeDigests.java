package io.headrace.server.lineage;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** Reads ranges of partitions with Kafka's own consumer, and makes a digest of each. */
public final class RangeDigests {
    /** Longest wait for the next record: what is not in the cache comes from an object store. */
    private static final long PATIENCE_NANOS = TimeUnit.MINUTES.toNanos(2);

    private static final Duration POLL_MAX = Duration.ofMillis(500);

    private final KafkaConsumer<byte[], byte[]> consumer;

    /** What is left of a partition. */
    private static final class Reading {
        final long to;
        final RecordDigest digest = new RecordDigest();

        Reading(long to) {
            this.to = to;
        }
    }

    /**
     * A place in a partition.
     *
     * @param topic its name
     */
    public record Place(String topic, int partition, long offset) {
        @Override
        public String toString() {
            return "topic=" + topic + " partition=" + partition + " offset=" + offset;
        }
    }

    /** Records of a range cannot be read. */
    public static final class UnreadableException extends Exception {
        private static final long serialVersionUID = 1L;
        private final transient Place place;

        UnreadableException(Place place, String why) {
            super("records cannot be read: " + place + ": " + why);
            this.place = place;
        }

        /** Where that begins. */
        public Place place() {
            return place;
        }
    }

    /**
     * @param consumer in no group, that resets no offsets; closed by the caller
     */
    public RangeDigests(KafkaConsumer<byte[], byte[]> consumer) {
        this.consumer = consumer;
    }

    /**
     * Reads ranges to their ends.
     *
     * @return the digests, by partition
     * @throws UnreadableException if one of them cannot be read, or nothing comes for two minutes
     */
    public Map<Integer, String> of(String topic, List<Manifest.OffsetRange> ranges)
            throws UnreadableException {
        Map<TopicPartition, Reading> left = new HashMap<>();
        Map<Integer, String> digests = new HashMap<>();
        for (Manifest.OffsetRange range : ranges) {
            Reading reading = new Reading(range.to());
            if (range.from() < range.to()) {
                left.put(new TopicPartition(topic, range.partition()), reading);
            } else {
                digests.put(range.partition(), reading.digest.text());
            }
        }
        consumer.assign(left.keySet());
        for (Manifest.OffsetRange range : ranges) {
            if (range.from() < range.to()) {
                consumer.seek(new TopicPartition(topic, range.partition()), range.from());
            }
        }
        read(left, digests);
        return digests;
    }

    private void read(Map<TopicPartition, Reading> left, Map<Integer, String> digests)
            throws UnreadableException {
        Map<TopicPartition, Long> positions = new HashMap<>();
        long since = System.nanoTime();
        while (!left.isEmpty()) {
            add(poll(left), left);
            boolean isFurther = false;
            for (TopicPartition partition : List.copyOf(left.keySet())) {
                long position = consumer.position(partition);
                isFurther |= !Long.valueOf(position).equals(positions.put(partition, position));
                Reading reading = left.get(partition);
                if (reading != null && position >= reading.to) {
                    digests.put(partition.partition(), reading.digest.text());
                    left.remove(partition);
                    consumer.pause(List.of(partition));
                }
            }
            if (isFurther) {
                since = System.nanoTime();
            } else if (System.nanoTime() - since > PATIENCE_NANOS) {
                throw unreadable(left, "nothing has come for two minutes");
            }
        }
    }

    private ConsumerRecords<byte[], byte[]> poll(Map<TopicPartition, Reading> left)
            throws UnreadableException {
        try {
            return consumer.poll(POLL_MAX);
        } catch (KafkaException e) {
            throw unreadable(left, String.valueOf(e.getMessage()));
        }
    }

    private static void add(
            ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Reading> left) {
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Reading reading = left.get(new TopicPartition(record.topic(), record.partition()));
            if (reading != null && record.offset() < reading.to) {
                reading.digest.add(record);
            }
        }
    }

    /** The consumer's message names the partition; where it stands there, it says itself. */
    private UnreadableException unreadable(Map<TopicPartition, Reading> left, String why) {
        TopicPartition named =
                left.keySet().stream()
                        .filter(partition -> why.contains(partition.toString()))
                        .findFirst()
                        .orElseGet(() -> left.keySet().iterator().next());
        return new UnreadableException(
                new Place(named.topic(), named.partition(), consumer.position(named)), why);
    }
}
