package io.headrace.engine.source;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Callbacks that wait for an offset. A waiter is added before the caller looks at the high
 * watermark, and the high watermark is published before {@link #wake} looks here, so that one of
 * the two sees the other. As many as there are fetches parked on the partition, which the shell
 * bounds.
 */
final class Waiters {
    private final List<Waiter> waiters = new ArrayList<>(0);

    private record Waiter(long offset, Runnable wake) {}

    synchronized void add(long offset, Runnable wake) {
        waiters.add(new Waiter(offset, wake));
    }

    /** False if it is not here (any more). */
    synchronized boolean remove(Runnable wake) {
        return waiters.removeIf(waiter -> waiter.wake == wake);
    }

    synchronized boolean isEmpty() {
        return waiters.isEmpty();
    }

    /** Calls those that wait for this offset or less, outside of the lock. */
    void wake(long highWatermark) {
        List<Runnable> due = new ArrayList<>(0);
        synchronized (this) {
            for (Iterator<Waiter> all = waiters.iterator(); all.hasNext(); ) {
                Waiter waiter = all.next();
                if (waiter.offset <= highWatermark) {
                    due.add(waiter.wake);
                    all.remove();
                }
            }
        }
        due.forEach(Runnable::run);
    }
}
