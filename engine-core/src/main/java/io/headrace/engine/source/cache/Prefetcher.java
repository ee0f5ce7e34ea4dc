package io.headrace.engine.source.cache;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks for blocks ahead of each reader, around the end of the partition too, so that they are in
 * memory when the reader comes: from wherever they are. How far ahead is the cursor's to say
 * ({@link Cursor}); what lies ahead is bounded in bytes, and never takes the place of a block that
 * is needed sooner (rule three of Cao, Felten, Karlin and Li, "A study of integrated prefetching
 * and caching strategies", SIGMETRICS 1995).
 *
 * <p>Steps run where what is ahead does, see {@link BlockSource#ahead}, one at a time for each
 * partition.
 */
final class Prefetcher {
    private static final Logger LOGGER = LoggerFactory.getLogger(Prefetcher.class);

    /** Blocks that one step asks for, for one cursor. */
    private static final int STEP_BLOCKS_MAX = 256;

    private final BlockTiers tiers;

    Prefetcher(BlockTiers tiers) {
        this.tiers = tiers;
    }

    /** Has a step done. */
    void call(PartitionBlocks partition, BlockSource source) {
        try {
            source.ahead().execute(() -> step(partition, source));
        } catch (RejectedExecutionException fullOrClosing) {
            partition.isStepDue.set(false); // the next read calls again
        }
    }

    private void step(PartitionBlocks partition, BlockSource source) {
        partition.isStepDue.set(false);
        try {
            for (Cursor cursor : partition.cursors()) {
                askAhead(partition, source, cursor);
            }
        } catch (RuntimeException failed) {
            LOGGER.warn("prefetch failed: {}", partition, failed);
        }
    }

    private void askAhead(PartitionBlocks partition, BlockSource source, Cursor cursor) {
        for (int i = 0; i < STEP_BLOCKS_MAX; i++) {
            long offset = partition.wanted(cursor, source.loadTimes());
            // At the end of an index that still grows, what comes next is not known.
            if (offset < 0 || partition.isAskedToEnd(cursor) && !source.isIndexComplete()) {
                return;
            }
            long end = partition.endOfPresent(offset);
            if (end < 0) {
                StoredBlock stored = source.blockAt(offset);
                if (stored == null || !ask(partition, source, stored)) {
                    return;
                }
                end = stored.firstOffset() + stored.recordCount();
            }
            partition.asked(cursor, offset, end);
        }
    }

    /** False if there is no room for it now. */
    private boolean ask(PartitionBlocks partition, BlockSource source, StoredBlock stored) {
        if (partition.isFlying(stored)) {
            return true;
        }
        long length = partition.capacityEstimate(stored);
        if (!tiers.window().tryTake(partition, length)) {
            return false;
        }
        if (!tiers.memory().reserve(partition, stored, length)) {
            tiers.window().give(partition, length);
            return false;
        }
        Flight flight = partition.prefetch(stored, stored.isSerial(), length);
        if (flight == null) {
            tiers.window().give(partition, length);
            tiers.memory().unreserve(length);
            return true;
        }
        tiers.counters().prefetched.increment();
        takeOff(partition, source.ahead(), flight);
        return true;
    }

    private void takeOff(PartitionBlocks partition, Executor executor, Flight flight) {
        try {
            executor.execute(
                    flight.isSerial() ? partition.line() : tiers.departure(partition, flight));
        } catch (RejectedExecutionException closing) {
            // A flight that is in line waits there for whoever comes.
            if (!flight.isSerial() && partition.start(flight)) {
                tiers.cancel(partition, flight, closing);
            }
        }
    }
}
