package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A source's records in an order of each epoch's own: its units permuted, then the records within
 * windows of some consecutive blocks. docs/design/shuffle.md specifies it. Thread-safe.
 */
final class ShuffleOrder implements RecordOrder {
    /**
     * Epochs whose order of blocks is held, 4 bytes per block each: that of each reader, and the
     * next one.
     */
    private static final int EPOCHS_HELD_MAX = 2 * ToldOrder.POSITIONS_MAX;

    private final SourceTable table;
    private final long seed;
    private final int windowBlocks;
    private final long epochs;
    private final int firstEpochUnits;
    private final Map<Long, EpochOrder> held = new LinkedHashMap<>();

    /** Of epochs each of which is permuted as a whole. */
    ShuffleOrder(SourceTable table, long seed, int windowBlocks, long epochs) {
        this(table, seed, windowBlocks, epochs, 0);
    }

    /**
     * @param epochs how often all records come
     * @param firstEpochUnits units of each run of the first epoch; 0 if that is permuted as a whole
     * @throws IllegalStateException if a window could have more records than {@link
     *     EpochOrder#WINDOW_RECORDS_MAX}, in some epoch
     */
    ShuffleOrder(SourceTable table, long seed, int windowBlocks, long epochs, int firstEpochUnits) {
        EpochOrder.checkWindow(windowBlocks, mostRecords(table, windowBlocks));
        this.table = table;
        this.seed = seed;
        this.windowBlocks = windowBlocks;
        this.epochs = epochs;
        this.firstEpochUnits = firstEpochUnits;
    }

    /** Records of the blocks that have the most: no window of any epoch has more. */
    private static long mostRecords(SourceTable table, int windowBlocks) {
        if (table.recordCount() <= EpochOrder.WINDOW_RECORDS_MAX) {
            return table.recordCount();
        }
        int[] counts = new int[table.blockCount()];
        for (int block = 0; block < counts.length; block++) {
            counts[block] = table.recordCount(block);
        }
        Arrays.sort(counts);
        long records = 0;
        for (int i = Math.max(0, counts.length - windowBlocks); i < counts.length; i++) {
            records += counts[i];
        }
        return records;
    }

    @Override
    public long count() {
        return Math.multiplyExact(table.recordCount(), epochs);
    }

    private EpochOrder epoch(long number) {
        synchronized (held) {
            EpochOrder epoch = held.remove(number);
            if (epoch == null) {
                if (held.size() >= EPOCHS_HELD_MAX) {
                    held.remove(held.keySet().iterator().next());
                }
                epoch = make(number);
            }
            held.put(number, epoch); // the newest
            return epoch;
        }
    }

    private EpochOrder make(long number) {
        if (number == 0 && firstEpochUnits > 0) {
            return FirstRuns.whole(table, seed, windowBlocks, firstEpochUnits);
        }
        return EpochOrder.empty(windowBlocks)
                .with(table, 0, table.unitCount(), Permutation.derived(seed, number));
    }

    private long epochStart(long record) {
        return record - record % table.recordCount();
    }

    private EpochOrder epochOf(long record) {
        return epoch(record / table.recordCount());
    }

    private int windowOf(EpochOrder epoch, long record) {
        return epoch.windowOf(record % table.recordCount());
    }

    @Override
    public long stretchStart(long record) {
        EpochOrder epoch = epochOf(record);
        return epochStart(record) + epoch.windowStart(windowOf(epoch, record));
    }

    @Override
    public long stretchEnd(long record) {
        EpochOrder epoch = epochOf(record);
        return epochStart(record) + epoch.windowStart(windowOf(epoch, record) + 1);
    }

    @Override
    public long stretchLength(long record) {
        EpochOrder epoch = epochOf(record);
        return epoch.length(table, windowOf(epoch, record));
    }

    @Override
    public void plan(long from, long to, int side, StretchPlan into) {
        long next = from;
        while (next < to) {
            EpochOrder epoch = epochOf(next);
            int window = windowOf(epoch, next);
            long start = epochStart(next) + epoch.windowStart(window);
            long end = Math.min(to, epochStart(next) + epoch.windowStart(window + 1));
            epoch.plan(table, window, (int) (next - start), (int) (end - start), side, into);
            next = end;
        }
    }

    @Override
    public List<ToldOrder> told() {
        return List.of(
                new ToldOrder(table, epochs, windowBlocks, number -> epoch(number).blocks()));
    }

    @Override
    public void tell(long record, List<ToldOrder> told, long nanoTime) {
        if (table.recordCount() > 0 && record >= count()) {
            told.get(0).at(epochs - 1, table.blockCount(), nanoTime);
        } else if (table.recordCount() > 0) {
            EpochOrder epoch = epochOf(record);
            int place = epoch.firstPlace(windowOf(epoch, record));
            told.get(0).at(record / table.recordCount(), place, nanoTime);
        }
    }
}
