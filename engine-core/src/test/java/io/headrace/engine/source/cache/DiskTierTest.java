package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Blocks on an SSD, and all that can happen to them there. */
final class DiskTierTest {
    private static final int BLOCKS = 20;
    private static final long TOPIC = 3;
    private static final long PAUSE_NANOS = 60_000_000_000L;
    private static final String FAILURES = "headrace_source_disk_failures_total";

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path temporary;

    private Path folder() {
        return temporary.resolve("cache");
    }

    private Path file(int number) {
        long first = (long) number * SyntheticSource.RECORDS;
        return folder().resolve(TOPIC + "/0/" + first + "-" + SyntheticSource.RECORDS);
    }

    private TestCache cache(int leaderEpoch) {
        return new TestCache(folder(), 4, BLOCKS, leaderEpoch);
    }

    private static void readAll(TestCache cache, SyntheticSource source) throws Exception {
        for (int i = 0; i < BLOCKS; i++) {
            cache.read(TOPIC, source, i);
            cache.settle();
        }
    }

    /** What an earlier process left. */
    private void fill() throws Exception {
        try (TestCache cache = cache(1).open()) {
            readAll(cache, cache.source(TOPIC, BLOCKS));
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(folder())) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> !file.endsWith(".lock"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void restartFindsAllBlocksAndGivesThemTheCurrentEpoch() throws Exception {
        fill();
        try (TestCache cache = cache(2).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            source.isDown = true;
            readAll(cache, source);
            assertEquals(0, source.loads.get());
            assertEquals(0, cache.metric(FAILURES));
        }
    }

    @Test
    void blocksAreServedBeforeTheyAreListed() throws Exception {
        fill();
        CountDownLatch gate = new CountDownLatch(1);
        TestCache cache = cache(2);
        cache.context().isTopicKnown(topicId -> isAfter(gate));
        try (cache) {
            cache.open();
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            source.isDown = true;
            for (int i = 0; i < BLOCKS; i++) {
                cache.read(TOPIC, source, i);
            }
            assertFalse(cache.tiers().disk().isIdle());
            gate.countDown();
            cache.settle();
            assertEquals(BLOCKS * 4096L, cache.tiers().disk().bytes());
        }
    }

    private static boolean isAfter(CountDownLatch gate) {
        try {
            gate.await();
            return true;
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    @Test
    void flippedBitsAnywhereAreNeverServed() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        fill();
        for (int i = 0; i < BLOCKS; i++) {
            byte[] bytes = Files.readAllBytes(file(i));
            int at = i < 12 ? i * 4 + random.nextInt(4) : random.nextInt(bytes.length);
            bytes[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file(i), bytes);
        }
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readAll(cache, source);
            assertEquals(BLOCKS, source.loads.get(), "seed=" + seed);
            assertEquals(BLOCKS, cache.metric(FAILURES), "seed=" + seed);
        }
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readAll(cache, source);
            assertEquals(0, source.loads.get(), "written anew");
        }
    }

    @Test
    void filesOfOtherBlocksTopicsAndVersionsAreNeverServed() throws Exception {
        fill();
        Files.copy(file(1), file(0), StandardCopyOption.REPLACE_EXISTING);
        Files.createDirectories(folder().resolve("4/0"));
        for (int i = 2; i < BLOCKS; i++) {
            Files.copy(file(i), folder().resolve("4/0").resolve(file(i).getFileName()));
        }
        try (TestCache cache = new TestCache(folder(), 4, 3 * BLOCKS, 1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            cache.read(TOPIC, source, 0);
            cache.read(TOPIC, source, 1);
            assertEquals(1, source.loads.get());
            SyntheticSource other = cache.source(4, BLOCKS);
            cache.read(4, other, 2);
            assertEquals(1, other.loads.get());
            SyntheticSource changed = cache.source(TOPIC, BLOCKS);
            changed.salt = 1;
            cache.read(TOPIC, changed, 9);
            assertEquals(1, changed.loads.get());
        }
    }

    @Test
    void tornFilesAreNeverServedAndOthersFilesAreLeftAlone() throws Exception {
        fill();
        Files.write(file(0), new byte[0]);
        Files.write(file(1), Arrays.copyOf(Files.readAllBytes(file(1)), 50));
        Files.write(file(2), Arrays.copyOf(Files.readAllBytes(file(2)), 2000));
        Files.write(file(3), Arrays.copyOf(Files.readAllBytes(file(3)), 4000));
        Path mine = folder().resolve(TOPIC + "/0/notes.txt");
        Files.writeString(mine, "not a block");
        try (TestCache cache = cache(1).open().settle()) {
            assertFalse(Files.exists(file(0)));
            assertFalse(Files.exists(file(1)));
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readAll(cache, source);
            assertEquals(4, source.loads.get());
        }
        assertTrue(Files.exists(mine));
    }

    @Test
    void fileThatGoesWhileItIsListedIsPassedOver() throws Exception {
        fill();
        Files.createSymbolicLink(folder().resolve(TOPIC + "/0/900-10"), Path.of("nowhere"));
        try (TestCache cache = cache(1).open().settle()) {
            assertEquals(BLOCKS * 4096L, cache.tiers().disk().bytes());
            assertEquals(0, cache.metric(FAILURES));
        }
    }

    @Test
    void folderThatCannotBeListedIsListedAfterThePause() throws Exception {
        fill();
        Path loop = folder().resolve(TOPIC + "/0/900-10");
        Files.createSymbolicLink(loop, loop.getFileName());
        try (TestCache cache = cache(1).open()) {
            TestCache.await(() -> cache.metric(FAILURES) == 1, "listing failed");
            TestCache.await(() -> cache.tiers().disk().bytes() == 0, "all is forgotten");
            Files.delete(loop);
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            source.isDown = true;
            cache.nanos.addAndGet(PAUSE_NANOS);
            readAll(cache, source);
            assertEquals(BLOCKS * 4096L, cache.tiers().disk().bytes());
        }
    }

    @Test
    void errorThatPassesCostsALoadAndNotTheBlock() throws Exception {
        fill();
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            cache.files.isUnreadable = true;
            readAll(cache, source);
            assertTrue(source.loads.get() >= BLOCKS);
            assertEquals(0, cache.metric("headrace_source_disk_written_bytes_total"));
            cache.files.isUnreadable = false;
            source.isDown = true;
            readAll(cache, source);
            assertEquals(BLOCKS * 4096L, cache.tiers().disk().bytes());
        }
    }

    @Test
    void memoryThatIsShortIsNotHeldByWhatCouldBeWritten() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            cache.files.isFull = true;
            readAll(cache, source);
            assertTrue(cache.slabBytes.get() > 0);
            cache.nanos.addAndGet(PAUSE_NANOS);
            cache.files.usableBytes = () -> isAfter(gate) ? Long.MAX_VALUE / 4 : 0;
            try {
                cache.tiers().releaseMemory(cache.slabBytes.get());
                assertEquals(0, cache.slabBytes.get());
            } finally {
                gate.countDown();
            }
        }
    }

    @Test
    void fullDiskStopsWritingAndWritingComesBackByItself() throws Exception {
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            cache.files.isFull = true;
            readAll(cache, source);
            readAll(cache, source);
            assertEquals(0, cache.tiers().disk().bytes());
            assertEquals(1, cache.metric(FAILURES), "no attempt during the pause");
            assertEquals(List.of(), files());
            cache.files.isFull = false;
            cache.nanos.addAndGet(PAUSE_NANOS);
            readAll(cache, source);
            source.isDown = true;
            readAll(cache, source);
            assertTrue(files().size() >= BLOCKS - 4, "all but what stayed in memory");
        }
    }

    @Test
    void cacheGivesWayToOthersThatFillTheDisk() throws Exception {
        TestCache cache = cache(1);
        cache.context().diskReserveBytes(() -> 1 << 20);
        try (cache) {
            cache.open().settle();
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readAll(cache, source);
            assertEquals(BLOCKS, files().size());
            DiskTier disk = cache.tiers().disk();
            cache.files.usableBytes = () -> (1 << 20) + (BLOCKS - 5) * 4096L - disk.bytes();
            cache.tiers().trim();
            TestCache.await(() -> disk.bytes() == (BLOCKS - 5) * 4096L, "five went");
            assertEquals(BLOCKS - 5, files().size());
            cache.files.usableBytes = () -> 0;
            cache.read(TOPIC, source, 0);
            cache.tiers().trim();
            TestCache.await(() -> disk.bytes() == 0, "all went");
        }
    }

    @Test
    void vanishedFolderIsMadeAgain() throws Exception {
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readAll(cache, source);
            deleteFolder(folder());
            readAll(cache, source);
            cache.nanos.addAndGet(PAUSE_NANOS);
            readAll(cache, source);
            int loads = source.loads.get();
            source.isDown = true;
            readAll(cache, source);
            assertEquals(loads, source.loads.get());
        }
    }

    private static void deleteFolder(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Test
    void eachCallThatFailsInTurnCostsNothingButALoad() throws Exception {
        fill();
        int calls = 0;
        boolean isThrough = false;
        for (int from = 0; !isThrough; from++) {
            TestCache cache = new TestCache(folder(), 4, BLOCKS / 2, 1);
            cache.files.failFrom = from;
            cache.files.failCount = 1 + from % 3;
            try (cache) {
                cache.open();
                TestCache.await(() -> cache.tiers().disk().isIdle(), "listed");
                SyntheticSource source = cache.source(TOPIC, BLOCKS);
                readAll(cache, source);
                cache.nanos.addAndGet(PAUSE_NANOS);
                readAll(cache, source);
                assertTrue(cache.tiers().disk().bytes() <= BLOCKS / 2 * 4096L);
                isThrough = cache.files.calls() < from;
            }
            calls = from;
        }
        assertTrue(calls > 50, "calls=" + calls);
    }

    @Test
    void budgetHoldsWhileBlocksComeAndGo() throws Exception {
        try (TestCache cache = new TestCache(folder(), 4, BLOCKS / 2, 1).open().settle()) {
            for (long topic = 1; topic < 6; topic++) {
                SyntheticSource source = cache.source(topic, BLOCKS);
                for (int i = 0; i < BLOCKS; i++) {
                    cache.read(topic, source, i);
                    cache.settle();
                    assertTrue(cache.tiers().disk().bytes() <= BLOCKS / 2 * 4096L);
                    assertTrue(files().size() <= BLOCKS / 2);
                }
                cache.nanos.addAndGet(3_600_000_000_000L);
            }
            assertEquals(BLOCKS / 2, files().size());
        }
    }

    @Test
    void deletedTopicsFolderGoesAtOnceOrAtTheNextStart() throws Exception {
        fill();
        TestCache cache = cache(1);
        cache.context().isTopicKnown(topicId -> topicId != TOPIC);
        try (cache) {
            cache.open().settle();
            assertFalse(Files.exists(folder().resolve("" + TOPIC)));
            SyntheticSource source = cache.source(4, BLOCKS);
            cache.read(4, source, 0);
            cache.settle();
            assertTrue(Files.exists(folder().resolve("4/0/0-10")));
            cache.tiers().dropTopic(4);
            TestCache.await(() -> !Files.exists(folder().resolve("4")), "folder is gone");
            assertEquals(0, cache.tiers().disk().bytes());
        }
    }

    @Test
    void folderServesOneProcessAtATime() throws Exception {
        try (TestCache cache = cache(1).open().settle();
                TestCache second = cache(1).open()) {
            TestCache.await(() -> second.metric(FAILURES) > 0, "refused");
            SyntheticSource source = second.source(TOPIC, BLOCKS);
            for (int i = 0; i < BLOCKS; i++) {
                second.read(TOPIC, source, i);
            }
            assertEquals(List.of(), files());
            assertEquals(0, cache.tiers().disk().bytes());
        }
    }

    @Test
    void storeThatIsDownFailsTheReadAndNothingElse() throws Exception {
        try (TestCache cache = cache(1).open().settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            source.isDown = true;
            assertThrows(IOException.class, () -> cache.read(TOPIC, source, 0));
            source.isDown = false;
            cache.read(TOPIC, source, 0);
        }
    }
}
