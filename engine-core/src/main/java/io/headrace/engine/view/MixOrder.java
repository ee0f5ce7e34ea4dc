package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Records of several sources, interleaved. Thread-safe. */
final class MixOrder implements RecordOrder {
    /** A side may come as often as it has to: how often follows from the sequence. */
    private static final long EPOCHS = Integer.MAX_VALUE;

    private final MixSequence sequence;
    private final List<SourceTable> tables;
    private final List<RecordOrder> sides = new ArrayList<>();
    private final double recordLength;

    /** The side that most records are of: stretches begin and end with its windows. */
    private final int lead;

    MixOrder(MixSpec spec, MixSequence sequence, List<SourceTable> tables) {
        this.sequence = sequence;
        this.tables = tables;
        List<Integer> parts = spec.weights().get(0).parts();
        double length = 0;
        for (int side = 0; side < tables.size(); side++) {
            SourceTable table = tables.get(side);
            sides.add(side(spec, side, table));
            long bytes = 0;
            for (int block = 0; block < table.blockCount(); block++) {
                bytes += table.length(block);
            }
            length += (double) parts.get(side) * bytes / Math.max(1, table.recordCount());
        }
        recordLength = length / parts.stream().mapToInt(Integer::intValue).sum();
        lead = parts.indexOf(Collections.max(parts));
    }

    private static RecordOrder side(MixSpec spec, int side, SourceTable table) {
        if (!spec.isShuffled()) {
            return new LinearOrder(table, windowBlocks(spec, side), EPOCHS);
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
        long ofLead = sequence.taken(lead, record + 1) - 1;
        return ofLead < 0 ? 0 : place(sides.get(lead).stretchStart(ofLead));
    }

    @Override
    public long stretchEnd(long record) {
        long ofLead = Math.max(0, sequence.taken(lead, record + 1) - 1);
        return tables.get(lead).recordCount() == 0
                ? count()
                : place(sides.get(lead).stretchEnd(ofLead));
    }

    /**
     * The first record of the mix that is behind so many of the lead: there the next one of these
     * stands; the beginning for 0, and the end if there are not as many.
     */
    private long place(long ofLead) {
        if (ofLead == 0) {
            return 0;
        }
        long low = 0;
        long high = count();
        while (low < high) {
            long middle = (low + high) >>> 1;
            if (sequence.taken(lead, middle + 1) > ofLead) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    @Override
    public long stretchLength(long record) {
        return (long) ((stretchEnd(record) - stretchStart(record)) * recordLength);
    }

    @Override
    public void plan(long from, long to, int unused, StretchPlan into) {
        StretchPlan[] ofSides = new StretchPlan[sides.size()];
        int[][] slots = new int[sides.size()][];
        int[] next = new int[sides.size()];
        for (int side = 0; side < sides.size(); side++) {
            long first = sequence.taken(side, from);
            long end = sequence.taken(side, to - 1) + (sequence.side(to - 1) == side ? 1 : 0);
            ofSides[side] = new StretchPlan((int) (end - first));
            sides.get(side).plan(first, end, side, ofSides[side]);
            slots[side] = new int[ofSides[side].slots().size()];
            Arrays.fill(slots[side], -1);
        }
        for (long record = from; record < to; record++) {
            int side = sequence.side(record);
            StretchPlan plan = ofSides[side];
            int index = next[side]++;
            int slot = plan.slot(index);
            if (slots[side][slot] < 0) {
                int block = plan.slots().get(slot).block();
                slots[side][slot] = into.slotOf(side, tables.get(side), block);
            }
            into.add(slots[side][slot], plan.index(index));
        }
    }

    @Override
    public List<ToldOrder> told(long nanoTime) {
        return sides.stream().map(side -> side.told(nanoTime).get(0)).toList();
    }

    @Override
    public void tell(long record, List<ToldOrder> told, long nanoTime) {
        for (int side = 0; side < sides.size(); side++) {
            long ofSide = sequence.taken(side, record);
            sides.get(side).tell(ofSide, List.of(told.get(side)), nanoTime);
        }
    }
}
