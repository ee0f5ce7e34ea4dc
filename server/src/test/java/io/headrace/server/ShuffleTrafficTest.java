package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What shuffled epochs of a dataset in S3 cost that is longer than the cache. */
final class ShuffleTrafficTest {
    private static final int PARTITIONS = 4;
    private static final int EPOCHS = 3;
    private static final int CACHE_LENGTH = 12 << 20;

    /** What a record takes in a block besides its value: lengths, offset, timestamp. */
    private static final int FRAME_LENGTH = 11;

    @TempDir Path data;

    @Test
    void anEpochDownloadsWhatTheCacheCannotHold() throws Exception {
        Map<String, String> settings =
                Map.of(
                        "headrace.memory.budget.bytes",
                        Integer.toString(256 << 20),
                        "headrace.cache.memory.bytes",
                        Integer.toString(CACHE_LENGTH),
                        "headrace.cache.disk.bytes",
                        "0");
        try (SourceServer server = new SourceServer(data, settings, Map.of())) {
            SourceDataset dataset = SourceDataset.lines(server.s3, "text", 2, 30, 16_000);
            server.create(dataset);
            createView(server);
            read(server, dataset, 1); // has it indexed
            long before = server.proxy.traffic().objectBytes();
            read(server, dataset, EPOCHS * dataset.recordCount());
            long fetched = server.proxy.traffic().objectBytes() - before;
            double optimum = EPOCHS * (dataset.length() - cached(dataset));
            assertTrue(
                    fetched <= optimum * 1.05,
                    "fetched=" + fetched + " optimum=" + optimum + " of=" + dataset.length());
        }
    }

    /**
     * Of the dataset, bytes whose blocks the cache has room for. An epoch has each block once, so
     * that of the blocks that it reads as many as have room can be there already, and no cache,
     * whatever it knows of the future, hits more than that (Belady's optimum for this sequence).
     */
    private static double cached(SourceDataset dataset) {
        double framed = dataset.length() + (double) FRAME_LENGTH * dataset.recordCount();
        return CACHE_LENGTH * dataset.length() / framed;
    }

    @Test
    void statusSaysWhetherAViewIsReady() throws Exception {
        try (SourceServer server = new SourceServer(data, Map.of(), Map.of())) {
            SourceDataset dataset = SourceDataset.lines(server.s3, "text", 2, 3, 1_000);
            server.create(dataset);
            createView(server);
            String ready = "  ready: 9,000 records\n  text  objects 3  indexed 3  records 3,000\n";
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            String status = status(server);
            while (!status.endsWith(ready)) {
                assertTrue(status.contains("  not ready: ") || status.contains("ready"), status);
                assertTrue(System.nanoTime() < deadline, status);
                status = status(server);
            }
            assertTrue(status.startsWith("view view  shuffle over text  partitions 4\n"), status);
        }
    }

    private static String status(SourceServer server) {
        StringWriter out = new StringWriter();
        int exit =
                Headrace.commandLine()
                        .setOut(new PrintWriter(out))
                        .execute(
                                "view",
                                "status",
                                "view",
                                "--admin-server",
                                "127.0.0.1:" + server.adminPort());
        assertEquals(0, exit);
        return out.toString();
    }

    private static void createView(SourceServer server) throws Exception {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "shuffle");
        configs.put("headrace.view.topics", "text");
        configs.put("headrace.view.window.blocks", "12");
        configs.put("headrace.view.epochs", Integer.toString(EPOCHS));
        NewTopic view = new NewTopic("view", Optional.of(PARTITIONS), Optional.empty());
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrap()))) {
            admin.createTopics(List.of(view.configs(configs))).all().get();
        }
    }

    /** Reads so many records, and finds each as often as there are epochs of them. */
    private static void read(SourceServer server, SourceDataset dataset, int count) {
        Map<String, Object> configs =
                Map.of("bootstrap.servers", server.bootstrap(), "max.poll.records", 5000);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        configs, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions =
                    IntStream.range(0, PARTITIONS)
                            .mapToObj(number -> new TopicPartition("view", number))
                            .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<Integer, Set<Integer>> epochs = new HashMap<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(240);
            long found = 0;
            while (found < count) {
                assertTrue(System.nanoTime() < deadline, "only " + found + " of " + count);
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(500))) {
                    long n = record.offset() * PARTITIONS + record.partition();
                    int epoch = (int) (n / dataset.recordCount());
                    epochs.computeIfAbsent(epoch, number -> new HashSet<>())
                            .add(Arrays.hashCode(record.value()));
                    found++;
                }
            }
            if (count > 1) {
                assertEquals(count, found);
                Set<Integer> expected = new HashSet<>();
                dataset.partitions()
                        .forEach(
                                values ->
                                        values.forEach(
                                                value -> expected.add(Arrays.hashCode(value))));
                epochs.values().forEach(seen -> assertEquals(expected, seen));
            }
        }
    }
}
