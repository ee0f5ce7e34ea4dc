package io.headrace.engine.source;

import java.util.function.LongSupplier;

/** Keeps a step that failed from being tried again at once by whoever asks next. Thread-safe. */
final class Pause {
    private static final long PAUSE_NANOS = 1_000_000_000L;

    private final LongSupplier nanoClock;
    private volatile boolean isSet;
    private volatile long until;

    Pause(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    /** Begins a pause. */
    void begin() {
        until = nanoClock.getAsLong() + PAUSE_NANOS;
        isSet = true;
    }

    /** Ends it early. */
    void end() {
        isSet = false;
    }

    /** Whether it is too early to try again. */
    boolean isOn() {
        return isSet && nanoClock.getAsLong() - until < 0;
    }
}
