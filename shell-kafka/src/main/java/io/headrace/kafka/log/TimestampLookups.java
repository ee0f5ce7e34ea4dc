package io.headrace.kafka.log;

import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The look-ups of one request, so many at a time, whatever number of partitions it names.
 *
 * <p>Filled and started by one thread; goes on wherever a look-up ends.
 */
final class TimestampLookups {
    private static final int RUNNING_MAX = 16;

    private final Queue<TimestampLookup> waiting = new ArrayDeque<>();

    void add(TimestampLookup lookup) {
        waiting.add(lookup);
    }

    void start() {
        int count = Math.min(waiting.size(), RUNNING_MAX);
        for (int i = 0; i < count; i++) {
            runNext();
        }
    }

    /** In a loop, not by recursion, while look-ups end at once. */
    private void runNext() {
        for (TimestampLookup next = next(); next != null; next = next()) {
            next.start();
            if (!next.answer().isDone()) {
                next.answer().whenComplete((found, failure) -> runNext());
                return;
            }
        }
    }

    private synchronized @Nullable TimestampLookup next() {
        return waiting.poll();
    }
}
