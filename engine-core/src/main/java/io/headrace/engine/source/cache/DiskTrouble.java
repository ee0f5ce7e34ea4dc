package io.headrace.engine.source.cache;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What goes wrong with the SSD is counted, and said once until it has gone well for a while;
 * writing pauses after what does not concern one block alone. Thread-safe.
 */
final class DiskTrouble {
    private static final Logger LOGGER = LoggerFactory.getLogger(DiskTier.class);
    private static final long PAUSE_NANOS = 10_000_000_000L;
    private static final long QUIET_NANOS = 60_000_000_000L;

    private final LongAdder failures;
    private final LongSupplier nanoClock;
    private boolean isOn;
    private long failedNanos;
    private long pausedUntil;

    DiskTrouble(LongAdder failures, LongSupplier nanoClock) {
        this.failures = failures;
        this.nanoClock = nanoClock;
        this.pausedUntil = nanoClock.getAsLong();
    }

    /** Something failed; nothing is written for a while. */
    synchronized void pause(String what, Throwable cause) {
        pausedUntil = nanoClock.getAsLong() + PAUSE_NANOS;
        note(what, cause);
    }

    /** Something failed that concerns one block. */
    synchronized void note(String what, Throwable cause) {
        failures.increment();
        failedNanos = nanoClock.getAsLong();
        if (!isOn) {
            isOn = true;
            LOGGER.warn(
                    "SSD cache fails, the store takes its place: {} cause={}", what, "" + cause);
        }
    }

    /** A write went well. */
    synchronized void over() {
        if (isOn && nanoClock.getAsLong() - failedNanos > QUIET_NANOS) {
            isOn = false;
            LOGGER.info("SSD cache works again");
        }
    }

    synchronized boolean isPaused() {
        return isOn && nanoClock.getAsLong() - pausedUntil < 0;
    }
}
