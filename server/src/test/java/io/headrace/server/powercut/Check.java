package io.headrace.server.powercut;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/** Reads everything that a restarted server has, with stock clients, against what is known. */
final class Check {
    private static final Duration POLL = Duration.ofMillis(200);

    private final Clients clients;
    private final Histories histories;

    Check(Clients clients, Histories histories) {
        this.clients = clients;
        this.histories = histories;
    }

    /**
     * Returns how many records were read.
     *
     * @throws Violation if a promise is broken
     * @throws KafkaException if the server does not answer
     */
    int run() throws Exception {
        checkTopics();
        KafkaConsumer<byte[], byte[]> consumer = clients.consumer();
        try {
            checkCommits(consumer);
            int count = 0;
            for (Map.Entry<TopicPartition, LogHistory> log : histories.logs().entrySet()) {
                count += read(consumer, log.getKey(), log.getValue());
            }
            return count;
        } finally {
            Clients.close(consumer);
        }
    }

    private void checkTopics() throws Exception {
        Admin admin = clients.admin();
        try {
            KafkaFuture<Set<String>> names = admin.listTopics().names();
            histories.topics.check(names.get(Clients.PATIENCE_MS, TimeUnit.MILLISECONDS));
        } finally {
            Clients.close(admin);
        }
    }

    private void checkCommits(KafkaConsumer<byte[], byte[]> consumer) {
        Map<TopicPartition, OffsetAndMetadata> found =
                new HashMap<>(consumer.committed(new HashSet<>(histories.kept())));
        histories.commits.check(found);
    }

    private static int read(
            KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, LogHistory history) {
        List<TopicPartition> one = List.of(partition);
        consumer.assign(one);
        consumer.seekToBeginning(one);
        long end = consumer.endOffsets(one).get(partition);
        LogHistory.Reading reading = history.read(consumer.position(partition));
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Clients.PATIENCE_MS);
        while (consumer.position(partition) < end) {
            if (System.nanoTime() > deadline) {
                throw new KafkaException("not read in time: " + partition + " end=" + end);
            }
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                reading.record(record.offset(), record.value());
            }
        }
        return reading.end();
    }
}
