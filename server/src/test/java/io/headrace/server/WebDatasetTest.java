package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tar shards in S3 whose samples are an image, a caption and a video, read by a stock consumer:
 * with all parts, and by a topic that leaves the video where it is.
 */
final class WebDatasetTest {
    private static final String URI = "s3://shards/";
    private static final int PARTITIONS = 2;
    private static final int SHARDS = 5;
    private static final int SAMPLES_PER_SHARD = 2;

    /** Many times what is under way when a scan finds out that nobody wants it. */
    private static final int VIDEO_LENGTH = 4_000_000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path data;

    private SourceServer server;
    private long length;
    private final List<List<Map<String, byte[]>>> shards = new ArrayList<>();

    @BeforeEach
    void open() throws Exception {
        // Room for all of it and what is read ahead: what has to go is downloaded again.
        Map<String, String> roomy =
                Map.of("headrace.memory.budget.bytes", Integer.toString(256 << 20));
        server = new SourceServer(data, roomy, Map.of());
        for (int number = 0; number < SHARDS; number++) {
            List<Map<String, byte[]>> samples = Shard.samples(number, SAMPLES_PER_SHARD);
            Random random = new Random(-number);
            samples.forEach(sample -> sample.put("mp4", Shard.noise(random, VIDEO_LENGTH)));
            Shard shard = Shard.tar(number, samples);
            server.s3.put("shards/%06d.tar".formatted(number), shard.bytes());
            length += shard.bytes().length;
            shards.add(samples);
        }
    }

    @AfterEach
    void close() {
        server.close();
    }

    /** What a topic over the shards holds. */
    private SourceDataset dataset(String topic, List<String> parts) {
        SourceDataset dataset = SourceDataset.empty(topic, "tar", PARTITIONS);
        for (int number = 0; number < SHARDS; number++) {
            for (Map<String, byte[]> sample : shards.get(number)) {
                Map<String, byte[]> projected = new LinkedHashMap<>(sample);
                projected.keySet().retainAll(parts);
                dataset.partitions().get(number % PARTITIONS).add(Shard.parts(projected));
            }
        }
        return dataset;
    }

    private void create(SourceDataset dataset, String... partsConfig) throws Exception {
        Map<String, String> configs = new LinkedHashMap<>();
        configs.put("headrace.source.uri", URI);
        for (String parts : partsConfig) {
            configs.put("headrace.source.parts", parts);
        }
        SourceServer.create(server.bootstrap(), dataset, configs);
    }

    private void readTwice(SourceDataset dataset) {
        try (Trainer trainer = new Trainer(server.bootstrap(), dataset, 500, 0)) {
            trainer.epoch();
            trainer.epoch();
        }
    }

    @Test
    void samplesComeWithAllTheirPartsAndEachByteIsDownloadedOnce() throws Exception {
        SourceDataset whole = dataset("whole", List.of("jpg", "txt", "mp4"));
        create(whole);
        readTwice(whole);
        assertBetween(length - SHARDS * 2 * 512, length, server.proxy.traffic().objectBytes());
    }

    @Test
    void partsThatATopicLeavesOutAreNotDownloaded() throws Exception {
        SourceDataset light = dataset("light", List.of("jpg", "txt"));
        create(light, "jpg,txt");
        readTwice(light);
        long videos = (long) SHARDS * SAMPLES_PER_SHARD * VIDEO_LENGTH;
        long fetched = server.proxy.traffic().objectBytes();
        assertBetween(length - videos, length - videos / 2, fetched);
    }

    @Test
    void recordsSayWhatTheyAreAndWhereFrom() throws Exception {
        create(dataset("whole", List.of()));
        for (int partition = 0; partition < PARTITIONS; partition++) {
            ConsumerRecord<String, byte[]> record = last(partition);
            int number = partition == 0 ? 4 : 3;
            assertEquals(Shard.stem(number, SAMPLES_PER_SHARD - 1), record.key());
            assertHeader("parts", record, "headrace.format");
            assertHeader("shards/%06d.tar".formatted(number), record, "headrace.object");
            assertArrayEquals(
                    Shard.parts(shards.get(number).get(SAMPLES_PER_SHARD - 1)), record.value());
        }
    }

    /** The last record of a partition, which is found by reading up to it. */
    private ConsumerRecord<String, byte[]> last(int partition) {
        TopicPartition whole = new TopicPartition("whole", partition);
        int count = (partition == 0 ? 3 : 2) * SAMPLES_PER_SHARD;
        try (KafkaConsumer<String, byte[]> consumer =
                new KafkaConsumer<>(
                        Map.of("bootstrap.servers", server.bootstrap()),
                        new StringDeserializer(),
                        new ByteArrayDeserializer())) {
            consumer.assign(List.of(whole));
            consumer.seekToBeginning(List.of(whole));
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (System.nanoTime() - deadline < 0) {
                for (ConsumerRecord<String, byte[]> record :
                        consumer.poll(Duration.ofMillis(500))) {
                    if (record.offset() == count - 1) {
                        return record;
                    }
                }
            }
        }
        throw new AssertionError("not read within 60 s: " + whole);
    }

    private static void assertHeader(
            String expected, ConsumerRecord<String, byte[]> record, String name) {
        assertEquals(
                expected,
                new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8));
    }

    private static void assertBetween(long min, long max, long actual) {
        assertTrue(actual >= min && actual <= max, min + " <= " + actual + " <= " + max);
    }
}
