package io.headrace.server.simulation;

/** The process is gone: nothing that it did afterwards has happened. */
final class SimulatedCrash extends Error {
    private static final long serialVersionUID = 1L;

    SimulatedCrash(String where) {
        super(where, null, false, false);
    }
}
