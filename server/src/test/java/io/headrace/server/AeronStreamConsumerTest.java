package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.aeron.Aeron;
import io.aeron.Publication;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.server.config.ServerConfig;
import java.io.IOException;
import java.net.DatagramSocket;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What is published on an Aeron stream is read by the stock Kafka consumer while it is written. */
class AeronStreamConsumerTest {
    private static final String TOPIC = "gradients";
    private static final int STREAM_ID = 1001;
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** The last ones are longer than a fragment. */
    private static final int[] LENGTHS = {1, 8, 1000, 1376, 5000, 60_000};

    private static final int ONE_BY_ONE = 60;
    private static final int AT_ONCE = 3000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir Path data;

    /** The JDK opens a socket pair for itself with the first channel, and keeps it. */
    @BeforeAll
    static void openChannelOnce() throws IOException {
        DatagramChannel.open().close();
    }

    @Test
    void aConsumerFollowsAStreamOfSharedMemory() throws Exception {
        follow("aeron:ipc");
    }

    @Test
    void aConsumerFollowsAStreamOfTheNetwork() throws Exception {
        int port;
        try (DatagramSocket socket = new DatagramSocket(0)) {
            port = socket.getLocalPort();
        }
        follow("aeron:udp?endpoint=127.0.0.1:" + port);
    }

    private void follow(String channel) throws Exception {
        String directory = data.resolve("aeron").toString();
        Map<String, String> settings = ServerTestSettings.of(data.resolve("data"));
        settings.put("headrace.aeron.publications", TOPIC + "@" + channel + "@" + STREAM_ID);
        settings.put("headrace.aeron.directory", directory);
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings));
                KafkaConsumer<byte[], byte[]> consumer = consumer(server);
                Aeron aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(directory));
                Publication publication = aeron.addPublication(channel, STREAM_ID)) {
            consumer.subscribe(List.of(TOPIC));
            await(publication::isConnected);
            List<ConsumerRecord<byte[], byte[]>> read = new ArrayList<>();
            for (int i = 0; i < ONE_BY_ONE; i++) {
                publish(publication, message(i));
                int count = i + 1;
                await(() -> poll(consumer, read) >= count);
            }
            for (int i = ONE_BY_ONE; i < ONE_BY_ONE + AT_ONCE; i++) {
                publish(publication, message(i));
            }
            await(() -> poll(consumer, read) >= ONE_BY_ONE + AT_ONCE);
            assertWhole(read);
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer(HeadraceServer server) {
        Map<String, Object> configs =
                Map.of(
                        "bootstrap.servers", "127.0.0.1:" + server.kafkaPort(),
                        "group.id", "watchers",
                        "auto.offset.reset", "earliest");
        return new KafkaConsumer<>(
                configs, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static int poll(
            KafkaConsumer<byte[], byte[]> consumer, List<ConsumerRecord<byte[], byte[]>> read) {
        consumer.poll(Duration.ofMillis(200)).forEach(read::add);
        return read.size();
    }

    private static byte[] message(int number) {
        byte[] bytes = new byte[number < ONE_BY_ONE ? LENGTHS[number % LENGTHS.length] : 1000];
        new Random(number).nextBytes(bytes);
        return bytes;
    }

    private static void publish(Publication publication, byte[] bytes) {
        UnsafeBuffer buffer = new UnsafeBuffer(bytes);
        await(() -> publication.offer(buffer) > 0);
    }

    private static void assertWhole(List<ConsumerRecord<byte[], byte[]>> read) {
        assertEquals(ONE_BY_ONE + AT_ONCE, read.size());
        for (int i = 0; i < read.size(); i++) {
            assertEquals(i, read.get(i).offset());
            assertArrayEquals(message(i), read.get(i).value(), "record " + i);
        }
    }

    private interface Condition {
        boolean holds();
    }

    private static void await(Condition condition) {
        long deadline = System.nanoTime() + DEADLINE_NANOS;
        while (!condition.holds()) {
            assertTrue(System.nanoTime() - deadline < 0, "not reached in time");
            Thread.onSpinWait();
        }
    }
}
