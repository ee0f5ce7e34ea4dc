package io.headrace.server.powercut;

import io.headrace.testing.history.KeyHistory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * Produces records of a few keys to the compacted topic, some together: so that most batches lose
 * records and keep others, which have to be written once more.
 */
final class Overwriting implements PoweredClients.Client {
    private static final int KEYS = 20;
    private static final int TOGETHER = 5;
    private static final int UNANSWERED_MAX = 2 * TOGETHER;
    private static final int TOMBSTONE_ONE_IN = 10;
    private static final int LENGTH_MAX = 1_500;
    private static final long STOP_CHECK_MS = 100;

    /** A tombstone has nothing else in which its number could be. */
    private static final String NUMBER = "number";

    private final Clients clients;
    private final KeyHistory history;
    private final PoweredClients powered;
    private final Random random;
    private final Semaphore unanswered = new Semaphore(UNANSWERED_MAX);

    Overwriting(Clients clients, Histories histories, PoweredClients powered, Random random) {
        this.clients = clients;
        this.history = histories.keys;
        this.powered = powered;
        this.random = random;
    }

    @Override
    public void run() throws InterruptedException {
        KafkaProducer<byte[], byte[]> producer = clients.producer();
        try {
            while (powered.goOn()) {
                if (unanswered.tryAcquire(TOGETHER, STOP_CHECK_MS, TimeUnit.MILLISECONDS)) {
                    for (int i = 0; i < TOGETHER; i++) {
                        send(producer);
                    }
                }
            }
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    private void send(KafkaProducer<byte[], byte[]> producer) {
        KeyHistory.Sent sent =
                history.send(random.nextInt(KEYS), random.nextInt(TOMBSTONE_ONE_IN) == 0);
        producer.send(
                new ProducerRecord<>(
                        Histories.OVERWRITTEN.topic(),
                        Histories.OVERWRITTEN.partition(),
                        bytes(sent.key()),
                        history.value(sent, random.nextInt(LENGTH_MAX)),
                        List.<Header>of(new RecordHeader(NUMBER, bytes(sent.number())))),
                (metadata, refused) ->
                        powered.guard(
                                () -> {
                                    unanswered.release();
                                    if (refused != null) {
                                        throw refused;
                                    }
                                    history.acknowledged(sent, metadata.offset());
                                    powered.told();
                                }));
    }

    private static byte[] bytes(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }

    private static long number(byte[] bytes) {
        return bytes.length == Long.BYTES ? ByteBuffer.wrap(bytes).getLong() : -1;
    }

    /** Notes that a reader was given a record. */
    static void note(KeyHistory.Reading reading, ConsumerRecord<byte[], byte[]> record) {
        Header carried = record.headers().lastHeader(NUMBER);
        reading.found(
                record.offset(),
                (int) number(record.key()),
                carried == null ? -1 : number(carried.value()),
                record.value());
    }
}
