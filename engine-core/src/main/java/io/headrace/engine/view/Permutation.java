package io.headrace.engine.view;

/**
 * Permutations that follow from numbers alone, written out here because they must never change: by
 * Fisher and Yates' method (Durstenfeld, CACM 7:7, 1964) with SplitMix64 (Steele, Lea, Flood,
 * OOPSLA 2014) as its source. docs/design/shuffle.md specifies every step.
 */
final class Permutation {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private Permutation() {}

    /** The state that follows from a state and a number: an epoch's, or a window's. */
    static long derived(long state, long number) {
        return mixed(state + GOLDEN) ^ number;
    }

    /** The numbers 0 to {@code count} − 1 in an order that follows from a state. */
    static int[] of(int count, long state) {
        int[] places = new int[count];
        for (int i = 0; i < count; i++) {
            places[i] = i;
        }
        long at = state;
        for (int last = count - 1; last > 0; last--) {
            at += GOLDEN;
            int other = (int) unsignedMultiplyHigh(mixed(at), last + 1);
            int moved = places[last];
            places[last] = places[other];
            places[other] = moved;
        }
        return places;
    }

    private static long mixed(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** The upper half of the product of an unsigned number and one that is not negative. */
    private static long unsignedMultiplyHigh(long unsigned, long other) {
        return Math.multiplyHigh(unsigned, other) + ((unsigned >> 63) & other);
    }
}
