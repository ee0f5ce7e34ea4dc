package io.headrace.engine.source.cache;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** What a cache that knows the future has to load for a trace, all blocks being of one size. */
final class Belady {
    private Belady() {}

    /**
     * Loads of the optimum that need not take in what it loads: each time, what is needed last of
     * what it holds and what has just come goes (MIN with bypass).
     *
     * @param trace blocks in the order of their use
     * @param capacity blocks held
     */
    static long loads(List<Integer> trace, int capacity) {
        int[] nextUses = nextUses(trace);
        Map<Integer, Integer> held = new HashMap<>();
        TreeSet<Long> byNextUse = new TreeSet<>();
        long loads = 0;
        for (int i = 0; i < nextUses.length; i++) {
            int block = trace.get(i);
            Integer use = held.remove(block);
            if (use == null) {
                loads++;
            } else {
                byNextUse.remove(key(use, block));
            }
            held.put(block, nextUses[i]);
            byNextUse.add(key(nextUses[i], block));
            if (held.size() > capacity) {
                held.remove((int) (byNextUse.pollLast() & Integer.MAX_VALUE));
            }
        }
        return loads;
    }

    /** Loads of a cache that drops what was used least recently. */
    static long loadsOfLru(List<Integer> trace, int capacity) {
        Map<Integer, Boolean> held = new java.util.LinkedHashMap<>(16, 0.75f, true);
        long loads = 0;
        for (int block : trace) {
            if (held.put(block, true) == null) {
                loads++;
            }
            if (held.size() > capacity) {
                held.remove(held.keySet().iterator().next());
            }
        }
        return loads;
    }

    private static long key(int nextUse, int block) {
        return (long) nextUse << 32 | block;
    }

    private static int[] nextUses(List<Integer> trace) {
        int[] uses = new int[trace.size()];
        Map<Integer, Integer> next = new HashMap<>();
        Arrays.fill(uses, Integer.MAX_VALUE);
        for (int i = uses.length - 1; i >= 0; i--) {
            Integer later = next.put(trace.get(i), i);
            if (later != null) {
                uses[i] = later;
            }
        }
        return uses;
    }
}
