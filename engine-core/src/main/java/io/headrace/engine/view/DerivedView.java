package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import org.jspecify.annotations.Nullable;

/**
 * A view that has no log of its own: what is in it follows from its configs and the topics that it
 * is over. Thread-safe; no call blocks.
 */
interface DerivedView {
    /** The log of a partition; null if there is none. */
    @Nullable PartitionLog log(int partition);

    /** The topic's configs were altered. */
    void topic(Topic altered);

    /** Lets go of what nobody uses; called now and then. */
    void sweep();

    /** What waits for others to make room may go on. */
    default void resume() {}

    /** The topic or the engine is gone. */
    void end();
}
