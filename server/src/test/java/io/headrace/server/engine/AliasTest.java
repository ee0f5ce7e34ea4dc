package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Alias;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Versions of a dataset, and the alias that shows one of them. */
final class AliasTest {
    private static final long SECOND = 1L << 40;
    private static final long THIRD = 2L << 40;
    private static final String CURRENT = "headrace.view.current";

    @TempDir Path folder;
    private TestEngine engine;

    @BeforeEach
    void start() {
        engine = new TestEngine(folder);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private void restart() {
        engine.close();
        start();
    }

    private Topic publish(String name, String... values) {
        return publish(name, 1, values);
    }

    private Topic publish(String name, int partitions, String... values) {
        engine.create("pairs." + name, partitions, Map.of());
        if (values.length > 0) {
            append(engine.log("pairs." + name, 0), batch(values));
        }
        CatalogResult result = alter("pairs." + name, versionConfigs(name));
        assertNotNull(result.topic(), result.message());
        return result.topic();
    }

    private static Map<String, @Nullable String> versionConfigs(String name) {
        Map<String, @Nullable String> configs = new HashMap<>();
        configs.put("headrace.version.of", "pairs");
        configs.put("headrace.version.name", name);
        configs.put("retention.ms", "-1");
        return configs;
    }

    private CatalogResult alter(String topic, Map<String, @Nullable String> configs) {
        return get(engine.engine.catalog().alterConfigs(topic(topic).id(), configs, false));
    }

    private Topic topic(String name) {
        Topic topic = engine.engine.catalog().find(name);
        assertNotNull(topic, name);
        return topic;
    }

    private void alias(String version) {
        engine.create("pairs.latest", 1, Map.of("headrace.view.type", "alias", CURRENT, version));
    }

    private void flip(String version) {
        CatalogResult result = alter("pairs.latest", Map.of(CURRENT, version));
        assertNotNull(result.topic(), result.message());
    }

    private PartitionLog latest() {
        return engine.log("pairs.latest", 0);
    }

    private void assertRefused(Error error, CatalogResult result, String... parts) {
        assertEquals(error, result.error(), result.message());
        for (String part : parts) {
            assertTrue(result.message().contains(part), result.message());
        }
    }

    private CatalogResult delete(String topic) {
        return get(engine.engine.catalog().delete(List.of(topic(topic).id()))).get(0);
    }

    private CatalogResult create(String name, int partitions, Map<String, String> configs) {
        return get(engine.engine
                        .catalog()
                        .create(List.of(new TopicSpec(name, partitions, configs)), false))
                .get(0);
    }

    @Test
    void readersBeginInTheCurrentVersionAndStayInTheirs() {
        publish("v1", "a", "b");
        publish("v2", "c", "d", "e");
        alias("pairs.v1");
        PartitionLog before = latest();
        assertEquals(0, before.logStartOffset());
        assertEquals(2, before.highWatermark());
        assertEquals(List.of("0:a", "1:b"), TestEngine.readAll(before, 0));

        flip("pairs.v2");
        assertEquals(SECOND, latest().logStartOffset());
        assertEquals(SECOND + 3, latest().highWatermark());
        assertEquals(
                List.of(SECOND + ":c", SECOND + 1 + ":d", SECOND + 2 + ":e"),
                TestEngine.readAll(latest(), SECOND));
        assertEquals(List.of("1:b"), TestEngine.readAll(latest().at(1), 1));
        assertEquals(2, latest().at(1).highWatermark());
        assertEquals(Unavailable.CAUGHT_UP, latest().at(2).read(2, 100));

        flip("pairs.v1");
        assertEquals(0, latest().logStartOffset());
        assertEquals(
                List.of(SECOND + 2 + ":e"),
                TestEngine.readAll(latest().at(SECOND + 2), SECOND + 2));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, latest().at(THIRD).read(THIRD, 100));
    }

    @Test
    void whatAnAliasHasShownIsKnownAfterARestart() {
        publish("v1", "a");
        publish("v2", "b");
        alias("pairs.v1");
        flip("pairs.v2");
        flip("pairs.v1");
        restart();
        assertEquals(List.of("0:a"), TestEngine.readAll(latest(), 0));
        assertEquals(List.of(SECOND + ":b"), TestEngine.readAll(latest().at(SECOND), SECOND));
        assertEquals("pairs.v2", Alias.of(topic("pairs.latest").configs()).previous());
        assertRefused(Error.REFUSED, delete("pairs.v1"), "view=pairs.latest");
    }

    @Test
    void whoHasResolvedATopicIsToldOfOneVersion() {
        publish("v1", 2);
        publish("v2", 2);
        engine.create(
                "pairs.latest", 2, Map.of("headrace.view.type", "alias", CURRENT, "pairs.v1"));
        Topic resolved = topic("pairs.latest");
        PartitionLog first = engine.engine.partitionLog(resolved, 0);
        flip("pairs.v2");
        PartitionLog second = engine.engine.partitionLog(resolved, 1);
        assertNotNull(first);
        assertNotNull(second);
        assertEquals(0, first.highWatermark());
        assertEquals(0, second.highWatermark());
        assertEquals(SECOND, engine.log("pairs.latest", 1).highWatermark());
    }

    @Test
    void aReaderWaitsAtTheEndOfItsVersion() {
        publish("v1", "a");
        publish("v2", "b");
        alias("pairs.v1");
        AtomicBoolean woken = new AtomicBoolean();
        PartitionLog pinned = latest().at(1);
        pinned.onHighWatermark(2, () -> woken.set(true));
        flip("pairs.v2");
        assertFalse(woken.get());
        assertEquals(Unavailable.CAUGHT_UP, latest().at(1).read(1, 100));
        pinned.cancel(() -> {});
    }

    @Test
    void aVersionTakesNoRecordsAndStaysAsItIs() {
        publish("v1", "a");
        assertEquals(PartitionLog.READ_ONLY, engine.log("pairs.v1", 0).append(batch("too late")));
        restart();
        assertEquals(PartitionLog.READ_ONLY, engine.log("pairs.v1", 0).append(batch("too late")));
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.v1", Map.of("retention.ms", "1000")),
                "retention.ms",
                "1000");
        assertRefused(
                Error.REFUSED,
                get(engine.engine.catalog().grow(topic("pairs.v1").id(), 5, false)),
                "pairs.v1");
        Map<String, @Nullable String> withdrawn = new HashMap<>();
        withdrawn.put("headrace.version.of", null);
        withdrawn.put("headrace.version.name", null);
        assertNotNull(alter("pairs.v1", withdrawn).topic());
        assertEquals(1, append(engine.log("pairs.v1", 0), batch("again")));
        assertFalse(topic("pairs.v1").configs().containsKey("headrace.version.published.ms"));
    }

    @Test
    void aProtectedVersionIsNeitherDeletedNorWithdrawn() {
        publish("v1", "a");
        assertNotNull(alter("pairs.v1", Map.of("headrace.version.protected", "true")).topic());
        assertRefused(
                Error.REFUSED, delete("pairs.v1"), "pairs.v1", "headrace.version.protected=true");
        Map<String, @Nullable String> withdrawn = new HashMap<>();
        withdrawn.put("headrace.version.of", null);
        withdrawn.put("headrace.version.name", null);
        withdrawn.put("headrace.version.protected", null);
        assertRefused(Error.REFUSED, alter("pairs.v1", withdrawn), "protected", "pairs.v1");
        assertNotNull(alter("pairs.v1", Map.of("headrace.version.protected", "false")).topic());
        assertNotNull(delete("pairs.v1").topic());
    }

    @Test
    void aVersionThatWasShownMayBeDeletedAndItsOrdinalIsNotGivenAgain() {
        publish("v1", "a");
        publish("v2", "b");
        alias("pairs.v1");
        assertRefused(Error.REFUSED, delete("pairs.v1"), "pairs.v1", "pairs.latest");
        flip("pairs.v2");
        assertRefused(Error.REFUSED, delete("pairs.v2"), "pairs.v2", "pairs.latest");
        assertNotNull(delete("pairs.v1").topic());
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, latest().at(0).read(0, 100));
        publish("v1", "other");
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, latest().at(0).read(0, 100));
        flip("pairs.v1");
        assertEquals(List.of(THIRD + ":other"), TestEngine.readAll(latest(), THIRD));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, latest().at(0).read(0, 100));
        assertNotNull(delete("pairs.v2").topic());
        assertNotNull(delete("pairs.latest").topic());
        assertNotNull(delete("pairs.v1").topic());
    }

    @Test
    void anAliasShowsPublishedVersionsOfItsDatasetOnly() {
        engine.create("pairs.raw", 1, Map.of());
        publish("v1", 1);
        publish("v2", 3);
        Map<String, String> raw = Map.of("headrace.view.type", "alias", CURRENT, "pairs.raw");
        assertRefused(Error.INVALID_CONFIG, create("pairs.latest", 1, raw), CURRENT, "pairs.raw");
        Map<String, String> first = Map.of("headrace.view.type", "alias", CURRENT, "pairs.v1");
        assertRefused(Error.INVALID_CONFIG, create("images.latest", 1, first), CURRENT, "pairs.v1");
        alias("pairs.v1");
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.latest", Map.of(CURRENT, "pairs.v2")),
                "pairs.latest has 1",
                "pairs.v2 has 3");
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.latest", Map.of("headrace.view.versions", "pairs.v1:1,pairs.v2:2")),
                "headrace.view.versions",
                "left to the server");
        Map<String, @Nullable String> withdrawn = new HashMap<>();
        withdrawn.put("headrace.version.of", null);
        withdrawn.put("headrace.version.name", null);
        assertRefused(
                Error.REFUSED, alter("pairs.v1", withdrawn), "pairs.v1", "alias=pairs.latest");
    }

    /** An older view over the version is not what is asked about. */
    @Test
    void aVersionThatAnAliasShowsIsNotWithdrawnWhateverElseIsOverIt() {
        publish("v1", "one");
        Map<String, String> share =
                Map.of(
                        "headrace.view.type", "share",
                        "headrace.view.topics", "pairs.v1",
                        "headrace.view.group", "g");
        CatalogResult made = create("older", 2, share);
        assertNotNull(made.topic(), made.message());
        alias("pairs.v1");
        Map<String, @Nullable String> withdrawn = new HashMap<>();
        withdrawn.put("headrace.version.of", null);
        withdrawn.put("headrace.version.name", null);
        assertRefused(
                Error.REFUSED, alter("pairs.v1", withdrawn), "pairs.v1", "alias=pairs.latest");
    }

    @Test
    void anAliasStaysWithItsDataset() {
        publish("v1", "a");
        for (String name : List.of("v1", "v2")) {
            engine.create(
                    "pairs.big." + name,
                    1,
                    Map.of("headrace.version.of", "pairs.big", "headrace.version.name", name));
        }
        engine.create(
                "pairs.big.latest",
                1,
                Map.of("headrace.view.type", "alias", CURRENT, "pairs.big.v1"));
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.big.latest", Map.of(CURRENT, "pairs.v1")),
                CURRENT,
                "pairs.v1",
                "pairs.big");
        assertNotNull(alter("pairs.big.latest", Map.of(CURRENT, "pairs.big.v2")).topic());
    }

    @Test
    void aVersionIsCalledWhatItsConfigsSay() {
        engine.create("pairs.v1", 1, Map.of());
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.v1", versionConfigs("v2")),
                "headrace.version.name",
                "v2",
                "pairs.v1");
        Map<String, String> memory =
                Map.of(
                        "headrace.version.of", "pairs",
                        "headrace.version.name", "v3",
                        "headrace.storage.mode", "memory");
        assertRefused(Error.INVALID_CONFIG, create("pairs.v3", 1, memory), "headrace.storage.mode");
        assertRefused(
                Error.INVALID_CONFIG,
                alter("pairs.v1", Map.of("headrace.version.protected", "true")),
                "headrace.version.protected");
    }

    @Test
    void timesAreLookedUpInTheCurrentVersion() {
        engine.create("pairs.v1", 1, Map.of());
        append(engine.log("pairs.v1", 0), batch(1000, "a"));
        append(engine.log("pairs.v1", 0), batch(3000, "b"));
        alter("pairs.v1", versionConfigs("v1"));
        publish("v0", "z");
        alias("pairs.v0");
        flip("pairs.v1");
        PartitionLog.TimestampedOffset found = get(latest().offsetForTimestamp(2000));
        assertNotNull(found);
        assertEquals(SECOND + 1, found.offset());
        assertEquals(3000, found.timestampMs());
        PartitionLog.EpochEnd end = latest().endOffsetForEpoch(1);
        assertNotNull(end);
        assertTrue(end.endOffset() > SECOND + 2);
    }
}
