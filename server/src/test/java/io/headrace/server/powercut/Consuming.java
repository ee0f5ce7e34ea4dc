package io.headrace.server.powercut;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
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
    private int commits;

    Consuming(Clients clients, Histories histories, PoweredClients powered, int round) {
        this.clients = clients;
        this.histories = histories;
        this.powered = powered;
        this.round = round;
    }

    @Override
    public void run() {
        KafkaConsumer<byte[], byte[]> consumer = clients.consumer();
        try {
            consumer.assign(histories.kept());
            consumer.seekToEnd(histories.kept());
            while (powered.goOn()) {
                Map<TopicPartition, OffsetAndMetadata> offsets = note(consumer.poll(POLL));
                if (!offsets.isEmpty()) {
                    histories.commits.ask(offsets);
                    consumer.commitSync(offsets);
                    histories.commits.answered();
                    powered.told();
                    commits++;
                }
            }
        } finally {
            Clients.close(consumer);
        }
    }

    /** What has been seen has to stay. Returns the offsets behind it. */
    private Map<TopicPartition, OffsetAndMetadata> note(ConsumerRecords<byte[], byte[]> records) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            histories.log(partition).known(record.offset(), Payload.id(record.value()));
            offsets.put(
                    partition, new OffsetAndMetadata(record.offset() + 1, round + ":" + commits));
        }
        powered.told();
        return offsets;
    }
}
