package io.headrace.server.simulation;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Runs seeds, and says of one that fails how to see it again. */
final class SimulationRunner {
    private SimulationRunner() {}

    /** Runs one seed; what it finds is thrown, with the seed in its message. */
    static long run(long seed, MappedArena arena, @Nullable Consumer<String> listener) {
        try {
            return new Simulation(seed, arena, listener).run();
        } catch (RuntimeException | Error e) {
            throw new AssertionError(
                    "seed=" + seed + " replay: tests/simulation/replay " + seed + "\n" + e, e);
        }
    }
}
