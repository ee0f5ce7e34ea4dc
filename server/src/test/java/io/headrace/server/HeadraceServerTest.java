package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ServerConfig;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class HeadraceServerTest {
    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path data;

    @Test
    void servesKafkaAndTellsItsFigures() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("headrace.policy.all.prefix", "in-memory");
        settings.put("headrace.policy.all.config.headrace.storage.mode", "memory");
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings))) {
            produce(server, "in-memory", 3);
            assertEquals(200, status(server, "/readyz"));
            String metrics = get(server, "/metrics");
            assertTrue(metrics.contains("headrace_kafka_requests_total{api=\"produce\"}"), metrics);
            assertTrue(metrics.contains("headrace_offheap_bytes{tag="), metrics);
            assertTrue(metrics.contains("process_resident_memory_bytes"), metrics);
        }
    }

    @Test
    void keepsTheClusterIdAndTheTopicsOverARestart() throws Exception {
        String clusterId;
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            produce(server, "first", 1);
            clusterId = clusterId(server);
        }
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data));
                Admin admin = admin(server)) {
            assertEquals(clusterId, clusterId(server));
            assertTrue(admin.listTopics().names().get().contains("first"));
        }
    }

    @Test
    void appliesAPolicyByNamePrefix() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("headrace.policy.agents.prefix", "agents.");
        settings.put("headrace.policy.agents.config.headrace.storage.mode", "memory");
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings))) {
            produce(server, "agents.1", 1);
            produce(server, "other", 1);
            assertEquals("MEMORY", server.engine().catalog().find("agents.1").storageMode().name());
            assertEquals(
                    "PERSISTENT", server.engine().catalog().find("other").storageMode().name());
        }
    }

    @Test
    void fillsATopicFromAnAeronStreamIfSoConfigured() throws Exception {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("headrace.aeron.publications", "gradients@aeron:ipc@1001");
        settings.put("headrace.aeron.directory", data.resolve("aeron").toString());
        try (HeadraceServer server = HeadraceServer.launch(ServerConfig.of(settings))) {
            assertEquals(
                    "MEMORY", server.engine().catalog().find("gradients").storageMode().name());
            assertTrue(get(server, "/metrics").contains("headrace_aeron_"));
        }
    }

    @Test
    void refusesABadPolicyAndAStoreThatIsNone() {
        Map<String, String> settings = ServerTestSettings.of(data);
        settings.put("headrace.policy.agents.prefix", "agents.");
        settings.put("headrace.policy.agents.config.retention.ms", "soon");
        assertRefused(EngineException.class, settings, "retention.ms");
        settings = ServerTestSettings.of(data);
        settings.put("headrace.store.web.uri", "http://example/");
        assertRefused(ConfigException.class, settings, "headrace.store.web.uri");
        settings = ServerTestSettings.of(data);
        settings.put("advertised.listeners", "PLAINTEXT://a:1,PLAINTEXT://b:2");
        assertRefused(ConfigException.class, settings, "advertised.listeners");
    }

    @Test
    void letsNoSecondServerUseTheDataFolder() throws Exception {
        try (HeadraceServer server = HeadraceServer.launch(ServerTestSettings.config(data))) {
            assertRefused(EngineException.class, ServerTestSettings.of(data), "in use");
            produce(server, "still-served", 1);
        }
    }

    @Test
    void writesTheClusterIdWhole() throws Exception {
        String id = ClusterId.of(data.resolve("new"));
        assertEquals(22, id.length());
        assertEquals(id, ClusterId.of(data.resolve("new")));
        try (var files = Files.list(data.resolve("new"))) {
            assertEquals(
                    List.of(data.resolve("new/.lock"), data.resolve("new/meta.properties")),
                    files.sorted().toList());
        }
    }

    @Test
    void takesKafkasOtherNameForTheDataFolder() {
        assertEquals(Path.of("/a"), folder("log.dir", "/a"));
        assertEquals(Path.of("/b"), folder("log.dir", "/a", "log.dirs", "/b"));
        assertEquals(Path.of("data").toAbsolutePath(), folder());
        ServerConfig two = ServerConfig.of(Map.of("log.dir", "/a,/b"));
        assertEquals(
                "bad value: key=log.dir value=/a,/b allowed=one folder",
                assertThrows(ConfigException.class, () -> EngineSettings.folder(two)).getMessage());
    }

    private static Path folder(String... keysAndValues) {
        Map<String, String> settings = new HashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(keysAndValues[i], keysAndValues[i + 1]);
        }
        return EngineSettings.folder(ServerConfig.of(settings));
    }

    private static void assertRefused(
            Class<? extends RuntimeException> type, Map<String, String> settings, String named) {
        RuntimeException refused =
                assertThrows(type, () -> HeadraceServer.launch(ServerConfig.of(settings)).close());
        assertTrue(refused.getMessage().contains(named), refused.getMessage());
    }

    private static void produce(HeadraceServer server, String topic, int count) throws Exception {
        try (Admin admin = admin(server)) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        Map<String, Object> properties = Map.of("bootstrap.servers", address(server));
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < count; i++) {
                producer.send(new ProducerRecord<>(topic, new byte[] {(byte) i})).get();
            }
        }
    }

    private static Admin admin(HeadraceServer server) {
        return Admin.create(Map.of("bootstrap.servers", address(server)));
    }

    private static String clusterId(HeadraceServer server)
            throws ExecutionException, InterruptedException {
        try (Admin admin = admin(server)) {
            return admin.describeCluster().clusterId().get();
        }
    }

    private static String address(HeadraceServer server) {
        return "127.0.0.1:" + server.kafkaPort();
    }

    private static int status(HeadraceServer server, String path) throws Exception {
        HttpURLConnection connection = open(server, path);
        try {
            return connection.getResponseCode();
        } finally {
            connection.disconnect();
        }
    }

    private static String get(HeadraceServer server, String path) throws Exception {
        try (InputStream body = open(server, path).getInputStream()) {
            return new String(body.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /**
     * Not the newer HTTP client: until JDK 21 its selector cannot be closed, and would be a leak.
     */
    private static HttpURLConnection open(HeadraceServer server, String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + server.adminPort() + path);
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setRequestProperty("Connection", "close");
        return connection;
    }
}
