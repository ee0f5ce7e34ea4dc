package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Objects on a store, read by the stock Kafka consumer from a server in a process of its own. */
class SourceTopicTest {
    private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(120);

    @TempDir private Path folder;

    private RunningServer start() throws IOException {
        return RunningServer.start(
                folder.resolve("data"),
                RunningServer.freePort(),
                Map.of("headrace.store.local.uri", objects().toUri().toString()));
    }

    private Path objects() throws IOException {
        return Files.createDirectories(folder.resolve("objects"));
    }

    private void create(RunningServer server, String topic, int partitions, String format)
            throws IOException, InterruptedException, ExecutionException {
        String uri = objects().toUri() + topic;
        create(server, topic, partitions, uri, format);
    }

    private static void create(
            RunningServer server, String topic, int partitions, String uri, String format)
            throws InterruptedException, ExecutionException {
        NewTopic created =
                new NewTopic(topic, Optional.of(partitions), Optional.empty())
                        .configs(
                                Map.of(
                                        "headrace.source.uri", uri,
                                        "headrace.source.format", format));
        try (Admin admin = Admin.create(clientConfig(server))) {
            admin.createTopics(List.of(created)).all().get();
        }
    }

    private static Map<String, Object> clientConfig(RunningServer server) {
        return new HashMap<>(Map.of("bootstrap.servers", server.bootstrapServers()));
    }

    /** Reads from the beginning of all partitions; values in order by partition and offset. */
    private static List<ConsumerRecord<String, String>> read(
            RunningServer server, String topic, int count) {
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        clientConfig(server), new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions =
                    consumer.partitionsFor(topic).stream()
                            .map(info -> new TopicPartition(topic, info.partition()))
                            .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<Integer, List<ConsumerRecord<String, String>>> records = new TreeMap<>();
            int read = 0;
            long deadline = System.nanoTime() + DEADLINE_NANOS;
            while (read < count && System.nanoTime() - deadline < 0) {
                ConsumerRecords<String, String> polled = consumer.poll(Duration.ofSeconds(1));
                read += polled.count();
                polled.forEach(
                        record ->
                                records.computeIfAbsent(
                                                record.partition(), number -> new ArrayList<>())
                                        .add(record));
            }
            return records.values().stream().flatMap(List::stream).toList();
        }
    }

    @Test
    void consumerReadsObjectsWithTheirLineageAndAgainAfterTheServerWasKilled() throws Exception {
        Path images = Files.createDirectories(objects().resolve("images"));
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            Files.writeString(images.resolve(String.format("%05d.txt", i)), "image " + i);
        }
        for (int partition = 0; partition < 2; partition++) {
            for (int i = partition; i < 3000; i += 2) {
                expected.add("image " + i);
            }
        }
        try (RunningServer server = start()) {
            create(server, "images", 2, "files");
            List<ConsumerRecord<String, String>> records = read(server, "images", 3000);
            assertEquals(expected, records.stream().map(ConsumerRecord::value).toList());
            assertEquals("images/00000.txt", records.get(0).key());
            assertEquals(
                    "0-7",
                    new String(
                            records.get(0).headers().lastHeader("headrace.range").value(),
                            StandardCharsets.UTF_8));
            server.kill();
        }
        Files.writeString(images.resolve("00000.aaa"), "sorts first");
        try (RunningServer server = start()) {
            List<String> again =
                    read(server, "images", 3001).stream().map(ConsumerRecord::value).toList();
            assertEquals(3001, again.size());
            assertEquals("sorts first", again.get(1500));
            assertEquals(expected.subList(0, 1500), again.subList(0, 1500));
        }
    }

    @Test
    void consumerReadsLinesForSeveralEpochs() throws Exception {
        List<String> expected = new ArrayList<>();
        for (int file = 0; file < 3; file++) {
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < 15_000; i++) {
                lines.add("file " + file + " line " + i + " " + "x".repeat(i % 120));
            }
            Files.createDirectories(objects().resolve("text"));
            Files.write(objects().resolve("text/" + file), lines);
            expected.addAll(lines);
        }
        try (RunningServer server = start()) {
            create(server, "text", 3, "lines");
            for (int epoch = 0; epoch < 3; epoch++) {
                List<ConsumerRecord<String, String>> records = read(server, "text", 45_000);
                assertEquals(expected, records.stream().map(ConsumerRecord::value).toList());
            }
        }
    }

    @Test
    void folderThatNoStoreNamesIsRefusedByName() throws Exception {
        try (RunningServer server = start()) {
            ExecutionException refused =
                    assertThrows(
                            ExecutionException.class,
                            () -> create(server, "secret", 1, "file:///etc/", "files"));
            assertTrue(
                    refused.getCause() instanceof InvalidConfigurationException,
                    refused.toString());
            assertTrue(refused.getMessage().contains("file:///etc/"), refused.getMessage());
        }
    }
}
