package io.headrace.engine.source;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work that is done by one thread at a time, whichever that is, and again if it was asked for
 * meanwhile. Thread-safe.
 */
final class SerialTask {
    private static final Logger LOGGER = LoggerFactory.getLogger(SerialTask.class);
    private static final int RETIRED = Integer.MIN_VALUE / 2;

    private final Executor executor;
    private final Runnable body;

    /** Calls that the run under way has not seen; 0 while there is none. */
    private final AtomicInteger signals = new AtomicInteger();

    SerialTask(Executor executor, Runnable body) {
        this.executor = executor;
        this.body = body;
    }

    /** Has it run on the executor; here, if that takes no more: it is closing. */
    void signal() {
        if (signals.getAndIncrement() == 0) {
            try {
                executor.execute(this::run);
            } catch (RejectedExecutionException closing) {
                run();
            }
        }
    }

    /** Runs it here, unless another thread does. */
    void signalHere() {
        if (signals.getAndIncrement() == 0) {
            run();
        }
    }

    private void run() {
        int seen;
        do {
            seen = signals.get();
            runBody();
        } while (!signals.compareAndSet(seen, 0));
    }

    /** What a run throws is of no use to who signalled it, and must not keep later ones away. */
    private void runBody() {
        try {
            body.run();
        } catch (Throwable failed) {
            LOGGER.error("a step of a source failed", failed);
        }
    }

    /** Ends it for good, if it does not run now. */
    boolean retire() {
        return signals.compareAndSet(0, RETIRED);
    }
}
