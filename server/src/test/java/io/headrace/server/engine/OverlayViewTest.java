package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.get;
import static io.headrace.server.engine.TestEngine.read;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsKeptException;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.journal.JournalRepair;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.DirectoryObjectStore;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Overlays in a whole engine. */
final class OverlayViewTest {
    private static final Map<String, String> KEEPING = Map.of("retention.ms", "-1");
    private static final String URI = "file:///srv/data/";

    @RegisterExtension final LeakCheck leaks = new LeakCheck();

    @TempDir Path folder;

    /**
     * @param records key and value by turns
     */
    private static ByteBuffer batch(long timestampMs, @Nullable String... records) {
        int length = 100;
        for (String text : records) {
            length += 40 + (text == null ? 0 : text.length());
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(length);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, timestampMs);
        for (int i = 0; i < records.length; i += 2) {
            writer.append(timestampMs, bytes(records[i]), bytes(records[i + 1]));
        }
        writer.end();
        return buffer.flip();
    }

    private static @Nullable ByteBuffer bytes(@Nullable String text) {
        return text == null ? null : ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static void overlay(TestEngine engine, String name, String base, String patch) {
        Topic below = engine.engine.catalog().find(base);
        assertNotNull(below);
        engine.create(
                name,
                below.partitionCount(),
                Map.of(
                        "headrace.view.type", "overlay",
                        "headrace.view.topics", base,
                        "headrace.view.patch", patch));
        TestEngine.await("pin", () -> isPinned(engine, name));
    }

    private static boolean isPinned(TestEngine engine, String name) {
        Topic topic = engine.engine.catalog().find(name);
        // It is in the catalog a moment before the view knows it.
        return topic != null
                && topic.configs().containsKey("headrace.view.pinned")
                && engine.engine.partitionLog(topic, 0) != null;
    }

    @Test
    void batchesOfWhichNothingIsReplacedAreHandedOnWhereTheyLie() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "1", "b", "2"));
            append(engine.log("base", 0), batch(2, "c", "3", null, "4"));
            append(engine.log("base", 0), batch(3, "a", "5", "d", "6", "a", "7"));
            append(engine.log("patch", 0), batch(4, "d", "six", "a", null, "d", "SIX"));
            overlay(engine, "view", "base", "patch");
            PartitionLog view = engine.log("view", 0);
            assertEquals(7, view.highWatermark());
            assertEquals(List.of("1:2", "2:3", "3:4", "5:SIX"), readAll(view, 0));
            try (ReadResult whole = read(engine.log("base", 0), 2, 1);
                    ReadResult shown = read(view, 2, 1)) {
                ByteBuffer lying = ((RecordsLease) whole).slice(0);
                ByteBuffer same = ((RecordsLease) shown).slice(0);
                assertEquals(lying, same);
            }
            // Behind the last record there is what takes readers to the end.
            try (ReadResult end = read(view, 6, 1 << 20)) {
                assertEquals(7, ((RecordsLease) end).nextOffset());
            }
            assertEquals(Unavailable.CAUGHT_UP, view.read(7, 1));
            assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, view.read(8, 1));
        }
    }

    /** Any batches, patches and lengths of reads; compared with what a map says. */
    @Test
    void whateverIsReadIsWhatAMapWouldSay() {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        Random random = new Random(seed);
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 3, KEEPING);
            List<String> keys = new ArrayList<>();
            List<String> values = new ArrayList<>();
            while (keys.size() < 3000) {
                String[] records = new String[2 + 2 * random.nextInt(40)];
                for (int i = 0; i < records.length; i += 2) {
                    String key = random.nextInt(8) == 0 ? null : "key-" + random.nextInt(600);
                    keys.add(key);
                    values.add("v" + values.size() + "x".repeat(random.nextInt(50)));
                    records[i] = key;
                    records[i + 1] = values.get(values.size() - 1);
                }
                append(engine.log("base", 0), batch(keys.size(), records));
            }
            Map<String, @Nullable String> patched = patch(engine, random);
            overlay(engine, "view", "base", "patch");
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < keys.size(); i++) {
                String key = keys.get(i);
                boolean isPatched = key != null && patched.containsKey(key);
                String value = isPatched ? patched.get(key) : values.get(i);
                if (value != null) {
                    expected.add(i + ":" + value);
                }
            }
            PartitionLog view = engine.log("view", 0);
            assertEquals(expected, readAll(view, 0));
            for (int attempt = 0; attempt < 100; attempt++) {
                long from = random.nextInt(keys.size());
                assertRead(view, expected, from, 1 + random.nextInt(20_000));
            }
        }
    }

    /** The newest of a partition, and of those the one with the latest timestamp. */
    private static Map<String, @Nullable String> patch(TestEngine engine, Random random) {
        Map<String, @Nullable String> patched = new HashMap<>();
        Map<String, Long> times = new HashMap<>();
        for (int partition = 0; partition < 3; partition++) {
            Map<String, @Nullable String> newest = new TreeMap<>();
            Map<String, Long> timesHere = new HashMap<>();
            for (int i = 0; i < 120; i++) {
                String key = "key-" + random.nextInt(800);
                String value = random.nextInt(4) == 0 ? null : partition + "/" + i;
                long timestampMs = random.nextInt(5);
                append(engine.log("patch", partition), batch(timestampMs, key, value));
                newest.put(key, value);
                timesHere.put(key, timestampMs);
            }
            for (String key : newest.keySet()) {
                if (times.getOrDefault(key, -1L) <= timesHere.get(key)) {
                    patched.put(key, newest.get(key));
                    times.put(key, timesHere.get(key));
                }
            }
        }
        return patched;
    }

    private static void assertRead(
            PartitionLog view, List<String> expected, long from, int lengthMax) {
        try (ReadResult result = read(view, from, lengthMax)) {
            RecordsLease lease = (RecordsLease) result;
            List<String> wanted =
                    expected.stream()
                            .filter(record -> offset(record) >= from)
                            .filter(record -> offset(record) < lease.nextOffset())
                            .toList();
            assertEquals(wanted, TestEngine.records(lease, from));
        }
    }

    private static long offset(String record) {
        return Long.parseLong(record.substring(0, record.indexOf(':')));
    }

    @Test
    void aPatchThatIsTooLongIsRefusedAndNeverPinned() {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            refuseTooLong(said);
        } finally {
            System.setErr(before);
        }
    }

    private void refuseTooLong(ByteArrayOutputStream said) {
        try (TestEngine engine =
                new TestEngine(folder)) { // with 64 MiB, three sixteenths for patches
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, Map.of("retention.ms", "-1", "max.message.bytes", "200000"));
            append(engine.log("base", 0), batch(1, "a", "1"));
            String long100k = "x".repeat(100_000);
            for (int i = 0; i < 140; i++) {
                append(engine.log("patch", 0), batch(2, "k" + i, long100k));
            }
            Topic topic =
                    engine.create(
                            "pairs.v2",
                            1,
                            Map.of(
                                    "headrace.view.type", "overlay",
                                    "headrace.view.topics", "base",
                                    "headrace.view.patch", "patch"));
            // Nothing is shown before it is decided, which would be taken for an empty topic.
            assertNull(engine.engine.partitionLog(topic, 0));
            TestEngine.await(
                    "refusal",
                    () -> said.toString(StandardCharsets.UTF_8).contains("patches too long"));
            assertNull(engine.engine.partitionLog(topic, 0));
            Map<String, String> published =
                    Map.of("headrace.version.of", "pairs", "headrace.version.name", "v2");
            CatalogResult refused =
                    get(engine.engine.catalog().alterConfigs(topic.id(), published, true));
            assertTrue(String.valueOf(refused.message()).contains("not pinned yet"));
        }
    }

    @Test
    void nothingIsDeletedBelowAnOverlay() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "1"));
            append(engine.log("base", 0), batch(1, "b", "2"));
            append(engine.log("patch", 0), batch(2, "a", "one"));
            append(engine.log("patch", 0), batch(2, "b", "two"));
            overlay(engine, "view", "base", "patch");
            assertNothingIsDeleted(engine);
        }
        // Nor after a start with other defaults, by which they need not keep their records.
        TopicConfig others = TopicConfig.DEFAULTS.with(Map.of("flush.messages", "1000"));
        try (TestEngine engine = new TestEngine(folder, context -> context.topicDefaults(others))) {
            assertNothingIsDeleted(engine);
            Topic base = engine.engine.catalog().find("base");
            assertNotNull(base);
            Map<String, String> shorter = Map.of("retention.ms", "1");
            CatalogResult refused =
                    get(engine.engine.catalog().alterConfigs(base.id(), shorter, false));
            assertEquals(TopicCatalog.Error.REFUSED, refused.error(), refused::toString);
            Topic view = engine.engine.catalog().find("view");
            assertNotNull(view);
            Map<String, String> other = Map.of("compression.type", "uncompressed");
            CatalogResult altered =
                    get(engine.engine.catalog().alterConfigs(view.id(), other, false));
            assertNull(altered.error(), altered::toString);
        }
    }

    private static void assertNothingIsDeleted(TestEngine engine) {
        for (String below : List.of("base", "patch")) {
            ExecutionException refused =
                    assertThrows(
                            ExecutionException.class,
                            () -> engine.log(below, 0).deleteRecords(1).get());
            assertInstanceOf(RecordsKeptException.class, refused.getCause(), below);
        }
        TestEngine.await("shown", () -> engine.log("view", 0).highWatermark() == 2);
        assertEquals(List.of("0:one", "1:two"), readAll(engine.log("view", 0), 0));
    }

    @Test
    void aPatchThatIsNotWhatItWasIsAnError() throws Exception {
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "1"));
            append(engine.log("patch", 0), batch(2, "a", "stands in"));
            append(engine.log("patch", 0), batch(2, "b", "two"));
            overlay(engine, "view", "base", "patch");
            assertEquals(List.of("0:stands in"), readAll(engine.log("view", 0), 0));
        }
        Path journal = folder.resolve("journal/data-1");
        damage(journal, "stands in");
        assertFalse(JournalRepair.run(journal, folder.resolve("side")).isEmpty());
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            // The patch is read anew.
            assertEquals(Unavailable.CORRUPT, read(engine.log("view", 0), 0, 1 << 20));
        }
    }

    /** What a repair has cut out is an error also where it is in the middle of what is read. */
    @ParameterizedTest
    @ValueSource(strings = {"a", "nothing in the base"})
    void recordsThatARepairHasCutOutAreNotPassedOver(String patched) throws Exception {
        Path journal = folder.resolve("journal/data-1");
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "first"));
            append(engine.log("base", 0), batch(1, "b", "second"));
            append(engine.log("base", 0), batch(1, "c", "third"));
            append(engine.log("patch", 0), batch(2, patched, "first"));
            overlay(engine, "view", "base", "patch");
        }
        damage(journal, "second");
        assertFalse(JournalRepair.run(journal, folder.resolve("side")).isEmpty());
        try (TestEngine engine = new TestEngine(folder, context -> context.journalCount(1))) {
            PartitionLog view = engine.log("view", 0);
            try (ReadResult before = read(view, 0, 1 << 20)) {
                assertEquals(1, ((RecordsLease) before).nextOffset());
                assertEquals(List.of("0:first"), TestEngine.records((RecordsLease) before, 0));
            }
            assertEquals(Unavailable.CORRUPT, read(view, 1, 1 << 20));
            assertEquals(List.of("2:third"), readAll(view, 2));
        }
    }

    private static void damage(Path journal, String value) throws Exception {
        try (Stream<Path> files = Files.walk(journal)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                byte[] bytes = Files.readAllBytes(file);
                int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(value);
                if (at >= 0) {
                    bytes[at] ^= 1;
                    Files.write(file, bytes);
                    return;
                }
            }
        }
        throw new AssertionError("not found: " + value);
    }

    /** The one above is pinned to what the one below is, whatever that has found so far. */
    @Test
    void anOverlayOverAnOverlayHasWhatThatOneHas() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            engine.create("more", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "1", "b", "2"));
            append(engine.log("base", 0), batch(2, "c", "3", "d", "4"));
            append(engine.log("base", 0), batch(3, "e", "5"));
            append(engine.log("patch", 0), batch(4, "c", null, "d", null, "e", "five"));
            append(engine.log("more", 0), batch(4, "a", "one", "c", "not there", "e", null));
            overlay(engine, "below", "base", "patch");
            append(engine.log("base", 0), batch(5, "f", "too late"));
            overlay(engine, "above", "below", "more");
            PartitionLog above = engine.log("above", 0);
            assertEquals(5, above.highWatermark());
            assertEquals(List.of("0:1", "1:2", "4:five"), readAll(engine.log("below", 0), 0));
            assertEquals(List.of("0:one", "1:2"), readAll(above, 0));
            for (int lengthMax : new int[] {1, 100, 1 << 20}) {
                try (ReadResult end = read(above, 2, lengthMax)) {
                    assertTrue(((RecordsLease) end).nextOffset() > 2);
                }
            }
        }
    }

    @Test
    void whatAnOverlayHasFitsIntoItsConfig() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 200, KEEPING);
            engine.create("patch", 100, KEEPING);
            assertThrows(AssertionError.class, () -> overlay(engine, "view", "base", "patch"));
        }
    }

    @Test
    void aPatchWithOtherRecordsThanWhenItWasPinnedIsNotShown() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            append(engine.log("base", 0), batch(1, "a", "1"));
            append(engine.log("patch", 0), batch(2, "a", "one"));
            overlay(engine, "view", "base", "patch");
            Topic pinned = engine.engine.catalog().find("view");
            assertNotNull(pinned);
            Map<String, String> configs = new HashMap<>(pinned.configs());
            engine.create("same", 1, configs);
            assertEquals(List.of("0:one"), readAll(engine.log("same", 0), 0));
            configs.computeIfPresent(
                    "headrace.view.pinned",
                    (key, pin) -> pin.replaceAll(":[0-9a-f]{8}:", ":00000000:"));
            engine.create("other", 1, configs);
            assertEquals(Unavailable.CORRUPT, read(engine.log("other", 0), 0, 1 << 20));
        }
    }

    /** All keys of up to two bytes, and some of about eight, which are looked at at once. */
    @Test
    void keysOfAnyFewBytesAreToldApart() {
        List<byte @Nullable []> keys = new ArrayList<>();
        keys.add(null);
        keys.add(new byte[0]);
        for (int first = 0; first < 256; first++) {
            keys.add(new byte[] {(byte) first});
            for (int second = 0; second < 256; second += first % 16 == 0 ? 1 : 37) {
                keys.add(new byte[] {(byte) first, (byte) second});
            }
        }
        for (int length = 3; length < 20; length++) {
            keys.add(new byte[length]);
            byte[] other = new byte[length];
            other[length - 1] = 1;
            keys.add(other);
        }
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("base", 1, KEEPING);
            engine.create("patch", 1, KEEPING);
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < keys.size(); i += 100) {
                append(engine.log("base", 0), ofKeys("v", keys, i, 1, key -> true));
                append(engine.log("patch", 0), ofKeys("w", keys, i, 1, key -> key % 3 == 0));
            }
            for (int i = 0; i < keys.size(); i++) {
                boolean isPatched = i % 3 == 0 && keys.get(i) != null;
                expected.add(i + ":" + (isPatched ? "w" : "v") + i);
            }
            overlay(engine, "view", "base", "patch");
            assertEquals(expected, readAll(engine.log("view", 0), 0));
        }
    }

    /** Up to a hundred records, each with its number behind a letter. */
    private static ByteBuffer ofKeys(
            String letter,
            List<byte @Nullable []> keys,
            int from,
            long timestampMs,
            IntPredicate isIn) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(10_000);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, timestampMs);
        for (int i = from; i < Math.min(from + 100, keys.size()); i++) {
            byte[] key = keys.get(i);
            if (isIn.test(i)) {
                writer.append(
                        timestampMs, key == null ? null : ByteBuffer.wrap(key), bytes(letter + i));
            }
        }
        writer.end();
        return buffer.flip();
    }

    /** It waits for the index, and has then what there was, whatever is listed later. */
    @Test
    void anOverlayOverASourceThatIsNotPublishedHasWhatWasIndexedThen() throws Exception {
        Path objects = Files.createDirectory(folder.resolve("objects"));
        int count = 0;
        for (int object = 0; object < 7; object++) {
            Files.writeString(objects.resolve("%02d.txt".formatted(object)), lines(object, 50));
        }
        List<List<String>> shown = new ArrayList<>();
        try (TestEngine engine = launch(objects)) {
            engine.create(
                    "base",
                    2,
                    Map.of("headrace.source.uri", URI, "headrace.source.format", "lines"));
            engine.create("patch", 1, KEEPING);
            overlay(engine, "view", "base", "patch");
            String pin = pin(engine, "view");
            assertTrue(pin.matches("[0-9]+:[0-9]+,[0-9]+;[0-9]+:00000000:0"), pin);
            for (int partition = 0; partition < 2; partition++) {
                List<String> records = readAll(engine.log("view", partition), 0);
                assertEquals(records, readAll(engine.log("base", partition), 0));
                assertEquals(records.size(), engine.log("view", partition).logEndOffset());
                shown.add(records);
                count += records.size();
            }
            assertEquals(350, count);
            for (int object = 7; object < 12; object++) {
                Files.writeString(objects.resolve("%02d.txt".formatted(object)), lines(object, 50));
            }
            Topic base = engine.engine.catalog().find("base");
            assertNotNull(base);
            get(engine.engine.sources().refresh(base.id()));
            TestEngine.await(
                    "more of the base",
                    () -> {
                        long end = 0;
                        for (int partition = 0; partition < 2; partition++) {
                            PartitionLog log = engine.log("base", partition);
                            read(log, log.highWatermark(), 1).close();
                            end += log.highWatermark();
                        }
                        return end == 600;
                    });
            assertSame(engine, shown);
        }
        try (TestEngine engine = launch(objects)) {
            assertSame(engine, shown);
        }
    }

    private static void assertSame(TestEngine engine, List<List<String>> shown) {
        for (int partition = 0; partition < 2; partition++) {
            PartitionLog view = engine.log("view", partition);
            assertEquals(shown.get(partition).size(), view.logEndOffset());
            assertEquals(shown.get(partition), readAll(view, 0));
        }
    }

    private TestEngine launch(Path objects) throws Exception {
        DirectoryObjectStore store = new DirectoryObjectStore("data", objects);
        return new TestEngine(
                folder.resolve("engine"),
                context -> context.objectStore(URI, store).cacheDiskBytes(0));
    }

    private static String lines(int object, int count) {
        StringBuilder text = new StringBuilder();
        for (int line = 0; line < count; line++) {
            text.append(object).append('/').append(line).append('\n');
        }
        return text.toString();
    }

    private static String pin(TestEngine engine, String name) {
        Topic topic = engine.engine.catalog().find(name);
        return topic == null ? "" : topic.configs().getOrDefault("headrace.view.pinned", "");
    }
}
