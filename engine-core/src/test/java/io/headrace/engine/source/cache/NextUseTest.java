package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the cache loads from the store, against Belady's optimum for the same sequence of reads. */
final class NextUseTest {
    private static final int BLOCKS = 400;
    private static final int CACHED = 100;

    @TempDir private Path folder;

    private Simulation simulation(int memoryBlocks, int diskBlocks, long loadMs) {
        return new Simulation(BLOCKS, memoryBlocks, diskBlocks, folder, loadMs);
    }

    private static double againstOptimum(String what, Simulation simulation, int capacity) {
        long optimum = Belady.loads(simulation.trace(), capacity);
        double ratio = simulation.storeLoads() / (double) optimum;
        System.out.printf(
                "%s: reads=%d loads=%d optimum=%d ratio=%.3f lru=%d stall=%.1fs%n",
                what,
                simulation.trace().size(),
                simulation.storeLoads(),
                optimum,
                ratio,
                Belady.loadsOfLru(simulation.trace(), capacity),
                simulation.stallSeconds());
        return ratio;
    }

    @Test
    void oneReaderInALoopOverFourTimesTheCacheIsAsGoodAsTheOptimum() {
        try (Simulation simulation = simulation(CACHED, 0, 100)) {
            simulation.loop(0, 50, 5);
            simulation.run();
            double ratio = againstOptimum("loop, memory", simulation, CACHED);
            assertTrue(ratio <= 1.05, "ratio=" + ratio);
        }
    }

    @Test
    void bothTiersTogetherAreAsGoodAsTheOptimumOfTheirSum() {
        try (Simulation simulation = simulation(CACHED / 4, CACHED * 3 / 4, 100)) {
            simulation.loop(0, 50, 5);
            simulation.run();
            double ratio = againstOptimum("loop, memory and disk", simulation, CACHED);
            assertTrue(ratio <= 1.02, "ratio=" + ratio);
        }
    }

    @Test
    void severalReadersOfSeveralSpeedsAreCloseToTheOptimum() {
        try (Simulation simulation = simulation(CACHED, 0, 20)) {
            simulation.loop(0, 50, 6);
            simulation.loop(3_000, 80, 4);
            simulation.loop(9_000, 130, 3);
            simulation.run();
            double ratio = againstOptimum("three speeds", simulation, CACHED);
            assertTrue(ratio <= 1.15, "ratio=" + ratio);
        }
    }

    @Test
    void lateJoinerIsCloseToTheOptimum() {
        try (Simulation simulation = simulation(CACHED, 0, 20)) {
            simulation.loop(0, 50, 4);
            simulation.loop(27_000, 50, 3);
            simulation.run();
            double ratio = againstOptimum("late joiner", simulation, CACHED);
            assertTrue(ratio <= 1.10, "ratio=" + ratio);
        }
    }

    @Test
    void ordersThatNobodyToldStillHitTheCachesShareOfTheDataset() {
        List<Integer> order = new ArrayList<>();
        Random random = new Random(11);
        for (int epoch = 0; epoch < 6; epoch++) {
            List<Integer> shuffled = new ArrayList<>();
            for (int i = 0; i < BLOCKS; i++) {
                shuffled.add(i);
            }
            Collections.shuffle(shuffled, random);
            order.addAll(shuffled);
        }
        try (Simulation simulation = simulation(CACHED, 0, 20)) {
            simulation.reader(0, 50, order.size(), order::get);
            simulation.run();
            double ratio = againstOptimum("shuffled", simulation, CACHED);
            long fixedSet = BLOCKS + 5L * (BLOCKS - CACHED);
            assertTrue(simulation.storeLoads() <= 1.05 * fixedSet, "ratio=" + ratio);
        }
    }

    private static int[] order(long epoch) {
        List<Integer> shuffled = new ArrayList<>();
        for (int i = 0; i < BLOCKS; i++) {
            shuffled.add(i);
        }
        Collections.shuffle(shuffled, new Random(17 + epoch));
        return shuffled.stream().mapToInt(Integer::intValue).toArray();
    }

    @Test
    void ordersThatWereToldAreAsGoodAsTheOptimum() {
        for (int cached : new int[] {CACHED, 2 * CACHED}) {
            try (Simulation simulation = simulation(cached, 0, 20)) {
                simulation.toldReader(50, 5, 16, NextUseTest::order);
                simulation.run();
                double ratio = againstOptimum("told", simulation, cached);
                assertTrue(ratio <= 1.02, "ratio=" + ratio);
                assertTrue(simulation.tiers().partition(7, 0).cursors().isEmpty(), "cursors");
            }
        }
    }

    @Test
    void ordersThatWereToldAreAsGoodAsTheOptimumWithBothTiers() {
        try (Simulation simulation = simulation(CACHED / 4, CACHED * 3 / 4, 20)) {
            simulation.toldReader(50, 5, 16, NextUseTest::order);
            simulation.run();
            double ratio = againstOptimum("told, memory and disk", simulation, CACHED);
            assertTrue(ratio <= 1.10, "ratio=" + ratio);
        }
    }

    @Test
    void whoReadsInOrderIsServedBesideAnOrderThatWasTold() {
        try (Simulation simulation = simulation(CACHED, 0, 20)) {
            simulation.toldReader(50, 4, 16, NextUseTest::order);
            simulation.loop(3_000, 50, 4);
            simulation.run();
            double ratio = againstOptimum("told, and a loop", simulation, CACHED);
            assertTrue(ratio <= 1.10, "ratio=" + ratio);
        }
    }
}
