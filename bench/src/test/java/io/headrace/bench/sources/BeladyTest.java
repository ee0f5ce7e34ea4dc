package io.headrace.bench.sources;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BeladyTest {
    @Test
    void aLoopLargerThanTheCacheMissesWhatIsTooMuch() {
        int[] loop = new int[40];
        for (int i = 0; i < loop.length; i++) {
            loop[i] = i % 10;
        }
        // the last part keeps what the ones before it kept
        assertArrayEquals(new long[] {10, 6, 6, 6}, Belady.misses(loop, 4, 10));
        assertArrayEquals(new long[] {10, 0, 0, 0}, Belady.misses(loop, 10, 10));
    }

    @Test
    void noChoiceOfWhatToKeepIsBetter() {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            int[] accesses = random.ints(10, 0, 5).toArray();
            long misses = Belady.misses(accesses, 2, accesses.length)[0];
            assertEquals(fewest(accesses, 0, Set.of(), new HashMap<>()), misses, "seed=" + seed);
        }
    }

    /** By trying everything. */
    private static long fewest(int[] accesses, int at, Set<Integer> held, Map<String, Long> known) {
        if (at == accesses.length) {
            return 0;
        }
        String state = at + " " + held;
        Long found = known.get(state);
        if (found != null) {
            return found;
        }
        long best;
        if (held.contains(accesses[at])) {
            best = fewest(accesses, at + 1, held, known);
        } else {
            best = 1 + fewest(accesses, at + 1, held, known);
            Set<Integer> with = new HashSet<>(held);
            with.add(accesses[at]);
            if (with.size() <= 2) {
                best = Math.min(best, 1 + fewest(accesses, at + 1, with, known));
            }
            for (int dropped : held) {
                Set<Integer> without = new HashSet<>(held);
                without.remove(dropped);
                without.add(accesses[at]);
                best = Math.min(best, 1 + fewest(accesses, at + 1, without, known));
            }
        }
        known.put(state, best);
        return best;
    }
}
