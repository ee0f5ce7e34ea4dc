package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicConfig;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.record.internal.CompressionType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was published stays, whatever the server's defaults come to say. */
final class PublishedTest {
    private static final int RECORDS = 20;
    private static final Map<String, @Nullable String> PUBLISHED =
            Map.of("headrace.version.of", "pairs", "headrace.version.name", "v1");

    @TempDir Path folder;
    private final TreeMap<Long, KeyedRecord> appended = new TreeMap<>();

    private TestEngine engine(Map<String, String> defaults) {
        return new TestEngine(
                folder,
                context ->
                        context.journalCount(1)
                                .retentionCheckIntervalMs(20)
                                .topicDefaults(TopicConfig.DEFAULTS.with(defaults)));
    }

    private void fill(TestEngine engine, String topic) {
        engine.create(topic, 1, Map.of());
        TreeMap<Long, KeyedRecord> appended = new TreeMap<>();
        for (int i = 0; i < RECORDS; i++) {
            KeyedRecord record = new KeyedRecord("k", "v" + i);
            long now = System.currentTimeMillis() - 1000;
            appended.put(
                    append(
                            engine.log(topic, 0),
                            KeyedRecord.batch(CompressionType.NONE, now, record)),
                    record);
        }
        this.appended.putAll(appended); // all are filled with the same
    }

    private static CatalogResult alter(TestEngine engine, Map<String, @Nullable String> configs) {
        Topic topic = engine.engine.catalog().find("pairs.v1");
        assertNotNull(topic);
        return get(engine.engine.catalog().alterConfigs(topic.id(), configs, false));
    }

    private void publish() {
        try (TestEngine engine = engine(Map.of())) {
            fill(engine, "plain");
            fill(engine, "pairs.v1");
            fill(engine, "plain-too");
            assertNull(alter(engine, PUBLISHED).error());
        }
    }

    private void assertAllIsThere(TestEngine engine) {
        PartitionLog log = engine.log("pairs.v1", 0);
        assertEquals(0, log.logStartOffset());
        assertEquals(appended, KeyedRecord.readAll(log, 0));
    }

    @Test
    void aDefaultOfRetentionThatComesLaterTrimsNoVersion() {
        publish();
        try (TestEngine engine = engine(Map.of("retention.bytes", "0"))) {
            for (String plain : List.of("plain", "plain-too")) {
                await(plain, () -> engine.log(plain, 0).logStartOffset() == RECORDS);
            }
            assertAllIsThere(engine);
        }
    }

    @Test
    void aDefaultOfCompactionThatComesLaterCompactsNoVersion() {
        publish();
        Map<String, String> compacting =
                Map.of("cleanup.policy", "compact", "max.compaction.lag.ms", "1");
        try (TestEngine engine = engine(compacting)) {
            for (String plain : List.of("plain", "plain-too")) {
                await(plain, () -> KeyedRecord.readAll(engine.log(plain, 0), 0).size() < RECORDS);
            }
            assertAllIsThere(engine);
        }
    }

    @Test
    void whatIsSetMustNotSayOtherwise() {
        publish();
        try (TestEngine engine = engine(Map.of("retention.bytes", "0"))) {
            for (String[] config :
                    new String[][] {
                        {"retention.ms", "1000"},
                        {"retention.bytes", "1"},
                        {"flush.messages", "2"},
                        {"cleanup.policy", "compact,delete"}
                    }) {
                CatalogResult result = alter(engine, Map.of(config[0], config[1]));
                assertEquals(Error.INVALID_CONFIG, result.error(), config[0]);
            }
            assertNull(alter(engine, Map.of("retention.ms", "-1")).error());
        }
    }

    @Test
    void whatIsWithdrawnIsTrimmedAgain() {
        publish();
        try (TestEngine engine = engine(Map.of("retention.bytes", "0"))) {
            Map<String, @Nullable String> withdrawn = new HashMap<>();
            PUBLISHED.keySet().forEach(key -> withdrawn.put(key, null));
            assertNull(alter(engine, withdrawn).error());
            await("trimmed", () -> engine.log("pairs.v1", 0).logStartOffset() == RECORDS);
        }
    }
}
