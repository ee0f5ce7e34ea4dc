package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import java.util.List;

/**
 * The beginning of a shuffle: the runs of the first epoch whose units are all known. The whole is a
 * {@link ShuffleOrder}. Immutable.
 *
 * <p>To know one run more costs what that run costs: nothing else is looked at or, but now and
 * then, copied.
 */
final class FirstRuns implements Beginning {
    private final SourceTable table;
    private final long seed;
    private final int runUnits;
    private final EpochOrder runs;

    private FirstRuns(SourceTable table, long seed, int runUnits, EpochOrder runs) {
        this.table = table;
        this.seed = seed;
        this.runUnits = runUnits;
        this.runs = runs;
    }

    /** Of as much of a source as a table has. */
    static FirstRuns of(SourceTable table, long seed, int windowBlocks, int runUnits) {
        return new FirstRuns(table, seed, runUnits, EpochOrder.empty(windowBlocks)).grown(table);
    }

    /**
     * Of a longer table of the same source. To be called by one thread at a time, on the longest
     * order.
     */
    FirstRuns grown(SourceTable longer) {
        EpochOrder all = runs;
        while (longer.unitCount() - (long) all.runCount() * runUnits >= runUnits) {
            int from = all.runCount() * runUnits;
            try {
                all = all.with(longer, from, from + runUnits, stateOf(seed, all.runCount()));
            } catch (IllegalStateException tooLong) {
                if (all == runs) {
                    throw tooLong;
                }
                break; // what comes before it can be read
            }
        }
        return new FirstRuns(longer, seed, runUnits, all);
    }

    /** The first epoch of a whole source, of which the last run may have fewer units. */
    static EpochOrder whole(SourceTable table, long seed, int windowBlocks, int runUnits) {
        EpochOrder all = EpochOrder.empty(windowBlocks);
        int from = 0;
        while (from < table.unitCount()) {
            int to = (int) Math.min(table.unitCount(), (long) from + runUnits);
            all = all.with(table, from, to, stateOf(seed, all.runCount()));
            from = to;
        }
        return all;
    }

    /** Among the numbers that states are derived by, what stands for the runs of an epoch. */
    private static final long OF_RUNS = -3;

    private static long stateOf(long seed, int run) {
        long epoch = Permutation.derived(seed, 0);
        return Permutation.derived(Permutation.derived(epoch, OF_RUNS), run);
    }

    @Override
    public List<SourceTable> tables() {
        return List.of(table);
    }

    @Override
    public long count() {
        return runs.recordCount();
    }

    @Override
    public long stretchStart(long record) {
        return runs.windowStart(runs.windowOf(record));
    }

    @Override
    public long stretchEnd(long record) {
        return runs.windowStart(runs.windowOf(record) + 1);
    }

    @Override
    public long stretchLength(long record) {
        return runs.length(table, runs.windowOf(record));
    }

    @Override
    public void plan(long from, long to, int side, StretchPlan into) {
        long next = from;
        while (next < to) {
            int window = runs.windowOf(next);
            long start = runs.windowStart(window);
            long end = Math.min(to, runs.windowStart(window + 1));
            runs.plan(table, window, (int) (next - start), (int) (end - start), side, into);
            next = end;
        }
    }
}
