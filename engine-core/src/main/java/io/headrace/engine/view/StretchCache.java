package io.headrace.engine.view;

import io.headrace.engine.source.SourceBlocks;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The stretches of all views that are in memory, within a budget, and how many are being made. What
 * nobody has read for a while is let go of. Thread-safe; owned by {@link ViewLogs}.
 */
final class StretchCache {
    /** A stretch that nobody reads goes after this time. */
    static final long UNUSED_MS = 30_000;

    /** For so long after a read a stretch is in use: none of another view is made ahead for it. */
    static final long IN_USE_MS = 5_000;

    /**
     * Stretches that are made at once, of all views: each takes up to two and a quarter times its
     * length, besides the blocks that are being read for it.
     */
    private static final int FLIGHTS_MAX = 4;

    private static final int STRETCHES_OF_A_READER = 3;

    /**
     * Views that share the budget evenly, at most: with more of them stretches would be so short
     * that windows had to be read more often than it costs to make a stretch again.
     */
    private static final int VIEWS_MAX = 4;

    private static final String TAG = "view records";

    private final long budgetBytes;
    private final SourceBlocks blocks;
    private final LongSupplier elapsedMs;
    private final Runnable whenFree;

    /** By stretch, the view that looks it up. */
    private final Map<Stretch, OrderedView> kept = new LinkedHashMap<>();

    private long keptBytes;
    private boolean isClosed;
    private final AtomicInteger flights = new AtomicInteger();
    private final LongAdder made = new LongAdder();

    /**
     * @param budgetBytes that stretches may take; what a lease holds is not counted
     * @param whenFree has views begin what they wait for
     */
    StretchCache(long budgetBytes, SourceBlocks blocks, LongSupplier elapsedMs, Runnable whenFree) {
        this.whenFree = whenFree;
        this.budgetBytes = budgetBytes;
        this.blocks = blocks;
        this.elapsedMs = elapsedMs;
    }

    /**
     * Longest stretch of a view: of those that are read each has room for one that is read, for the
     * one before it, which some partitions' readers have not left, and for the next one.
     */
    long stretchLengthMax(OrderedView view) {
        return Math.max(1, budgetBytes / STRETCHES_OF_A_READER / readCount(view));
    }

    /** Views that have stretches here, which somebody read lately; this one counts in any case. */
    private synchronized int readCount(OrderedView view) {
        Set<OrderedView> views = new HashSet<>();
        views.add(view);
        views.addAll(kept.values());
        return Math.min(VIEWS_MAX, views.size());
    }

    /** Stretches that were made so far. */
    long madeCount() {
        return made.sum();
    }

    /** False if as many are being made as may; else {@link #endFlight} has to follow. */
    boolean beginFlight() {
        if (flights.incrementAndGet() <= FLIGHTS_MAX) {
            return true;
        }
        flights.decrementAndGet();
        return false;
    }

    /** It did not begin after all. */
    void cancelFlight() {
        flights.decrementAndGet();
    }

    /** It is over: another one may begin, of any view. */
    void endFlight() {
        flights.decrementAndGet();
        whenFree.run();
    }

    /**
     * Whether there is room for the stretch behind one that is read, besides what is in use: the
     * stretch itself, what the view has made ahead, and what others read.
     */
    synchronized boolean hasRoomBehind(OrderedView view, Stretch read) {
        long now = elapsedMs.getAsLong();
        long inUse = 2 * read.bytes();
        for (Map.Entry<Stretch, OrderedView> entry : kept.entrySet()) {
            Stretch other = entry.getKey();
            boolean isAhead = entry.getValue() != view || other.from() >= read.to();
            if (other != read && isAhead && now - other.usedAtMs() < IN_USE_MS) {
                inUse += other.bytes();
            }
        }
        // Stretches are as long as planned but for what of their slabs is not used.
        return inUse <= budgetBytes + budgetBytes / 4;
    }

    /** A slab, at the cost of what of the view was used least recently, and of no other view. */
    @Nullable Slab allocate(OrderedView view, int length) {
        Slab slab = blocks.allocate(length, TAG);
        while (slab == null && dropOldest(null, view)) {
            slab = blocks.allocate(length, TAG);
        }
        return slab;
    }

    /** Takes over a stretch for a view that looks it up; false if there is no room for any more. */
    boolean add(OrderedView view, Stretch stretch) {
        stretch.made(elapsedMs.getAsLong());
        made.increment();
        synchronized (this) {
            if (isClosed) {
                return false;
            }
            kept.put(stretch, view);
            keptBytes += stretch.bytes();
        }
        while (isOverBudget() && dropOldest(stretch, null)) {
            // one by one
        }
        return true;
    }

    private synchronized boolean isOverBudget() {
        return keptBytes > budgetBytes;
    }

    /**
     * @param of whose; null for any view's
     */
    private boolean dropOldest(@Nullable Stretch except, @Nullable OrderedView of) {
        Stretch oldest;
        synchronized (this) {
            oldest =
                    kept.keySet().stream()
                            .filter(stretch -> stretch != except)
                            .filter(stretch -> of == null || kept.get(stretch) == of)
                            .min(Comparator.comparingLong(Stretch::usedAtMs))
                            .orElse(null);
        }
        if (oldest != null) {
            drop(oldest);
        }
        return oldest != null;
    }

    private void drop(Stretch stretch) {
        OrderedView view;
        synchronized (this) {
            view = kept.remove(stretch);
            keptBytes -= view == null ? 0 : stretch.bytes();
        }
        if (view != null) {
            view.forget(stretch);
            stretch.release();
        }
    }

    /** Drops all of a view. */
    void dropAll(OrderedView view) {
        List<Stretch> dropped = new ArrayList<>();
        synchronized (this) {
            kept.forEach(
                    (stretch, owner) -> {
                        if (owner == view) {
                            dropped.add(stretch);
                        }
                    });
        }
        dropped.forEach(this::drop);
    }

    /** Drops what nobody has read for a while. */
    void sweep() {
        long now = elapsedMs.getAsLong();
        List<Stretch> dropped;
        synchronized (this) {
            dropped =
                    kept.keySet().stream()
                            .filter(stretch -> now - stretch.usedAtMs() >= UNUSED_MS)
                            .toList();
        }
        dropped.forEach(this::drop);
    }

    /** Whether a stretch lacks a record and was made so long ago that it is tried again. */
    boolean isStale(Stretch stretch, long record) {
        return stretch.lacks(record)
                && elapsedMs.getAsLong() - stretch.madeAtMs() >= stretch.retryMs();
    }

    /** Drops one. */
    void remove(Stretch stretch) {
        drop(stretch);
    }

    /** Memory of what is kept. */
    synchronized long bytes() {
        return keptBytes;
    }

    /** Drops everything, and keeps nothing from now on. */
    void close() {
        List<Stretch> dropped;
        synchronized (this) {
            isClosed = true;
            dropped = List.copyOf(kept.keySet());
        }
        dropped.forEach(this::drop);
    }
}
