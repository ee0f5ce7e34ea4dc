package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The beginning of a mix: up to where a side could end. The whole is a {@link MixOrder}. Immutable.
 */
final class MixBeginning implements Beginning {
    private final MixSpec spec;
    private final List<SourceTable> tables;
    private final List<RecordOrder> sides;

    /** Used by one thread at a time: whoever makes a longer one. */
    private final Map<List<Integer>, Interleave> interleaves;

    private final MixOrder order;

    private MixBeginning(
            MixSpec spec,
            List<SourceTable> tables,
            List<RecordOrder> sides,
            Map<List<Integer>, Interleave> interleaves) {
        this.spec = spec;
        this.tables = tables;
        this.sides = sides;
        this.interleaves = interleaves;
        order =
                new MixOrder(
                        new MixSequence(spec.stopping(), lengths(spec, sides), interleaves),
                        tables,
                        sides);
    }

    /** How many records of each side come at most. */
    private static long[] lengths(MixSpec spec, List<RecordOrder> sides) {
        long[] known = sides.stream().mapToLong(RecordOrder::count).toArray();
        if (Arrays.stream(known).anyMatch(count -> count == 0)) {
            return new long[known.length]; // if it had none at all, others would come in its place
        }
        if (spec.end() == MixSpec.End.REST) {
            Arrays.setAll(known, side -> known[side] - 1); // the last one changes what follows it
        }
        return known;
    }

    /** Of as much of the sides as tables have. */
    static MixBeginning of(MixSpec spec, List<SourceTable> tables) {
        return new MixBeginning(spec, tables, sides(spec, tables, null), new HashMap<>());
    }

    /**
     * Of longer tables of the same sides. To be called by one thread at a time, on the longest one.
     */
    MixBeginning grown(List<SourceTable> longer) {
        return new MixBeginning(spec, longer, sides(spec, longer, sides), interleaves);
    }

    private static List<RecordOrder> sides(
            MixSpec spec, List<SourceTable> tables, @Nullable List<RecordOrder> shorter) {
        List<RecordOrder> sides = new ArrayList<>();
        for (int side = 0; side < tables.size(); side++) {
            SourceTable table = tables.get(side);
            int windowBlocks = MixOrder.windowBlocks(spec, side);
            if (!spec.isShuffled()) {
                sides.add(new LinearOrder(table, windowBlocks, 1));
            } else if (shorter != null && shorter.get(side) instanceof FirstRuns runs) {
                sides.add(runs.grown(table));
            } else {
                long seed = MixOrder.seed(spec, side);
                sides.add(FirstRuns.of(table, seed, windowBlocks, spec.firstEpochUnits()));
            }
        }
        return sides;
    }

    @Override
    public List<SourceTable> tables() {
        return tables;
    }

    @Override
    public long count() {
        return order.count();
    }

    @Override
    public long stretchStart(long record) {
        return order.stretchStart(record);
    }

    @Override
    public long stretchEnd(long record) {
        return order.stretchEnd(record);
    }

    @Override
    public long stretchLength(long record) {
        return order.stretchLength(record);
    }

    @Override
    public void plan(long from, long to, int side, StretchPlan into) {
        order.plan(from, to, side, into);
    }
}
