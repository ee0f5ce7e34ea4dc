package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.source.SourceLog;
import io.headrace.engine.source.cache.CacheContext;
import io.headrace.engine.testing.LeakCheck;
import io.headrace.objects.SourceFixture.Decoded;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What sources read from their store when blocks are kept in memory and on an SSD. */
final class SourceCacheTest {
    private static final int OBJECTS = 600;
    private static final int OBJECT_BYTES = 20_000;
    private static final long MIB = 1 << 20;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path temporary;
    private Path objects;
    private SourceFixture fixture;
    private long memoryBytes = 6 * MIB;
    private long diskBytes = 64 * MIB;
    private long prefetchBytes = -1;

    /** About 12 MB in 14 blocks: twice the memory. */
    @BeforeEach
    void open() throws IOException {
        FileChannel.open(Files.createFile(temporary.resolve("file")), StandardOpenOption.READ)
                .close();
        objects = Files.createDirectory(temporary.resolve("objects"));
        Random random = new Random(5);
        for (int i = 0; i < OBJECTS; i++) {
            byte[] content = new byte[OBJECT_BYTES];
            random.nextBytes(content);
            Files.write(objects.resolve(String.format("%04d", i)), content);
        }
        fixture = new SourceFixture(new DirectoryObjectStore("data", objects), this::cache);
        leaks.watch(fixture.memory);
    }

    private CacheContext cache() {
        return new CacheContext()
                .memoryBudgetBytes(memoryBytes)
                .diskBudgetBytes(diskBytes)
                .prefetchBytes(prefetchBytes)
                .diskFolder(cacheFolder());
    }

    private Path cacheFolder() {
        return temporary.resolve("cache");
    }

    @AfterEach
    void close() {
        fixture.close();
    }

    private SourceLog log() {
        return fixture.logs().open(SourceFixture.topic(1, "files"), 0);
    }

    private void readAll() throws IOException {
        List<Decoded> records = fixture.read(log(), 0, OBJECTS);
        for (int i = 0; i < OBJECTS; i++) {
            assertTrue(
                    Arrays.equals(
                            Files.readAllBytes(objects.resolve(String.format("%04d", i))),
                            records.get(i).value()),
                    "object " + i);
        }
    }

    private List<Path> filesInCache() {
        try (Stream<Path> all = Files.walk(cacheFolder())) {
            return all.filter(path -> path.getFileName().toString().contains("-")).toList();
        } catch (IOException failed) {
            throw new AssertionError(failed);
        }
    }

    private void awaitAllOnDisk() {
        Waiting.until(
                () ->
                        fixture.metric("headrace_source_cache_bytes{tier=\"disk\"}")
                                >= (long) OBJECTS * OBJECT_BYTES,
                "blocks are on disk");
    }

    @Test
    void tenEpochsOfSeveralConsumersReadEachObjectOnce() throws Exception {
        SourceFixture.awaitOffset(log(), OBJECTS);
        ExecutorService trainers = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int trainer = 0; trainer < 4; trainer++) {
                int first = trainer * 150; // late joiners, or resumed ones
                all.add(trainers.submit(() -> train(first)));
            }
            for (Future<?> one : all) {
                one.get(60, TimeUnit.SECONDS);
            }
        } finally {
            trainers.shutdown();
            assertTrue(trainers.awaitTermination(10, TimeUnit.SECONDS));
        }
        assertEquals(OBJECTS, fixture.store.reads.sum());
        assertEquals((long) OBJECTS * OBJECT_BYTES, fixture.store.bytes.sum());
        long served = fixture.metric("headrace_source_served_bytes_total");
        assertTrue(served > 37L * OBJECTS * OBJECT_BYTES);
        assertEquals(
                served - (long) OBJECTS * OBJECT_BYTES,
                fixture.metric("headrace_source_saved_bytes"));
    }

    private void train(int first) {
        SourceLog log = log();
        fixture.read(log, first, OBJECTS - first);
        for (int epoch = 1; epoch < 10; epoch++) {
            fixture.read(log, 0, OBJECTS);
            if (epoch == 1) {
                awaitAllOnDisk();
            }
        }
    }

    @Test
    void restartServesAllFromTheSsdWhileTheStoreIsDown() throws IOException {
        readAll();
        awaitAllOnDisk();
        fixture.restart(false);
        fixture.store.isDown = true;
        long reads = fixture.store.reads.sum();
        readAll();
        readAll();
        assertEquals(reads, fixture.store.reads.sum());
        assertTrue(fixture.metric("headrace_source_block_reads_total{tier=\"disk\"}") > 0);
        assertEquals(0, fixture.metric("headrace_source_block_reads_total{tier=\"store\"}"));
    }

    @Test
    void lateJoinerOnAWarmCacheReadsNothingFromTheStore() throws IOException {
        readAll();
        awaitAllOnDisk();
        long reads = fixture.store.reads.sum();
        fixture.store.isDown = true;
        assertEquals(64, fixture.read(log(), 300, 64).size());
        readAll();
        assertEquals(reads, fixture.store.reads.sum());
    }

    @Test
    void damagedCacheIsReplacedByTheStore() throws IOException {
        readAll();
        awaitAllOnDisk();
        for (Path file : filesInCache()) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length / 2] ^= 1;
            Files.write(file, bytes);
        }
        fixture.restart(false);
        awaitAllOnDisk();
        long reads = fixture.store.reads.sum();
        readAll();
        assertEquals(OBJECTS, fixture.store.reads.sum() - reads);
        assertTrue(fixture.metric("headrace_source_disk_failures_total") > 0);
    }

    @Test
    void blocksAreReadAheadOfAConsumer() {
        SourceLog log = log();
        SourceFixture.awaitOffset(log, OBJECTS);
        fixture.read(log, 0, 140); // three blocks: a place, a pace
        // Blocks land in any order; the one that is read next has to be there.
        Waiting.until(() -> isInMemory(log, 180), "what comes next was read ahead");
        fixture.store.isDown = true;
        long waits = fixture.metric("headrace_source_waits_total");
        fixture.read(log, 140, 40);
        assertEquals(waits, fixture.metric("headrace_source_waits_total"));
    }

    private static boolean isInMemory(SourceLog log, long offset) {
        try (ReadResult read = log.read(offset, 1)) {
            return read instanceof RecordsLease;
        }
    }

    @Test
    void consumerThatCannotWaitTakesOverWhatIsToBePrefetched() throws Exception {
        SourceLog log = log();
        SourceFixture.awaitOffset(log, OBJECTS);
        fixture.read(log, 0, 100);
        fixture.store.gate = new CountDownLatch(1);
        ExecutorService consumer = Executors.newSingleThreadExecutor();
        try {
            Future<?> reading = consumer.submit(() -> fixture.read(log, 100, OBJECTS - 100));
            Waiting.until(() -> fixture.store.waiting.get() > 0, "the store is asked");
            fixture.store.gate.countDown();
            reading.get(30, TimeUnit.SECONDS);
        } finally {
            consumer.shutdown();
        }
        assertEquals(OBJECTS, fixture.store.reads.sum());
    }

    @Test
    void longObjectIsReadInRanges() throws IOException {
        byte[] content = new byte[18 * (1 << 20) + 7];
        new Random(9).nextBytes(content);
        Files.createDirectory(objects.resolve("long"));
        Files.write(objects.resolve("long/one"), content);
        SourceLog log =
                fixture.logs()
                        .open(
                                SourceFixture.topic(
                                        9,
                                        1,
                                        Map.of(
                                                "headrace.source.uri",
                                                SourceFixture.ROOT + "long",
                                                "headrace.source.record.max.bytes",
                                                "20000000")),
                                0);
        assertTrue(Arrays.equals(content, fixture.read(log, 0, 1).get(0).value()));
        assertEquals(5, fixture.store.reads.sum());
        assertEquals(content.length, fixture.store.bytes.sum());
    }

    @Test
    void compressedShardIsDecodedOncePerEpochAlthoughItIsReadAhead() throws IOException {
        fixture.close();
        diskBytes = 0;
        prefetchBytes = 4 * MIB;
        Path folder = Files.createDirectory(objects.resolve("text"));
        fixture = new SourceFixture(new DirectoryObjectStore("data", objects), this::cache);
        leaks.watch(fixture.memory);
        int lines = 120_000;
        Random random = new Random(3);
        try (OutputStream out =
                new GZIPOutputStream(Files.newOutputStream(folder.resolve("lines.txt.gz")))) {
            for (int i = 0; i < lines; i++) {
                String line = i + " " + Long.toHexString(random.nextLong()).repeat(6) + "\n";
                out.write(line.getBytes(StandardCharsets.UTF_8));
            }
        }
        long length = Files.size(folder.resolve("lines.txt.gz"));
        SourceLog log =
                fixture.logs()
                        .open(
                                SourceFixture.topic(
                                        9,
                                        1,
                                        Map.of(
                                                "headrace.source.uri",
                                                SourceFixture.ROOT + "text",
                                                "headrace.source.format",
                                                "lines")),
                                0);
        fixture.read(log, 0, lines);
        long before = fixture.store.bytes.sum();
        for (int epoch = 2; epoch < 6; epoch++) {
            assertEquals(lines, fixture.read(log, 0, lines).size());
        }
        long read = fixture.store.bytes.sum() - before;
        // Five are right, one being ahead; a reader that overtakes its read-ahead costs one more.
        // With blocks decoded out of their line it is ten and more.
        assertTrue(read < 8 * length, "read=" + read + " length=" + length);
    }
}
