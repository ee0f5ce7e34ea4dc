package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import io.headrace.engine.source.StoreThreads;
import io.headrace.engine.spi.ObjectStore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * The threads that block for object stores, apart from those that read the journals: a store that
 * answers slowly must not hold up a disk that does not. Nor must it hold up another store, so each
 * has its own; and what reads the index alone has some, which no store holds up.
 */
final class SourceThreads implements AutoCloseable {
    private static final int INDEX_THREADS = 2;
    private static final long END_WAIT_MS = 2_000;

    private final Map<ObjectStore, StorePool> byStore = new IdentityHashMap<>();
    private final StorePool index = new StorePool("headrace-source-index", INDEX_THREADS);

    /**
     * @param count threads of each store
     */
    SourceThreads(int count, Collection<ObjectStore> stores) {
        for (ObjectStore store : stores) {
            byStore.computeIfAbsent(
                    store, key -> new StorePool("headrace-source-" + store.name(), count));
        }
    }

    /** What blocks for a store; what asks for one that is not configured does not block. */
    StoreThreads of(ObjectStore store) {
        return byStore.getOrDefault(store, index).threads();
    }

    /** Runs what reads the index and no store. */
    Executor index() {
        return index.threads().demand();
    }

    @Override
    public void close() {
        close(Deadline.afterMs(2 * END_WAIT_MS));
    }

    /** Lets what is waiting answer that its log is closed; interrupts what a store holds up. */
    void close(Deadline deadline) {
        List<StorePool> pools = new ArrayList<>(byStore.values());
        pools.add(index);
        pools.forEach(StorePool::shutdown);
        Deadline unhurried = deadline.atMostMs(END_WAIT_MS);
        for (StorePool pool : pools) {
            if (!pool.awaitEnd(unhurried)) {
                pool.interrupt();
            }
        }
        Deadline last = deadline.atMostMs(END_WAIT_MS);
        pools.forEach(pool -> pool.awaitEnd(last));
    }
}
