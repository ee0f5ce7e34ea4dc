package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.group.GroupContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A member whose process is killed is replaced long before its session ends. */
@Timeout(120)
class LostMemberTest {
    private static final int PARTITIONS = 4;
    private static final String SESSION_MS = "300000";
    private static final long CONNECTIONS_MAX_IDLE_MS = 600_000;

    @TempDir Path folder;
    private GroupServer server;

    @BeforeEach
    void launch() throws Exception {
        launch(groups());
    }

    private static GroupContext groups() {
        return new GroupContext()
                .property("group.consumer.session.timeout.ms", SESSION_MS)
                .property("group.consumer.max.session.timeout.ms", SESSION_MS);
    }

    private void launch(GroupContext groups) throws Exception {
        launch(groups, CONNECTIONS_MAX_IDLE_MS);
    }

    private void launch(GroupContext groups, long connectionsMaxIdleMs) throws Exception {
        server =
                new GroupServer(
                        folder,
                        groups,
                        context -> context.connectionsMaxIdleMs(connectionsMaxIdleMs));
        try (Admin admin = Admin.create(server.clientConfigs(Map.of()))) {
            if (!admin.listTopics().names().get(30, TimeUnit.SECONDS).contains("t")) {
                admin.createTopics(List.of(new NewTopic("t", PARTITIONS, (short) 1)))
                        .all()
                        .get(30, TimeUnit.SECONDS);
            }
        }
    }

    @AfterEach
    void close() {
        server.close();
    }

    static Map<String, String> configs(String protocol, String instance) {
        Map<String, String> configs = new HashMap<>();
        configs.put("group.id", "g");
        configs.put("group.protocol", protocol);
        if (!instance.isEmpty()) {
            configs.put("group.instance.id", instance);
        }
        if (protocol.equals("classic")) {
            configs.put("session.timeout.ms", SESSION_MS);
            configs.put("heartbeat.interval.ms", "500");
        }
        return configs;
    }

    private KafkaConsumer<String, String> consumer(String protocol) {
        return new KafkaConsumer<>(
                server.clientConfigs(configs(protocol, "")),
                new StringDeserializer(),
                new StringDeserializer());
    }

    private Process member(String protocol, String instance) throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        GroupMember.class.getName(),
                        server.clientConfigs(Map.of()).getProperty("bootstrap.servers"),
                        protocol,
                        instance)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static void awaitOwned(KafkaConsumer<String, String> consumer, int count) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (consumer.assignment().size() != count) {
            assertTrue(System.nanoTime() < deadline, "owned=" + consumer.assignment());
            consumer.poll(Duration.ofMillis(50));
        }
    }

    private static void pollFor(KafkaConsumer<String, String> consumer, int seconds) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() < end) {
            consumer.poll(Duration.ofMillis(50));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void whoIsKilledIsReplacedAtOnce(String protocol) throws Exception {
        Process killed = member(protocol, "");
        try (KafkaConsumer<String, String> survivor = consumer(protocol)) {
            survivor.subscribe(List.of("t"));
            awaitOwned(survivor, PARTITIONS / 2);
            killed.destroyForcibly().waitFor();
            awaitOwned(survivor, PARTITIONS);
        } finally {
            killed.destroyForcibly();
        }
    }

    @Test
    void nobodyIsReplacedBeforeItsSessionEndsWhereThatIsSwitchedOff() throws Exception {
        server.close();
        launch(groups().lostMemberMs(0));
        assertIsWaitedFor("consumer", "");
    }

    /** It is expected to come back, with what it had. */
    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void aStaticMemberIsWaitedFor(String protocol) throws Exception {
        assertIsWaitedFor(protocol, "static-1");
    }

    private void assertIsWaitedFor(String protocol, String instance) throws Exception {
        Process killed = member(protocol, instance);
        try (KafkaConsumer<String, String> survivor = consumer(protocol)) {
            survivor.subscribe(List.of("t"));
            awaitOwned(survivor, PARTITIONS / 2);
            killed.destroyForcibly().waitFor();
            pollFor(survivor, 8);
            assertEquals(PARTITIONS / 2, survivor.assignment().size());
        } finally {
            killed.destroyForcibly();
        }
    }

    /** The server closes the member's connection behind each heartbeat. */
    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void whoComesBackStays(String protocol) throws Exception {
        server.close();
        // Shorter than what is between two heartbeats, so that each comes by a new connection.
        launch(groups().heartbeatHoldMs(0), 300);
        int[] lost = new int[1];
        try (KafkaConsumer<String, String> member = consumer(protocol)) {
            member.subscribe(List.of("t"), new CountingLosses(lost));
            awaitOwned(member, PARTITIONS);
            String id = member.groupMetadata().memberId();
            pollFor(member, 8);
            assertStayed(protocol, member, id, lost[0]);
        }
    }

    /** Also if it is in no hurry with its heartbeats, and commits while one waits. */
    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    void whosePathBreaksForAMomentStays(String protocol) throws Exception {
        server.close();
        int[] lost = new int[1];
        try (CuttingProxy proxy = new CuttingProxy()) {
            server = new GroupServer(folder, groups(), proxy);
            Properties configs = server.clientConfigs(configs(protocol, ""));
            configs.remove("heartbeat.interval.ms");
            configs.put("auto.commit.interval.ms", "700");
            try (KafkaConsumer<String, String> member =
                    new KafkaConsumer<>(
                            configs, new StringDeserializer(), new StringDeserializer())) {
                member.subscribe(List.of("t"), new CountingLosses(lost));
                awaitOwned(member, PARTITIONS);
                String id = member.groupMetadata().memberId();
                for (int i = 0; i < 8; i++) {
                    pollFor(member, 1 + i % 3);
                    proxy.cut();
                    TimeUnit.SECONDS.sleep(i % 2 * 2); // as if it were busy with what it has
                }
                pollFor(member, 5);
                assertStayed(protocol, member, id, lost[0]);
            }
        }
    }

    /**
     * A classic member that was put out gets another id. It may have its partitions revoked though
     * it was not: by its client, whose metadata are empty for a moment when it has lost all nodes.
     */
    private static void assertStayed(
            String protocol, KafkaConsumer<String, String> member, String id, int lost) {
        awaitOwned(member, PARTITIONS);
        assertEquals(id, member.groupMetadata().memberId());
        assertTrue(protocol.equals("classic") || lost == 0, "lost=" + lost);
    }

    private record CountingLosses(int[] count) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            count[0] += revoked.size();
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {}
    }
}
