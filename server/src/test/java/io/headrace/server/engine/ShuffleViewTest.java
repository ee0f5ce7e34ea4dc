package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.awaitHighWatermark;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static io.headrace.server.engine.TestEngine.records;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Progress;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.DirectoryObjectStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Shuffle views in a whole engine, over a directory of objects. */
final class ShuffleViewTest {
    private static final String URI = "file:///srv/data/";
    private static final int PARTITIONS = 4;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;
    private Path objects;
    private final List<String> samples = new ArrayList<>();

    @BeforeEach
    void makeStore() throws IOException {
        objects = Files.createDirectory(folder.resolve("objects"));
    }

    private TestEngine launch() throws IOException {
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        // Without an SSD, where blocks of objects would outlive these.
        return new TestEngine(
                folder.resolve("engine"),
                context -> context.objectStore(URI, store).cacheDiskBytes(0));
    }

    /** Objects of lines, each of another number of them. */
    private void putLines(int from, int to, int lines, int length) throws IOException {
        for (int object = from; object < to; object++) {
            StringBuilder text = new StringBuilder();
            for (int line = 0; line < lines + object; line++) {
                String sample = object + "/" + line + " " + "x".repeat((line * 7) % length);
                samples.add(sample);
                text.append(sample).append('\n');
            }
            Files.writeString(objects.resolve("%05d.txt".formatted(object)), text);
        }
    }

    private static void source(TestEngine engine, String format) {
        engine.create(
                "base", 3, Map.of("headrace.source.uri", URI, "headrace.source.format", format));
    }

    private static Map<String, String> shuffle(String... more) {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "shuffle");
        configs.put("headrace.view.topics", "base");
        for (int i = 0; i < more.length; i += 2) {
            configs.put("headrace.view." + more[i], more[i + 1]);
        }
        return configs;
    }

    /** All records of a view, by their numbers. */
    private static List<String> all(TestEngine engine, String view) {
        awaitHighWatermark(engine.log(view, 0), 1);
        long total = 0;
        List<List<String>> partitions = new ArrayList<>();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            PartitionLog log = engine.log(view, partition);
            List<String> read = readAll(log, 0);
            assertEquals(log.highWatermark(), read.size());
            total += read.size();
            partitions.add(read);
        }
        return interleaved(partitions, total);
    }

    private static List<String> interleaved(List<List<String>> partitions, long total) {
        List<String> records = new ArrayList<>();
        for (int n = 0; n < total; n++) {
            String record = partitions.get(n % PARTITIONS).get(n / PARTITIONS);
            String offset = n / PARTITIONS + ":";
            assertTrue(record.startsWith(offset), record);
            records.add(record.substring(offset.length()));
        }
        return records;
    }

    private void assertHasAll(List<String> records) {
        List<String> expected = new ArrayList<>(samples);
        List<String> sorted = new ArrayList<>(records);
        Collections.sort(expected);
        Collections.sort(sorted);
        assertEquals(expected, sorted);
    }

    @Test
    void eachEpochHasEveryRecordOnceInAnOrderOfItsOwn() throws IOException {
        putLines(0, 9, 400, 900);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle("epochs", "3", "window.blocks", "2"));
            List<String> records = all(engine, "view");
            int length = samples.size();
            assertEquals(3 * length, records.size());
            for (int epoch = 0; epoch < 3; epoch++) {
                assertHasAll(records.subList(epoch * length, (epoch + 1) * length));
            }
            assertNotEquals(samples, records.subList(0, length));
            assertNotEquals(records.subList(0, length), records.subList(length, 2 * length));
        }
    }

    @Test
    void theOrderIsTheSameAfterRestartsAndWhenTheDatasetHasGrown() throws IOException {
        putLines(0, 6, 300, 500);
        List<String> first;
        List<String> otherSeed;
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle("seed", "7"));
            engine.create("other", PARTITIONS, shuffle("seed", "8"));
            first = all(engine, "view");
            otherSeed = all(engine, "other");
        }
        assertNotEquals(first, otherSeed);
        List<String> known = List.copyOf(samples);
        putLines(6, 9, 300, 500);
        try (TestEngine engine = launch()) {
            // Positions are valid at once, before anything is read.
            PartitionLog log = engine.log("view", 1);
            assertEquals((known.size() + 2) / PARTITIONS, log.highWatermark());
            assertEquals(first, all(engine, "view"));
            engine.create("again", PARTITIONS, shuffle("seed", "7"));
            assertEquals(samples.size(), all(engine, "again").size());
        }
        TestEngine.deleteFolder(folder.resolve("engine/rocksdb"));
        try (TestEngine engine = launch()) {
            assertEquals(first, all(engine, "view"));
        }
    }

    @Test
    void anyReadOfAnyLengthFindsTheSameRecords() throws IOException {
        putLines(0, 8, 300, 3000);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle("window.blocks", "3"));
            List<String> records = all(engine, "view");
            Random random = new Random(4);
            for (int i = 0; i < 300; i++) {
                int n = random.nextInt(records.size());
                int lengthMax = 1 + random.nextInt(1 << 20);
                long offset = n / PARTITIONS;
                PartitionLog log = engine.log("view", n % PARTITIONS);
                try (ReadResult result = read(log, offset, lengthMax)) {
                    List<String> found = records((RecordsLease) result, offset);
                    for (int j = 0; j < found.size(); j++) {
                        String expected = (offset + j) + ":" + records.get(n + j * PARTITIONS);
                        assertEquals(expected, found.get(j));
                    }
                    assertTrue(!found.isEmpty());
                }
            }
        }
    }

    @Test
    void aSourceOfWholeObjectsIsShuffled() throws IOException {
        for (int i = 0; i < 500; i++) {
            Files.writeString(objects.resolve("%05d".formatted(i)), "object " + i);
            samples.add("object " + i);
        }
        try (TestEngine engine = launch()) {
            source(engine, "files");
            engine.create("view", PARTITIONS, shuffle());
            assertHasAll(all(engine, "view"));
        }
    }

    @Test
    void whatIsBoundToTheOrderIsFixed() throws IOException {
        putLines(0, 1, 10, 10);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("plain", 1, Map.of());
            Topic view = engine.create("view", PARTITIONS, shuffle());
            all(engine, "view");
            assertRefused(engine, "over no source", shuffle("topics", "plain"));
            assertRefused(engine, "over two", shuffle("topics", "base,plain"));
            assertRefused(engine, "no epochs", shuffle("epochs", "0"));
            assertRefused(engine, "no window", shuffle("window.blocks", "0"));
            assertRefused(engine, "no pin", shuffle("pinned", "base:x"));
            assertRefused(
                    engine,
                    "more than can be counted",
                    shuffle("pinned", "base:1:1:1000000000001", "epochs", "1000000"));
            Map<String, String> compressed = shuffle();
            compressed.put("compression.type", "zstd");
            assertRefused(engine, "compressed", compressed);
            for (String key : List.of("seed", "epochs", "window.blocks", "pinned")) {
                assertRefused(
                        get(
                                engine.engine
                                        .catalog()
                                        .alterConfigs(
                                                view.id(),
                                                Map.of("headrace.view." + key, "5"),
                                                false)));
            }
            assertRefused(get(engine.engine.catalog().grow(view.id(), 8, false)));
        }
    }

    private static void assertRefused(TestEngine engine, String what, Map<String, String> configs) {
        CatalogResult result =
                get(engine.engine
                                .catalog()
                                .create(List.of(new TopicSpec("refused", 1, configs)), false))
                        .get(0);
        assertTrue(result.topic() == null, what);
    }

    private static void assertRefused(CatalogResult result) {
        assertTrue(result.topic() == null, result.toString());
    }

    @Test
    void progressTellsWhatItWaitsFor() throws IOException {
        putLines(0, 5, 100, 100);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            Topic view = engine.create("view", PARTITIONS, shuffle());
            assertEquals(Unavailable.CAUGHT_UP, engine.log("view", 0).read(0, 1000));
            TestEngine.await(
                    "pinned", () -> get(engine.engine.views().ordered(view).progress()).isPinned());
            Progress progress = get(engine.engine.views().ordered(view).progress());
            assertEquals(samples.size(), progress.recordCount());
            assertEquals(5, progress.sides().get(0).indexedCount());
        }
    }

    /** Windows are longer than all that may be kept of them, and some objects are longer still. */
    @Test
    void littleMemoryIsEnough() throws IOException {
        putLines(0, 6, 2_000, 2_400);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle());
            assertHasAll(all(engine, "view"));
        }
    }

    /** Each has stretches that take half of the room if there is no other view. */
    @Test
    void viewsThatAreReadAtOnceLeaveEachOtherTheirStretches() throws IOException {
        putLines(0, 24, 1_000, 900);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            int views = 4;
            for (int view = 0; view < views; view++) {
                String seed = Integer.toString(view);
                Map<String, String> configs =
                        shuffle("window.blocks", "8", "epochs", "4", "seed", seed);
                engine.create("view" + view, PARTITIONS, configs);
                awaitHighWatermark(engine.log("view" + view, 0), 1);
            }
            long[][] offsets = new long[views][PARTITIONS];
            boolean isAtEnd = false;
            while (!isAtEnd) {
                isAtEnd = true;
                for (int i = 0; i < views * PARTITIONS; i++) {
                    PartitionLog log = engine.log("view" + i / PARTITIONS, i % PARTITIONS);
                    long offset = offsets[i / PARTITIONS][i % PARTITIONS];
                    if (offset < log.highWatermark()) {
                        isAtEnd = false;
                        try (ReadResult result = read(log, offset, 64 << 10)) {
                            offsets[i / PARTITIONS][i % PARTITIONS] =
                                    ((RecordsLease) result).nextOffset();
                        }
                    }
                }
            }
            long made = engine.metric("headrace_view_stretches_made_total");
            int windows = views * 4 * 3;
            assertTrue(made >= windows && made <= windows * (views + 2), "made=" + made);
        }
    }

    @Test
    void memoryThatOthersTakeMakesStretchesShorter() throws IOException {
        putLines(0, 8, 1_000, 2_400);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle());
            List<String> records = all(engine, "view");
            List<Slab> taken = new ArrayList<>();
            Slab slab = engine.memory.allocate(1 << 20, "test");
            while (slab != null) {
                taken.add(slab);
                slab = engine.memory.allocate(1 << 20, "test");
            }
            for (int i = 0; i < 6 && !taken.isEmpty(); i++) {
                taken.remove(0).release();
            }
            assertEquals(records, all(engine, "view"));
            taken.forEach(Slab::release);
        }
    }

    @Test
    void onlyRecordsOfAChangedObjectCannotBeRead() throws IOException {
        putLines(0, 6, 200, 100);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", 1, shuffle());
            awaitHighWatermark(engine.log("view", 0), 1);
        }
        Files.writeString(objects.resolve("00003.txt"), "something else\n");
        try (TestEngine engine = launch()) {
            PartitionLog log = engine.log("view", 0);
            int lost = 0;
            List<String> found = new ArrayList<>();
            for (long offset = 0; offset < log.highWatermark(); ) {
                try (ReadResult result = read(log, offset, 1 << 16)) {
                    if (result instanceof RecordsLease lease) {
                        records(lease, offset)
                                .forEach(record -> found.add(record.replaceFirst("^[0-9]+:", "")));
                        offset = lease.nextOffset();
                    } else {
                        assertEquals(Unavailable.SOURCE_CHANGED, result);
                        lost++;
                        offset++;
                    }
                }
            }
            assertEquals(203, lost);
            samples.removeIf(sample -> sample.startsWith("3/"));
            assertHasAll(found);
        }
    }

    @Test
    void aLeaseStaysReadableWhateverIsMadeMeanwhile() throws IOException {
        putLines(0, 12, 2_000, 2_400);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", 1, shuffle());
            PartitionLog log = engine.log("view", 0);
            awaitHighWatermark(log, 1);
            try (ReadResult held = read(log, 0, 200_000)) {
                RecordsLease lease = (RecordsLease) held;
                List<String> before = records(lease, 0);
                readAll(log, 0); // takes the place of the first stretches many times
                assertEquals(before, records(lease, 0));
            }
        }
    }

    @Test
    void aReaderThatFailsTakesNothingFromOthers() throws Exception {
        putLines(0, 6, 200, 100);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle("window.blocks", "1", "epochs", "4"));
            awaitHighWatermark(engine.log("view", 0), 1);
            for (int i = 0; i < 12; i++) { // more than are made at once
                PartitionLog log = engine.log("view", 0);
                CountDownLatch called = new CountDownLatch(1);
                log.readCold(
                        i * log.highWatermark() / 12,
                        1000,
                        result -> {
                            result.close();
                            called.countDown();
                            throw new IllegalStateException("a reader that fails");
                        });
                assertTrue(called.await(60, TimeUnit.SECONDS));
            }
            assertEquals(4 * samples.size(), all(engine, "view").size());
        }
    }

    @Test
    void whatIsSkippedBelowIsSkippedInWhatWasMade() throws IOException {
        putLines(0, 3, 50, 100);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("view", PARTITIONS, shuffle());
            all(engine, "view");
            long length = length(engine, "view");
            long base = engine.log("base", 0).topic().id();
            Map<String, String> skip = Map.of("headrace.source.skip.offsets", "0:0");
            get(engine.engine.catalog().alterConfigs(base, skip, false));
            TestEngine.await("skipped", () -> length(engine, "view") != length);
        }
    }

    /** Bytes of all batches of a view. */
    private static long length(TestEngine engine, String view) {
        long length = 0;
        for (int partition = 0; partition < PARTITIONS; partition++) {
            PartitionLog log = engine.log(view, partition);
            for (long offset = 0; offset < log.highWatermark(); ) {
                try (ReadResult result = read(log, offset, 1 << 16)) {
                    RecordsLease lease = (RecordsLease) result;
                    length += lease.length();
                    offset = lease.nextOffset();
                }
            }
        }
        return length;
    }

    @Test
    void aMixHasBothSides() throws IOException {
        putLines(0, 6, 300, 900);
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create(
                    "few",
                    1,
                    Map.of(
                            "headrace.source.uri",
                            URI + "00001.txt",
                            "headrace.source.format",
                            "lines"));
            List<String> first = null;
            for (String name : List.of("mix", "same")) {
                Map<String, String> configs =
                        shuffle("type", "mix", "topics", "base:3,few:1", "end", "rest");
                configs.put("headrace.view.shuffle", "true");
                engine.create(name, PARTITIONS, configs);
                List<String> records = all(engine, name);
                assertEquals(first == null ? records : first, records);
                first = records;
            }
            for (int i = 0; i < 301; i++) {
                samples.add(samples.get(300 + i));
            }
            assertHasAll(first);
        }
    }

    /** Who only asks how far a view goes, as /metrics does, does not keep the order known. */
    @Test
    void anOrderIsForgottenAMinuteAfterTheLastRead() throws IOException {
        putLines(0, 6, 200, 100);
        MovedClock clock = new MovedClock();
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        try (TestEngine engine =
                new TestEngine(
                        folder.resolve("engine"),
                        context -> context.objectStore(URI, store).cacheDiskBytes(0),
                        clock)) {
            source(engine, "lines");
            Topic view = engine.create("view", PARTITIONS, shuffle("epochs", "4"));
            awaitHighWatermark(engine.log("view", 0), 1);
            assertEquals(0, engine.metric(TOLD));
            all(engine, "view");
            assertEquals(1, engine.metric(TOLD));
            for (int seconds = 0; seconds < 50; seconds += 10) {
                clock.move(10);
                assertTrue(engine.log("view", 0).highWatermark() > 0);
                get(engine.engine.views().ordered(view).progress());
                assertEquals(1, engine.metric(TOLD));
            }
            read(engine.log("view", 0), 0, 1000).close(); // from memory, or made again
            for (int seconds = 0; seconds < 70; seconds += 10) {
                clock.move(10);
                assertTrue(engine.log("view", 0).highWatermark() > 0);
                get(engine.engine.views().ordered(view).progress());
            }
            TestEngine.await("forgotten", () -> engine.metric(TOLD) == 0);
            read(engine.log("view", 0), 0, 1000).close();
            TestEngine.await("told again", () -> engine.metric(TOLD) == 1);
        }
    }

    private static final String TOLD = "headrace_view_orders_told";

    /** It takes a while, and whoever asks may be an event loop. */
    @Test
    void theLengthOfAMixIsCountedWhereNobodyWaits() throws IOException {
        putLines(0, 6, 300, 900);
        Map<String, String> configs = shuffle("type", "mix", "topics", "base", "end", "rest");
        try (TestEngine engine = launch()) {
            source(engine, "lines");
            engine.create("mix", PARTITIONS, configs);
            all(engine, "mix");
        }
        HeldPool pool = new HeldPool("headrace-view-assembler");
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        pool.hold();
        try (TestEngine engine =
                new TestEngine(
                        folder.resolve("engine"),
                        context -> context.objectStore(URI, store).cacheDiskBytes(0),
                        pool)) {
            Topic mix = engine.engine.catalog().find("mix");
            assertNotNull(mix);
            for (int i = 0; i < 100; i++) { // whoever asks is told to come again
                assertNull(engine.engine.partitionLog(mix, i % PARTITIONS));
            }
            pool.release();
            TestEngine.await("a log", () -> engine.engine.partitionLog(mix, 0) != null);
            PartitionLog log = engine.log("mix", 0);
            assertEquals((samples.size() + PARTITIONS - 1) / PARTITIONS, log.highWatermark());
            assertHasAll(all(engine, "mix"));
        } finally {
            pool.release();
        }
    }
}
