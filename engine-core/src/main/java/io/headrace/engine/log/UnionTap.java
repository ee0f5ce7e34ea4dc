package io.headrace.engine.log;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;

/**
 * Logs below unions whose high watermark has risen since they were looked at. Whoever raises one
 * tells it, on an event loop too: that is one read where the log waits here already, and one slot
 * of a queue where not. What finds the queue full sets a flag, and all topics are looked through.
 *
 * <p>Any thread tells; one takes.
 */
final class UnionTap {
    private final ManyToOneConcurrentArrayQueue<PartitionLogBase> risen;
    private final AtomicBoolean hasOverflown = new AtomicBoolean();

    /** Written by who takes, read by any. */
    private volatile long overflowCount;

    private final Doorbell bell;

    /**
     * @param risenMax logs that wait to be looked at
     */
    UnionTap(Doorbell bell, int risenMax) {
        this.bell = bell;
        this.risen = new ManyToOneConcurrentArrayQueue<>(risenMax);
    }

    /** The high watermark has risen, and is published. */
    void onRisen(PartitionLogBase log) {
        if (log.isTold) {
            return;
        }
        log.isTold = true;
        if (!risen.offer(log)) {
            log.isTold = false;
            hasOverflown.set(true);
        }
        bell.ring(1);
    }

    boolean isEmpty() {
        return risen.isEmpty() && !hasOverflown.get();
    }

    /** Hands over some of those that wait; each is told of again from now on. */
    void take(int countMax, Consumer<PartitionLogBase> taker) {
        for (int i = 0; i < countMax; i++) {
            PartitionLogBase log = risen.poll();
            if (log == null) {
                return;
            }
            // Before its high watermark is read, so that the next rise is either seen or told.
            log.isTold = false;
            taker.accept(log);
        }
    }

    /** Whether some were not told since the last call, so that all have to be looked at. */
    boolean takeOverflow() {
        boolean isOverflow = hasOverflown.get() && hasOverflown.getAndSet(false);
        if (isOverflow) {
            overflowCount++;
        }
        return isOverflow;
    }

    /** How often some were not told. */
    long overflowCount() {
        return overflowCount;
    }
}
