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

    /** Among the numbers that states are derived by, what stands for the order of the units. */
    private static final long OF_UNITS = -1;

    /**
     * Records of a window, at most: it is permuted as a whole, which takes 8 bytes of heap for
     * each, on as many threads as make stretches.
     */
    static final int WINDOW_RECORDS_MAX = 4_000_000;

    /** A window's table of guesses has as many entries as so many bits count, at most. */
    private static final int GUESS_BITS = 12;

    private final SourceTable table;
    private final long seed;
    private final int windowBlocks;
    private final long epochs;
    private final Map<Long, Epoch> held = new LinkedHashMap<>();

    /** The order of an epoch's blocks, and the epoch's records before each window. */
    private record Epoch(long state, int[] blocks, long[] windowStarts) {}

    /**
     * @param epochs how often all records come
     * @throws IllegalStateException if a window could have more records than {@link
     *     #WINDOW_RECORDS_MAX}, in some epoch
     */
    ShuffleOrder(SourceTable table, long seed, int windowBlocks, long epochs) {
        long records = mostRecords(table, windowBlocks);
        if (records > WINDOW_RECORDS_MAX) {
            throw new IllegalStateException(
                    "too many records for one window of a shuffle or mix view: blocks="
                            + windowBlocks
                            + " records="
                            + records
                            + " max="
                            + WINDOW_RECORDS_MAX);
        }
        this.table = table;
        this.seed = seed;
        this.windowBlocks = windowBlocks;
        this.epochs = epochs;
    }

    /** Records of the blocks that have the most: no window of any epoch has more. */
    private static long mostRecords(SourceTable table, int windowBlocks) {
        if (table.recordCount() <= WINDOW_RECORDS_MAX) {
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

    private Epoch epoch(long number) {
        synchronized (held) {
            Epoch epoch = held.remove(number);
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

    private Epoch make(long number) {
        long state = Permutation.derived(seed, number);
        int[] units = Permutation.of(table.unitCount(), Permutation.derived(state, OF_UNITS));
        int[] blocks = new int[table.blockCount()];
        int count = 0;
        for (int unit : units) {
            for (int block = table.firstBlock(unit); block < table.firstBlock(unit + 1); block++) {
                blocks[count++] = block;
            }
        }
        int windowCount = (count + windowBlocks - 1) / windowBlocks;
        long[] windowStarts = new long[windowCount + 1];
        for (int window = 0; window < windowCount; window++) {
            long records = 0;
            for (int i = window * windowBlocks; i < windowEnd(window, count); i++) {
                records += table.recordCount(blocks[i]);
            }
            windowStarts[window + 1] = windowStarts[window] + records;
        }
        return new Epoch(state, blocks, windowStarts);
    }

    private int windowEnd(int window, int blockCount) {
        return (int) Math.min(blockCount, (window + 1L) * windowBlocks);
    }

    private long epochStart(long record) {
        return record - record % table.recordCount();
    }

    private Epoch epochOf(long record) {
        return epoch(record / table.recordCount());
    }

    private int windowOf(Epoch epoch, long record) {
        int found = Arrays.binarySearch(epoch.windowStarts, record % table.recordCount());
        return found >= 0 ? found : -found - 2;
    }

    @Override
    public long stretchStart(long record) {
        Epoch epoch = epochOf(record);
        return epochStart(record) + epoch.windowStarts[windowOf(epoch, record)];
    }

    @Override
    public long stretchEnd(long record) {
        Epoch epoch = epochOf(record);
        return epochStart(record) + epoch.windowStarts[windowOf(epoch, record) + 1];
    }

    @Override
    public long stretchLength(long record) {
        Epoch epoch = epochOf(record);
        int window = windowOf(epoch, record);
        long length = 0;
        for (int i = window * windowBlocks; i < windowEnd(window, epoch.blocks.length); i++) {
            length += table.length(epoch.blocks[i]);
        }
        return length;
    }

    @Override
    public void plan(long from, long to, int side, StretchPlan into) {
        long next = from;
        while (next < to) {
            long start = stretchStart(next);
            long end = Math.min(to, stretchEnd(next));
            planWindow(start, next, end, side, into);
            next = end;
        }
    }

    private void planWindow(long start, long from, long to, int side, StretchPlan into) {
        Epoch epoch = epochOf(start);
        int window = windowOf(epoch, start);
        int first = window * windowBlocks;
        int end = windowEnd(window, epoch.blocks.length);
        int[] before = new int[end - first + 1];
        for (int i = first; i < end; i++) {
            before[i - first + 1] =
                    Math.addExact(before[i - first], table.recordCount(epoch.blocks[i]));
        }
        int[] places =
                Permutation.of(before[end - first], Permutation.derived(epoch.state, window));
        int shift = Integer.SIZE - Integer.numberOfLeadingZeros(places.length >>> GUESS_BITS);
        int[] guesses = guesses(before, shift);
        int[] slots = new int[end - first];
        Arrays.fill(slots, -1);
        for (int i = (int) (from - start); i < to - start; i++) {
            int block = guesses[places[i] >>> shift];
            while (places[i] >= before[block + 1]) {
                block++;
            }
            if (slots[block] < 0) {
                slots[block] = into.slotOf(side, table, epoch.blocks[first + block]);
            }
            into.add(slots[block], places[i] - before[block]);
        }
    }

    /**
     * The block that holds the first of so many places each: a search would cost more per record.
     */
    private static int[] guesses(int[] before, int shift) {
        int[] guesses = new int[(before[before.length - 1] >>> shift) + 1];
        int block = 0;
        for (int i = 0; i < guesses.length; i++) {
            while (block < before.length - 2 && i << shift >= before[block + 1]) {
                block++;
            }
            guesses[i] = block;
        }
        return guesses;
    }

    @Override
    public List<ToldOrder> told() {
        return List.of(new ToldOrder(table, epochs, windowBlocks, number -> epoch(number).blocks));
    }

    @Override
    public void tell(long record, List<ToldOrder> told, long nanoTime) {
        if (table.recordCount() > 0 && record >= count()) {
            told.get(0).at(epochs - 1, table.blockCount(), nanoTime);
        } else if (table.recordCount() > 0) {
            int window = windowOf(epochOf(record), record);
            told.get(0).at(record / table.recordCount(), window * windowBlocks, nanoTime);
        }
    }
}
