package io.headrace.server.engine;

import static io.headrace.server.engine.TestEngine.append;
import static io.headrace.server.engine.TestEngine.await;
import static io.headrace.server.engine.TestEngine.batch;
import static io.headrace.server.engine.TestEngine.ofProducer;
import static io.headrace.server.engine.TestEngine.readAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.EpochEnd;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.log.OnDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Topics that acknowledge in memory and are on disk soon. */
class HybridTest {
    private static final String LATE = "60000";

    /** What a reader may be told where a record will be. */
    private static final Set<ReadResult> MAY_COME =
            Set.of(Unavailable.CAUGHT_UP, Unavailable.CLOSED);

    @TempDir Path folder;
    @TempDir Path crashed;

    private static Map<String, String> hybrid(String... more) {
        Map<String, String> configs = new HashMap<>(Map.of("headrace.storage.mode", "hybrid"));
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return configs;
    }

    @Test
    void aCleanStopKeepsWhatIsInMemoryAlone() {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, hybrid("headrace.spill.ms", LATE));
            append(engine.log("t", 0), batch("a", "b"));
            append(engine.log("t", 0), batch("c"));
        }
        try (TestEngine engine = new TestEngine(folder)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:a", "1:b", "2:c"), readAll(log, 0));
            assertEquals(3, append(log, batch("d")));
            assertEquals(List.of("2:c", "3:d"), readAll(log, 2));
        }
    }

    /** By a kill: of the process, or of the machine too. */
    @ParameterizedTest
    @ValueSource(strings = {"the same boot", "another boot"})
    void aCrashLeavesAPrefixAnnouncesTheLossAndReusesNoOffset(String bootId) throws IOException {
        crashWithTheRecordAtOffset2InMemoryAlone();
        try (TestEngine engine = new TestEngine(crashed, context -> context.bootId(bootId))) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(List.of("0:a", "1:b"), readAll(log, 0));
            assertEquals(2, log.highWatermark());
            long offset = append(log, batch("later"));
            assertTrue(offset > 2, "offset used again: " + offset);
            assertEquals(List.of("1:b", offset + ":later"), readAll(log, 1));
            assertEquals(List.of(offset + ":later"), readAll(log, 2));
            assertEquals(new EpochEnd(1, 2), log.endOffsetForEpoch(1));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            PartitionLog log = engine.log("t", 0);
            List<String> records = readAll(log, 0);
            assertEquals(3, records.size(), records.toString());
            assertEquals(log.logEndOffset(), append(log, batch("dense again")));
        }
    }

    @Test
    void aTopicThatNobodyUsedSinceACrashStillSkipsWhatMayHaveBeenUsedBefore() throws IOException {
        crashWithTheRecordAtOffset2InMemoryAlone();
        new TestEngine(crashed).close();
        try (TestEngine engine = new TestEngine(crashed)) {
            long offset = append(engine.log("t", 0), batch("later"));
            assertTrue(offset > 2, "offset used again: " + offset);
        }
    }

    /** It has been told that they are safe, and cannot send them again. */
    @Test
    void anIdempotentProducerGoesOnBehindItsBatchesThatWereLost() throws IOException {
        try (TestEngine engine = new TestEngine(folder)) {
            engine.create("t", 1, hybrid("headrace.spill.ms", LATE));
            PartitionLog log = engine.log("t", 0);
            append(log, ofProducer(batch("a", "b"), 9, 0, 0));
            OnDisk.await(log);
            append(log, ofProducer(batch("lost"), 9, 0, 2));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
        try (TestEngine engine = new TestEngine(crashed)) {
            PartitionLog log = engine.log("t", 0);
            assertEquals(0, log.append(ofProducer(batch("a", "b"), 9, 0, 0)), "sent again");
            long offset = append(log, ofProducer(batch("c"), 9, 0, 3));
            assertTrue(offset > 2, "offset=" + offset);
            assertEquals(
                    PartitionLog.OUT_OF_ORDER_SEQUENCE,
                    log.append(ofProducer(batch("e"), 9, 0, 5)));
            assertEquals(offset + 1, append(log, ofProducer(batch("d"), 9, 0, 4)));
        }
    }

    private void crashWithTheRecordAtOffset2InMemoryAlone() throws IOException {
        try (TestEngine engine = new TestEngine(folder, c -> c.bootId("the same boot"))) {
            engine.create("t", 1, hybrid("headrace.spill.ms", LATE));
            PartitionLog log = engine.log("t", 0);
            append(log, batch("a", "b"));
            OnDisk.await(log);
            assertEquals(2, append(log, batch("lost")));
            copy(folder.resolve("journal"), Files.createDirectories(crashed.resolve("journal")));
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(each -> !each.equals(from)).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }

    /** Readers at all distances behind the end, while the ring overwrites under them. */
    @Test
    void whoeverReadsFromMemoryAndFromDiskFindsEachRecordOnce() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        System.out.println("headrace.seed=" + seed);
        int count = 40_000;
        try (TestEngine engine =
                new TestEngine(
                        folder,
                        context -> context.partitionIdleMs(0).retentionCheckIntervalMs(50))) {
            engine.create(
                    "t",
                    1,
                    hybrid("headrace.memory.topic.budget.bytes", "65536", "retention.ms", "-1"));
            ExecutorService readers = Executors.newFixedThreadPool(3);
            try {
                List<Future<Integer>> read = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    Random random = new Random(seed + i);
                    read.add(readers.submit(() -> readUntil(engine, count, random)));
                }
                Random random = new Random(seed - 1);
                for (int i = 0; i < count; i++) {
                    appendOne(engine, i, random.nextInt(300));
                }
                for (Future<Integer> each : read) {
                    assertEquals(count, countOf(each));
                }
            } finally {
                readers.shutdownNow();
                assertTrue(readers.awaitTermination(20, TimeUnit.SECONDS));
            }
        }
        try (TestEngine engine = new TestEngine(folder)) {
            assertEquals(count, readUntil(engine, count, new Random(seed)));
        }
    }

    private static int countOf(Future<Integer> future)
            throws ExecutionException, InterruptedException, TimeoutException {
        return future.get(120, TimeUnit.SECONDS);
    }

    private static void appendOne(TestEngine engine, int offset, int length) {
        ByteBuffer batch = ofProducer(batch(offset, offset + "x".repeat(length)), 7, 0, offset);
        await(
                "room",
                () -> {
                    long appended = engine.log("t", 0).append(batch);
                    boolean isRefused =
                            appended == PartitionLog.CLOSED
                                    || appended == PartitionLog.BACK_PRESSURED;
                    assertTrue(isRefused || appended == offset, "appended=" + appended);
                    return !isRefused;
                });
    }

    /** Reads from offset 0 on, in reads of random lengths; returns the offset it comes to. */
    private static int readUntil(TestEngine engine, int end, Random random) {
        long offset = 0;
        while (offset < end) {
            PartitionLog log = engine.log("t", 0);
            int lengthMax = 1 << (6 + random.nextInt(10));
            try (ReadResult result = TestEngine.read(log, offset, lengthMax)) {
                if (result instanceof RecordsLease lease) {
                    offset = check(lease, offset);
                } else {
                    assertTrue(MAY_COME.contains(result), result + " at " + offset);
                    LockSupport.parkNanos(100_000);
                }
            }
        }
        return (int) offset;
    }

    private static long check(RecordsLease lease, long firstOffset) {
        long offset = firstOffset;
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i).duplicate();
            while (slice.hasRemaining()) {
                ByteBuffer batch = slice.slice();
                batch.limit(RecordBatch.length(batch, 0));
                assertTrue(RecordBatch.isSound(batch), "unsound at " + offset);
                assertEquals(offset, RecordBatch.baseOffset(batch, 0));
                assertEquals(offset, RecordBatch.baseTimestamp(batch, 0));
                slice.position(slice.position() + batch.limit());
                offset++;
            }
        }
        assertEquals(lease.nextOffset(), offset);
        return offset;
    }
}
