package io.headrace.engine.view;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which side each record of a mix is of, and how many of each side come before it. Follows from the
 * spec and from how many records the sides have. Immutable.
 */
final class MixSequence {
    /** Among the numbers that states are derived by, what stands for the sides' precedence. */
    private static final long OF_PRECEDENCE = -2;

    private final List<Segment> segments = new ArrayList<>();
    private long count;

    /** Which of the spec's weights hold from there on. */
    private int change;

    /**
     * Records between two changes of the weights.
     *
     * @param from number of the first record
     * @param parts weights of the sides; 0 for one that is over
     * @param taken records of each side before it
     */
    private record Segment(long from, List<Integer> parts, Interleave sides, long[] taken) {}

    /**
     * @param lengths records of each side, of one epoch
     */
    MixSequence(MixSpec spec, long[] lengths) {
        this(spec, lengths, new HashMap<>());
    }

    /**
     * @param lengths records of each side
     * @param made what was made for sequences of the same spec, by weights; more is added
     */
    MixSequence(MixSpec spec, long[] lengths, Map<List<Integer>, Interleave> made) {
        int sideCount = lengths.length;
        int[] precedence =
                Permutation.of(sideCount, Permutation.derived(spec.seed(), OF_PRECEDENCE));
        long[] taken = new long[sideCount];
        boolean[] isOver = new boolean[sideCount];
        for (int side = 0; side < sideCount; side++) {
            isOver[side] = lengths[side] == 0 && spec.end() != MixSpec.End.STOP;
        }
        for (long epoch = 0; epoch < spec.epochs(); epoch++) {
            add(spec, lengths, taken, isOver.clone(), precedence, made);
        }
    }

    /** Adds an epoch: what comes of the sides, which go on where they are, until the mix ends. */
    private void add(
            MixSpec spec,
            long[] lengths,
            long[] taken,
            boolean[] isOver,
            int[] precedence,
            Map<List<Integer>, Interleave> made) {
        int sideCount = lengths.length;
        List<MixSpec.Weights> all = spec.weights();
        long[] ends = lengths.clone();
        for (int side = 0; side < sideCount; side++) {
            ends[side] += taken[side];
        }
        boolean isAtEnd = false;
        while (!isAtEnd) {
            while (change + 1 < all.size() && all.get(change + 1).fromRecord() <= count) {
                change++;
            }
            List<Integer> parts = new ArrayList<>(all.get(change).parts());
            for (int side = 0; side < sideCount; side++) {
                if (isOver[side]) {
                    parts.set(side, 0);
                }
            }
            if (parts.stream().allMatch(part -> part == 0)) {
                return;
            }
            Interleave sides =
                    made.computeIfAbsent(
                            parts,
                            weights ->
                                    new Interleave(
                                            weights.stream().mapToInt(Integer::intValue).toArray(),
                                            precedence));
            long length = untilEnd(spec.end(), sides, ends, taken, isOver);
            isAtEnd = spec.end() != MixSpec.End.REST;
            if (change + 1 < all.size() && all.get(change + 1).fromRecord() - count < length) {
                length = all.get(change + 1).fromRecord() - count;
                isAtEnd = false;
            }
            if (length > 0) {
                segments.add(new Segment(count, parts, sides, taken.clone()));
            }
            for (int side = 0; side < sideCount; side++) {
                taken[side] += isOver[side] ? 0 : sides.count(side, length);
            }
            for (int side = 0; side < sideCount; side++) {
                isOver[side] |= spec.end() == MixSpec.End.REST && taken[side] >= ends[side];
            }
            count += length;
        }
    }

    /** Records until a side ends in a way that matters. */
    private static long untilEnd(
            MixSpec.End end, Interleave sides, long[] ends, long[] taken, boolean[] isOver) {
        long until = end == MixSpec.End.REPEAT ? 0 : Long.MAX_VALUE;
        for (int side = 0; side < ends.length; side++) {
            long left = ends[side] - taken[side];
            if (!isOver[side] && end == MixSpec.End.REPEAT && left > 0) {
                until = Math.max(until, sides.place(side, left - 1) + 1);
            } else if (!isOver[side] && end == MixSpec.End.STOP) {
                until = Math.min(until, sides.place(side, left));
            } else if (!isOver[side] && end == MixSpec.End.REST) {
                until = Math.min(until, sides.place(side, left - 1) + 1);
            }
        }
        return until;
    }

    /** How many records the mix has. */
    long count() {
        return count;
    }

    private Segment segment(long record) {
        return segments.get(number(record));
    }

    private int number(long record) {
        int low = 0;
        int high = segments.size() - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (segments.get(middle).from <= record) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** The weights of the sides at a record; 0 for a side that is over. */
    List<Integer> parts(long record) {
        return segment(record).parts;
    }

    /** The first record from which on the weights are those at a record. */
    long partsFrom(long record) {
        return segment(record).from;
    }

    /** Behind the last record to which the weights are those at a record. */
    long partsTo(long record) {
        int next = number(record) + 1;
        return next < segments.size() ? segments.get(next).from : count;
    }

    /** Whose record it is. */
    int side(long record) {
        Segment segment = segment(record);
        return segment.sides.side(record - segment.from);
    }

    /** How many of the records before it are of a side. */
    long taken(int side, long record) {
        Segment segment = segment(record);
        return segment.taken[side] + segment.sides.count(side, record - segment.from);
    }
}
