package io.headrace.server.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.headrace.server.RunningServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each client, with each codec, produces, consumes in a group, commits, ends; the server ends too;
 * then both start again, and the client goes on where it committed.
 *
 * <p>A client that is not installed is skipped by name; where {@code CI=true} it fails.
 */
@Timeout(600)
class RealClientsTest {
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int RECORD_COUNT = 200;
    private static final String PYTHON =
            "/usr/bin/python3"; // Debian's, to which its modules belong

    @TempDir Path folder;

    /**
     * The clients. All take every codec; kafka-python has snappy, lz4 and zstd through modules of
     * their own, and kafkajs through plug-ins, which our script writes over pure JavaScript.
     */
    static Stream<Client> clients() {
        Path scripts = ProcessClient.SCRIPTS;
        Path kafkajs = scripts.resolve("kafkajs");
        return Stream.of(
                new JavaClient("classic"),
                new JavaClient("consumer"),
                new ProcessClient(
                        "kcat",
                        List.of("sh", scripts.resolve("kcat_client.sh").toString()),
                        List.of("kcat", "-V"),
                        "apt-get install kcat"),
                new ProcessClient(
                        "kafka-python",
                        List.of(PYTHON, scripts.resolve("kafka_python_client.py").toString()),
                        List.of(PYTHON, "-c", "import kafka, snappy, lz4, zstandard"),
                        "apt-get install python3-kafka python3-snappy python3-lz4"
                                + " python3-zstandard"),
                new ProcessClient(
                        "confluent-kafka-python",
                        List.of(PYTHON, scripts.resolve("confluent_client.py").toString()),
                        List.of(PYTHON, "-c", "import confluent_kafka"),
                        "apt-get install python3-confluent-kafka"),
                new ProcessClient(
                        "kafkajs",
                        List.of("node", kafkajs.resolve("client.js").toString()),
                        List.of(
                                "node",
                                "-e",
                                "require(require('path').resolve('"
                                        + kafkajs
                                        + "/node_modules/kafkajs'))"),
                        "apt-get install nodejs npm && npm ci --prefix server/" + kafkajs));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("clients")
    void goesOnWhereItCommitted(Client client) throws Exception {
        requireInstalled(client);
        String prefix = "clients-" + client.name();
        int port = RunningServer.freePort();
        try (RunningServer server = RunningServer.start(folder.resolve("data"), port, settings())) {
            createTopics(server, prefix);
            assertEquals(expected(0, RECORD_COUNT / 2), run(client, server, "first", prefix));
            for (String codec : CODECS) {
                assertEquals(
                        Set.of(codec),
                        StoredCodecs.of(server.bootstrapServers(), prefix + "-" + codec),
                        "stored codec");
            }
            server.stop();
        }
        try (RunningServer server = RunningServer.start(folder.resolve("data"), port, settings())) {
            assertEquals(
                    expected(RECORD_COUNT / 2, RECORD_COUNT),
                    run(client, server, "second", prefix));
            server.stop();
        }
    }

    private static void requireInstalled(Client client) throws Exception {
        String installation = client.missing();
        if (installation != null && "true".equals(System.getenv("CI"))) {
            fail(client.name() + " is not installed: " + installation);
        }
        assumeTrue(
                installation == null,
                () -> client.name() + " is not installed; to run it: " + installation);
    }

    private static Map<String, String> settings() {
        return Map.of(
                "headrace.journal.cycle.bytes",
                Integer.toString(4 << 20),
                "headrace.journal.shards",
                "1",
                "headrace.disk.reserve.bytes",
                "0",
                "headrace.memory.budget.bytes",
                Integer.toString(64 << 20));
    }

    private static void createTopics(RunningServer server, String prefix) throws Exception {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", server.bootstrapServers());
        try (Admin admin = Admin.create(configs)) {
            List<NewTopic> topics = new ArrayList<>();
            CODECS.forEach(codec -> topics.add(new NewTopic(prefix + "-" + codec, 1, (short) 1)));
            admin.createTopics(topics).all().get(60, TimeUnit.SECONDS);
        }
    }

    private static List<String> run(
            Client client, RunningServer server, String phase, String prefix) throws Exception {
        return client.run(
                new Client.Run(server.bootstrapServers(), phase, prefix, CODECS, RECORD_COUNT));
    }

    private static List<String> expected(int from, int to) {
        List<String> lines = new ArrayList<>();
        for (String codec : CODECS) {
            for (int i = from; i < to; i++) {
                lines.add(codec + " " + i);
            }
        }
        return lines;
    }
}
