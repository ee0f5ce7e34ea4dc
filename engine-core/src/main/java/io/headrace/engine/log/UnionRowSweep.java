package io.headrace.engine.log;

import io.headrace.engine.spi.MetadataStore;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Deletes the rows of topics that are gone: it looks through all rows of unions, some at a time,
 * after each start and after topics were deleted, once the copies of these have got their rows. It
 * takes a twentieth of the time at most.
 *
 * <p>Any thread asks for it; it is done by the one that copies.
 */
final class UnionRowSweep {
    /** Rows that are looked at in one go. */
    private static final int PAGE = 1024;

    /** How much longer than a pass the rest after it is. */
    private static final int REST_FACTOR = 20;

    private static final long REST_MIN_NS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final byte[] ALL = {Rows.UNION};

    private final MetadataStore store;
    private final UnionPositions positions;
    private final Projector projector;
    private final Background background;
    private final AtomicBoolean isWanted = new AtomicBoolean();

    /** Ends of the journals that have to be in the rows before the next pass; null if none is. */
    private @Nullable Map<Integer, Long> awaited;

    /** The first row of the next page; null between two passes. */
    private byte @Nullable [] from;

    private long tookNs;
    private long restUntilNs;

    UnionRowSweep(
            MetadataStore store,
            UnionPositions positions,
            Projector projector,
            Background background) {
        this.store = store;
        this.positions = positions;
        this.projector = projector;
        this.background = background;
        this.restUntilNs = background.nanoTime();
    }

    /** Topics are gone, or may have gone when nobody looked. */
    void request() {
        if (!isWanted.get()) {
            isWanted.set(true);
        }
    }

    boolean isDue() {
        return untilDueNs() == 0;
    }

    /** How long until it is due; {@link Long#MAX_VALUE} if nothing is to be swept. */
    long untilDueNs() {
        if (from != null) {
            return 0;
        }
        return isIdle() ? Long.MAX_VALUE : Math.max(0, restUntilNs - background.nanoTime());
    }

    private boolean isIdle() {
        return from == null && awaited == null && !isWanted.get();
    }

    /** Looks at a page, when nothing is about to be appended to a union. */
    void next() {
        if (!isDue()) {
            return;
        }
        long beganNs = background.nanoTime();
        byte[] first = from == null ? begin(beganNs) : from;
        if (first == null) {
            return;
        }
        from = sweep(first);
        long nowNs = background.nanoTime();
        tookNs += nowNs - beganNs;
        if (from == null) {
            restUntilNs = nowNs + Math.max(REST_MIN_NS, REST_FACTOR * tookNs);
        }
    }

    /** Where a pass begins; null as long as rows of topics that are gone may still come. */
    private byte @Nullable [] begin(long nowNs) {
        if (awaited == null) {
            isWanted.set(false);
            awaited = positions.appended();
        }
        for (Map.Entry<Integer, Long> end : awaited.entrySet()) {
            if (projector.appliedPosition(end.getKey()) < end.getValue()) {
                restUntilNs = nowNs + REST_MIN_NS;
                return null;
            }
        }
        awaited = null;
        tookNs = 0;
        return ALL;
    }

    private byte @Nullable [] sweep(byte[] first) {
        long checked = -1;
        boolean isGone = false;
        byte[] next = null;
        try (MetadataStore.Cursor cursor = store.cursor(ALL);
                MetadataStore.Batch batch = store.newBatch()) {
            boolean isThere = cursor.seek(first);
            for (int rows = 0; isThere && rows < PAGE; rows++) {
                long topicId = Rows.unionTopicIdOf(cursor.key());
                if (topicId != checked) {
                    checked = topicId;
                    isGone = store.get(Rows.topicKey(topicId)) == null;
                }
                if (isGone) {
                    batch.delete(cursor.key());
                }
                isThere = cursor.next();
            }
            if (isThere) {
                next = cursor.key();
            }
            if (batch.count() > 0) {
                store.write(batch);
            }
        }
        return next;
    }
}
