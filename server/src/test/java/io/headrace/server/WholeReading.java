package io.headrace.server;

import io.headrace.testing.history.Assignment;
import io.headrace.testing.history.PartitionHistory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * Reads a partition from its start to its end with a stock consumer, and notes what it is given.
 */
public final class WholeReading {
    private static final Duration POLL = Duration.ofMillis(200);

    private WholeReading() {}

    /**
     * Returns how many records were read. What retention takes meanwhile has it begin anew.
     *
     * @param consumer with {@code auto.offset.reset=none} where there is retention
     * @param reader the consumer's name in the history
     * @throws KafkaException if it takes too long
     */
    public static int read(
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition,
            PartitionHistory history,
            String reader,
            int patienceMs) {
        long deadline = deadline(patienceMs);
        while (true) {
            try {
                return readOnce(consumer, partition, history, reader, deadline);
            } catch (OffsetOutOfRangeException gone) {
                requireBefore(deadline, gone.getMessage());
            }
        }
    }

    private static int readOnce(
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition,
            PartitionHistory history,
            String reader,
            long deadline) {
        List<TopicPartition> one = List.of(partition);
        Assignment assignment = history.assign(reader);
        consumer.assign(one);
        consumer.seekToBeginning(one);
        long end = consumer.endOffsets(one).get(partition);
        assignment.fromStart(consumer.position(partition));
        int count = toEnd(consumer, partition, end, deadline, record -> note(assignment, record));
        assignment.reachedEnd(end);
        return count;
    }

    /**
     * Hands over all records of a partition of which nothing is deleted meanwhile; returns how many
     * they are.
     *
     * @throws KafkaException if it takes too long
     */
    public static int read(
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition,
            int patienceMs,
            Consumer<ConsumerRecord<byte[], byte[]>> handler) {
        List<TopicPartition> one = List.of(partition);
        consumer.assign(one);
        consumer.seekToBeginning(one);
        long end = consumer.endOffsets(one).get(partition);
        return toEnd(consumer, partition, end, deadline(patienceMs), handler);
    }

    private static int toEnd(
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition,
            long end,
            long deadline,
            Consumer<ConsumerRecord<byte[], byte[]>> handler) {
        int count = 0;
        while (consumer.position(partition) < end) {
            requireBefore(deadline, partition + " end=" + end);
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                handler.accept(record);
                count++;
            }
        }
        return count;
    }

    private static long deadline(int patienceMs) {
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
    }

    private static void requireBefore(long deadline, String what) {
        if (System.nanoTime() > deadline) {
            throw new KafkaException("not read in time: " + what);
        }
    }

    /** Notes that a reader was given a record. */
    public static void note(Assignment assignment, ConsumerRecord<byte[], byte[]> record) {
        assignment.read(record.offset(), record.value(), record.leaderEpoch().orElse(-1));
    }
}
