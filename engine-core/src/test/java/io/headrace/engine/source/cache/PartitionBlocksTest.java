package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** One flight per block, and what becomes of blocks that are dropped or belong in a line. */
final class PartitionBlocksTest {
    private static final long TOPIC = 3;
    private static final int BLOCKS = 20;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path folder;

    /** What was to be run, in order. */
    private final Deque<Runnable> demand = new ArrayDeque<>();

    private final Deque<Runnable> ahead = new ArrayDeque<>();

    private TestCache cache(int diskBlocks) {
        TestCache cache = new TestCache(folder, 100, diskBlocks, 1);
        cache.context().demandExecutor(demand::add);
        return cache.ahead(ahead::add).open();
    }

    private static void runAll(Deque<Runnable> tasks) {
        while (!tasks.isEmpty()) {
            tasks.remove().run();
        }
    }

    private static void load(
            TestCache cache, SyntheticSource source, int number, List<Object> outcomes) {
        StoredBlock stored = source.block(number);
        cache.partition(TOPIC)
                .load(
                        stored.firstOffset(),
                        stored,
                        (block, failure) -> {
                            outcomes.add(block == null ? failure : block.firstOffset());
                            if (block != null) {
                                source.verify(number, 1, block);
                                block.release();
                            }
                        });
    }

    /** Reads blocks as one reader, so that it is followed. */
    private void readSome(TestCache cache, SyntheticSource source, int count) {
        for (int i = 0; i < count; i++) {
            cache.nanos.addAndGet(1_000_000);
            load(cache, source, i, new ArrayList<>());
            runAll(demand);
            long first = (long) i * SyntheticSource.RECORDS;
            cache.partition(TOPIC)
                    .onRead(
                            source,
                            first,
                            first + SyntheticSource.RECORDS,
                            SyntheticSource.RECORDS);
        }
    }

    @Test
    void whoWantsABlockThatIsOnItsWayWaitsForThatFlight() {
        try (TestCache cache = cache(0)) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            List<Object> outcomes = new ArrayList<>();
            load(cache, source, 4, outcomes);
            load(cache, source, 4, outcomes);
            load(cache, source, 5, outcomes);
            runAll(demand);
            assertEquals(List.of(40L, 40L, 50L), outcomes);
            assertEquals(2, source.loads.get());
            assertEquals(1, cache.metric("headrace_source_block_joins_total"));
        }
    }

    @Test
    void failureReachesAllWhoWaitAndTheNextTriesAgain() {
        try (TestCache cache = cache(0)) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            List<Object> outcomes = new ArrayList<>();
            source.isDown = true;
            load(cache, source, 4, outcomes);
            load(cache, source, 4, outcomes);
            runAll(demand);
            assertEquals(2, outcomes.size());
            assertTrue(outcomes.stream().allMatch(IOException.class::isInstance));
            source.isDown = false;
            load(cache, source, 4, outcomes);
            runAll(demand);
            assertEquals(40L, outcomes.get(2));
        }
    }

    @Test
    void whoCannotWaitFliesWhatWasToBePrefetched() {
        try (TestCache cache = cache(0)) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readSome(cache, source, 3);
            ahead.remove().run(); // the step, which asks for block 3 at least
            assertTrue(!ahead.isEmpty());
            List<Object> outcomes = new ArrayList<>();
            load(cache, source, 3, outcomes);
            runAll(demand);
            assertEquals(List.of(30L), outcomes);
            assertEquals(4, source.loads.get());
            runAll(ahead);
            assertEquals(1, cache.metric("headrace_source_prefetches_joined_total"));
        }
    }

    @Test
    void blocksThatAreMadeFromEachOtherAreLoadedInTheirOrderWhoeverWaits() {
        try (TestCache cache = cache(0)) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            source.isSerial = true;
            source.loadTime(1_000_000_000);
            readSome(cache, source, 3);
            ahead.remove().run(); // a step: several blocks are in line
            assertTrue(ahead.size() > 3, "asked for: " + ahead.size());
            List<Object> outcomes = new ArrayList<>();
            source.loaded.clear();
            load(cache, source, 6, outcomes);
            runAll(demand);
            assertEquals(List.of(60L), outcomes);
            List<Integer> inOrder = new ArrayList<>(source.loaded);
            inOrder.sort(null);
            assertEquals(inOrder, source.loaded);
            assertEquals(3, source.loaded.get(0));
            runAll(ahead);
        }
    }

    /** Without a place and not yet among those that wait to be written: a drop finds it nowhere. */
    @Test
    void blockThatIsDroppedOnItsWayOutOfMemoryIsNotWritten() throws Exception {
        try (TestCache cache = cache(BLOCKS).settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            PartitionBlocks partition = cache.partition(TOPIC);
            List<MemoryTier.Evicted> evicted = new ArrayList<>();
            MemoryTier memory =
                    new MemoryTier(
                            SyntheticSource.SLAB_BYTES,
                            new CacheCounters(),
                            cache.nanos::get,
                            evicted::add);
            memory.add(partition, source.block(3).load());
            memory.add(partition, source.block(4).load());
            MemoryTier.Evicted gone = evicted.get(0);
            long first = gone.block().firstOffset();
            partition.drop(first);
            cache.tiers().disk().offer(partition, gone.block(), gone.drops());
            cache.settle();
            assertNull(partition.resident(first));
            assertTrue(!Files.exists(folder.resolve(TOPIC + "/0/" + first + "-10")));
            gone.block().release();
            memory.close();
        }
    }

    @Test
    void droppedBlockIsNeitherServedNorWrittenNorTakenInWhenItComes() {
        try (TestCache cache = cache(BLOCKS).settle()) {
            SyntheticSource source = cache.source(TOPIC, BLOCKS);
            readSome(cache, source, 2);
            cache.settle();
            PartitionBlocks partition = cache.partition(TOPIC);
            assertTrue(Files.exists(folder.resolve(TOPIC + "/0/10-10")));
            partition.drop(14);
            assertNull(partition.resident(14));
            assertTrue(!Files.exists(folder.resolve(TOPIC + "/0/10-10")));
            load(cache, source, 8, new ArrayList<>());
            partition.drop(89);
            runAll(demand);
            cache.settle();
            assertNull(partition.resident(89));
            assertTrue(!Files.exists(folder.resolve(TOPIC + "/0/80-10")));
            load(cache, source, 8, new ArrayList<>());
            runAll(demand);
            cache.settle();
            assertTrue(Files.exists(folder.resolve(TOPIC + "/0/80-10")));
            assertEquals(2 * 4096L, cache.tiers().disk().bytes());
        }
    }
}
