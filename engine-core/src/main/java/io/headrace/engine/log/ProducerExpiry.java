package io.headrace.engine.log;

import io.headrace.engine.spi.MetadataStore;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Deletes the rows of idempotent producers that are silent for too long, a stretch of rows at a
 * time: a pass over all of them is taken up where the last stretch ended.
 *
 * <p>Housekeeping, not projection: it looks at the clock, and what it deletes is what an activation
 * would not load either. A stretch runs on the projector's thread between two turns, so that no row
 * is deleted that a turn has read and is about to write. If a crash takes a deletion back, or a
 * replay makes the row again, the next pass finds it.
 */
final class ProducerExpiry {
    /** Rows of one stretch; some milliseconds of the projector's time. */
    private static final int STRETCH_ROWS = 4096;

    private static final byte[] ALL = {Rows.PRODUCER};

    private final MetadataStore store;
    private final LongSupplier notBeforeMs;

    /** Where the pass goes on; null between two passes. Of the projector's thread. */
    private byte @Nullable [] next;

    private volatile boolean passing;
    private volatile long expiredCount;
    private volatile long passCount;

    /**
     * @param notBeforeMs when a producer must have appended to be remembered
     */
    ProducerExpiry(MetadataStore store, LongSupplier notBeforeMs) {
        this.store = store;
        this.notBeforeMs = notBeforeMs;
    }

    /** Whether a pass has begun and not come to its end. */
    boolean isPassing() {
        return passing;
    }

    /** Begins a pass, or goes on with it; on the projector's thread. */
    void runStretch() {
        passing = true;
        try (MetadataStore.Batch batch = store.newBatch();
                MetadataStore.Cursor cursor = store.cursor(ALL)) {
            next = stretch(cursor, batch);
            if (batch.count() > 0) {
                store.write(batch);
                expiredCount = expiredCount + batch.count();
            }
        }
        if (next == null) {
            passCount = passCount + 1;
            passing = false;
        }
    }

    /** Collects what goes; returns the first key not looked at, null at the end. */
    private byte @Nullable [] stretch(MetadataStore.Cursor cursor, MetadataStore.Batch batch) {
        long notBefore = notBeforeMs.getAsLong();
        boolean found = cursor.seek(next == null ? ALL : next);
        for (int count = 0; found && cursor.key()[0] == Rows.PRODUCER; count++) {
            if (count == STRETCH_ROWS) {
                return cursor.key();
            }
            if (ProducerState.decode(cursor.value()).lastAppendMs() < notBefore) {
                batch.delete(cursor.key());
            }
            found = cursor.next();
        }
        return null;
    }

    /** Rows deleted since the start. */
    long expiredCount() {
        return expiredCount;
    }

    /** Passes that came to their end since the start. */
    long passCount() {
        return passCount;
    }
}
