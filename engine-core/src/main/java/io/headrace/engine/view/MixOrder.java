package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Records of several sources, interleaved. Thread-safe. */
final class MixOrder implements RecordOrder {
    private final MixSequence sequence;
    private final List<SourceTable> tables;
    private final List<RecordOrder> sides;

    /** Bytes of a record of each side, on average. */
    private final double[] recordLengths;

    MixOrder(MixSpec spec, MixSequence sequence, List<SourceTable> tables) {
        this(sequence, tables, new ArrayList<>());
        for (int side = 0; side < tables.size(); side++) {
            sides.add(side(spec, side, tables.get(side)));
        }
    }

    /** Of sides that are in order already. */
    MixOrder(MixSequence sequence, List<SourceTable> tables, List<RecordOrder> sides) {
        this.sequence = sequence;
        this.tables = tables;
        this.sides = sides;
        recordLengths = new double[tables.size()];
        for (int side = 0; side < tables.size(); side++) {
            SourceTable table = tables.get(side);
            recordLengths[side] = (double) table.byteCount() / Math.max(1, table.recordCount());
        }
    }

    private RecordOrder side(MixSpec spec, int side, SourceTable table) {
        long epochs = epochs(side);
        if (!spec.isShuffled()) {
            return new LinearOrder(table, windowBlocks(spec, side), epochs);
        }
        return new ShuffleOrder(
                table, seed(spec, side), windowBlocks(spec, side), epochs, spec.firstEpochUnits());
    }

    /** What a shuffled side's order is drawn by. */
    static long seed(MixSpec spec, int side) {
        return Permutation.derived(spec.seed(), side);
    }

    /** Records of a side in all of the mix. */
    private long takenOf(int side) {
        return sequence.count() == 0 ? 0 : sequence.taken(side, sequence.count());
    }

    /** How often a side comes, the last time perhaps in part. */
    private long epochs(int side) {
        long records = Math.max(1, tables.get(side).recordCount());
        return Math.max(1, (takenOf(side) + records - 1) / records);
    }

    /** A side that comes rarely has a shorter window, so that all take equally long. */
    static int windowBlocks(MixSpec spec, int side) {
        List<Integer> parts = spec.weights().get(0).parts();
        double sum = parts.stream().mapToInt(Integer::intValue).sum();
        return (int) Math.max(1, Math.round(spec.windowBlocks() * parts.get(side) / sum));
    }

    @Override
    public long count() {
        return sequence.count();
    }

    /** The side that most records are of there: stretches begin and end with its windows. */
    private int lead(long record) {
        List<Integer> parts = sequence.parts(record);
        return parts.indexOf(Collections.max(parts));
    }

    @Override
    public long stretchStart(long record) {
        int lead = lead(record);
        long from = sequence.partsFrom(record);
        long ofLead = sequence.taken(lead, record + 1) - 1;
        return ofLead < sequence.taken(lead, from)
                ? from
                : Math.max(from, place(lead, sides.get(lead).stretchStart(ofLead)));
    }

    @Override
    public long stretchEnd(long record) {
        int lead = lead(record);
        long first = sequence.taken(lead, sequence.partsFrom(record));
        long ofLead = Math.max(first, sequence.taken(lead, record + 1) - 1);
        long to = sequence.partsTo(record);
        return ofLead >= takenOf(lead)
                ? to
                : Math.min(to, place(lead, sides.get(lead).stretchEnd(ofLead)));
    }

    /**
     * The first record of the mix that is behind so many of a side: there the next one of these
     * stands; the beginning for 0, and the end if there are not as many.
     */
    private long place(int side, long ofSide) {
        if (ofSide == 0) {
            return 0;
        }
        long low = 0;
        long high = count();
        while (low < high) {
            long middle = (low + high) >>> 1;
            if (sequence.taken(side, middle + 1) > ofSide) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    @Override
    public long stretchLength(long record) {
        List<Integer> parts = sequence.parts(record);
        double length = 0;
        double sum = 0;
        for (int side = 0; side < parts.size(); side++) {
            length += parts.get(side) * recordLengths[side];
            sum += parts.get(side);
        }
        return (long) ((stretchEnd(record) - stretchStart(record)) * length / sum);
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
    public List<ToldOrder> told() {
        return sides.stream().map(side -> side.told().get(0)).toList();
    }

    @Override
    public void tell(long record, List<ToldOrder> told, long nanoTime) {
        for (int side = 0; side < sides.size(); side++) {
            long ofSide = sequence.taken(side, record);
            boolean isOver = ofSide >= takenOf(side);
            sides.get(side)
                    .tell(
                            isOver ? sides.get(side).count() : ofSide,
                            List.of(told.get(side)),
                            nanoTime);
        }
    }
}
