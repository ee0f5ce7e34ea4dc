package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Deadline;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.TopicCatalog.Error;
import io.headrace.engine.journal.JournalScan;
import io.headrace.engine.spi.EntryType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Closing an engine while somebody holds it up. */
class ShutdownTest {
    private static final byte STOP = 2;

    @TempDir Path folder;
    @TempDir Path copies;

    private int copyCount;

    @Test
    void theCleanStopIsNotedBeforeAnybodyIsWaitedFor() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        TestEngine engine = new TestEngine(folder);
        engine.create("t", 1, Map.of());
        PartitionLog log = engine.log("t", 0);
        append(log, batch("a"));
        log.readCold(
                0,
                100,
                result -> {
                    reading.countDown();
                    awaitLatch(goOn);
                    result.close();
                });
        awaitLatch(reading);
        Thread closing =
                new Thread(() -> engine.engine.close(Deadline.afterMs(Long.MAX_VALUE >> 24)));
        closing.start();
        await("the note of a clean stop", () -> lastCommand() == STOP);
        assertTrue(closing.isAlive());
        goOn.countDown();
        closing.join(20_000);
        assertFalse(closing.isAlive());
        engine.memory.close();
    }

    @Test
    void aReaderIsNotWaitedForBeyondTheDeadline() {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        TestEngine engine = new TestEngine(folder);
        engine.create("t", 1, Map.of());
        PartitionLog log = engine.log("t", 0);
        append(log, batch("a"));
        log.readCold(
                0,
                100,
                result -> {
                    result.close();
                    reading.countDown();
                    awaitLatch(goOn);
                });
        awaitLatch(reading);
        engine.engine.close(Deadline.afterMs(0));
        assertEquals(1, goOn.getCount(), "returned before the reader went on");
        assertEquals(STOP, lastCommand());
        goOn.countDown();
        engine.memory.close();
    }

    /** It waits for the index, which would take longer than the stop has. */
    @Test
    void aChangeOfAModeIsNotWaitedForAndLeavesTheTopicAsItWas() throws Exception {
        CountDownLatch index = new CountDownLatch(1);
        AtomicBoolean isLagging = new AtomicBoolean();
        TestEngine engine =
                new TestEngine(
                        folder,
                        context ->
                                context.journalCount(1)
                                        .metadataStoreFactory(
                                                path ->
                                                        HousekeepingTest.lagging(
                                                                HousekeepingTest.open(path),
                                                                isLagging,
                                                                index)));
        try {
            Topic topic = engine.create("t", 1, Map.of(StorageMode.CONFIG, "memory"));
            PartitionLog log = engine.log("t", 0);
            append(log, batch("a"));
            isLagging.set(true);
            CompletableFuture<CatalogResult> change =
                    engine.engine
                            .catalog()
                            .alterConfigs(
                                    topic.id(), Map.of(StorageMode.CONFIG, "persistent"), false);
            await("begun", () -> log.append(batch("b")) < 0);
            long end = log.logEndOffset();
            Thread closing =
                    new Thread(() -> engine.engine.close(Deadline.afterMs(Long.MAX_VALUE >> 24)));
            closing.start();
            await("the note of a clean stop", () -> lastCommand() == STOP);
            assertEquals(Error.OUT_OF_SPACE, TestEngine.get(change).error());
            index.countDown();
            closing.join(20_000);
            assertFalse(closing.isAlive());
            engine.memory.close();
            try (TestEngine again =
                    new TestEngine(
                            folder,
                            context ->
                                    context.journalCount(1)
                                            .metadataStoreFactory(HousekeepingTest::open))) {
                PartitionLog same = again.log("t", 0);
                assertEquals(StorageMode.MEMORY, same.topic().storageMode());
                assertEquals(end, append(same, batch("c")));
            }
        } finally {
            index.countDown();
        }
    }

    /** It is in the middle of reading a segment back, which takes as long as the disk does. */
    @Test
    void sealingIsNotWaitedForBeforeTheCleanStopIsNotedAndGivesUp() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicInteger renamed = new AtomicInteger();
        TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.journalCount(1).retentionCheckIntervalMs(5),
                        WatchedFiles.of(
                                call -> {
                                    if (call.equals("read")) {
                                        reading.countDown();
                                        awaitLatch(goOn);
                                    } else if (call.equals("rename")) {
                                        renamed.incrementAndGet();
                                    }
                                }));
        HousekeepingTest.fill(engine);
        awaitLatch(reading);
        Thread closing =
                new Thread(() -> engine.engine.close(Deadline.afterMs(Long.MAX_VALUE >> 24)));
        closing.start();
        await("the note of a clean stop", () -> lastCommand() == STOP);
        assertTrue(closing.isAlive());
        goOn.countDown();
        closing.join(20_000);
        assertFalse(closing.isAlive());
        assertEquals(0, renamed.get());
        engine.memory.close();
    }

    /**
     * Kind of the last metadata command in the journal, read from a copy: the engine has it open.
     */
    private byte lastCommand() {
        AtomicInteger last = new AtomicInteger();
        Path copy = copies.resolve(String.valueOf(copyCount++));
        try {
            copy(folder.resolve("journal/metadata"), copy);
            JournalScan.read(
                    copy,
                    (position, type, topic, partition, offset, epoch, time, payload) -> {
                        if (type == EntryType.COMMAND) {
                            last.set(payload.get(payload.position()));
                        }
                    });
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return last.byteValue();
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.toList()) {
                Files.copy(path, to.resolve(from.relativize(path)));
            }
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
