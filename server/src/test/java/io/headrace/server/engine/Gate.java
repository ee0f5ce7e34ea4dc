package io.headrace.server.engine;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Where a thread of the engine waits, the n-th time that it comes there, until the test lets it go.
 * Thread-safe.
 */
final class Gate {
    private static final long DEADLINE_SECONDS = 60;

    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);
    private int passes;

    /**
     * @param passes how often it is let through before it waits
     */
    Gate(int passes) {
        this.passes = passes;
    }

    /** Waits if it is the time to. */
    void pass() {
        if (isTime()) {
            reached.countDown();
            await(opened);
        }
    }

    private synchronized boolean isTime() {
        return passes-- == 0;
    }

    /** Waits until somebody waits here. */
    void awaitReached() {
        await(reached);
    }

    void open() {
        opened.countDown();
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("not within " + DEADLINE_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
