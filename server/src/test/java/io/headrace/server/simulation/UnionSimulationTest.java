package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.simulation.UnionSimulation.Moments;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Unions on a simulated machine. */
final class UnionSimulationTest extends ViewSimulationTest {
    private final Moments moments = new Moments();

    UnionSimulationTest() {
        super(
                "headrace.union.simulation",
                "tests/simulation/replay-union",
                new MappedArena(UnionSimulation.CYCLE_FILE_BYTES));
    }

    @Override
    ViewSimulation simulation(long seed, MappedArena arena, @Nullable Consumer<String> listener) {
        return new UnionSimulation(seed, arena, moments, listener);
    }

    @Test
    void whatIsBelowIsCopiedOnceAndInItsOrderWheneverItCrashes() {
        if (runAll()) {
            assertTrue(moments.appended > 0, "no crash between a copy and its sync");
            assertTrue(moments.synced > 0, "no crash between a sync and its row");
            assertTrue(moments.deleted > 0, "no topic was deleted");
            assertTrue(moments.refused > 0, "no append was refused");
            assertTrue(moments.overflows > 0, "all that had risen found room");
        }
    }
}
