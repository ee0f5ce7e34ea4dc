package io.headrace.engine.view;

import io.headrace.engine.source.SourceBlocks;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory of the patches of all overlays that are in use: so many bytes at most.
 * Thread-safe.
 */
final class OverlayMemory {
    private static final String PATCH_TAG = "view-patches";
    private static final String RECORDS_TAG = "view-overlays";

    private final SourceBlocks blocks;
    private final long lengthMax;
    private final AtomicLong length = new AtomicLong();
    private final LongAdder replacedCount = new LongAdder();
    private final LongAdder removedCount = new LongAdder();

    /** Those whose patches may lie here: the overlays in use, one each. */
    private final Set<OverlayView> views = ConcurrentHashMap.newKeySet();

    /**
     * @param blocks gives memory
     * @param lengthMax of all patches together, in bytes
     */
    OverlayMemory(SourceBlocks blocks, long lengthMax) {
        this.blocks = blocks;
        this.lengthMax = lengthMax;
    }

    /** A patch does not fit: that of one view, or those of all together. */
    static final class TooLongException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooLongException(String reason) {
            super(reason, null, false, false);
        }
    }

    void add(OverlayView view) {
        views.add(view);
    }

    void remove(OverlayView view) {
        views.remove(view);
    }

    /** A slab for records of a patch; has patches go for it that nobody asks for. */
    Slab allocatePatch(int bytes) {
        while (length.addAndGet(bytes) > lengthMax) {
            length.addAndGet(-bytes);
            OverlayView idle = longestIdle();
            if (idle != null && idle.makeRoom()) {
                continue;
            }
            throw new TooLongException(
                    "patches too long: bytesMax=" + lengthMax + " in all overlays that are read");
        }
        Slab slab = blocks.allocate(bytes, PATCH_TAG);
        if (slab == null) {
            length.addAndGet(-bytes);
            throw new TooLongException("no off-heap memory for a patch: bytes=" + bytes);
        }
        return slab;
    }

    private @Nullable OverlayView longestIdle() {
        OverlayView longest = null;
        long sinceMs = Long.MAX_VALUE;
        for (OverlayView view : views) {
            long since = view.idleSinceMs();
            if (since < sinceMs) {
                sinceMs = since;
                longest = view;
            }
        }
        return longest;
    }

    /** Gives one of {@link #allocatePatch} back. */
    void releasePatch(Slab slab, int bytes) {
        slab.release();
        length.addAndGet(-bytes);
    }

    /** A slab for records that are on their way to a reader; null if there is no memory now. */
    @Nullable Slab allocate(int bytes) {
        return blocks.allocate(bytes, RECORDS_TAG);
    }

    /** Notes in how many records, made for a reader, something stands in, and how many went. */
    void onExchanged(long replaced, long removed) {
        replacedCount.add(replaced);
        removedCount.add(removed);
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_overlay_patch_bytes", length.get());
        consumer.accept("headrace_overlay_replaced_records_total", replacedCount.sum());
        consumer.accept("headrace_overlay_removed_records_total", removedCount.sum());
    }
}
