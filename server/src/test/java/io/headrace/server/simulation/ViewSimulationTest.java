package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Views on a simulated machine: docs/design/simulation.md. Seeds from the property {@code .first}
 * on, as many as {@code .seeds} says; {@code .replay} shows the steps of one.
 */
abstract class ViewSimulationTest {
    /** So many runs meet each moment. */
    private static final int ENOUGH = 100;

    private static final String REPLAY = "headrace.view.simulation.replay";

    private final long first;
    private final long count;
    private final String replay;
    private final MappedArena arena;
    private final PrintStream log = System.err;

    /**
     * @param properties what their names begin with
     * @param replay script that shows the steps of a seed
     */
    ViewSimulationTest(String properties, String replay, MappedArena arena) {
        this.first = Long.getLong(properties + ".first", 1);
        this.count = Long.getLong(properties + ".seeds", 500);
        this.replay = replay;
        this.arena = arena;
    }

    abstract ViewSimulation simulation(
            long seed, MappedArena arena, @Nullable Consumer<String> listener);

    /** Crashes are logged, each as a surprise. */
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

    private long run(long seed, @Nullable Consumer<String> listener) {
        try {
            return simulation(seed, arena, listener).run();
        } catch (RuntimeException | Error e) {
            throw new AssertionError(
                    "seed=" + seed + " replay: " + replay + " " + seed + "\n" + e, e);
        }
    }

    /** Runs all seeds; true if these are so many that they have met each moment. */
    final boolean runAll() {
        for (long seed = first; seed < first + count; seed++) {
            run(seed, null);
        }
        return count >= ENOUGH;
    }

    @Test
    void aSeedIsTheSameRunEachTime() {
        for (long seed = first; seed < first + 10; seed++) {
            List<String> steps = new ArrayList<>();
            long hash = run(seed, steps::add);
            List<String> again = new ArrayList<>();
            assertEquals(hash, run(seed, again::add));
            assertEquals(steps, again);
        }
    }

    @Test
    @EnabledIfSystemProperty(named = REPLAY, matches = "-?[0-9]+")
    void replay() {
        run(Long.getLong(REPLAY), System.out::println);
    }
}
