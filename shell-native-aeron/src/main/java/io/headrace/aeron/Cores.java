package io.headrace.aeron;

import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

/**
 * How much of the machine Aeron's threads may take: on a few cores a spinning thread takes the core
 * that the other side of the exchange needs (measured on 2 cores: a round trip of 3.3 ms with every
 * thread spinning, 3 µs with yielding).
 */
final class Cores {
    private static final int FEW = 2;
    private static final int SOME = 8;
    private static final int DRIVER_YIELDS_MAX = 1000;
    private static final long PARK_MIN_NS = TimeUnit.MICROSECONDS.toNanos(1);
    private static final long PARK_MAX_NS = TimeUnit.MICROSECONDS.toNanos(500);

    /** Between telling the tap that its image goes and letting the publishers on. */
    private static final long LINGER_NS = TimeUnit.MILLISECONDS.toNanos(2);

    /** A tap that always lags holds its publishers up for at most 1 part in so many. */
    private static final int REST_PER_LAG = 20;

    private Cores() {}

    static ThreadingMode threadingMode(int coreCount) {
        if (coreCount <= FEW) {
            return ThreadingMode.SHARED;
        }
        return coreCount < SOME ? ThreadingMode.SHARED_NETWORK : ThreadingMode.DEDICATED;
    }

    /**
     * For the driver, which publishers and subscribers wait for: parks after a while of nothing.
     */
    static IdleStrategy driverIdleStrategy(int coreCount) {
        long spinsMax = coreCount <= FEW ? 1 : 20;
        return new BackoffIdleStrategy(spinsMax, DRIVER_YIELDS_MAX, PARK_MIN_NS, PARK_MAX_NS);
    }

    /** For the taps, which nobody waits for: parks at once. */
    static IdleStrategy tapIdleStrategy() {
        return new BackoffIdleStrategy(1, 1, PARK_MIN_NS, PARK_MAX_NS);
    }

    /**
     * A driver that lets go of a lagging tap after a given time. By default Aeron waits 5 s, and
     * then as long again, and until then the publishers wait as well once the window is full.
     */
    static MediaDriver.Context driver(String aeronDirectory, int coreCount, long tapLagMaxMs) {
        long lagMaxNs = TimeUnit.MILLISECONDS.toNanos(tapLagMaxMs);
        return new MediaDriver.Context()
                .aeronDirectoryName(aeronDirectory)
                .dirDeleteOnShutdown(true)
                .threadingMode(threadingMode(coreCount))
                .sharedIdleStrategy(driverIdleStrategy(coreCount))
                .sharedNetworkIdleStrategy(driverIdleStrategy(coreCount))
                .senderIdleStrategy(driverIdleStrategy(coreCount))
                .receiverIdleStrategy(driverIdleStrategy(coreCount))
                .conductorIdleStrategy(driverIdleStrategy(coreCount))
                .timerIntervalNs(TimeUnit.MILLISECONDS.toNanos(1))
                .untetheredWindowLimitTimeoutNs(lagMaxNs)
                .untetheredLingerTimeoutNs(LINGER_NS)
                .untetheredRestingTimeoutNs(lagMaxNs * REST_PER_LAG);
    }
}
