package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.simulation.UnionSimulation.Moments;
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
 * A union on a simulated machine: docs/design/simulation.md. Seeds from {@code
 * -Dheadrace.union.simulation.first} on, as many as {@code -Dheadrace.union.simulation.seeds} says;
 * {@code tests/simulation/replay-union SEED} shows the steps of one.
 */
class UnionSimulationTest {
    private static final String REPLAY = "headrace.union.simulation.replay";
    private static final long FIRST = Long.getLong("headrace.union.simulation.first", 1);
    private static final long COUNT = Long.getLong("headrace.union.simulation.seeds", 500);

    /** So many runs meet each moment. */
    private static final int ENOUGH = 100;

    private final MappedArena arena = new MappedArena(UnionSimulation.CYCLE_FILE_BYTES);
    private final Moments moments = new Moments();
    private final PrintStream log = System.err;

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
            return new UnionSimulation(seed, arena, moments, listener).run();
        } catch (RuntimeException | Error e) {
            throw new AssertionError(
                    "seed=" + seed + " replay: tests/simulation/replay-union " + seed + "\n" + e,
                    e);
        }
    }

    @Test
    void whatIsBelowIsCopiedOnceAndInItsOrderWheneverItCrashes() {
        for (long seed = FIRST; seed < FIRST + COUNT; seed++) {
            run(seed, null);
        }
        if (COUNT >= ENOUGH) {
            assertTrue(moments.appended > 0, "no crash between a copy and its sync");
            assertTrue(moments.synced > 0, "no crash between a sync and its row");
            assertTrue(moments.deleted > 0, "no topic was deleted");
        }
    }

    @Test
    void aSeedIsTheSameRunEachTime() {
        for (long seed = FIRST; seed < FIRST + 10; seed++) {
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
