package io.headrace.server.powercut;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Produces to all partitions, with some records unanswered at any time. */
final class Producing implements PoweredClients.Client {
    private static final int UNANSWERED_MAX = 40;
    private static final long STOP_CHECK_MS = 100;

    private final Clients clients;
    private final Histories histories;
    private final PoweredClients powered;
    private final int round;
    private final Random random;
    private final Semaphore unanswered = new Semaphore(UNANSWERED_MAX);

    Producing(
            Clients clients,
            Histories histories,
            PoweredClients powered,
            int round,
            Random random) {
        this.clients = clients;
        this.histories = histories;
        this.powered = powered;
        this.round = round;
        this.random = random;
    }

    @Override
    public void run() throws InterruptedException {
        List<TopicPartition> partitions = List.copyOf(histories.logs().keySet());
        KafkaProducer<byte[], byte[]> producer = clients.producer();
        try {
            while (powered.goOn()) {
                if (unanswered.tryAcquire(STOP_CHECK_MS, TimeUnit.MILLISECONDS)) {
                    send(producer, partitions.get(random.nextInt(partitions.size())));
                }
            }
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    private void send(KafkaProducer<byte[], byte[]> producer, TopicPartition partition) {
        LogHistory history = histories.log(partition);
        long id = history.send(round);
        producer.send(
                new ProducerRecord<>(
                        partition.topic(), partition.partition(), null, Payload.of(id)),
                (metadata, refused) ->
                        powered.guard(
                                () -> {
                                    unanswered.release();
                                    if (refused != null) {
                                        throw refused;
                                    }
                                    history.known(metadata.offset(), id);
                                    powered.told();
                                    powered.underLoad();
                                }));
    }
}
