package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.SourceFixture.Decoded;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Topics of format {@code lines} over a directory. */
final class LineSourceTest {
    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path root;
    private SourceFixture fixture;

    /** The JVM opens a pair of sockets with its first channel, and keeps it. */
    @BeforeAll
    static void openFirstChannel(@TempDir Path folder) throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        FileChannel.open(file, StandardOpenOption.READ).close();
    }

    @BeforeEach
    void open() throws IOException {
        fixture = new SourceFixture(new DirectoryObjectStore("data", root));
        leaks.watch(fixture.memory);
    }

    @AfterEach
    void close() {
        fixture.close();
    }

    private SourceLog log(int partitionCount, int partition) {
        return fixture.logs().open(SourceFixture.topic(partitionCount, "lines"), partition);
    }

    private static Topic topicWithRecordMax(int bytes) {
        return SourceFixture.topic(
                1,
                1,
                Map.of(
                        "headrace.source.uri",
                        SourceFixture.ROOT,
                        "headrace.source.format",
                        "lines",
                        "headrace.source.record.max.bytes",
                        "" + bytes));
    }

    private void put(String key, String content) throws IOException {
        Files.writeString(root.resolve(key), content);
    }

    private static List<String> texts(List<Decoded> records) {
        return records.stream().map(Decoded::text).toList();
    }

    @Test
    void eachLineIsARecordWithoutItsTerminator() throws IOException {
        put("a", "one\ntwo\r\n\nfour\r");
        put("b", "");
        put("c", "\n");
        put("d", "last, without a line feed");
        List<Decoded> records = fixture.read(log(1, 0), 0, 6);
        assertEquals(
                List.of("one", "two", "", "four\r", "", "last, without a line feed"),
                texts(records));
        assertNull(records.get(0).key());
        assertEquals(Map.of(), records.get(0).headers());
        assertEquals(
                Files.getLastModifiedTime(root.resolve("a")).toMillis(),
                records.get(0).timestampMs());
        assertEquals(6, log(1, 0).highWatermark());
    }

    @Test
    void indexGrowsWithReadingAndNoByteIsReadTwice() throws IOException {
        StringBuilder text = new StringBuilder();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 60_000; i++) {
            String line = "line " + i + " " + "x".repeat(i % 97);
            expected.add(line);
            text.append(line).append('\n');
        }
        put("lines", text.toString());
        SourceLog log = log(1, 0);
        fixture.read(log, 0, 1);
        assertTrue(
                log.highWatermark() < 30_000,
                "indexed ahead of the reader: " + log.highWatermark());
        assertEquals(expected, texts(fixture.read(log, 0, expected.size())));
        assertEquals(text.length(), fixture.store.bytes.sum());
        assertEquals(expected.size(), log.highWatermark());
    }

    @Test
    void objectsAreSpreadOverPartitionsByOrdinal() throws IOException {
        for (int i = 0; i < 10; i++) {
            put("f" + i, i + "a\n" + i + "b\n");
        }
        assertEquals(
                List.of("1a", "1b", "4a", "4b", "7a", "7b"), texts(fixture.read(log(3, 1), 0, 6)));
        assertEquals(
                List.of("0a", "0b", "3a", "3b", "6a", "6b", "9a", "9b"),
                texts(fixture.read(log(3, 0), 0, 8)));
    }

    @Test
    void restartGoesOnWhereTheIndexEndedAndReadsWhatIsKnownByItsBlocks() throws IOException {
        Random random = new Random(11);
        List<String> expected = new ArrayList<>();
        writeRandomFiles(random, expected, 6, 200_000);
        int some = expected.size() / 2;
        assertEquals(expected.subList(0, some), texts(fixture.read(log(1, 0), 0, some)));
        put("0000-sorts-first", "new\n");
        fixture.restart(false);
        assertEquals(expected, texts(fixture.read(log(1, 0), 0, expected.size())));
        fixture.restart(true);
        SourceLog log = log(1, 0);
        assertEquals(expected, texts(fixture.read(log, 0, expected.size())));
        assertEquals(List.of("new"), texts(fixture.read(log, expected.size(), 1)));
    }

    @Test
    void randomTextsComeBackLineByLine() throws IOException {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        List<String> expected = new ArrayList<>();
        writeRandomFiles(random, expected, 12, 300_000);
        fixture.failAppendAfter(random.nextInt(6));
        List<String> read = new ArrayList<>();
        try {
            SourceLog log = log(1, 0);
            while (read.size() < expected.size()) {
                readSome(log, read);
            }
            assertEquals(expected, read, "seed=" + seed);
        } catch (AssertionError failed) {
            throw new AssertionError("seed=" + seed, failed);
        }
    }

    /** Reads on; a stall (the journal failed once) is waited for, as a consumer retries. */
    private void readSome(SourceLog log, List<String> read) {
        try (ReadResult result = fixture.poll(log, read.size(), 64 << 10)) {
            if (result instanceof RecordsLease lease) {
                for (Decoded decoded : SourceFixture.decode(lease)) {
                    if (decoded.offset() == read.size()) {
                        read.add(decoded.text());
                    }
                }
            } else {
                assertEquals(Unavailable.STORE_ERROR, result);
                Waiting.until(() -> !isStalled(log, read.size()), "retried");
            }
        }
    }

    private static boolean isStalled(SourceLog log, long offset) {
        try (ReadResult result = log.read(offset, 1)) {
            return result == Unavailable.STORE_ERROR;
        }
    }

    /** Files of lines short and long, some far longer than what is read at a time. */
    private void writeRandomFiles(Random random, List<String> expected, int fileCount, int lineMax)
            throws IOException {
        for (int file = 0; file < fileCount; file++) {
            StringBuilder text = new StringBuilder();
            int lines = random.nextInt(3) == 0 ? 0 : random.nextInt(4000);
            for (int i = 0; i < lines; i++) {
                int length =
                        random.nextInt(500) == 0
                                ? random.nextInt(10 * lineMax)
                                : random.nextInt(200);
                String line = (char) ('a' + random.nextInt(26)) + "z".repeat(length);
                expected.add(line);
                text.append(line);
                if (i < lines - 1 || random.nextBoolean()) {
                    text.append(random.nextBoolean() ? "\n" : "\r\n");
                }
            }
            put(String.format("file-%03d", file), text.toString());
        }
    }

    @Test
    void lineAboveTheRecordLimitIsLeftOutByNameAndTheRestKeepsItsPlace() throws IOException {
        String far = "y".repeat(3 << 20); // longer than anything read at a time
        put("a", "0123456789\n01234567890\n" + far + "\nnext\n" + far);
        put("b", "0123456789\r\n" + "x".repeat(20) + "\nend");
        List<String> expected = List.of("0123456789", "next", "0123456789", "end");
        String said =
                StandardErrors.during(
                        () ->
                                assertEquals(
                                        expected,
                                        texts(
                                                fixture.read(
                                                        fixture.logs()
                                                                .open(topicWithRecordMax(10), 0),
                                                        0,
                                                        4))));
        assertTrue(said.contains("key=a"), said);
        assertTrue(said.contains("key=b"), said);
        assertTrue(said.contains("max=10"), said);
        fixture.restart(true);
        SourceLog again = fixture.logs().open(topicWithRecordMax(1000), 0);
        assertEquals(expected, texts(fixture.read(again, 0, 4)));
    }

    @Test
    void changedObjectStopsTheIndexWithAnErrorThatNamesIt() throws IOException {
        put("a", "one\n");
        SourceLog log = log(1, 0);
        Waiting.until(() -> fixture.entryCount() >= 2, "listed");
        put("a", "other\n");
        String said =
                StandardErrors.during(
                        () -> assertEquals(Unavailable.SOURCE_CHANGED, fixture.poll(log, 0, 100)));
        assertTrue(said.contains("object changed: key=a expected=4-"), said);
        assertTrue(said.contains("found=6-"), said);
    }

    @Test
    void changedObjectIsNotServedFromAnOldIndex() throws IOException {
        put("a", "one\ntwo\n");
        fixture.read(log(1, 0), 0, 2);
        put("a", "ONE\nTWO\n");
        fixture.restart(false);
        assertEquals(Unavailable.SOURCE_CHANGED, fixture.poll(log(1, 0), 0, 100));
    }

    @Test
    void thousandsOfSmallObjectsAreCounted() throws IOException {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 2200; i++) {
            put(String.format("%05d", i), "record " + i + "\n");
            expected.add("record " + i);
        }
        SourceLog log = log(1, 0);
        assertEquals(expected, texts(fixture.read(log, 0, expected.size())));
        assertEquals(
                expected.stream().mapToInt(text -> bytes(text) + 1).sum(),
                fixture.store.bytes.sum());
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    @Test
    void closedLogThatIsOpenedAgainGoesOnCounting() throws IOException {
        List<String> expected = new ArrayList<>();
        writeRandomFiles(new Random(5), expected, 8, 100_000);
        for (int from = 0; from < expected.size(); from += expected.size() / 5) {
            SourceLog log = log(1, 0);
            int count = Math.min(expected.size() / 5, expected.size() - from);
            assertEquals(
                    expected.subList(from, from + count), texts(fixture.read(log, from, count)));
            log.close();
        }
    }
}
