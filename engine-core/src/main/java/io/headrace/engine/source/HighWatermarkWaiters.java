package io.headrace.engine.source;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Callbacks that wait for a partition's high watermark. Callers register before they look at the
 * high watermark, and the high watermark is published before {@link #wake} looks here; both through
 * volatile accesses, so that one of the two sees the other. As many as there are requests parked on
 * the partition, which the shell bounds.
 *
 * <p>Thousands may wait for one partition, each takes its callback back when it is woken, and
 * whoever raises the high watermark needs the same monitor: so none is looked for among the others.
 */
public final class HighWatermarkWaiters {
    private final List<Waiter> waiters = new ArrayList<>(0);

    /** Those of each callback, the newest first. */
    private final Map<Runnable, Waiter> byCallback = new IdentityHashMap<>(0);

    /** Written under the monitor, read without: tells the publisher that there is nothing to do. */
    private volatile int count;

    private static final class Waiter {
        private final long offset;
        private final Runnable wake;

        /** Of the same callback. */
        private @Nullable Waiter next;

        /** Its place in the list. */
        private int index;

        Waiter(long offset, Runnable wake) {
            this.offset = offset;
            this.wake = wake;
        }
    }

    /** Has a callback called once, when {@link #wake} gets to an offset. */
    public synchronized void add(long offset, Runnable wake) {
        Waiter waiter = new Waiter(offset, wake);
        waiter.index = waiters.size();
        waiters.add(waiter);
        waiter.next = byCallback.put(wake, waiter);
        count = waiters.size();
    }

    /** Takes a callback back; false if it is not here (any more). */
    public synchronized boolean remove(Runnable wake) {
        Waiter first = byCallback.remove(wake);
        for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
            leave(waiter);
        }
        count = waiters.size();
        return first != null;
    }

    /** Whether nobody waits; without the monitor. */
    public boolean isEmpty() {
        return count == 0;
    }

    /** Calls those that wait for {@code highWatermark} or less, outside of the monitor. */
    public void wake(long highWatermark) {
        if (count != 0) {
            removeDue(highWatermark).forEach(waiter -> waiter.wake.run());
        }
    }

    private synchronized List<Waiter> removeDue(long highWatermark) {
        List<Waiter> due = new ArrayList<>();
        for (int i = waiters.size() - 1; i >= 0; i--) {
            Waiter waiter = waiters.get(i);
            if (waiter.offset <= highWatermark) {
                due.add(waiter);
                leave(waiter);
                leaveCallback(waiter);
            }
        }
        count = waiters.size();
        return due;
    }

    /** The last one of the list takes its place. */
    private void leave(Waiter waiter) {
        Waiter last = waiters.remove(waiters.size() - 1);
        if (last != waiter) {
            waiters.set(waiter.index, last);
            last.index = waiter.index;
        }
    }

    private void leaveCallback(Waiter waiter) {
        Waiter first = byCallback.remove(waiter.wake);
        Waiter left = first == waiter ? waiter.next : first;
        if (left != null) {
            byCallback.put(waiter.wake, left);
        }
        for (Waiter before = first; before != null; before = before.next) {
            if (before.next == waiter) {
                before.next = waiter.next;
            }
        }
    }
}
