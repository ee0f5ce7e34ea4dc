package io.headrace.engine.source;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Bytes that all partitions together may have read ahead and not yet used. Shared evenly among
 * those that read; each may have one stretch whatever the others hold, so that none starves.
 * Thread-safe.
 */
final class AheadBudget {
    private final long limitBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicInteger readers = new AtomicInteger();

    AheadBudget(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    void join() {
        readers.incrementAndGet();
    }

    void leave() {
        readers.decrementAndGet();
    }

    /** Whether a reader that holds so many bytes may take more; then they are taken. */
    boolean take(long held, int more) {
        long share = limitBytes / Math.max(1, readers.get());
        if (held > 0 && held + more > share) {
            return false;
        }
        heldBytes.addAndGet(more);
        return true;
    }

    void giveBack(long bytes) {
        heldBytes.addAndGet(-bytes);
    }

    /** Bytes read ahead. */
    long heldBytes() {
        return heldBytes.get();
    }
}
