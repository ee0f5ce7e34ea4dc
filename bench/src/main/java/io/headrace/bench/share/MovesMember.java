package io.headrace.bench.share;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** One member of a group, with its clients' defaults: a thread, or a process that can be killed. */
final class MovesMember {
    /** What the process says before the milliseconds from its first poll to its first record. */
    static final String FIRST = "first ";

    private static final Duration POLL = Duration.ofMillis(50);

    private final Properties properties = new Properties();
    private final String topic;

    /** When the latest record of each lane came. */
    private final Map<Integer, Long> latestNs = new ConcurrentHashMap<>();

    private volatile Set<Integer> lanes = Set.of();
    private volatile boolean isDone;
    private final Thread thread;

    private MovesMember(String bootstrapServer, String topic, String group, String protocol) {
        this.topic = topic;
        properties.put("bootstrap.servers", bootstrapServer);
        properties.put("group.id", group);
        properties.put("group.protocol", protocol);
        properties.put("auto.offset.reset", "earliest");
        thread = new Thread(this::consume, "member");
    }

    static MovesMember start(String bootstrapServer, String topic, String group, String protocol) {
        MovesMember member = new MovesMember(bootstrapServer, topic, group, protocol);
        member.thread.start();
        return member;
    }

    /** A process: bootstrap server, topic, group, protocol. */
    public static void main(String[] arguments) {
        new MovesMember(arguments[0], arguments[1], arguments[2], arguments[3]).consume();
    }

    private void consume() {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(Set.of(topic));
            long beganNs = System.nanoTime();
            boolean isFirst = true;
            while (!isDone) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    latestNs.put(record.partition(), System.nanoTime());
                    if (isFirst) {
                        System.out.println(FIRST + (System.nanoTime() - beganNs) / 1e6);
                        isFirst = false;
                    }
                }
                lanes =
                        consumer.assignment().stream()
                                .map(TopicPartition::partition)
                                .collect(Collectors.toSet());
            }
        }
    }

    /** The lanes that it owns. */
    Set<Integer> lanes() {
        return lanes;
    }

    /**
     * When the latest record came of the lane outside of these that was served first; 0 for none.
     */
    long firstServedNs(Set<Integer> except, long sinceNs) {
        return latestNs.entrySet().stream()
                .filter(entry -> !except.contains(entry.getKey()))
                .mapToLong(Map.Entry::getValue)
                .filter(ns -> ns - sinceNs > 0)
                .min()
                .orElse(0);
    }

    /** Leaves the group, and waits until it has. */
    void leave() throws InterruptedException {
        isDone = true;
        thread.join();
    }
}
