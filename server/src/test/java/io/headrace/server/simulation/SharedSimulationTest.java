package io.headrace.server.simulation;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.server.simulation.SharedSimulation.Moments;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A share view on a simulated machine. */
final class SharedSimulationTest extends ViewSimulationTest {
    private final Moments moments = new Moments();

    SharedSimulationTest() {
        super("headrace.shared", "tests/simulation/replay-shared", new MappedArena());
    }

    @Override
    ViewSimulation simulation(long seed, MappedArena arena, @Nullable Consumer<String> listener) {
        return new SharedSimulation(seed, arena, moments, listener);
    }

    @Test
    void whoeverComesAndGoesAndWheneverItCrashesEachRecordIsGivenAndHasOnePlace() {
        if (runAll()) {
            assertTrue(moments.appended > 0, "no crash between a reference and its sync");
            assertTrue(moments.synced > 0, "no crash between a sync and its reader");
            assertTrue(moments.takenBack > 0, "nothing was taken back");
        }
    }
}
