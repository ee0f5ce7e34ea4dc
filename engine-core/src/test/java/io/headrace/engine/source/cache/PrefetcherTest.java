package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How much of the time that the store takes readers do not see. */
final class PrefetcherTest {
    private static final long LOAD_MS = 100;
    private static final int BLOCKS = 2000;

    @TempDir private Path folder;

    /** Waiting that is left, of what it would be if each load were waited for. */
    private static double stallShare(Simulation simulation) {
        double share = simulation.stallSeconds() * 1000 / (LOAD_MS * simulation.storeLoads());
        System.out.printf(
                "loads=%d stall=%.1fs share=%.4f%n",
                simulation.storeLoads(), simulation.stallSeconds(), share);
        return share;
    }

    @ParameterizedTest
    @ValueSource(doubles = {400, 50, 10, 3})
    void readersOfAnyPaceHardlyWaitAndNotAtTheEndsOfEpochs(double blockMs) {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.loop(0, blockMs, 3);
            simulation.run();
            assertTrue(stallShare(simulation) <= 0.10);
            assertTrue(simulation.peakMemoryBytes() <= BLOCKS / 4 * (long) Simulation.BLOCK_BYTES);
            assertEquals(0, simulation.wasted());
        }
    }

    @Test
    void readerLearnsHowFarAheadToAskWhereTheStoresTimeIsNotKnown() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.forgetLoadTimes();
            simulation.loop(0, 5, 2);
            simulation.run();
            assertTrue(stallShare(simulation) <= 0.15);
        }
    }

    @Test
    void whoBeginsAtTheBeginningWaitsForTheStoreOnce() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.forgetLoadTimes();
            simulation.reader(0, LOAD_MS, 3, i -> i);
            simulation.run();
            assertEquals(LOAD_MS / 1000.0, simulation.stallSeconds());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16})
    void whoReadsTheFirstBlockAloneCostsTwoMore(int readers) {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            for (int i = 0; i < readers; i++) {
                simulation.reader(i, LOAD_MS, 1, block -> 0);
            }
            simulation.run();
            assertEquals(3, simulation.storeLoads());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 60_000})
    void whatWasAskedForAheadOfWhoLeftTakesNothingFromOthers(int pauseMs) {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            for (int i = 1; i <= 100; i++) {
                simulation.inPartition(i).reader(0, LOAD_MS, 3, block -> block);
            }
            Simulation.Reader other =
                    simulation.inPartition(0).reader(1_000 + pauseMs, 20, 1_500, block -> block);
            simulation.run();
            double sharedSeconds = pauseMs == 0 ? 2 * PrefetchWindow.STRETCH_NANOS / 1e9 : 0;
            assertTrue(other.waitedSeconds() <= sharedSeconds + 0.5, "" + other.waitedSeconds());
        }
    }

    @Test
    void nothingIsAskedForAheadOfWhoReadsOneBlockSomewhere() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.reader(0, LOAD_MS, 1, i -> BLOCKS / 2);
            simulation.run();
            assertEquals(1, simulation.storeLoads());
        }
    }

    @Test
    void severalReadersShareTheWindow() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.loop(0, 20, 2);
            simulation.loop(3_000, 30, 2);
            simulation.loop(11_000, 70, 1);
            simulation.run();
            assertTrue(stallShare(simulation) <= 0.10);
        }
    }

    @Test
    void onlyReaderOfWhatIsCachedCausesNoLoad() {
        try (Simulation simulation = new Simulation(100, 120, 0, folder, LOAD_MS)) {
            simulation.loop(0, 5, 4);
            simulation.loop(4_000, 5, 2);
            simulation.run();
            assertEquals(100, simulation.storeLoads());
        }
    }

    @Test
    void beginningIsThereWhenAnEpochEndsAlthoughItWasNotKept() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.reader(0, 20, 2 * BLOCKS, i -> (i + BLOCKS / 2) % BLOCKS);
            simulation.run();
            assertEquals(0, simulation.stallSecondsAt(0));
            assertEquals(0, simulation.stallSecondsAt(1));
            assertTrue(simulation.loadsByBlock().get(0) == 2, "not kept");
        }
    }

    @Test
    void nothingIsAskedForBehindTheEndOfAnIndexThatGrows() {
        try (Simulation simulation = new Simulation(BLOCKS, BLOCKS / 4, 0, folder, LOAD_MS)) {
            simulation.growing();
            simulation.reader(0, 20, BLOCKS / 2, i -> i + BLOCKS / 2);
            simulation.run();
            assertEquals(BLOCKS / 2, simulation.storeLoads());
        }
    }
}
