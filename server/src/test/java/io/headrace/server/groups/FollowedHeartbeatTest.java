package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Java's classic consumer sends its next heartbeat although the one before has not been answered,
 * and has that one's answer then: so that its heartbeats may wait longer than from one to the next.
 */
@Timeout(120)
class FollowedHeartbeatTest {
    private static final long HOLD_MS = 600_000;

    @TempDir Path folder;

    @Test
    void theNextIsSentBeforeTheAnswer() throws Exception {
        try (GroupServer server =
                        new GroupServer(
                                folder,
                                new GroupContext().heartbeatHoldMs(HOLD_MS),
                                context -> context);
                Admin admin = Admin.create(server.clientConfigs(Map.of()))) {
            admin.createTopics(List.of(new NewTopic("t", 1, (short) 1)))
                    .all()
                    .get(30, TimeUnit.SECONDS);
            Map<String, String> configs =
                    Map.of(
                            "group.id", "g",
                            "session.timeout.ms", "600000",
                            "heartbeat.interval.ms", "300",
                            "request.timeout.ms", "700000",
                            "default.api.timeout.ms", "700000",
                            "enable.auto.commit", "false");
            try (KafkaConsumer<String, String> consumer =
                    new KafkaConsumer<>(
                            server.clientConfigs(configs),
                            new StringDeserializer(),
                            new StringDeserializer())) {
                consumer.subscribe(List.of("t"));
                awaitHeartbeats(consumer, 3);
            }
        }
    }

    private static void awaitHeartbeats(KafkaConsumer<String, String> consumer, int count) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (answeredHeartbeats(consumer) < count) {
            assertTrue(System.nanoTime() < deadline, "answered=" + answeredHeartbeats(consumer));
            consumer.poll(Duration.ofMillis(50));
        }
    }

    private static double answeredHeartbeats(KafkaConsumer<String, String> consumer) {
        return consumer.metrics().entrySet().stream()
                .filter(entry -> entry.getKey().name().equals("heartbeat-total"))
                .mapToDouble(entry -> (double) entry.getValue().metricValue())
                .sum();
    }
}
