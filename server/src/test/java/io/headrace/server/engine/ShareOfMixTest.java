package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.DirectoryObjectStore;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lanes over views that have no log: what was handed out is the same records whenever it is read.
 */
final class ShareOfMixTest {
    private static final String URI = "file:///srv/data/";
    private static final int MIX_PARTITIONS = 2;
    private static final int LANES = 5;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;
    private Path objects;

    @BeforeEach
    void makeStore() throws IOException {
        objects = Files.createDirectory(folder.resolve("objects"));
        for (String side : List.of("a", "b")) {
            Path own = Files.createDirectory(objects.resolve(side));
            for (int object = 0; object < 4; object++) {
                StringBuilder text = new StringBuilder();
                for (int line = 0; line < 1_000 + object; line++) {
                    text.append(side).append(object).append('/').append(line).append(' ');
                    text.append("x".repeat((line * 7) % 2_400)).append('\n');
                }
                Files.writeString(own.resolve(object + ".txt"), text);
            }
        }
    }

    private static OffHeapMemoryStore memory(int mebibytes) {
        return new OffHeapMemoryStore(new OffHeapContext().budgetBytes((long) mebibytes << 20));
    }

    /** What a view's records are framed with depends on how much memory there is. */
    private TestEngine launch(OffHeapMemoryStore memory) throws IOException {
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        return new TestEngine(
                folder.resolve("engine"),
                context ->
                        context.objectStore(URI, store)
                                .memoryStore(memory)
                                .cacheDiskBytes(0)
                                .retentionCheckIntervalMs(50));
    }

    private static void createMix(TestEngine engine) {
        for (String side : List.of("a", "b")) {
            engine.create(
                    side,
                    1,
                    Map.of(
                            "headrace.source.uri",
                            URI + side + "/",
                            "headrace.source.format",
                            "lines"));
        }
        engine.create(
                "mix",
                MIX_PARTITIONS,
                Map.of(
                        "headrace.view.type", "mix",
                        "headrace.view.topics", "a:0.5,b:0.5",
                        "headrace.view.end", "rest",
                        "headrace.view.shuffle", "true"));
    }

    private static void createShare(TestEngine engine, Map<String, String> more) {
        engine.create("shared", LANES, share("mix", more));
    }

    private static Map<String, String> share(String over, Map<String, String> more) {
        Map<String, String> configs = new HashMap<>(more);
        configs.put("headrace.view.type", "share");
        configs.put("headrace.view.topics", over);
        configs.put("headrace.view.group", "workers");
        return configs;
    }

    private static Share share(TestEngine engine) {
        Topic topic = engine.engine.catalog().find("shared");
        assertNotNull(topic);
        Share share = engine.engine.views().share(topic);
        assertNotNull(share);
        return share;
    }

    /** Hands out so much more to a lane; returns where that begins. */
    private static long give(TestEngine engine, int lane) {
        PartitionLog log = engine.log("shared", lane);
        long from = log.highWatermark();
        share(engine).wish(new Wish(new int[] {lane}, 1 << 20));
        awaitHighWatermark(log, from + 1);
        return from;
    }

    /** Hands out what is left, to one lane after the other. */
    private static void giveAll(TestEngine engine) {
        for (int lane = 0; get(share(engine).backlog()).undispatched() > 0; lane++) {
            give(engine, lane % LANES);
        }
    }

    private static List<List<String>> lanes(TestEngine engine) {
        List<List<String>> lanes = new ArrayList<>();
        for (int lane = 0; lane < LANES; lane++) {
            lanes.add(readAll(engine.log("shared", lane), 0));
        }
        return lanes;
    }

    /** As clients do: what there is no memory for just now is asked for again. */
    private static List<String> readAll(PartitionLog log, long fromOffset) {
        List<String> records = new ArrayList<>();
        AtomicLong offset = new AtomicLong(fromOffset);
        TestEngine.await(
                "read to the end",
                () -> {
                    while (offset.get() < log.highWatermark()) {
                        try (ReadResult result = TestEngine.read(log, offset.get(), 1 << 16)) {
                            if (!(result instanceof RecordsLease lease)) {
                                assertEquals(Unavailable.STORE_ERROR, result);
                                return false;
                            }
                            records.addAll(TestEngine.records(lease, offset.get()));
                            offset.set(lease.nextOffset());
                        }
                    }
                    return true;
                });
        return records;
    }

    private static List<String> sortedValues(List<List<String>> logs) {
        List<String> values = new ArrayList<>();
        logs.forEach(log -> log.forEach(record -> values.add(value(record))));
        Collections.sort(values);
        return values;
    }

    private static String value(String record) {
        return record.substring(record.indexOf(':') + 1);
    }

    private static List<String> mixed(TestEngine engine) {
        List<List<String>> partitions = new ArrayList<>();
        for (int partition = 0; partition < MIX_PARTITIONS; partition++) {
            partitions.add(readAll(engine.log("mix", partition), 0));
        }
        return sortedValues(partitions);
    }

    @Test
    void eachRecordIsInOneLaneAndStaysThereHoweverTheViewBelowIsFramed() throws IOException {
        List<List<String>> before;
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            createMix(engine);
            createShare(engine, Map.of());
            give(engine, 0); // waits for the sources to be indexed
            giveAll(engine);
            before = lanes(engine);
            assertEquals(mixed(engine), sortedValues(before));
            assertEquals(8 * 1_000 + 12, sortedValues(before).size());
        }
        try (OffHeapMemoryStore memory = memory(32);
                TestEngine engine = launch(memory)) {
            // Backwards, so that what is read lies within what is framed.
            for (int lane = LANES - 1; lane >= 0; lane--) {
                PartitionLog log = engine.log("shared", lane);
                List<String> records = before.get(lane);
                assertEquals(records, readAll(log, 0));
                int middle = records.size() / 2;
                assertEquals(records.subList(middle, records.size()), readAll(log, middle));
            }
            assertEquals(0, get(share(engine).backlog()).undispatched());
        }
    }

    @Test
    void whatIsTakenBackAndGivenAnewIsJustThat() throws IOException {
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            createMix(engine);
            createShare(
                    engine,
                    Map.of(
                            "headrace.view.takeback.ms", "1",
                            "headrace.view.window.records", "100000"));
            give(engine, 0);
            long committed = engine.log("shared", 0).highWatermark() / 2;
            share(engine).committed(new int[] {0}, new long[] {committed}, new int[] {0});
            List<String> kept = readAll(engine.log("shared", 0), 0).subList(0, (int) committed);
            TestEngine.await("taken back", () -> get(share(engine).backlog()).uncommitted() == 0);
            TopicCatalog catalog = engine.engine.catalog();
            get(
                    catalog.alterConfigs(
                            id(catalog, "shared"),
                            Map.of("headrace.view.takeback.ms", "0"),
                            false));
            giveAll(engine);
            List<List<String>> all = new ArrayList<>();
            all.add(kept);
            for (int lane = 0; lane < LANES; lane++) {
                all.add(readAll(engine.log("shared", lane), lane == 0 ? committed : 0));
            }
            assertEquals(mixed(engine), sortedValues(all));
        }
    }

    @Test
    void aRestartInTheMiddleGoesOnBehindWhatWasHandedOut() throws IOException {
        List<List<String>> before;
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            createMix(engine);
            createShare(engine, Map.of());
            for (int i = 0; i < 12; i++) {
                give(engine, i % (LANES - 1));
            }
            before = lanes(engine);
        }
        try (OffHeapMemoryStore memory = memory(32);
                TestEngine engine = launch(memory)) {
            // Where it goes on may lie within a batch by now, of which the lane sees that part.
            give(engine, LANES - 1);
            giveAll(engine);
            List<List<String>> after = lanes(engine);
            assertTrue(after.get(LANES - 1).get(0).startsWith("0:"));
            for (int lane = 0; lane < LANES; lane++) {
                List<String> known = before.get(lane);
                assertEquals(known, after.get(lane).subList(0, known.size()));
            }
            assertEquals(mixed(engine), sortedValues(after));
        }
    }

    @Test
    void whatAViewCannotBeOverIsRefusedWithWhatCanBeDone() throws IOException {
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            createMix(engine);
            createShare(engine, Map.of());
            engine.create("orders", 1, Map.of());
            engine.create(
                    "replayed",
                    1,
                    Map.of("headrace.view.type", "replay", "headrace.view.ranges", "orders=0:0-1"));
            TopicCatalog catalog = engine.engine.catalog();
            assertRefused(catalog, share("shared", Map.of()), "shared is a share view");
            assertRefused(catalog, share("replayed", Map.of()), "replayed is a replay view");
            assertRefused(
                    catalog,
                    shuffleOf("mix", Map.of("headrace.view.sides", "a")),
                    "takes it from the mix");
            assertRefused(
                    catalog,
                    shuffleOf("a", Map.of("headrace.view.sides", "a")),
                    "takes it from the mix");
            engine.create("shuffled", 1, shuffleOf("mix", Map.of()));
            assertRefused(catalog, shuffleOf("shuffled", Map.of()), "shuffled is a shuffle view");
            assertRefused(
                    catalog,
                    Map.of("headrace.view.type", "mix", "headrace.view.topics", "mix,a"),
                    "mix is a mix view");
            assertIsNeeded(catalog, "a", "view=mix");
            assertIsNeeded(catalog, "mix", "view=shared");
        }
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            TopicCatalog catalog = engine.engine.catalog();
            assertIsNeeded(catalog, "mix", "view=shared");
            List<CatalogResult> deleted =
                    get(
                            catalog.delete(
                                    List.of(
                                            id(catalog, "shared"),
                                            id(catalog, "shuffled"),
                                            id(catalog, "mix"))));
            deleted.forEach(result -> assertNull(result.error(), result.message()));
        }
    }

    private static Map<String, String> shuffleOf(String base, Map<String, String> more) {
        Map<String, String> configs = new HashMap<>(more);
        configs.put("headrace.view.type", "shuffle");
        configs.put("headrace.view.topics", base);
        return configs;
    }

    @Test
    void aShuffleOfAMixIsTheMixWithItsSidesShuffled() throws IOException {
        List<List<String>> before;
        try (OffHeapMemoryStore memory = memory(64);
                TestEngine engine = launch(memory)) {
            createMix(engine); // with its sides shuffled
            engine.create(
                    "linear",
                    MIX_PARTITIONS,
                    Map.of(
                            "headrace.view.type", "mix",
                            "headrace.view.topics", "a:0.5,b:0.5",
                            "headrace.view.end", "rest"));
            Topic shuffled =
                    engine.create("shuffled", MIX_PARTITIONS, shuffleOf("linear", Map.of()));
            assertEquals("a:0.5,b:0.5", shuffled.configs().get("headrace.view.sides"));
            assertEquals("linear", shuffled.configs().get("headrace.view.topics"));
            engine.create(
                    "twice",
                    MIX_PARTITIONS,
                    shuffleOf("linear", Map.of("headrace.view.epochs", "2")));
            engine.create("shared", LANES, share("shuffled", Map.of()));
            give(engine, 0); // waits for the sources to be indexed
            giveAll(engine);
            before = lanes(engine);
            for (int partition = 0; partition < MIX_PARTITIONS; partition++) {
                awaitHighWatermark(engine.log("mix", partition), 1);
                List<String> mixed = readAll(engine.log("mix", partition), 0);
                assertFalse(mixed.isEmpty());
                for (String view : List.of("shuffled", "twice")) {
                    awaitHighWatermark(engine.log(view, partition), mixed.size());
                }
                assertEquals(mixed, readAll(engine.log("shuffled", partition), 0));
                List<String> twice = readAll(engine.log("twice", partition), 0);
                assertEquals(mixed, twice.subList(0, mixed.size()));
                assertEquals(2 * mixed.size(), twice.size());
            }
            assertEquals(mixed(engine), sortedValues(before));
        }
        try (OffHeapMemoryStore memory = memory(32);
                TestEngine engine = launch(memory)) {
            assertEquals(before, lanes(engine));
            assertIsNeeded(engine.engine.catalog(), "linear", "view=");
            assertIsNeeded(engine.engine.catalog(), "a", "view=");
        }
    }

    private static long id(TopicCatalog catalog, String name) {
        Topic topic = catalog.find(name);
        assertNotNull(topic);
        return topic.id();
    }

    private static void assertIsNeeded(TopicCatalog catalog, String name, String said) {
        CatalogResult result = get(catalog.delete(List.of(id(catalog, name)))).get(0);
        assertEquals(TopicCatalog.Error.REFUSED, result.error(), result.message());
        assertTrue(result.message().contains(said), result.message());
    }

    private static void assertRefused(
            TopicCatalog catalog, Map<String, String> configs, String said) {
        CatalogResult result =
                get(catalog.create(List.of(new TopicSpec("refused", 1, configs)), false)).get(0);
        assertEquals(TopicCatalog.Error.INVALID_CONFIG, result.error(), result.message());
        assertTrue(result.message().contains(said), result.message());
    }
}
