package io.headrace.server.powercut;

import io.headrace.server.WholeReading;
import io.headrace.testing.history.GroupHistory;
import io.headrace.testing.history.KeyHistory;
import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.ViolationException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/** Reads everything that a restarted server has, with stock clients, against what is known. */
final class Check {
    private final Clients clients;
    private final Histories histories;
    private final int cycle;

    Check(Clients clients, Histories histories, int cycle) {
        this.clients = clients;
        this.histories = histories;
        this.cycle = cycle;
    }

    /**
     * Returns how many records were read.
     *
     * @throws ViolationException if a promise is broken
     * @throws KafkaException if the server does not answer
     */
    int run() throws Exception {
        checkTopics();
        KafkaConsumer<byte[], byte[]> consumer = clients.consumer("none");
        try {
            checkCommits(consumer);
            int count = 0;
            for (Map.Entry<TopicPartition, PartitionHistory> log : histories.logs().entrySet()) {
                count +=
                        WholeReading.read(
                                consumer,
                                log.getKey(),
                                log.getValue(),
                                "check-" + cycle,
                                Clients.PATIENCE_MS);
            }
            count += readKeys(consumer);
            histories.history.verify().orThrow();
            return count;
        } finally {
            Clients.close(consumer);
        }
    }

    private int readKeys(KafkaConsumer<byte[], byte[]> consumer) {
        KeyHistory.Reading reading = histories.keys.read();
        int count =
                WholeReading.read(
                        consumer,
                        Histories.OVERWRITTEN,
                        Clients.PATIENCE_MS,
                        record -> Overwriting.note(reading, record));
        reading.end();
        return count;
    }

    private void checkTopics() throws Exception {
        Admin admin = clients.admin();
        try {
            KafkaFuture<Set<String>> names = admin.listTopics().names();
            histories.topics.found(names.get(Clients.PATIENCE_MS, TimeUnit.MILLISECONDS));
        } finally {
            Clients.close(admin);
        }
    }

    private void checkCommits(KafkaConsumer<byte[], byte[]> consumer) {
        List<TopicPartition> kept = histories.kept();
        List<GroupHistory.Fetch> fetches =
                kept.stream().map(p -> histories.group.fetch(histories.log(p))).toList();
        Map<TopicPartition, OffsetAndMetadata> found = consumer.committed(new HashSet<>(kept));
        for (int i = 0; i < kept.size(); i++) {
            OffsetAndMetadata offset = found.get(kept.get(i));
            fetches.get(i)
                    .found(
                            offset == null ? -1 : offset.offset(),
                            offset == null ? "" : offset.metadata());
        }
    }
}
