package io.headrace.bench.sources;

import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * The fewest misses that any cache can have on a sequence of accesses that is known in advance:
 * what is used again last makes room, and what is used later than all that is held is not kept at
 * all (Belady, "A study of replacement algorithms for a virtual-storage computer", 1966, with the
 * bypass that a server has and a memory has not).
 */
final class Belady {
    private Belady() {}

    /**
     * Misses in each part of the sequence.
     *
     * @param accesses blocks by number, all of one length
     * @param capacity blocks that the cache holds
     * @param partLength accesses of a part, such as an epoch
     */
    static long[] misses(int[] accesses, int capacity, int partLength) {
        int[] nextUse = nextUses(accesses);
        long[] misses = new long[(accesses.length + partLength - 1) / partLength];
        Map<Integer, Integer> held = new HashMap<>(); // block to its next use
        PriorityQueue<int[]> latestFirst =
                new PriorityQueue<>((a, b) -> Integer.compare(b[0], a[0]));
        for (int i = 0; i < accesses.length; i++) {
            int block = accesses[i];
            boolean isHeld = held.containsKey(block);
            if (!isHeld) {
                misses[i / partLength]++;
            }
            if (!isHeld && held.size() >= capacity) {
                int[] latest = latest(latestFirst, held);
                if (latest[0] <= nextUse[i]) {
                    continue; // whatever is held is used before
                }
                latestFirst.remove();
                held.remove(latest[1]);
            }
            held.put(block, nextUse[i]);
            latestFirst.add(new int[] {nextUse[i], block});
        }
        return misses;
    }

    /** The entry of the block that is used last; entries of uses that are past are dropped. */
    private static int[] latest(PriorityQueue<int[]> latestFirst, Map<Integer, Integer> held) {
        int[] latest = latestFirst.element();
        while (held.getOrDefault(latest[1], -1) != latest[0]) {
            latestFirst.remove();
            latest = latestFirst.element();
        }
        return latest;
    }

    private static int[] nextUses(int[] accesses) {
        int[] nextUse = new int[accesses.length];
        Map<Integer, Integer> seen = new HashMap<>();
        for (int i = accesses.length - 1; i >= 0; i--) {
            nextUse[i] = seen.getOrDefault(accesses[i], Integer.MAX_VALUE);
            seen.put(accesses[i], i);
        }
        return nextUse;
    }
}
