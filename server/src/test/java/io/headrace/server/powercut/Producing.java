package io.headrace.server.powercut;

import io.headrace.testing.history.PartitionHistory;
import io.headrace.testing.history.ProducerHistory;
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

    /** Short ones and long ones: the journal writes these in different ways. */
    private static final int SHORT_MAX = 2_000;

    private static final int LONG_MAX = 30_000;
    private static final int LONG_ONE_IN = 5;

    /** So many records are sent to the topic that goes by, so that it fills most of the files. */
    private static final int GOING_BY_ONE_IN = 3;

    private static final int GOING_BY_LENGTH = 40_000;

    private static final long STOP_CHECK_MS = 100;

    private final Clients clients;
    private final Histories histories;
    private final PoweredClients powered;
    private final Random random;
    private final ProducerHistory own;
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
        this.random = random;
        this.own = histories.history.producer("cycle-" + round);
    }

    @Override
    public void run() throws InterruptedException {
        List<TopicPartition> partitions = List.copyOf(histories.logs().keySet());
        KafkaProducer<byte[], byte[]> producer = clients.producer();
        try {
            while (powered.goOn()) {
                if (unanswered.tryAcquire(STOP_CHECK_MS, TimeUnit.MILLISECONDS)) {
                    sendNext(producer, partitions);
                }
            }
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    private void sendNext(KafkaProducer<byte[], byte[]> producer, List<TopicPartition> partitions) {
        if (random.nextInt(GOING_BY_ONE_IN) == 0) {
            send(producer, Histories.GOING_BY, GOING_BY_LENGTH);
        } else {
            send(producer, partitions.get(random.nextInt(partitions.size())), length());
        }
    }

    private void send(
            KafkaProducer<byte[], byte[]> producer, TopicPartition partition, int length) {
        PartitionHistory history = histories.log(partition);
        long id = history.send(own);
        byte[] value = history.value(id, length);
        producer.send(
                new ProducerRecord<>(partition.topic(), partition.partition(), null, value),
                (metadata, refused) ->
                        powered.guard(
                                () -> {
                                    unanswered.release();
                                    if (refused != null) {
                                        throw refused;
                                    }
                                    history.acknowledged(id, metadata.offset());
                                    powered.told();
                                }));
    }

    private int length() {
        return random.nextInt(random.nextInt(LONG_ONE_IN) == 0 ? LONG_MAX : SHORT_MAX);
    }
}
