package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.RandomShards.Expected;
import io.headrace.objects.SourceFixture.Decoded;
import io.headrace.objects.format.TarBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Topics whose objects somebody has to look into, over a directory. */
final class SampleSourceTest {
    private static final int OVERSIZE = 30_000_000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path root;
    private SourceFixture fixture;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);

    /** The JVM opens a pair of sockets with its first channel, and keeps it. */
    @BeforeAll
    static void openFirstChannel(@TempDir Path folder) throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        FileChannel.open(file, StandardOpenOption.READ).close();
    }

    @BeforeEach
    void open() throws IOException {
        fixture = new SourceFixture(new DirectoryObjectStore("data", root));
        fixture.store.jitterMicros = 300;
        leaks.watch(fixture.memory);
    }

    @AfterEach
    void close() {
        fixture.close();
    }

    private static Topic topic(int partitionCount, String... configs) {
        Map<String, String> all = new HashMap<>();
        all.put("headrace.source.uri", SourceFixture.ROOT);
        for (int i = 0; i < configs.length; i += 2) {
            all.put("headrace.source." + configs[i], configs[i + 1]);
        }
        return SourceFixture.topic(1, partitionCount, all);
    }

    private SourceLog log(Topic topic) {
        return fixture.logs().open(topic, 0);
    }

    private RandomShards shards() {
        return new RandomShards(root, random);
    }

    private static Map<String, Integer> parts(Object... namesAndLengths) {
        Map<String, Integer> parts = new LinkedHashMap<>();
        for (int i = 0; i < namesAndLengths.length; i += 2) {
            parts.put((String) namesAndLengths[i], (Integer) namesAndLengths[i + 1]);
        }
        return parts;
    }

    private void assertSamples(List<Expected> expected, List<Decoded> records) {
        for (int i = 0; i < expected.size(); i++) {
            int at = i;
            assertEquals(
                    "",
                    RandomShards.difference(expected.get(i), RandomShards.sampleOf(records.get(i))),
                    () -> "sample " + at + " seed=" + seed);
        }
    }

    private void assertReads(Topic topic, List<Expected> expected) {
        SourceLog log = log(topic);
        assertSamples(expected, fixture.read(log, 0, expected.size()));
    }

    /** Reads pieces here and there, in no order. */
    private void assertReadsAnywhere(Topic topic, List<Expected> expected) {
        SourceLog log = log(topic);
        for (int i = 0; i < 12; i++) {
            int from = random.nextInt(expected.size());
            int count = Math.min(1 + random.nextInt(40), expected.size() - from);
            assertSamples(expected.subList(from, from + count), fixture.read(log, from, count));
        }
    }

    private void assertReadsAlways(Topic topic, RandomShards shards) {
        assertReads(topic, shards.samples);
        fixture.restart(false);
        assertReadsAnywhere(topic, shards.samples);
        fixture.restart(true);
        assertReads(topic, shards.samples);
        assertReadsAnywhere(topic, shards.samples);
    }

    @Test
    void tarSampleIsOneRecordOfItsPartsWithKeyAndLineage() throws IOException {
        TarBytes tar = new TarBytes();
        tar.file("a/0001.jpg", "image".getBytes(StandardCharsets.UTF_8));
        tar.file("a/0001.txt", "caption".getBytes(StandardCharsets.UTF_8));
        tar.file("a/0002.txt", "alone".getBytes(StandardCharsets.UTF_8));
        Files.write(root.resolve("shard.tar"), tar.end());
        List<Decoded> records = fixture.read(log(topic(1, "format", "tar")), 0, 2);
        assertEquals("a/0001", records.get(0).key());
        Expected sample = RandomShards.sampleOf(records.get(0));
        assertEquals(List.of("jpg", "txt"), List.copyOf(sample.parts().keySet()));
        assertEquals("caption", new String(sample.parts().get("txt"), StandardCharsets.UTF_8));
        Map<String, String> headers = records.get(0).headers();
        assertEquals("shard.tar", headers.get("headrace.object"));
        assertEquals("512-1543", headers.get("headrace.range"));
        assertTrue(headers.get("headrace.version").startsWith("" + tar.bytes().length));
        assertEquals("a/0002", records.get(1).key());
        assertEquals(
                Files.getLastModifiedTime(root.resolve("shard.tar")).toMillis(),
                records.get(1).timestampMs());
    }

    @Test
    void tarShardsComeBackSampleForSampleAndEachByteIsReadOnce() {
        RandomShards shards = shards();
        for (int i = 0; i < 5; i++) {
            shards.tar("shard-" + i + ".tar", 400, parts("jpg", 20_000, "json", 300));
        }
        Topic topic = topic(1, "format", "tar");
        assertReads(topic, shards.samples);
        assertTrue(fixture.store.bytes.sum() <= shards.storedBytes, "read twice");
        fixture.restart(false);
        assertReadsAnywhere(topic, shards.samples);
        fixture.restart(true);
        assertReads(topic, shards.samples);
    }

    @Test
    void samplesLargerThanARangeAndThanABlockComeBackWhole() {
        RandomShards shards = shards();
        shards.tar("a.tar", 8, parts("cls", 10, "mp4", 9 << 20, "txt", 2000));
        shards.tar("b.tar", 60, parts("jpg", 60_000, "mp4", 1_500_000));
        assertReadsAlways(topic(1, "format", "tar"), shards);
    }

    @Test
    void compressedShardsComeBackSampleForSample() {
        RandomShards shards = shards();
        shards.tar("a.tar.gz", 300, parts("jpg", 30_000, "json", 300));
        shards.tar("b.tgz.tar", 20, parts("jpg", 30_000));
        shards.tar("c.tar.gz", 4, parts("mp4", 6 << 20));
        assertReadsAlways(topic(1, "format", "tar"), shards);
    }

    @Test
    void compressedShardIsGoneOnWithInTheMiddleOfIt() {
        RandomShards shards = shards();
        shards.tar("a.tar.gz", 800, parts("jpg", 60_000));
        Topic topic = topic(1, "format", "tar");
        assertSamples(shards.samples.subList(0, 20), fixture.read(log(topic), 0, 20));
        fixture.restart(false);
        long indexed = log(topic).highWatermark();
        assertTrue(indexed > 0 && indexed < 800, "" + indexed);
        assertReads(topic, shards.samples);
    }

    @Test
    void formatOfEachObjectIsDecidedOnceAndKept() {
        RandomShards shards = shards();
        shards.tar("a.tar", 50, parts("jpg", 3000, "txt", 30));
        shards.lines("b.jsonl", 3000, 200);
        shards.whole("c.bin", 70_000);
        shards.lines("d.txt.gz", 2000, 1000);
        shards.tar("e.tar.gz", 50, parts("jpg", 3000, "txt", 30));
        shards.whole("f.unknown", 3 << 20);
        String said =
                StandardErrors.during(() -> assertReadsAlways(topic(1, "format", "auto"), shards));
        assertTrue(said.contains("read as tar: topic=topic-1 firstKey=a.tar"), said);
        assertTrue(said.contains("read as lines, gzip: topic=topic-1 firstKey=d.txt.gz"), said);
        assertTrue(said.contains("read as files: topic=topic-1 firstKey=c.bin"), said);
    }

    @Test
    void randomShardsOverSeveralPartitionsSurviveFailuresAndRestarts() {
        RandomShards shards = shards();
        for (int i = 0; i < 9; i++) {
            boolean isLong = random.nextInt(3) == 0;
            int length = isLong ? 2_000_000 : 5_000;
            int count = 1 + random.nextInt(isLong ? 20 : 150);
            String name = "shard-" + i + ".tar" + (random.nextBoolean() ? ".gz" : "");
            shards.tar(name, count, parts("a", length, "b", 100));
        }
        Topic topic = topic(2, "format", "tar");
        int[] counts = new int[2];
        for (Expected sample : shards.samples) {
            counts[(sample.key().charAt(6) - '0') % 2]++;
        }
        for (int round = 0; round < 3; round++) {
            fixture.failAppendAfter(2 + random.nextInt(12));
            for (int partition = 0; partition < 2; partition++) {
                readAll(topic, partition, counts[partition], shards);
            }
            fixture.restart(round == 1);
        }
    }

    private void readAll(Topic topic, int partition, int count, RandomShards shards) {
        List<Expected> expected =
                shards.samples.stream()
                        .filter(sample -> (sample.key().charAt(6) - '0') % 2 == partition)
                        .toList();
        SourceLog log = fixture.logs().open(topic, partition);
        int read = 0;
        while (read < count) {
            try (ReadResult result = fixture.poll(log, read, 1 << 20)) {
                if (!(result instanceof RecordsLease lease)) {
                    assertEquals(Unavailable.STORE_ERROR, result, "seed=" + seed);
                    continue;
                }
                for (Decoded decoded : SourceFixture.decode(lease)) {
                    if (decoded.offset() == read) {
                        assertEquals(
                                "",
                                RandomShards.difference(
                                        expected.get(read), RandomShards.sampleOf(decoded)),
                                "seed=" + seed);
                        read++;
                    }
                }
            }
        }
    }

    @Test
    void partsThatNobodyWantsAreNeitherSentNorDownloaded() {
        RandomShards shards = shards();
        shards.tar("a.tar", 30, parts("cls", 10, "mp4", 4_000_000, "txt", 5000));
        shards.tar("b.tar", 400, parts("mp4", 10_000, "txt", 300));
        long wanted = 0;
        for (int i = 0; i < shards.samples.size(); i++) {
            Map<String, byte[]> parts = new LinkedHashMap<>(shards.samples.get(i).parts());
            parts.remove("mp4");
            wanted += parts.values().stream().mapToInt(value -> value.length).sum();
            shards.samples.set(i, new Expected(shards.samples.get(i).key(), parts));
        }
        Topic topic = topic(1, "format", "tar", "parts", "cls,txt");
        long b = root.resolve("b.tar").toFile().length();
        for (int i = 0; i < 3; i++) {
            long before = fixture.store.bytes.sum();
            assertReads(topic, shards.samples);
            long bytes = fixture.store.bytes.sum() - before;
            long allowed = b + wanted + (i == 0 ? 5L << 20 : 1 << 20) + 30 * (600L << 10);
            assertTrue(bytes < allowed && bytes < shards.storedBytes / 2, "bytes=" + bytes);
            fixture.restart(i == 1);
        }
        assertReadsAnywhere(topic, shards.samples);
    }

    @Test
    void severalRangesAreUnderWayAcrossTheEndsOfObjects() {
        RandomShards shards = shards();
        for (int i = 0; i < 30; i++) {
            shards.tar("shard-" + (10 + i) + ".tar", 40, parts("jpg", 20_000));
        }
        fixture.store.jitterMicros = 20_000;
        assertReads(topic(1, "format", "tar"), shards.samples);
        assertTrue(fixture.store.mostUnderWay.get() >= 4, "" + fixture.store.mostUnderWay);
        assertTrue(fixture.store.bytes.sum() <= shards.storedBytes, "read twice");
    }

    @Test
    void brokenShardIsLeftBehindByNameAndTheRestKeepsItsPlace() throws IOException {
        RandomShards shards = shards();
        shards.tar("a.tar", 100, parts("jpg", 20_000));
        shards.tar("b.tar", 100, parts("jpg", 20_000));
        shards.tar("c.tar.gz", 100, parts("jpg", 20_000));
        shards.tar("d.tar", 5, parts("jpg", 20_000));
        truncate("b.tar", 900_000);
        truncate("c.tar.gz", 700_000);
        Topic topic = topic(1, "format", "tar");
        SourceLog log = log(topic);
        List<Decoded> read = new ArrayList<>();
        String said =
                StandardErrors.during(
                        () -> {
                            while (read.isEmpty() || !isKeyOf(read, "d-tar/4")) {
                                read.addAll(fixture.read(log, read.size(), 1));
                            }
                        });
        assertTrue(said.contains("key=b.tar"), said);
        assertTrue(said.contains("key=c.tar.gz"), said);
        List<String> keys = read.stream().map(Decoded::key).toList();
        assertEquals("a-tar/99", keys.get(99));
        assertEquals("b-tar/0", keys.get(100));
        assertEquals("d-tar/4", keys.get(keys.size() - 1));
        assertTrue(keys.size() > 150 && keys.size() < 290, "" + keys.size());
        fixture.restart(true);
        List<String> again =
                fixture.read(log(topic), 0, keys.size()).stream().map(Decoded::key).toList();
        assertEquals(keys, again);
    }

    /** Most of what is short is decoded in one go with the break. */
    @Test
    void whatComesBeforeTheBreakOfACompressedObjectIsKept() throws IOException {
        RandomShards shards = shards();
        shards.lines("a.txt.gz", 5000, 100);
        byte[] last =
                "END".getBytes(StandardCharsets.US_ASCII); // none of the lines of letters a to z
        shards.put("b.txt", last);
        truncate("a.txt.gz", (int) Files.size(root.resolve("a.txt.gz")) / 2);
        Topic topic = topic(1, "format", "lines");
        SourceLog log = log(topic);
        List<Decoded> read = new ArrayList<>();
        StandardErrors.during(
                () -> {
                    while (read.isEmpty()
                            || !Arrays.equals(read.get(read.size() - 1).value(), last)) {
                        read.addAll(fixture.read(log, read.size(), 1));
                    }
                });
        assertTrue(read.size() > 2000, "" + read.size());
        for (int i = 0; i < read.size() - 1; i++) {
            byte[] line = shards.samples.get(i).parts().get("");
            assertTrue(Arrays.equals(line, read.get(i).value()), "" + i);
        }
        fixture.restart(true);
        assertEquals(read.size(), fixture.read(log(topic), 0, read.size()).size());
    }

    private void truncate(String name, int length) throws IOException {
        Path file = root.resolve(name);
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), length));
    }

    private static boolean isKeyOf(List<Decoded> records, String key) {
        return records.get(records.size() - 1).key().equals(key);
    }

    @Test
    void brokenShardStopsThePartitionUntilTheConfigSaysOtherwise() throws IOException {
        RandomShards shards = shards();
        shards.tar("a.tar", 10, parts("jpg", 2000));
        shards.tar("b.tar", 10, parts("jpg", 2000));
        shards.tar("c.tar", 10, parts("jpg", 2000));
        truncate("b.tar", 5000);
        Topic stopping = topic(1, "format", "tar", "bad", "stop");
        SourceLog log = log(stopping);
        assertSamples(shards.samples.subList(0, 10), fixture.read(log, 0, 10));
        Waiting.until(() -> isCorrupt(log), "stopped");
        long end = log.highWatermark();
        assertTrue(end > 10 && end < 20, "" + end);
        fixture.restart(true);
        SourceLog again = log(stopping);
        Waiting.until(() -> isCorrupt(again), "stopped again");
        assertEquals(end, again.highWatermark());
        fixture.logs().topicAltered(stopping, topic(1, "format", "tar", "bad", "skip"));
        List<Decoded> rest = fixture.read(again, end, 10);
        assertSamples(shards.samples.subList(20, 30), rest);
    }

    private static boolean isCorrupt(SourceLog log) {
        try (ReadResult result = log.read(log.highWatermark(), 1)) {
            return result == Unavailable.CORRUPT;
        }
    }

    @Test
    void sampleAboveTheRecordLimitIsLeftOutAndNotDownloaded() {
        RandomShards shards = shards();
        shards.tar("a.tar", 10, parts("txt", 900));
        Expected last = shards.samples.get(9);
        shards.tar("b.tar", 3, parts("txt", 2, "mp4", OVERSIZE));
        shards.tar("c.tar", 10, parts("txt", 900));
        shards.samples.removeIf(
                sample -> sample.parts().values().stream().anyMatch(value -> value.length > 1000));
        Topic topic = topic(1, "format", "tar", "record.max.bytes", "1000");
        assertReads(topic, shards.samples);
        fixture.restart(true);
        assertReads(topic, shards.samples);
        assertEquals(last, shards.samples.get(9));
        // How much is read ahead before a sample turns out too long depends on who runs when.
        assertTrue(fixture.store.bytes.sum() < OVERSIZE, "not one: " + fixture.store.bytes);
    }

    @Test
    void sampleAboveTheRecordLimitStopsThePartitionIfItIsToFail() throws IOException {
        TarBytes tar = new TarBytes();
        for (int i = 0; i < 9; i++) {
            tar.file(i + ".txt", new byte[i == 4 ? 1000 : 10]);
        }
        Files.write(root.resolve("a.tar"), tar.end());
        Topic failing = topic(1, "format", "tar", "record.max.bytes", "950", "oversize", "fail");
        SourceLog log = log(failing);
        assertEquals(List.of("0", "1", "2", "3"), keys(fixture.read(log, 0, 4)));
        Waiting.until(() -> isCorrupt(log), "stopped");
        fixture.restart(true);
        SourceLog again = log(failing);
        Waiting.until(() -> isCorrupt(again), "stopped again");
        assertEquals(4, again.highWatermark());
        Topic skipping = topic(1, "format", "tar", "record.max.bytes", "950", "oversize", "skip");
        fixture.logs().topicAltered(failing, skipping);
        assertEquals(List.of("5", "6", "7", "8"), keys(fixture.read(again, 4, 4)));
    }

    private static List<String> keys(List<Decoded> records) {
        return records.stream().map(Decoded::key).toList();
    }

    @Test
    void objectAboveTheRecordLimitIsSplitIfItIsSoWanted() {
        RandomShards shards = shards();
        shards.whole("a", 40).whole("b", 1050).whole("c", 5_000_000).whole("d", 33);
        int id = 0;
        for (String format : List.of("files", "auto")) {
            for (int limit : new int[] {100, 2_000_000}) {
                Topic topic = splittingTopic(++id, format, limit);
                assertSplit(topic, limit, shards);
                fixture.restart(true);
                assertSplit(topic, limit, shards);
            }
        }
    }

    private static Topic splittingTopic(int id, String format, int limit) {
        Map<String, String> configs = topic(1, "format", format, "oversize", "split").configs();
        Map<String, String> limited = new HashMap<>(configs);
        limited.put("headrace.source.record.max.bytes", "" + limit);
        return SourceFixture.topic(id, 1, limited);
    }

    private void assertSplit(Topic topic, int limit, RandomShards shards) {
        int count = 0;
        for (Expected sample : shards.samples) {
            count += pieces(sample.parts().get("").length, limit);
        }
        List<Decoded> records = fixture.read(log(topic), 0, count);
        int at = 0;
        for (Expected sample : shards.samples) {
            byte[] value = sample.parts().get("");
            for (int from = 0; from < value.length; from += limit) {
                int to = Math.min(value.length, from + limit);
                Decoded record = records.get(at++);
                assertEquals(sample.key(), record.key());
                assertEquals(from + "-" + to, record.headers().get("headrace.range"));
                assertTrue(Arrays.equals(Arrays.copyOfRange(value, from, to), record.value()));
            }
        }
        assertEquals(count, log(topic).highWatermark());
    }

    private static int pieces(int length, int limit) {
        return Math.max(1, (length + limit - 1) / limit);
    }

    @Test
    void poisonSampleIsSentWithoutItsValueAndOffsetsStay() {
        RandomShards shards = shards();
        shards.tar("a.tar", 100, parts("jpg", 30_000));
        Topic before = topic(1, "format", "tar");
        assertReads(before, shards.samples);
        Topic after = topic(1, "format", "tar", "skip.offsets", "0:7,1:3,0:99");
        fixture.logs().topicAltered(before, after);
        List<Decoded> records = fixture.read(log(after), 0, 100);
        assertPoisoned(records, shards);
        fixture.restart(true);
        assertPoisoned(fixture.read(log(after), 0, 100), shards);
        fixture.logs().topicAltered(after, before);
        assertReads(before, shards.samples);
    }

    private void assertPoisoned(List<Decoded> records, RandomShards shards) {
        for (int i = 0; i < 100; i++) {
            Decoded record = records.get(i);
            if (i == 7 || i == 99) {
                assertNull(record.value());
                assertEquals("true", record.headers().get("headrace.skipped"));
                assertEquals(shards.samples.get(i).key(), record.key());
            } else {
                assertSamples(shards.samples.subList(i, i + 1), List.of(record));
            }
        }
    }

    @Test
    void changedShardStopsWithAnErrorThatNamesIt() throws IOException {
        RandomShards shards = shards();
        shards.tar("a.tar", 100, parts("jpg", 30_000));
        Topic topic = topic(1, "format", "tar");
        assertReads(topic, shards.samples);
        fixture.restart(false);
        truncate("a.tar", 5000);
        String said =
                StandardErrors.during(
                        () ->
                                assertEquals(
                                        Unavailable.SOURCE_CHANGED,
                                        fixture.poll(log(topic), 50, 100)));
        assertTrue(said.contains("object changed: key=a.tar"), said);
    }

    @Test
    void topicThatNobodyUsesIsLetGoOfAndComesBack() {
        RandomShards shards = shards();
        shards.tar("a.tar", 100, parts("jpg", 30_000));
        shards.tar("b.tar", 100, parts("jpg", 30_000));
        Topic topic = topic(1, "format", "tar");
        SourceLog log = log(topic);
        assertSamples(shards.samples.subList(0, 60), fixture.read(log, 0, 60));
        Waiting.until(
                () -> {
                    fixture.logs().sweep(0);
                    return log.append(ByteBuffer.allocate(0)) == PartitionLog.CLOSED;
                },
                "let go of");
        assertReads(topic, shards.samples);
    }
}
