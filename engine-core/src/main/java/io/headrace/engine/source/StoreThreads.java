package io.headrace.engine.source;

import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;

/**
 * Where what blocks for one object store runs, so that a store which does not answer holds up none
 * but its own topics. All are thread-safe.
 *
 * @param demand runs what somebody waits for; at least one thread. What waits is bounded by those
 *     who ask: a step for each log, a permit for each read, and the ranges that {@link AheadBudget}
 *     allows
 * @param ahead runs what nobody waits for yet; may refuse it
 * @param helpers runs parts of what runs on one of the others, in the turn of whoever asks; may
 *     refuse them
 * @param reads a permit for each read that has no answer yet: who gives one up and asks again
 *     leaves it behind for as long as the store does not answer
 */
public record StoreThreads(Executor demand, Executor ahead, Executor helpers, Semaphore reads) {
    /** More than are answered before clients lose patience: a bound for what those leave behind. */
    private static final int READS_MAX = 16_384;

    /** As above, with as many permits as a store gets. */
    public StoreThreads(Executor demand, Executor ahead, Executor helpers) {
        this(demand, ahead, helpers, new Semaphore(READS_MAX));
    }
}
