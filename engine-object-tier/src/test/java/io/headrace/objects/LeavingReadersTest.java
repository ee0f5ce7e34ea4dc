package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.objects.SourceFixture.Decoded;
import io.headrace.objects.format.TarBytes;
import io.headrace.testing.s3.MeteredS3Proxy;
import io.headrace.testing.s3.S3Server;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Readers that all leave in the middle of the first epoch, for so long that the topic's state is
 * let go of, and come back; and again. What was read ahead of them is not downloaded a second time,
 * which is counted before the S3 server.
 */
final class LeavingReadersTest {
    private static final int PARTITIONS = 4;
    private static final int READERS = 2;
    private static final int EPOCHS = 3;
    private static final double BYTES_MAX = 1.01;

    /** Holds all of it. */
    private static final long CACHE_BYTES = 160 << 20;

    private static final String PREFIX = "datasets/left/";

    /** Shares of the dataset that are read before all readers leave. */
    private static final double[] LEAVES = {0.02, 0.2, 0.35, 0.6};

    private final Random random = new Random(12);
    private S3Server server;
    private MeteredS3Proxy proxy;
    private SourceFixture fixture;
    private long length;

    @BeforeEach
    void open() throws Exception {
        server = new S3Server();
        proxy = MeteredS3Proxy.launch(server.endpoint());
        proxy.shape().latency(Duration.ofMillis(20));
        fixture =
                new SourceFixture(
                        new S3ObjectStore(
                                "s3", S3Settings.of(server.config(PREFIX, proxy.endpoint()))),
                        () -> new CacheContext().memoryBudgetBytes(CACHE_BYTES));
    }

    @AfterEach
    void close() {
        fixture.close();
        fixture.store.close();
        proxy.close();
        server.close();
    }

    private void put(int number, String suffix, byte[] content) {
        server.put(PREFIX + String.format("%04d", number) + suffix, content);
        length += content.length;
    }

    /** Longer or shorter ones, of letters that compress to some extent. */
    private byte[] lines(int count, int lengthMax) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            int lineLength = random.nextInt(lengthMax);
            while (lineLength > 0) {
                text.append(Long.toHexString(random.nextLong()), 0, Math.min(8, lineLength));
                lineLength -= 8;
            }
            text.append('\n');
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] gzipped(byte[] plain) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(plain);
        }
        return bytes.toByteArray();
    }

    @Test
    void manySmallObjects() {
        for (int i = 0; i < 64; i++) {
            put(i, ".txt", lines(1000, 800));
        }
        assertReadOnce("lines", 16 * 1000);
    }

    @Test
    void fewLargeObjects() {
        for (int i = 0; i < PARTITIONS; i++) {
            put(i, ".txt", lines(20_000, 800));
        }
        assertReadOnce("lines", 20_000);
    }

    @Test
    void linesThatAreLong() {
        for (int i = 0; i < PARTITIONS; i++) {
            put(i, ".txt", lines(50, 500_000));
        }
        assertReadOnce("lines", 50);
    }

    @Test
    void samplesThatAreLongerThanRanges() {
        for (int i = 0; i < PARTITIONS; i++) {
            TarBytes tar = new TarBytes();
            for (int sample = 0; sample < 20; sample++) {
                byte[] image = new byte[random.nextInt(1_000_000)];
                random.nextBytes(image);
                tar.file(sample + ".jpg", image).file(sample + ".txt", new byte[20]);
            }
            put(i, ".tar", tar.end());
        }
        assertReadOnce("tar", 20);
    }

    @Test
    void compressedObjects() throws IOException {
        for (int i = 0; i < 32; i++) {
            put(i, ".txt.gz", gzipped(lines(3000, 800)));
        }
        assertReadOnce("lines", 8 * 3000);
    }

    private void assertReadOnce(String format, int recordCount) {
        Topic topic = SourceFixture.topic(PARTITIONS, format);
        for (double leave : LEAVES) {
            readAll(topic, (int) Math.max(1, recordCount * leave));
            letGo(topic);
            long saved = fixture.metric("headrace_source_saved_bytes");
            assertTrue(saved >= 0, "saved=" + saved);
        }
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            readAll(topic, recordCount);
        }
        long fetched = proxy.traffic().objectBytes();
        assertTrue(
                fetched >= length && fetched <= BYTES_MAX * length,
                "fetched=" + fetched + " length=" + length);
    }

    /** All readers read the first records of all partitions, and leave. */
    private void readAll(Topic topic, int recordCount) {
        ExecutorService threads = Executors.newFixedThreadPool(READERS * PARTITIONS);
        try {
            List<Future<List<Decoded>>> readers = new ArrayList<>();
            for (int i = 0; i < READERS * PARTITIONS; i++) {
                SourceLog log = fixture.logs().open(topic, i % PARTITIONS);
                readers.add(threads.submit(() -> fixture.read(log, 0, recordCount)));
            }
            for (Future<List<Decoded>> reader : readers) {
                assertEquals(recordCount, reader.get(60, TimeUnit.SECONDS).size());
            }
        } catch (Exception failed) {
            throw new AssertionError(failed);
        } finally {
            threads.shutdownNow();
        }
    }

    private void letGo(Topic topic) {
        SourceLog log = fixture.logs().open(topic, 0);
        Waiting.until(
                () -> {
                    fixture.logs().sweep(0);
                    return log.append(ByteBuffer.allocate(0)) == PartitionLog.CLOSED
                            && fixture.metric("headrace_source_read_ahead_bytes") == 0
                            && fixture.metric("headrace_source_topics_in_use") == 0;
                },
                "let go of");
    }
}
