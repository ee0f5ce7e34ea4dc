package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.SourceFixture.Decoded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Topics of format {@code files} over a directory. */
final class FileSourceTest {
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
        return fixture.logs().open(SourceFixture.topic(partitionCount, "files"), partition);
    }

    private void put(String key, byte[] content) throws IOException {
        Path path = root.resolve(key);
        Files.createDirectories(path.getParent());
        Files.write(path, content);
    }

    private void put(String key, String content) throws IOException {
        put(key, content.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void eachObjectIsOneRecordWithItsKeyLineageAndTime() throws IOException {
        put("b/2.jpg", "second");
        put("a.jpg", "first");
        Files.setLastModifiedTime(root.resolve("a.jpg"), FileTime.fromMillis(1_700_000_000_123L));
        List<Decoded> records = fixture.read(log(1, 0), 0, 2);
        assertEquals("a.jpg", records.get(0).key());
        assertEquals("first", records.get(0).text());
        assertEquals(1_700_000_000_123L, records.get(0).timestampMs());
        assertEquals("a.jpg", records.get(0).headers().get("headrace.object"));
        assertEquals("0-5", records.get(0).headers().get("headrace.range"));
        assertTrue(records.get(0).headers().get("headrace.version").startsWith("5-"));
        assertEquals("b/2.jpg", records.get(1).key());
        assertEquals("second", records.get(1).text());
    }

    @Test
    void thousandsOfObjectsAreSpreadOverPartitionsByOrdinal() throws IOException {
        Map<String, String> expected = new TreeMap<>();
        for (int i = 0; i < 3000; i++) {
            String key = String.format("part-%d/%05d", i % 7, i);
            put(key, "sample " + i + " ".repeat(i % 300));
            expected.put(key, "sample " + i + " ".repeat(i % 300));
        }
        List<String> keys = List.copyOf(expected.keySet());
        for (int partition = 0; partition < 4; partition++) {
            SourceLog log = log(4, partition);
            List<Decoded> records = fixture.read(log, 0, 750);
            SourceFixture.awaitOffset(log, 750);
            for (int i = 0; i < 750; i++) {
                String key = keys.get(i * 4 + partition);
                assertEquals(key, records.get(i).key());
                assertEquals(expected.get(key), records.get(i).text());
            }
            assertEquals(Unavailable.CAUGHT_UP, log.read(750, 1000));
        }
        assertEquals(3000, fixture.store.reads.sum());
    }

    @Test
    void secondReadComesFromMemoryAndReadsFromTheMiddleStartWithTheirBatch() throws IOException {
        for (int i = 0; i < 200; i++) {
            put(String.format("%03d", i), "x".repeat(2000) + i);
        }
        SourceLog log = log(1, 0);
        fixture.read(log, 0, 200);
        long reads = fixture.store.reads.sum();
        for (int from : new int[] {0, 1, 63, 64, 65, 150, 199}) {
            List<Decoded> records = fixture.read(log, from, 200 - from);
            assertEquals("x".repeat(2000) + from, records.get(0).text());
        }
        assertEquals(200, reads);
        assertEquals(reads, fixture.store.reads.sum());
    }

    @Test
    void readReturnsWholeBatchesUpToTheLengthAskedForAndAtLeastOne() throws IOException {
        for (int i = 0; i < 300; i++) {
            put(String.format("%03d", i), "x".repeat(2000));
        }
        SourceLog log = log(1, 0);
        fixture.read(log, 0, 300);
        try (ReadResult one = log.read(0, 1);
                ReadResult all = log.read(0, 1 << 30)) {
            RecordsLease least = (RecordsLease) one;
            assertEquals(1, least.sliceCount());
            assertTrue(least.length() >= 64 << 10 && least.length() < 70 << 10);
            RecordsLease most = (RecordsLease) all;
            assertEquals(300, most.nextOffset());
            assertEquals(300, SourceFixture.decode(most).size());
        }
    }

    @Test
    void emptyObjectIsARecordAndALargeOneOfManyBlocksComesWhole() throws IOException {
        byte[] large = new byte[5 << 20];
        new Random(3).nextBytes(large);
        put("a-empty", "");
        put("b-large", large);
        put("c-after", "after");
        List<Decoded> records = fixture.read(log(1, 0), 0, 3);
        assertEquals("", records.get(0).text());
        assertArrayEquals(large, records.get(1).value());
        assertEquals("after", records.get(2).text());
    }

    @Test
    void objectAboveTheRecordLimitIsLeftOutByName() throws IOException {
        put("a", "small");
        put("b-too-large", "0123456789x");
        put("c", "0123456789");
        Topic topic =
                SourceFixture.topic(
                        5,
                        1,
                        Map.of(
                                "headrace.source.uri",
                                SourceFixture.ROOT,
                                "headrace.source.record.max.bytes",
                                "10"));
        String said =
                StandardErrors.during(
                        () -> {
                            SourceLog log = fixture.logs().open(topic, 0);
                            assertEquals("0123456789", fixture.read(log, 0, 2).get(1).text());
                            assertEquals(2, log.highWatermark());
                        });
        assertTrue(said.contains("key=b-too-large length=11 max=10"), said);
    }

    @Test
    void restartKeepsOrdinalsAlthoughNewObjectsSortBefore() throws IOException {
        for (boolean isProjectionLost : new boolean[] {false, true}) {
            int generation = isProjectionLost ? 1 : 0;
            if (generation == 0) {
                put("m", "m");
                put("n", "n");
                assertEquals(List.of("m", "n"), keys(fixture.read(log(1, 0), 0, 2)));
                put("a", "a");
            } else {
                put("0", "0");
            }
            fixture.restart(isProjectionLost);
            int count = 3 + generation;
            List<String> keys = keys(fixture.read(log(1, 0), 0, count));
            assertEquals(List.of("m", "n", "a", "0").subList(0, count), keys);
        }
    }

    private static List<String> keys(List<Decoded> records) {
        return records.stream().map(Decoded::key).toList();
    }

    @Test
    void refreshAppendsWhatIsNewAndRepeatsNothing() throws IOException {
        put("m", "m");
        SourceLog log = log(1, 0);
        fixture.read(log, 0, 1);
        awaitListed(log);
        put("a", "a");
        fixture.logs().refresh(1);
        assertEquals(List.of("m", "a"), keys(fixture.read(log, 0, 2)));
        assertEquals(2, log.highWatermark());
    }

    /** The end of the first listing is journaled after its objects. */
    private void awaitListed(SourceLog log) {
        Waiting.until(() -> fixture.entryCount() >= 2, "listing complete: " + log);
    }

    @Test
    void listingThatBrokeOffGoesOnBehindItsLastKey() throws IOException {
        for (int i = 0; i < 2500; i++) {
            put(String.format("%05d", i), "" + i);
        }
        fixture.failAppendAfter(1);
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1000);
        Waiting.until(fixture::hasAppendFailed, "the second page fails");
        assertEquals(1000, log.highWatermark());
        put("00000-late", "late");
        fixture.restart(false);
        SourceLog again = log(1, 0);
        SourceFixture.awaitOffset(again, 2500);
        assertEquals("2499", fixture.read(again, 2499, 1).get(0).text());
        assertEquals("00000-late", fixture.read(again, 2500, 1).get(0).key());
    }

    @Test
    void changedObjectIsAnErrorThatNamesBothVersions() throws IOException {
        put("a", "before");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        put("a", "behind!");
        String said =
                StandardErrors.during(
                        () -> assertEquals(Unavailable.SOURCE_CHANGED, fixture.poll(log, 0, 100)));
        assertTrue(said.contains("key=a expected=6-"), said);
        assertTrue(said.contains("found=7-"), said);
    }

    @Test
    void vanishedObjectIsAnErrorAndItsNeighboursOfOtherBlocksAreServed() throws IOException {
        put("a", "x".repeat(1 << 20));
        put("b", "gone soon");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 2);
        Files.delete(root.resolve("b"));
        assertEquals(Unavailable.SOURCE_CHANGED, fixture.poll(log, 1, 100));
        assertEquals("a", fixture.read(log, 0, 1).get(0).key());
    }

    @Test
    void storeThatIsDownIsARetriableErrorAndThenWorksAgain() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        fixture.store.isDown = true;
        assertEquals(Unavailable.STORE_ERROR, fixture.poll(log, 0, 100));
        fixture.store.isDown = false;
        assertEquals("content", fixture.read(log, 0, 1).get(0).text());
    }

    @Test
    void concurrentReadsOfABlockShareOneLoad() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        fixture.store.gate = new CountDownLatch(1);
        List<CompletableFuture<ReadResult>> results = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            CompletableFuture<ReadResult> result = new CompletableFuture<>();
            log.readCold(0, 100, result::complete);
            results.add(result);
        }
        fixture.store.gate.countDown();
        for (CompletableFuture<ReadResult> result : results) {
            try (ReadResult lease = SourceFixture.get(result)) {
                assertEquals(1, ((RecordsLease) lease).nextOffset());
            }
        }
        assertEquals(1, fixture.store.reads.sum());
    }

    @Test
    void leaseStaysReadableAfterTheTopicIsDeleted() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        try (ReadResult lease = fixture.poll(log, 0, 100)) {
            fixture.logs().topicDeleted(1);
            assertEquals("content", SourceFixture.decode((RecordsLease) lease).get(0).text());
        }
        assertEquals(Unavailable.CLOSED, log.read(0, 100));
    }

    @Test
    void logIsReadOnly() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        assertEquals(PartitionLog.READ_ONLY, log.append(ByteBuffer.allocate(100)));
        assertTrue(log.deleteRecords(-1).isCompletedExceptionally());
    }

    @Test
    void offsetsOutsideOfTheIndexAreOutOfRange() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(-1, 100));
        assertEquals(Unavailable.OFFSET_OUT_OF_RANGE, log.read(2, 100));
    }

    @Test
    void timestampsAreFoundAlthoughTheyAreInNoOrder() throws IOException {
        long[] modified = {3000, 1000, 9000, 2000};
        for (int i = 0; i < modified.length; i++) {
            put("k" + i, "x");
            Files.setLastModifiedTime(root.resolve("k" + i), FileTime.fromMillis(modified[i]));
        }
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 4);
        assertEquals(0, SourceFixture.get(log.offsetForTimestamp(0)).offset());
        assertEquals(2, SourceFixture.get(log.offsetForTimestamp(3001)).offset());
        assertNull(SourceFixture.get(log.offsetForTimestamp(9001)));
        TimestampedOffset max = SourceFixture.get(log.maxTimestamp());
        assertEquals(new TimestampedOffset(2, 9000, SourceFixture.LEADER_EPOCH), max);
    }

    @Test
    void earlierEpochsEndWhereTheIndexEnds() throws IOException {
        put("a", "content");
        SourceLog log = log(1, 0);
        SourceFixture.awaitOffset(log, 1);
        assertEquals(1, notNull(log.endOffsetForEpoch(3)).endOffset());
        assertNull(log.endOffsetForEpoch(SourceFixture.LEADER_EPOCH + 1));
    }

    private static <T> T notNull(T value) {
        assertNotNull(value);
        return value;
    }

    @Test
    void oneObjectOrOneFolderCanBeNamed() throws IOException {
        put("img/1", "one");
        put("img-old/2", "two");
        put("img/sub/3", "three");
        assertEquals(List.of("img/1", "img/sub/3"), keysBelow("img", 2));
        assertEquals(List.of("img/1", "img/sub/3"), keysBelow("img/", 2));
        assertEquals(List.of("img-old/2"), keysBelow("img-old/2", 1));
    }

    private List<String> keysBelow(String path, int count) {
        long id = 100 + Math.abs(path.hashCode());
        Topic topic =
                SourceFixture.topic(
                        id, 1, Map.of("headrace.source.uri", SourceFixture.ROOT + path));
        SourceLog log = fixture.logs().open(topic, 0);
        List<String> keys = keys(fixture.read(log, 0, count));
        assertEquals(count, log.highWatermark());
        return keys;
    }

    @Test
    void storeThatIsNoLongerConfiguredIsAnErrorThatNamesTheUri() {
        Topic topic = SourceFixture.topic(9, 1, Map.of("headrace.source.uri", "s3://elsewhere/x"));
        String said =
                StandardErrors.during(
                        () -> {
                            SourceLog log = fixture.logs().open(topic, 0);
                            assertSame(log, fixture.logs().open(topic, 0));
                            assertEquals(Unavailable.CAUGHT_UP, log.read(0, 100));
                        });
        assertTrue(said.contains("s3://elsewhere/x"), said);
    }
}
