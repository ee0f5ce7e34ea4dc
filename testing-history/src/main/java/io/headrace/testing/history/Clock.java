package io.headrace.testing.history;

import java.util.Locale;
import java.util.function.LongSupplier;

/** Nanoseconds since a history began; never zero. */
final class Clock {
    private final LongSupplier nanoTime;
    private final long startNs;

    Clock(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.startNs = nanoTime.getAsLong();
    }

    long now() {
        return nanoTime.getAsLong() - startNs + 1;
    }

    static String text(long ns) {
        return String.format(Locale.ROOT, "%.6fs", ns / 1e9);
    }
}
