package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.testing.LeakCheck;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Many threads read, jump, delete topics and run out of memory at the same time. */
final class CacheStressTest {
    private static final int BLOCKS = 60;
    private static final int IN_MEMORY = 20;
    private static final int ON_DISK = 50;
    private static final int TOPICS = 3;
    private static final int THREADS = 6;
    private static final int READS = 4_000;

    @RegisterExtension final LeakCheck leaks = new LeakCheck();
    @TempDir private Path folder;

    private final ExecutorService executor = Executors.newFixedThreadPool(THREADS + 4);
    private final AtomicInteger running = new AtomicInteger(THREADS);

    @Test
    void budgetsHoldAndBytesAreRightWhateverHappens() throws Exception {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        TestCache cache = new TestCache(folder, IN_MEMORY, ON_DISK, 1);
        cache.ahead(executor).context().nanoClock(System::nanoTime);
        try (cache) {
            cache.open();
            List<SyntheticSource> sources = new ArrayList<>();
            for (int topic = 0; topic < TOPICS; topic++) {
                sources.add(cache.source(topic, BLOCKS));
            }
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(seed + i);
                all.add(executor.submit(() -> read(cache, sources, random, seed)));
            }
            all.add(executor.submit(() -> disturb(cache, new Random(seed - 1))));
            for (Future<?> one : all) {
                one.get(60, TimeUnit.SECONDS);
            }
            cache.settle();
            assertNothingIsLeftWithoutTopics(cache);
        } finally {
            executor.shutdown();
            assertTrue(executor.awaitTermination(30, TimeUnit.SECONDS));
        }
        assertEquals(0, cache.slabBytes.get(), "seed=" + seed);
    }

    private static void assertNothingIsLeftWithoutTopics(TestCache cache) {
        TestCache.await(
                () -> {
                    for (int topic = 0; topic < TOPICS; topic++) {
                        cache.tiers().dropTopic(topic);
                    }
                    return cache.tiers().memory().bytes() == 0
                            && cache.tiers().window().bytes() == 0;
                },
                "what was counted is given back");
    }

    private void read(TestCache cache, List<SyntheticSource> sources, Random random, long seed) {
        try {
            int topic = random.nextInt(TOPICS);
            int block = 0;
            for (int i = 0; i < READS; i++) {
                if (random.nextInt(100) == 0) {
                    topic = random.nextInt(TOPICS);
                    block = random.nextInt(BLOCKS);
                }
                read(cache, topic, sources.get(topic), block);
                block = (block + 1) % BLOCKS;
                assertWithinBudgets(cache, "seed=" + seed);
            }
        } finally {
            running.decrementAndGet();
        }
    }

    private static void read(TestCache cache, long topic, SyntheticSource source, int number) {
        PartitionBlocks partition = cache.partition(topic);
        StoredBlock stored = source.block(number);
        CachedBlock block = partition.resident(stored.firstOffset());
        if (block == null) {
            CompletableFuture<CachedBlock> loaded = new CompletableFuture<>();
            partition.load(
                    stored.firstOffset(),
                    stored,
                    (found, failure) -> {
                        if (found == null) {
                            loaded.completeExceptionally(failure);
                        } else {
                            loaded.complete(found);
                        }
                    });
            block = loaded.join();
        }
        source.verify(number, 1, block);
        partition.onRead(source, block.firstOffset(), block.endOffset(), block.recordCount());
        partition.visited(block);
        block.release();
    }

    private static void assertWithinBudgets(TestCache cache, String where) {
        assertTrue(cache.tiers().memory().bytes() <= IN_MEMORY * 4096L, where);
        assertTrue(cache.tiers().disk().bytes() <= ON_DISK * 4096L, where);
        assertTrue(cache.tiers().window().bytes() >= 0, where);
    }

    private void disturb(TestCache cache, Random random) {
        while (running.get() > 0) {
            switch (random.nextInt(4)) {
                case 0 -> cache.tiers().dropTopic(random.nextInt(TOPICS));
                case 1 -> cache.tiers().releaseMemory(random.nextInt(10 * 4096));
                case 2 -> cache.files.isFull = random.nextBoolean();
                default -> cache.files.failFrom = cache.files.calls() + random.nextInt(20);
            }
            cache.files.failCount = random.nextInt(2);
            LockSupport.parkNanos(random.nextInt(2_000_000));
        }
        cache.files.isFull = false;
    }
}
