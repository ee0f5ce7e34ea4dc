package io.headrace.engine.log;

import org.jspecify.annotations.Nullable;

/** The steps of an ending: each is taken, whatever the ones before did. */
final class Ending {
    private @Nullable Throwable failure;

    void step(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            if (failure == null) {
                failure = e;
            } else {
                failure.addSuppressed(e);
            }
        }
    }

    /** Throws what failed first. */
    void finish() {
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }
}
