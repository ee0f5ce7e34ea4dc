package io.headrace.server.simulation;

import org.jspecify.annotations.Nullable;

/** The engine did what it must not do. */
final class SimulationFailure extends AssertionError {
    private static final long serialVersionUID = 1L;

    SimulationFailure(String what) {
        super(what);
    }

    SimulationFailure(String what, @Nullable Throwable cause) {
        super(what, cause);
    }
}
