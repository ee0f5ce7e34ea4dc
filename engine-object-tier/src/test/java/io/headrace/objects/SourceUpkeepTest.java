package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.source.SourceTools;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.SourceFixture.Decoded;
import io.headrace.objects.format.TarBytes;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Source topics that are altered, or let go of, while somebody is at work on them. */
final class SourceUpkeepTest {
    private static final int OVERSIZE_LENGTH = 600 << 10;

    /** Reads of a store that may wait at the same time. */
    private static final int READS_MAX = 16_384;

    /** More than is read ahead of a reader of one. */
    private static final int LINES = 8_000_000;

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

    private static Topic topic(int partitionCount, String... configs) {
        Map<String, String> all = new HashMap<>();
        all.put("headrace.source.uri", SourceFixture.ROOT);
        for (int i = 0; i < configs.length; i += 2) {
            all.put("headrace.source." + configs[i], configs[i + 1]);
        }
        return SourceFixture.topic(1, partitionCount, all);
    }

    private SourceLog log(Topic topic, int partition) {
        return fixture.logs().open(topic, partition);
    }

    private void put(String key, String content) throws IOException {
        Files.writeString(root.resolve(key), content);
    }

    private static void assertSkipped(List<Decoded> records, int first, int end) {
        for (Decoded record : records) {
            if (record.offset() >= first && record.offset() < end) {
                assertNull(record.value());
            } else {
                assertEquals("a", record.text());
            }
        }
    }

    /** Skipping takes out one byte, and adds a header. */
    @Test
    void blockThatGrowsBecauseSamplesAreSkippedIsReadAllTheSame() throws IOException {
        put("f", "a\n".repeat(20));
        Topic before = topic(1, "format", "lines");
        assertSkipped(fixture.read(log(before, 0), 0, 20), 0, 0);
        Topic after = topic(1, "format", "lines", "skip.offsets", "0:3,0:4,0:5,0:6,0:7,0:19");
        fixture.logs().topicAltered(before, after);
        List<Decoded> records = fixture.read(log(after, 0), 0, 20);
        assertSkipped(records.subList(0, 19), 3, 8);
        assertNull(records.get(19).value());
        fixture.logs().topicAltered(after, before);
        assertSkipped(fixture.read(log(before, 0), 0, 20), 0, 0);
    }

    @Test
    void blockThatGrowsBecauseSamplesAreNotSkippedAnyMoreIsReadAllTheSame() throws IOException {
        String longLine = "b".repeat(100_000);
        put("f", longLine + "\n" + longLine + "\na\n");
        Topic before = topic(1, "format", "lines", "skip.offsets", "0:0,0:1");
        List<Decoded> records = fixture.read(log(before, 0), 0, 3);
        assertNull(records.get(0).value());
        assertNull(records.get(1).value());
        Topic after = topic(1, "format", "lines");
        fixture.logs().topicAltered(before, after);
        List<Decoded> again = fixture.read(log(after, 0), 0, 3);
        assertEquals(longLine, again.get(0).text());
        assertEquals(longLine, again.get(1).text());
        assertEquals("a", again.get(2).text());
    }

    @Test
    void partitionGoesOnAfterAnotherOneOfItsTopicKeptTheTopicFromBeingLetGoOf() throws Exception {
        put("f0", "a\n".repeat(LINES));
        put("f1", "a\n".repeat(LINES));
        Topic topic = topic(2, "format", "lines");
        SourceLog idle = log(topic, 0);
        SourceLog busy = log(topic, 1);
        fixture.read(idle, 0, 1);
        fixture.read(busy, 0, 1);
        fixture.logs().sweep(0);
        fixture.read(idle, 0, 1); // in use, so that the next sweep only has it release memory
        fixture.logs().sweep(0);
        Waiting.until(
                () -> fixture.metric("headrace_source_read_ahead_bytes") == 0, "nothing is ahead");
        long end = idle.highWatermark();
        assertTrue(end < LINES && busy.highWatermark() < LINES, "all is indexed: " + end);
        CountDownLatch isAtWork = new CountDownLatch(1);
        CountDownLatch mayGoOn = new CountDownLatch(1);
        fixture.beforeAppend =
                () -> {
                    isAtWork.countDown();
                    awaitNow(mayGoOn);
                };
        Runnable nobody = () -> {};
        busy.onHighWatermark(LINES, nobody);
        busy.cancel(nobody);
        isAtWork.await();
        fixture.logs().sweep(0);
        fixture.logs().sweep(0);
        fixture.beforeAppend = () -> {};
        mayGoOn.countDown();
        SourceLog afterwards =
                idle.append(ByteBuffer.allocate(0)) == PartitionLog.CLOSED ? log(topic, 0) : idle;
        SourceFixture.awaitOffset(afterwards, end + 1);
        assertTrue(afterwards.highWatermark() > end);
    }

    /** Its entry is in the index, and the block has yet to come into the cache. */
    @Test
    void logThatIsOpenedMeanwhileDoesNotReadWhatWasJustRead() throws Exception {
        String line = "a".repeat(99) + "\n";
        put("f", line.repeat(40_000));
        Topic topic = topic(1, "format", "lines");
        SourceLog before = log(topic, 0);
        fixture.read(before, 0, 1);
        CountDownLatch isApplied = new CountDownLatch(1);
        CountDownLatch mayGoOn = new CountDownLatch(1);
        fixture.whenApplied =
                () -> {
                    isApplied.countDown();
                    awaitNow(mayGoOn);
                };
        Runnable nobody = () -> {};
        before.onHighWatermark(40_000, nobody);
        before.cancel(nobody);
        isApplied.await();
        before.close();
        SourceLog after = log(topic, 0);
        try (ReadResult last = after.read(after.highWatermark() - 1, 100)) {
            assertNotEquals(Unavailable.COLD, last);
        } finally {
            fixture.whenApplied = () -> {};
            mayGoOn.countDown();
        }
        assertEquals(40_000, fixture.read(after, 0, 40_000).size());
        assertEquals(40_000 * line.length(), fixture.store.bytes.sum());
    }

    private static void awaitNow(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    @Test
    void partitionThatStopsWhileItIsAlteredGoesOnWithWhatIsSaidNow() throws IOException {
        byte[] sample = new byte[2000];
        TarBytes broken = new TarBytes().file("0.jpg", sample).file("1.jpg", sample);
        Files.write(root.resolve("a.tar"), new TarBytes().file("0.jpg", sample).end());
        byte[] bytes = broken.end();
        Files.write(root.resolve("b.tar"), Arrays.copyOf(bytes, 3500));
        Files.write(root.resolve("c.tar"), new TarBytes().file("0.jpg", sample).end());
        Topic stopping = topic(1, "format", "tar", "bad", "stop");
        Topic skipping = topic(1, "format", "tar", "bad", "skip");
        SourceLog log = log(stopping, 0);
        fixture.read(log, 0, 1);
        AtomicBoolean isAltered = new AtomicBoolean();
        fixture.beforeAppend =
                () -> {
                    if (isAltered.compareAndSet(false, true)) {
                        fixture.logs().topicAltered(stopping, skipping);
                    }
                };
        List<Decoded> records = fixture.read(log, 0, 3);
        assertEquals("0", records.get(2).key());
        assertTrue(isAltered.get());
    }

    @Test
    void listingThatEndedInAnErrorIsTriedAgain() throws IOException {
        put("f", "a\n".repeat(20));
        fixture.store.isBroken = true;
        SourceLog log = log(topic(1, "format", "lines"), 0);
        Waiting.until(() -> fixture.store.brokenListings.sum() > 0, "a listing has failed");
        fixture.store.isBroken = false;
        assertEquals(20, fixture.read(log, 0, 20).size());
    }

    @Test
    void checkThatEndsInAnErrorAnswers() {
        fixture.store.isBroken = true;
        CompletableFuture<SourceCheck> check =
                new SourceTools(noCatalog(), fixture.logs()).check(SourceFixture.ROOT, Map.of());
        ExecutionException failed =
                assertThrows(ExecutionException.class, () -> check.get(20, TimeUnit.SECONDS));
        assertInstanceOf(EngineException.class, failed.getCause());
    }

    @Test
    void readsThatWaitForAStoreAreBoundedAndOnesThatComeLaterAreToldSo() throws IOException {
        put("f", "content");
        SourceLog log = log(topic(1, "format", "files"), 0);
        SourceFixture.awaitOffset(log, 1);
        fixture.store.gate = new CountDownLatch(1);
        AtomicInteger answered = new AtomicInteger();
        for (int i = 0; i < READS_MAX; i++) {
            log.readCold(0, 1, result -> count(result, answered));
        }
        CompletableFuture<ReadResult> refused = new CompletableFuture<>();
        log.readCold(0, 1, refused::complete);
        assertEquals(Unavailable.STORE_ERROR, refused.getNow(Unavailable.COLD));
        CompletableFuture<SourceCheck> check =
                new SourceTools(noCatalog(), fixture.logs()).check(SourceFixture.ROOT, Map.of());
        assertTrue(check.isCompletedExceptionally());
        assertEquals(0, answered.get());
        fixture.store.gate.countDown();
        Waiting.until(() -> answered.get() == READS_MAX, "all are answered");
        for (int i = 0; i < READS_MAX; i++) {
            log.readCold(0, 1, result -> count(result, answered));
        }
        Waiting.until(() -> answered.get() == 2 * READS_MAX, "each has given its place back");
        assertEquals(1, fixture.store.reads.sum());
    }

    private static void count(ReadResult result, AtomicInteger answered) {
        assertInstanceOf(RecordsLease.class, result);
        result.close();
        answered.incrementAndGet();
    }

    private static TopicCatalog noCatalog() {
        return (TopicCatalog)
                Proxy.newProxyInstance(
                        TopicCatalog.class.getClassLoader(),
                        new Class<?>[] {TopicCatalog.class},
                        (proxy, method, arguments) -> null);
    }

    @Test
    void blockDoesWithoutABoundedNumberOfSamplesThatAreTooLong() throws IOException {
        TarBytes tar = new TarBytes().file("first.txt", new byte[10]);
        for (int i = 0; i < 150; i++) {
            tar.file("long" + i + ".mp4", new byte[OVERSIZE_LENGTH]);
        }
        Files.write(root.resolve("a.tar"), tar.file("last.txt", new byte[10]).end());
        Topic topic = topic(1, "format", "tar", "record.max.bytes", "1000");
        SourceLog log = log(topic, 0);
        SourceFixture.awaitOffset(log, 2);
        fixture.restart(false);
        long readsBefore = fixture.store.reads.sum();
        assertEquals(2, fixture.read(log(topic, 0), 0, 2).size());
        long reads = fixture.store.reads.sum() - readsBefore;
        assertTrue(reads <= 80, "reads of one block: " + reads);
    }
}
