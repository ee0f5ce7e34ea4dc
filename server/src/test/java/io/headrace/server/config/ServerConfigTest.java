package io.headrace.server.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServerConfigTest {

    @Test
    void everyDefaultParses() {
        ServerConfig config = ServerConfig.of(Map.of());
        ConfigKeys.ALL.forEach(config::get);
        assertEquals(List.of(new Endpoint("127.0.0.1", 9092)), config.get(ConfigKeys.LISTENERS));
    }

    @Test
    void everyDefaultMayAlsoBeWritten() {
        for (ConfigKey<?> key : ConfigKeys.ALL) {
            ServerConfig.of(Map.of(key.name(), key.defaultText()));
        }
    }

    @Test
    void refusesAnUnknownKeyOfOursAndNamesTheNearest() {
        assertRefused(
                Map.of("headrace.journal.shard", "1"),
                "unknown key: key=headrace.journal.shard nearest=headrace.journal.shards");
        assertRefused(
                Map.of("headrace.store.minio.ur", "s3://b/"),
                "unknown key: key=headrace.store.minio.ur nearest=headrace.store.<name>.uri");
    }

    @Test
    void namesNoKeyThatIsNotNear() {
        assertRefused(
                Map.of("headrace.data.directory", "/srv"),
                "unknown key: key=headrace.data.directory");
    }

    @Test
    void refusesAPolicyThatNamesNoTopicConfig() {
        assertRefused(
                Map.of("headrace.policy.agents.config.", "1"),
                "unknown key: key=headrace.policy.agents.config."
                        + " nearest=headrace.policy.<name>.prefix");
    }

    @Test
    void refusesABadValueAndSaysWhatIsAllowed() {
        assertRefused(
                Map.of("num.partitions", "none"),
                "bad value: key=num.partitions value=none allowed=1 to 100000");
        assertRefused(
                Map.of("headrace.journal.shards", "17"),
                "bad value: key=headrace.journal.shards value=17 allowed=0 to 16");
        assertRefused(
                Map.of("listeners", "SSL://:9093"),
                "bad value: key=listeners value=SSL://:9093"
                        + " allowed=PLAINTEXT://HOST:PORT, several separated by commas");
        assertRefused(
                Map.of("auto.create.topics.enable", "yes"),
                "bad value: key=auto.create.topics.enable value=yes allowed=true or false");
    }

    @Test
    void namesKeysWithoutEffectInOneWarning() {
        ServerConfig config =
                ServerConfig.of(Map.of("zookeeper.connect", "zk:2181", "listners", "x"));
        assertEquals(
                "keys without effect here: listners (did you mean listeners?), zookeeper.connect",
                config.warning());
    }

    @Test
    void takesEveryKeyOfTheGroupCoordinator() {
        ServerConfig config =
                ServerConfig.of(
                        Map.of("group.consumer.max.size", "7", "offsets.retention.minutes", "9"));
        assertEquals(List.of(), config.withoutEffect());
        assertEquals("7", config.groupProperties().get("group.consumer.max.size"));
        assertEquals("9", config.groupProperties().get("offsets.retention.minutes"));
        assertEquals("100", config.groupProperties().get("group.initial.rebalance.delay.ms"));
    }

    @Test
    void theFinestRetentionKeyCounts() {
        assertEquals(
                120_000,
                ServerConfig.of(Map.of("log.retention.hours", "5", "log.retention.minutes", "2"))
                        .retentionMs());
        assertEquals(
                7,
                ServerConfig.of(Map.of("log.retention.hours", "5", "log.retention.ms", "7"))
                        .retentionMs());
        assertEquals(-1, ServerConfig.of(Map.of("log.retention.hours", "-1")).retentionMs());
        assertEquals(168L * 3600 * 1000, ServerConfig.of(Map.of()).retentionMs());
    }

    @Test
    void groupsStoresAndPoliciesByTheirName() {
        ServerConfig config =
                ServerConfig.of(
                        Map.of(
                                "headrace.store.minio.uri", "s3://data/",
                                "headrace.store.minio.access.key", "id",
                                "headrace.store.disk.uri", "file:///srv/",
                                "headrace.policy.agents.prefix", "agents.",
                                "headrace.policy.agents.config.headrace.storage.mode", "memory"));
        assertEquals(
                Map.of(
                        "minio", Map.of("uri", "s3://data/", "access.key", "id"),
                        "disk", Map.of("uri", "file:///srv/")),
                config.named(ConfigKeys.STORE_PREFIX));
        assertEquals(
                Map.of(
                        "agents",
                        Map.of("prefix", "agents.", "config.headrace.storage.mode", "memory")),
                config.named(ConfigKeys.POLICY_PREFIX));
    }

    @Test
    void readsAnIpv6Listener() {
        ServerConfig config = ServerConfig.of(Map.of("listeners", "PLAINTEXT://[::1]:0"));
        assertEquals(List.of(new Endpoint("::1", 0)), config.get(ConfigKeys.LISTENERS));
    }

    private static void assertRefused(Map<String, String> settings, String message) {
        assertEquals(
                message,
                assertThrows(ConfigException.class, () -> ServerConfig.of(settings)).getMessage());
    }
}
