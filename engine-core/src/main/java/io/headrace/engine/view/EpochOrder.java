package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import java.util.Arrays;

/**
 * The order of one epoch: runs one behind the other, each with its units permuted, and with windows
 * of consecutive blocks whose records are permuted; docs/design/shuffle.md specifies it. Most
 * epochs are one run.
 *
 * <p>Immutable. A longer one has the same arrays as long as they have room: what is behind the
 * counts is that one's. 4 bytes per block, 8 per window and 16 per run.
 */
final class EpochOrder {
    /** Among the numbers that states are derived by, what stands for the order of the units. */
    private static final long OF_UNITS = -1;

    /**
     * Records of a window, at most: it is permuted as a whole, which takes 8 bytes of heap for
     * each, on as many threads as make stretches.
     */
    static final int WINDOW_RECORDS_MAX = 4_000_000;

    /** A window's table of guesses has as many entries as so many bits count, at most. */
    private static final int GUESS_BITS = 12;

    private final int windowBlocks;
    private final int blockCount;
    private final int windowCount;
    private final int runCount;

    /** The blocks in their order. */
    private final int[] blocks;

    /** Records before each window, and behind the last one. */
    private final long[] windowStarts;

    /** What all that is drawn by lot in a run is derived from. */
    private final long[] states;

    /** First window of each run. */
    private final int[] firstWindows;

    /** First block of each run, and behind the last one. */
    private final int[] firstBlocks;

    private EpochOrder(
            int windowBlocks,
            int blockCount,
            int windowCount,
            int runCount,
            int[] blocks,
            long[] windowStarts,
            long[] states,
            int[] firstWindows,
            int[] firstBlocks) {
        this.windowBlocks = windowBlocks;
        this.blockCount = blockCount;
        this.windowCount = windowCount;
        this.runCount = runCount;
        this.blocks = blocks;
        this.windowStarts = windowStarts;
        this.states = states;
        this.firstWindows = firstWindows;
        this.firstBlocks = firstBlocks;
    }

    /** No run yet. */
    static EpochOrder empty(int windowBlocks) {
        return new EpochOrder(
                windowBlocks,
                0,
                0,
                0,
                new int[0],
                new long[1],
                new long[0],
                new int[0],
                new int[1]);
    }

    /**
     * This order and one run more, of some consecutive units of a table. To be called by one thread
     * at a time, on the longest order.
     *
     * @throws IllegalStateException if a window has more records than {@link #WINDOW_RECORDS_MAX}
     */
    EpochOrder with(SourceTable table, int fromUnit, int toUnit, long state) {
        int first = table.firstBlock(fromUnit);
        int count = table.firstBlock(toUnit) - first;
        int windows = (count + windowBlocks - 1) / windowBlocks;
        int[] allBlocks = withRoom(blocks, blockCount + count);
        long[] starts = withRoom(windowStarts, windowCount + windows + 1);
        long[] allStates = withRoom(states, runCount + 1);
        int[] allFirstWindows = withRoom(firstWindows, runCount + 1);
        int[] allFirstBlocks = withRoom(firstBlocks, runCount + 2);
        int next = blockCount;
        for (int place : Permutation.of(toUnit - fromUnit, Permutation.derived(state, OF_UNITS))) {
            int unit = fromUnit + place;
            for (int block = table.firstBlock(unit); block < table.firstBlock(unit + 1); block++) {
                allBlocks[next++] = block;
            }
        }
        for (int window = 0; window < windows; window++) {
            long records = 0;
            int from = blockCount + window * windowBlocks;
            for (int i = from; i < Math.min(next, from + windowBlocks); i++) {
                records += table.recordCount(allBlocks[i]);
            }
            checkWindow(windowBlocks, records);
            starts[windowCount + window + 1] = starts[windowCount + window] + records;
        }
        allStates[runCount] = state;
        allFirstWindows[runCount] = windowCount;
        allFirstBlocks[runCount + 1] = next;
        return new EpochOrder(
                windowBlocks,
                next,
                windowCount + windows,
                runCount + 1,
                allBlocks,
                starts,
                allStates,
                allFirstWindows,
                allFirstBlocks);
    }

    /** Refuses windows that take too much heap. */
    static void checkWindow(int windowBlocks, long records) {
        if (records > WINDOW_RECORDS_MAX) {
            throw new IllegalStateException(
                    "too many records for one window of a shuffle or mix view: blocks="
                            + windowBlocks
                            + " records="
                            + records
                            + " max="
                            + WINDOW_RECORDS_MAX);
        }
    }

    private static int[] withRoom(int[] array, int needed) {
        return needed <= array.length ? array : Arrays.copyOf(array, roomFor(array.length, needed));
    }

    private static long[] withRoom(long[] array, int needed) {
        return needed <= array.length ? array : Arrays.copyOf(array, roomFor(array.length, needed));
    }

    /** As much as is needed at first; where it grows, half as much more. */
    private static int roomFor(int before, int needed) {
        return before <= 1 ? needed : needed + needed / 2;
    }

    /** How many runs there are. */
    int runCount() {
        return runCount;
    }

    /** How many records there are. */
    long recordCount() {
        return windowStarts[windowCount];
    }

    /** The blocks in their order: a copy where the array has room for more. */
    int[] blocks() {
        return blocks.length == blockCount ? blocks : Arrays.copyOf(blocks, blockCount);
    }

    /** The window that holds a record of the epoch. */
    int windowOf(long record) {
        int found = Arrays.binarySearch(windowStarts, 0, windowCount + 1, record);
        return found >= 0 ? found : -found - 2;
    }

    /** Number of a window's first record in the epoch; of the window count, behind the last one. */
    long windowStart(int window) {
        return windowStarts[window];
    }

    private int runOf(int window) {
        int found = Arrays.binarySearch(firstWindows, 0, runCount, window);
        return found >= 0 ? found : -found - 2;
    }

    /** The place of a window's first block in the epoch. */
    int firstPlace(int window) {
        int run = runOf(window);
        return firstBlocks[run] + (window - firstWindows[run]) * windowBlocks;
    }

    private int endPlace(int window) {
        int run = runOf(window);
        long end = firstBlocks[run] + (window - firstWindows[run] + 1L) * windowBlocks;
        return (int) Math.min(firstBlocks[run + 1], end);
    }

    /** Bytes of a window's blocks, nearly. */
    long length(SourceTable table, int window) {
        long length = 0;
        for (int i = firstPlace(window); i < endPlace(window); i++) {
            length += table.length(blocks[i]);
        }
        return length;
    }

    /** Adds records of a window, by their numbers in it. */
    void plan(SourceTable table, int window, int from, int to, int side, StretchPlan into) {
        int first = firstPlace(window);
        int end = endPlace(window);
        int[] before = new int[end - first + 1];
        for (int i = first; i < end; i++) {
            before[i - first + 1] = Math.addExact(before[i - first], table.recordCount(blocks[i]));
        }
        int run = runOf(window);
        long state = Permutation.derived(states[run], window - firstWindows[run]);
        int[] places = Permutation.of(before[end - first], state);
        int shift = Integer.SIZE - Integer.numberOfLeadingZeros(places.length >>> GUESS_BITS);
        int[] guesses = guesses(before, shift);
        int[] slots = new int[end - first];
        Arrays.fill(slots, -1);
        for (int i = from; i < to; i++) {
            int block = guesses[places[i] >>> shift];
            while (places[i] >= before[block + 1]) {
                block++;
            }
            if (slots[block] < 0) {
                slots[block] = into.slotOf(side, table, blocks[first + block]);
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
}
