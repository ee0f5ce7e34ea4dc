package io.headrace.engine.log;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Holds sealing to a rate, so that producers and readers keep the disk. Used by the sealer's
 * thread.
 */
final class SealPace {
    private static final long NS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

    /**
     * Bytes that may be done ahead of the rate: more is a stretch in which whoever shares the core
     * waits, less is not worth a look at the clock.
     */
    private static final long BURST_BYTES = 64 << 10;

    private static final long PAUSE_NS_MAX = TimeUnit.MILLISECONDS.toNanos(50);

    private final long bytesPerSecond;
    private final BooleanSupplier stopped;
    private final BooleanSupplier hurried;
    private long untimedBytes;
    private long dueNs = System.nanoTime();

    /**
     * @param stopped ends every wait
     * @param hurried whether to go on without pauses: the disk is short, and sealing is what helps
     */
    SealPace(long bytesPerSecond, BooleanSupplier stopped, BooleanSupplier hurried) {
        this.bytesPerSecond = bytesPerSecond;
        this.stopped = stopped;
        this.hurried = hurried;
    }

    /** Notes bytes that were read or written, and waits until as many more may be. */
    void pay(long bytes) {
        untimedBytes += bytes;
        if (untimedBytes < BURST_BYTES) {
            return;
        }
        long now = System.nanoTime();
        dueNs = Math.max(dueNs, now) + untimedBytes * NS_PER_SECOND / bytesPerSecond;
        untimedBytes = 0;
        while (!stopped.getAsBoolean() && dueNs - System.nanoTime() > 0) {
            if (hurried.getAsBoolean()) {
                dueNs = System.nanoTime();
                return;
            }
            LockSupport.parkNanos(Math.min(PAUSE_NS_MAX, dueNs - System.nanoTime()));
        }
    }
}
