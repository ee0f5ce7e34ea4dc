package io.headrace.engine.view;

import java.util.Arrays;

/**
 * A sequence of sides in which each has its weight's share of every prefix, to less than one
 * record: of the first n records, side i has more than n · weight / sum − 1 and less than n ·
 * weight / sum + 1. It repeats after as many records as the weights add up to.
 *
 * <p>The j-th record of a side has its place between floor(j · sum / weight) and ceil((j + 1) · sum
 * / weight); of the sides whose next record may come, the one comes whose record's end is nearest.
 * That this finds a place for each in time is the theorem on Pfair schedules of one processor
 * (Baruah, Cohen, Plaxton, Varvel: Proportionate progress, Algorithmica 15, 1996). Immutable.
 */
final class Interleave {
    /** Longest period: 5 bytes of each, and a look at all sides. */
    static final int PERIOD_MAX = 10_000;

    private final int[] weights;
    private final int period;
    private final byte[] sides;

    /** The places of each side's records within a period. */
    private final int[][] places;

    /**
     * @param weights of each side, 0 for one that has no records; their sum is at most {@link
     *     #PERIOD_MAX}
     * @param precedence numbers of the sides, in the order in which they come where the rule leaves
     *     it open
     */
    Interleave(int[] weights, int[] precedence) {
        this.weights = weights.clone();
        period = Arrays.stream(weights).sum();
        sides = new byte[period];
        places = new int[weights.length][];
        int[] counts = new int[weights.length];
        for (int i = 0; i < weights.length; i++) {
            places[i] = new int[weights[i]];
        }
        for (int place = 0; place < period; place++) {
            int side = next(place, counts, precedence);
            sides[place] = (byte) side;
            places[side][counts[side]++] = place;
        }
    }

    private int next(int place, int[] counts, int[] precedence) {
        int chosen = -1;
        long nearest = Long.MAX_VALUE;
        for (int side : precedence) {
            long weight = weights[side];
            if (weight > 0 && (long) counts[side] * period / weight <= place) {
                long end = ((counts[side] + 1L) * period + weight - 1) / weight;
                if (end < nearest) {
                    nearest = end;
                    chosen = side;
                }
            }
        }
        return chosen;
    }

    /** Whose record stands at a place. */
    int side(long place) {
        return sides[(int) (place % period)];
    }

    /** How many of the first records are of a side. */
    long count(int side, long records) {
        int found = Arrays.binarySearch(places[side], (int) (records % period));
        return records / period * weights[side] + (found >= 0 ? found : -found - 1);
    }

    /** Where a side's record of that number stands, from 0 on. */
    long place(int side, long number) {
        return number / weights[side] * period + places[side][(int) (number % weights[side])];
    }
}
