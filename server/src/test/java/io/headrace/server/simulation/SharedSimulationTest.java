package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.simulation.SharedSimulation.Moments;
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
 * A share view on a simulated machine: docs/design/simulation.md. Seeds from {@code
 * -Dheadrace.shared.first} on, as many as {@code -Dheadrace.shared.seeds} says; {@code
 * tests/simulation/replay-shared SEED} shows the steps of one.
 */
class SharedSimulationTest {
    private static final String REPLAY = "headrace.shared.replay";
    private static final long FIRST = Long.getLong("headrace.shared.first", 1);
    private static final long COUNT = Long.getLong("headrace.shared.seeds", 500);

    /** So many runs meet each moment. */
    private static final int ENOUGH = 100;

    private final MappedArena arena = new MappedArena();
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
            return new SharedSimulation(seed, arena, moments, listener).run();
        } catch (RuntimeException | Error e) {
            throw new AssertionError(
                    "seed=" + seed + " replay: tests/simulation/replay-shared " + seed + "\n" + e,
                    e);
        }
    }

    @Test
    void whoeverComesAndGoesAndWheneverItCrashesEachRecordIsGivenAndHasOnePlace() {
        for (long seed = FIRST; seed < FIRST + COUNT; seed++) {
            run(seed, null);
        }
        if (COUNT >= ENOUGH) {
            assertTrue(moments.appended > 0, "no crash between a reference and its sync");
            assertTrue(moments.synced > 0, "no crash between a sync and its reader");
            assertTrue(moments.takenBack > 0, "nothing was taken back");
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
