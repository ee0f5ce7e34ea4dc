package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.List;

/** Records of several sources, interleaved. Thread-safe. */
final class MixOrder implements RecordOrder {
    /** A side may come as often as it has to: how often follows from the sequence. */
    private static final long EPOCHS = Integer.MAX_VALUE;

    private final MixSequence sequence;
    private final List<SourceTable> tables;
    private final List<RecordOrder> sides = new ArrayList<>();
    private final long stretchRecords;
    private final double recordLength;

    MixOrder(MixSpec spec, MixSequence sequence, List<SourceTable> tables) {
        this.sequence = sequence;
        this.tables = tables;
        double length = 0;
        double blocks = 0;
        for (int side = 0; side < tables.size(); side++) {
            SourceTable table = tables.get(side);
            sides.add(side(spec, side, table));
            long bytes = 0;
            for (int block = 0; block < table.blockCount(); block++) {
                bytes += table.length(block);
            }
            double share = spec.weights().get(0).parts().get(side);
            length += share * bytes / Math.max(1, table.recordCount());
            blocks += share * table.blockCount() / Math.max(1, table.recordCount());
        }
        double sum = spec.weights().get(0).parts().stream().mapToInt(Integer::intValue).sum();
        recordLength = length / sum;
        stretchRecords = (long) Math.max(1, spec.windowBlocks() * sum / Math.max(1e-9, blocks));
    }

    private static RecordOrder side(MixSpec spec, int side, SourceTable table) {
        if (!spec.isShuffled()) {
            return new LinearOrder(table, spec.windowBlocks(), EPOCHS);
        }
        long seed = Permutation.derived(spec.seed(), side);
        return new ShuffleOrder(table, seed, windowBlocks(spec, side), EPOCHS);
    }

    /** A side that comes rarely has a shorter window, so that all take equally long. */
    private static int windowBlocks(MixSpec spec, int side) {
        List<Integer> parts = spec.weights().get(0).parts();
        double sum = parts.stream().mapToInt(Integer::intValue).sum();
        return (int) Math.max(1, Math.round(spec.windowBlocks() * parts.get(side) / sum));
    }

    @Override
    public long count() {
        return sequence.count();
    }

    @Override
    public long stretchStart(long record) {
        return record - record % stretchRecords;
    }

    @Override
    public long stretchEnd(long record) {
        return Math.min(count(), stretchStart(record) + stretchRecords);
    }

    @Override
    public long stretchLength(long record) {
        return (long) ((stretchEnd(record) - stretchStart(record)) * recordLength);
    }

    @Override
    public void plan(long from, long to, int unused, StretchPlan into) {
        StretchPlan[] ofSides = new StretchPlan[sides.size()];
        int[] next = new int[sides.size()];
        for (int side = 0; side < sides.size(); side++) {
            long first = sequence.taken(side, from);
            long end = sequence.taken(side, to - 1) + (sequence.side(to - 1) == side ? 1 : 0);
            ofSides[side] = new StretchPlan((int) (end - first));
            sides.get(side).plan(first, end, side, ofSides[side]);
        }
        for (long record = from; record < to; record++) {
            int side = sequence.side(record);
            StretchPlan plan = ofSides[side];
            int index = next[side]++;
            StretchPlan.Slot slot = plan.slots().get(plan.slot(index));
            into.add(side, tables.get(side), slot.block(), plan.index(index));
        }
    }
}
