package io.headrace.engine.log;

import java.util.ArrayList;
import java.util.List;

/**
 * Callbacks that wait for a partition's high watermark. Callers register before they look at the
 * high watermark, and the high watermark is published before {@link #wake} looks here; both through
 * volatile accesses, so that one of the two sees the other.
 */
final class HighWatermarkWaiters {
    private final List<Waiter> waiters = new ArrayList<>(0);

    /** Written under the monitor, read without: tells the publisher that there is nothing to do. */
    private volatile int count;

    private record Waiter(long offset, Runnable wake) {}

    synchronized void add(long offset, Runnable wake) {
        waiters.add(new Waiter(offset, wake));
        count = waiters.size();
    }

    /** Takes a callback back; false if it is not here (any more). */
    synchronized boolean remove(Runnable wake) {
        boolean removed = waiters.removeIf(waiter -> waiter.wake == wake);
        count = waiters.size();
        return removed;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Calls those that wait for {@code highWatermark} or less. */
    void wake(long highWatermark) {
        if (count == 0) {
            return;
        }
        List<Waiter> due = new ArrayList<>();
        synchronized (this) {
            for (int i = waiters.size() - 1; i >= 0; i--) {
                if (waiters.get(i).offset <= highWatermark) {
                    due.add(waiters.get(i));
                    int last = waiters.size() - 1;
                    waiters.set(i, waiters.get(last));
                    waiters.remove(last);
                }
            }
            count = waiters.size();
        }
        for (Waiter waiter : due) {
            waiter.wake.run();
        }
    }
}
