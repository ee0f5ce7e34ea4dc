package io.headrace.server.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The stock Java clients, in this process.
 *
 * @param groupProtocol {@code classic} or {@code consumer}
 */
record JavaClient(String groupProtocol) implements Client {
    private static final String PADDING = "x".repeat(200);
    private static final long DEADLINE_SECONDS = 60;

    @Override
    public String name() {
        return "java-" + groupProtocol;
    }

    @Override
    public String missing() {
        return null;
    }

    @Override
    public List<String> run(Run run) {
        List<String> lines = new ArrayList<>();
        for (String codec : run.codecs()) {
            String topic = run.topicPrefix() + "-" + codec;
            if (run.isFirst()) {
                produce(run, topic, codec);
            }
            consume(run, topic, codec, lines);
        }
        return lines;
    }

    private static void produce(Run run, String topic, String codec) {
        Properties configs = configs(run, Map.of("compression.type", codec, "linger.ms", "50"));
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(configs, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < run.recordCount(); i++) {
                producer.send(new ProducerRecord<>(topic, 0, null, i + ":" + PADDING));
            }
        }
    }

    private void consume(Run run, String topic, String codec, List<String> lines) {
        Properties configs =
                configs(
                        run,
                        Map.of(
                                "group.id",
                                topic,
                                "group.protocol",
                                groupProtocol,
                                "auto.offset.reset",
                                "earliest",
                                "enable.auto.commit",
                                "false"));
        int half = run.recordCount() / 2;
        int end = run.isFirst() ? half : run.recordCount();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(configs, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
            int next = 0;
            while (next < end) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("nothing received in time: topic=" + topic);
                }
                for (ConsumerRecord<String, String> record :
                        consumer.poll(Duration.ofMillis(200))) {
                    next = numberOf(record) + 1;
                    if (next <= end) {
                        lines.add(codec + " " + (next - 1));
                    }
                }
            }
            consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(end)));
        }
    }

    private static int numberOf(ConsumerRecord<String, String> record) {
        String[] parts = record.value().split(":");
        if (!parts[1].equals(PADDING)) {
            throw new AssertionError("wrong bytes: " + record);
        }
        return Integer.parseInt(parts[0]);
    }

    private static Properties configs(Run run, Map<String, String> more) {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", run.bootstrapServers());
        configs.putAll(more);
        return configs;
    }
}
