package io.headrace.server.powercut;

import io.headrace.server.WholeReading;
import io.headrace.testing.history.Assignment;
import io.headrace.testing.history.GroupHistory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Reads what arrives in the topics that keep their records, and commits after it. */
final class Consuming implements PoweredClients.Client {
    private static final Duration POLL = Duration.ofMillis(100);

    private final Clients clients;
    private final Histories histories;
    private final PoweredClients powered;
    private final int round;
    private final Map<TopicPartition, Assignment> assignments = new HashMap<>();
    private int commits;

    Consuming(Clients clients, Histories histories, PoweredClients powered, int round) {
        this.clients = clients;
        this.histories = histories;
        this.powered = powered;
        this.round = round;
    }

    @Override
    public void run() {
        KafkaConsumer<byte[], byte[]> consumer = clients.consumer("earliest");
        try {
            assign(consumer);
            while (powered.goOn()) {
                Map<TopicPartition, OffsetAndMetadata> offsets = note(consumer.poll(POLL));
                if (!offsets.isEmpty()) {
                    List<GroupHistory.Commit> asked = ask(offsets);
                    consumer.commitSync(offsets);
                    asked.forEach(histories.group::acknowledged);
                    powered.told();
                    powered.underLoad();
                    commits++;
                }
            }
        } finally {
            Clients.close(consumer);
        }
    }

    private void assign(KafkaConsumer<byte[], byte[]> consumer) {
        for (TopicPartition partition : histories.kept()) {
            assignments.put(partition, histories.log(partition).assign("consumer-" + round));
        }
        consumer.assign(histories.kept());
        consumer.seekToEnd(histories.kept());
        assignments.forEach(
                (partition, assignment) -> assignment.from(consumer.position(partition)));
    }

    private List<GroupHistory.Commit> ask(Map<TopicPartition, OffsetAndMetadata> offsets) {
        List<GroupHistory.Commit> asked = new ArrayList<>();
        offsets.forEach(
                (partition, offset) ->
                        asked.add(
                                histories.group.ask(
                                        histories.log(partition),
                                        offset.offset(),
                                        offset.metadata())));
        return asked;
    }

    /** What has been seen has to stay. Returns the offsets behind it. */
    private Map<TopicPartition, OffsetAndMetadata> note(ConsumerRecords<byte[], byte[]> records) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            WholeReading.note(Objects.requireNonNull(assignments.get(partition)), record);
            offsets.put(
                    partition, new OffsetAndMetadata(record.offset() + 1, round + ":" + commits));
        }
        powered.told();
        return offsets;
    }
}
