package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * The engine on a simulated machine: docs/design/simulation.md. Seeds from {@code
 * -Dheadrace.simulation.first} on, as many as {@code -Dheadrace.simulation.seeds} says; {@code
 * tests/simulation/replay SEED} shows the steps of one.
 */
class SimulationTest {
    private static final String REPLAY = "headrace.simulation.replay";
    private static final long FIRST = Long.getLong("headrace.simulation.first", 1);
    private static final long COUNT = Long.getLong("headrace.simulation.seeds", 1000);

    /** Runs that are taken twice. */
    private static final int TWICE = 20;

    private final MappedArena arena = new MappedArena();
    private final PrintStream log = System.err;

    /** Thousands of crashes are logged, each as a surprise. */
    @BeforeEach
    void dropTheLog() {
        System.setErr(
                new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    @AfterEach
    void close() {
        System.setErr(log);
        arena.close();
    }

    @Test
    void whateverTheOrderOfStepsAndWhereverItCrashesThePromisesAreKept() {
        for (long seed = FIRST; seed < FIRST + COUNT; seed++) {
            SimulationRunner.run(seed, arena, null);
        }
    }

    @Test
    void aSeedIsTheSameRunEachTime() {
        for (long seed = FIRST; seed < FIRST + TWICE; seed++) {
            List<String> steps = new ArrayList<>();
            long hash = SimulationRunner.run(seed, arena, steps::add);
            List<String> again = new ArrayList<>();
            assertEquals(hash, SimulationRunner.run(seed, arena, again::add));
            assertEquals(steps, again);
            assertNotEquals(hash, SimulationRunner.run(seed + 1, arena, null));
        }
    }

    @Test
    @EnabledIfSystemProperty(named = REPLAY, matches = "-?[0-9]+")
    void replay() {
        SimulationRunner.run(Long.getLong(REPLAY), arena, System.out::println);
    }
}
