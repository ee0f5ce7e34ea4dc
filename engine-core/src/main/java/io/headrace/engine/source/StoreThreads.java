package io.headrace.engine.source;

import java.util.concurrent.Executor;

/**
 * Where what blocks for one object store runs, so that a store which does not answer holds up none
 * but its own topics. All are thread-safe.
 *
 * @param demand runs what somebody waits for; at least one thread. What waits is bounded by those
 *     who ask: a step for each log, a read for each parked fetch, and the ranges that {@link
 *     AheadBudget} allows
 * @param ahead runs what nobody waits for yet; may refuse it
 * @param helpers runs parts of what runs on one of the others, in the turn of whoever asks; may
 *     refuse them
 */
public record StoreThreads(Executor demand, Executor ahead, Executor helpers) {}
