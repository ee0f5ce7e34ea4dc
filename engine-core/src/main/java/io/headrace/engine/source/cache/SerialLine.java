package io.headrace.engine.source.cache;

import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Flights that have to follow each other, in the order in which they were asked for. Whoever calls
 * {@link #run} flies them all, unless somebody does so already. Thread-safe.
 */
final class SerialLine implements Runnable {
    private final Queue<Runnable> waiting = new ArrayDeque<>(0);
    private boolean isRunning;

    synchronized void add(Runnable flight) {
        waiting.add(flight);
    }

    /** Flies them all; one that fails does not keep the others waiting, and is thrown last. */
    @Override
    public void run() {
        if (!begin()) {
            return;
        }
        Throwable failure = null;
        Runnable flight = next();
        while (flight != null) {
            try {
                flight.run();
            } catch (RuntimeException | Error e) {
                failure = e;
            }
            flight = next();
        }
        if (failure instanceof Error error) {
            throw error;
        } else if (failure instanceof RuntimeException exception) {
            throw exception;
        }
    }

    private synchronized boolean begin() {
        boolean isFirst = !isRunning;
        isRunning = true;
        return isFirst;
    }

    private synchronized @Nullable Runnable next() {
        Runnable flight = waiting.poll();
        isRunning = flight != null;
        return flight;
    }
}
