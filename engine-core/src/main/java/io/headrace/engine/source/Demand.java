package io.headrace.engine.source;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How far a partition is to be indexed: up to what somebody waits for, and some blocks further, so
 * that a reader who goes on finds them. That lead begins with nothing and grows whenever a reader
 * got to its end.
 *
 * <p>{@link #want} is called by any thread, the rest by the one that indexes.
 */
final class Demand {
    /** A block, which is what comes at a time. */
    private static final long LEAD_FIRST = 1 << 20;

    private final long leadMax;

    /** Framed bytes of blocks that were made, by the offset behind them. */
    private final Deque<Made> made = new ArrayDeque<>();

    private long madeBytes;
    private long lead;
    private boolean isAtLead;
    private long leadFor;
    private final AtomicLong wanted = new AtomicLong();
    private volatile boolean isEverything;

    private record Made(long endOffset, int length) {}

    /**
     * @param leadMax bytes that are made ahead at most
     */
    Demand(long leadMax) {
        this.leadMax = leadMax;
    }

    /** Somebody wants the records below an offset; false if that was known. */
    boolean want(long endOffset) {
        return endOffset > wanted.get()
                && wanted.getAndAccumulate(endOffset, Math::max) < endOffset;
    }

    /** Offset below which somebody wants all records. */
    long wanted() {
        return wanted.get();
    }

    /** Whether everything is to be indexed, whoever reads. */
    boolean isEverything() {
        return isEverything;
    }

    void everything(boolean isWanted) {
        isEverything = isWanted;
    }

    /** A block was made. */
    void made(long endOffset, int length) {
        made.add(new Made(endOffset, length));
        madeBytes += length;
    }

    /** Makes nothing ahead of the readers before one of them goes on. */
    void rest() {
        isAtLead = true;
        leadFor = wanted.get();
    }

    /** Whether more is to be indexed, beyond an offset. */
    boolean isBeyond(long offset) {
        long now = wanted.get();
        while (!made.isEmpty() && made.element().endOffset <= now) {
            madeBytes -= made.remove().length;
        }
        if (isEverything || offset < now) {
            return true;
        }
        if (isAtLead && now > leadFor) {
            isAtLead = false;
            lead = Math.min(leadMax, Math.max(LEAD_FIRST, 2 * lead));
        }
        if (!isAtLead && now > 0 && madeBytes < lead) {
            return true;
        }
        isAtLead = true;
        leadFor = now;
        return false;
    }
}
