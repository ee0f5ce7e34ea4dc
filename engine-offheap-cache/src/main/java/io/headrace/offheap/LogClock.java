package io.headrace.offheap;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All logs that hold something, and a hand that goes round them to find idle ones: a log that was
 * used since the hand last came by is passed over once (Corbató's clock, "A Paging Experiment with
 * the Multics System", 1968).
 *
 * <p>Thread-safe.
 */
final class LogClock {
    /** Index of a log that is not in the clock. */
    static final int NOT_IN = -1;

    private final List<RingLog> logs = new ArrayList<>();
    private int hand;

    synchronized void add(RingLog log) {
        log.clockIndex = logs.size();
        logs.add(log);
    }

    /** Does nothing if the log was removed before. */
    synchronized void remove(RingLog log) {
        int index = log.clockIndex;
        if (index == NOT_IN) {
            return;
        }
        RingLog last = logs.remove(logs.size() - 1);
        if (last != log) {
            logs.set(index, last);
            last.clockIndex = index;
        }
        log.clockIndex = NOT_IN;
    }

    /** The log under the hand, which moves on; null if there is none. */
    synchronized @Nullable RingLog next() {
        if (logs.isEmpty()) {
            return null;
        }
        hand = hand >= logs.size() ? 0 : hand;
        return logs.get(hand++);
    }

    /** Any log; null if there is none. */
    synchronized @Nullable RingLog last() {
        return logs.isEmpty() ? null : logs.get(logs.size() - 1);
    }
}
