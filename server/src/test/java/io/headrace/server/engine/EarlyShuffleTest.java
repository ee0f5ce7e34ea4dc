package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Progress;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Shuffle views that are read before their source is indexed, object after object. */
final class EarlyShuffleTest {
    private static final String URI = "file:///srv/data/";
    private static final int PARTITIONS = 4;
    private static final int RUN_UNITS = 3;
    private static final String END = "~";

    /** In the middle there is an object without a sample, which is no unit. */
    private static final int EMPTY = 4;

    private static final int OBJECTS = 13;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;
    private Path objects;
    private GatedStore store;
    private TestEngine engine;
    private final List<String> samples = new ArrayList<>();

    /** Records of the units before each unit, and of all. */
    private final List<Integer> before = new ArrayList<>(List.of(0));

    @BeforeEach
    void launch() throws IOException {
        objects = Files.createDirectory(folder.resolve("objects"));
        for (int object = 0; object < OBJECTS; object++) {
            StringBuilder text = new StringBuilder();
            for (int line = 0; object != EMPTY && line < 30 + object; line++) {
                String sample = object + "/" + line + " " + "x".repeat((line * 7) % 90);
                samples.add(sample);
                text.append(sample).append('\n');
            }
            Files.writeString(objects.resolve(key(object)), text);
            if (object != EMPTY) {
                before.add(samples.size());
            }
        }
        start();
    }

    @AfterEach
    void close() {
        store.failWhoWaits();
        engine.close();
    }

    private void start() throws IOException {
        store = new GatedStore(new DirectoryObjectStore("data", objects));
        engine =
                new TestEngine(
                        folder.resolve("engine"),
                        context -> context.objectStore(URI, store).cacheDiskBytes(0));
    }

    private static String key(int object) {
        return "%05d.txt".formatted(object);
    }

    private void createSource(int partitions) {
        engine.create(
                "base",
                partitions,
                Map.of("headrace.source.uri", URI, "headrace.source.format", "lines"));
    }

    private static Map<String, String> configs(String... more) {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "shuffle");
        configs.put("headrace.view.topics", "base");
        configs.put("headrace.view.seed", "9");
        configs.put("headrace.view.epochs", "2");
        configs.put("headrace.view.window.blocks", "2");
        configs.put("headrace.view.first.epoch.units", Integer.toString(RUN_UNITS));
        for (int i = 0; i < more.length; i += 2) {
            configs.put("headrace.view." + more[i], more[i + 1]);
        }
        return configs;
    }

    /** A log, once the view has looked at what there is. */
    private PartitionLog log(String view, int partition) {
        Topic topic = engine.engine.catalog().find(view);
        assertNotNull(topic);
        await("a log", () -> engine.engine.partitionLog(topic, partition) != null);
        return engine.log(view, partition);
    }

    private long count(String view) {
        long count = 0;
        for (int partition = 0; partition < PARTITIONS; partition++) {
            count += log(view, partition).highWatermark();
        }
        return count;
    }

    /** Where partition 0 ends if there are so many records. */
    private static long endOfFirst(int count) {
        return (count + PARTITIONS - 1) / PARTITIONS;
    }

    /** What can be read, by number. */
    private List<String> all(String view) {
        long count = count(view);
        List<String> records = new ArrayList<>();
        List<List<String>> partitions = new ArrayList<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            partitions.add(readAll(log(view, partition), 0));
        }
        for (int n = 0; n < count; n++) {
            String record = partitions.get(n % PARTITIONS).get(n / PARTITIONS);
            String offset = n / PARTITIONS + ":";
            assertTrue(record.startsWith(offset), record);
            records.add(record.substring(offset.length()));
        }
        return records;
    }

    private boolean isPinned(String view) {
        Topic topic = engine.engine.catalog().find(view);
        assertNotNull(topic);
        return get(engine.engine.views().ordered(topic).progress()).isPinned();
    }

    /** Of as many records as are in the runs that are complete with so many units. */
    private int countOf(int units) {
        return before.get(units / RUN_UNITS * RUN_UNITS);
    }

    @Test
    void runsCanBeReadAsSoonAsTheirObjectsAreIndexed() throws IOException {
        createSource(3);
        engine.create("view", PARTITIONS, configs());
        List<String> read = List.of();
        for (int units = RUN_UNITS; units < before.size() - 1; units += RUN_UNITS) {
            int object = units > EMPTY ? units + 1 : units; // that many objects have these units
            store.openBefore(key(object));
            int count = countOf(units);
            awaitHighWatermark(log("view", 0), endOfFirst(count));
            assertEquals(count, count("view"));
            assertFalse(isPinned("view"));
            List<String> now = all("view");
            assertEquals(read, now.subList(0, read.size()), "what was read stays as it is");
            List<String> run = now.subList(read.size(), count);
            assertSame(samples.subList(read.size(), count), run);
            assertNotEquals(samples.subList(read.size(), count), run);
            read = now;
        }
        store.openBefore(END);
        await("pinned", () -> isPinned("view"));
        awaitHighWatermark(log("view", 0), endOfFirst(2 * samples.size()));
        List<String> whole = all("view");
        assertEquals(2 * samples.size(), whole.size());
        assertEquals(read, whole.subList(0, read.size()));
        assertSame(samples, whole.subList(0, samples.size()));
        assertSame(samples, whole.subList(samples.size(), whole.size()));

        engine.create("later", PARTITIONS, configs());
        await("pinned", () -> isPinned("later"));
        awaitHighWatermark(log("later", 0), endOfFirst(2 * samples.size()));
        assertEquals(whole, all("later"));

        engine.create("plain", PARTITIONS, configs("first.epoch.units", "0"));
        awaitHighWatermark(log("plain", 0), 1);
        List<String> plain = all("plain");
        int epoch = samples.size();
        assertNotEquals(plain.subList(0, epoch), whole.subList(0, epoch));
        assertEquals(plain.subList(epoch, 2 * epoch), whole.subList(epoch, 2 * epoch));
    }

    private static void assertSame(List<String> expected, List<String> actual) {
        List<String> sorted = new ArrayList<>(actual);
        List<String> sortedExpected = new ArrayList<>(expected);
        Collections.sort(sorted);
        Collections.sort(sortedExpected);
        assertEquals(sortedExpected, sorted);
    }

    /** Positions that were given out before stay valid, whenever somebody comes with them. */
    @Test
    void aRestartHalfWayChangesNothing() throws IOException {
        createSource(2);
        engine.create("view", PARTITIONS, configs());
        store.openBefore(key(4));
        int count = countOf(4);
        awaitHighWatermark(log("view", 0), endOfFirst(count));
        List<String> read = all("view");
        assertEquals(count, read.size());
        long end = log("view", 1).highWatermark();
        close();
        start();
        Topic topic = engine.engine.catalog().find("view");
        assertNotNull(topic);
        PartitionLog first = engine.engine.partitionLog(topic, 1);
        // Whoever comes at once is told to come again, or finds all that was there.
        assertTrue(first == null || first.highWatermark() >= end, () -> "first=" + first);
        assertEquals(Unavailable.CAUGHT_UP, log("view", 1).read(end, 1000));
        store.openBefore(key(4));
        assertEquals(read, all("view"));
        store.openBefore(key(8));
        awaitHighWatermark(log("view", 0), endOfFirst(countOf(7)));
        assertEquals(read, all("view").subList(0, count));
        store.openBefore(END);
        await("pinned", () -> isPinned("view"));
        close();
        start();
        store.openBefore(END);
        assertEquals(endOfFirst(2 * samples.size()), engine.log("view", 0).highWatermark());
        assertEquals(read, all("view").subList(0, count));
    }

    /** A reader who waits where the known part ends is woken, and no sooner. */
    @Test
    void whoWaitsIsWokenByTheNextRun() throws Exception {
        createSource(1);
        engine.create("view", PARTITIONS, configs());
        store.openBefore(key(3));
        int count = countOf(3);
        awaitHighWatermark(log("view", 0), endOfFirst(count));
        PartitionLog log = log("view", 0);
        CompletableFuture<Void> woken = new CompletableFuture<>();
        log.onHighWatermark(log.highWatermark() + 1, () -> woken.complete(null));
        store.openBefore(key(6)); // two units more, and an empty object: no run
        Topic topic = log.topic();
        await("five objects", () -> indexed(topic) >= 5);
        assertFalse(woken.isDone());
        store.openBefore(key(8));
        get(woken);
        try (ReadResult next = read(log, endOfFirst(count), 1000)) {
            assertFalse(next instanceof Unavailable, next.toString());
        }
    }

    private long indexed(Topic view) {
        Progress progress = get(engine.engine.views().ordered(view).progress());
        return progress.sides().get(0).indexedCount();
    }

    /** More than are indexed at once, none of which comes to its end. */
    @Test
    void aSourceOfManyPartitionsCanBeReadEarly() throws IOException {
        Path many = Files.createDirectory(objects.resolve("many"));
        List<String> lines = new ArrayList<>();
        for (int object = 0; object < 120; object++) {
            String sample = "sample of " + object;
            lines.add(sample);
            Files.writeString(many.resolve(key(object)), sample + "\n");
        }
        Topic base =
                engine.create(
                        "base",
                        37,
                        Map.of(
                                "headrace.source.uri",
                                URI + "many/",
                                "headrace.source.format",
                                "lines"));
        engine.log("base", 0).read(0, 1); // has it listed: who has objects keeps his turn
        await(
                "listed",
                () ->
                        get(engine.engine.sources().status(base.id())).listing()
                                == SourceStatus.Listing.DONE);
        engine.create("view", PARTITIONS, configs("first.epoch.units", "16"));
        store.openBefore(key(66));
        awaitHighWatermark(log("view", 0), endOfFirst(64));
        assertSame(lines.subList(0, 64), all("view"));
        assertFalse(isPinned("view"));
    }

    /** What breaks off has the records before; what has none is no unit. */
    @Test
    void objectsThatAreBadAreCountedAsTheyAreIndexed() throws IOException {
        Path other = Files.createDirectory(objects.resolve("fixed"));
        List<Integer> lengths = List.of(10, 7, 3, 5, 0, 12, 5, 2, 20, 5, 5);
        int[] records = {2, 1, 0, 1, 0, 2, 1, 0, 4, 1, 1};
        for (int object = 0; object < lengths.size(); object++) {
            String digit = Integer.toHexString(object);
            Files.writeString(other.resolve("f" + digit), digit.repeat(lengths.get(object)));
        }
        engine.create(
                "base",
                2,
                Map.of(
                        "headrace.source.uri",
                        URI + "fixed/",
                        "headrace.source.format",
                        "fixed",
                        "headrace.source.record.bytes",
                        "5"));
        engine.create("view", PARTITIONS, configs("first.epoch.units", "2", "epochs", "1"));
        store.openBefore("f7"); // before that there are five units, of which four are runs
        awaitHighWatermark(log("view", 0), endOfFirst(6));
        assertEquals(6, count("view"));
        List<String> read = all("view");
        assertSame(List.of("00000", "00000", "11111", "33333", "55555", "55555"), read);
        assertSame(List.of("00000", "00000", "11111"), read.subList(0, 3));
        store.openBefore(END);
        int all = Arrays.stream(records).sum();
        awaitHighWatermark(log("view", 0), endOfFirst(all));
        await("pinned", () -> isPinned("view"));
        List<String> whole = all("view");
        assertEquals(all, whole.size());
        assertEquals(read, whole.subList(0, 6));
    }

    @ParameterizedTest
    @CsvSource({"false, rest", "true, stop", "true, repeat", "false, repeat"})
    void aMixCanBeReadAsFarAsAllItsSidesAreKnown(String isShuffled, String end) throws IOException {
        for (String side : List.of("a", "b")) {
            Path own = Files.createDirectory(objects.resolve(side));
            for (int object = 0; object < 10; object++) {
                StringBuilder text = new StringBuilder();
                for (int line = 0; line < 20 + object; line++) {
                    text.append(side + object + "/" + line).append('\n');
                }
                Files.writeString(own.resolve(key(object)), text);
            }
            String uri = URI + side + "/";
            engine.create(
                    side, 2, Map.of("headrace.source.uri", uri, "headrace.source.format", "lines"));
        }
        Map<String, String> configs =
                configs("type", "mix", "topics", "a:2,b:1", "end", end, "shuffle", isShuffled);
        configs.remove("headrace.view.epochs");
        engine.create("mix", PARTITIONS, configs);
        List<String> read = List.of();
        for (int object = RUN_UNITS; object < 10; object += RUN_UNITS) {
            store.openBefore(key(object));
            awaitHighWatermark(log("mix", 0), endOfFirst(read.size() + PARTITIONS));
            List<String> now = all("mix");
            assertEquals(read, now.subList(0, read.size()));
            assertFalse(isPinned("mix"));
            read = now;
        }
        assertTrue(read.size() >= 240, () -> "of two thirds of 10 objects only few");
        store.openBefore(END);
        await("pinned", () -> isPinned("mix"));
        engine.create("later", PARTITIONS, configs);
        await("pinned", () -> isPinned("later"));
        List<String> whole = all("mix");
        assertEquals(all("later"), whole);
        assertEquals(read, whole.subList(0, read.size()));
        assertTrue(whole.size() > read.size());
    }

    /** Members of a share view get what can be read, as anybody does. */
    @Test
    void aShareViewHandsOutWhatCanBeReadEarly() throws IOException {
        createSource(2);
        engine.create("view", PARTITIONS, configs());
        engine.create(
                "shared",
                1,
                Map.of(
                        "headrace.view.type", "share",
                        "headrace.view.topics", "view",
                        "headrace.view.group", "workers"));
        store.openBefore(key(3));
        Share share = engine.engine.views().share(engine.log("shared", 0).topic());
        assertNotNull(share);
        int count = countOf(3);
        PartitionLog lane = engine.log("shared", 0);
        for (long given = 0; given < count; given = lane.highWatermark()) {
            share.wish(new Wish(new int[] {0}, 1 << 20));
            awaitHighWatermark(lane, given + 1);
        }
        List<String> given = new ArrayList<>();
        for (String record : readAll(lane, 0)) {
            given.add(record.substring(record.indexOf(':') + 1));
        }
        assertSame(samples.subList(0, count), given);
        assertFalse(isPinned("view"));
    }

    @Test
    void theRunsLengthIsFixedAndBounded() {
        createSource(1);
        Topic view = engine.create("view", PARTITIONS, configs());
        CatalogResult altered =
                get(
                        engine.engine
                                .catalog()
                                .alterConfigs(
                                        view.id(),
                                        Map.of("headrace.view.first.epoch.units", "4"),
                                        false));
        assertNull(altered.topic());
        for (String bad : List.of("-1", "2000001", "x")) {
            assertNull(refused(configs("first.epoch.units", bad)).topic(), bad);
        }
        assertNull(refused(configs("type", "mix", "first.epoch.units", "-1")).topic());
    }

    private CatalogResult refused(Map<String, String> configs) {
        TopicSpec spec = new TopicSpec("refused", 1, configs);
        return get(engine.engine.catalog().create(List.of(spec), false)).get(0);
    }
}
