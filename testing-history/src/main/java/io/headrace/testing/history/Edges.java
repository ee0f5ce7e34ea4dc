package io.headrace.testing.history;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;

/** Which transaction comes before which; finds circles. */
final class Edges {
    private final Map<Integer, Set<Integer>> after = new TreeMap<>();

    void add(int first, int second) {
        after.computeIfAbsent(first, f -> new TreeSet<>()).add(second);
    }

    Edges without(IntPredicate isLeftOut) {
        Edges left = new Edges();
        after.forEach(
                (first, all) -> {
                    for (int second : all) {
                        if (!isLeftOut.test(first) && !isLeftOut.test(second)) {
                            left.add(first, second);
                        }
                    }
                });
        return left;
    }

    /**
     * A shortest circle through each node that is on one, each node in one of them only. Nodes that
     * cannot be on any are taken away first, again and again, so that an order without circles,
     * however long, costs time in proportion to its edges.
     */
    List<List<Integer>> cycles() {
        Set<Integer> left = nodesThatMayBeOnOne();
        List<List<Integer>> cycles = new ArrayList<>();
        while (!left.isEmpty()) {
            int start = left.iterator().next();
            List<Integer> cycle = shortestThrough(start, left);
            cycles.add(cycle);
            left.remove(start);
            cycle.forEach(left::remove);
        }
        cycles.removeIf(List::isEmpty);
        return cycles;
    }

    /** Those that are left if nodes without a predecessor or a successor are taken away. */
    private Set<Integer> nodesThatMayBeOnOne() {
        Map<Integer, Set<Integer>> before = reversed();
        Set<Integer> left = new TreeSet<>(after.keySet());
        left.retainAll(before.keySet());
        ArrayDeque<Integer> gone = new ArrayDeque<>(after.keySet());
        gone.addAll(before.keySet());
        gone.removeIf(left::contains);
        while (!gone.isEmpty()) {
            int node = gone.remove();
            for (int next : after.getOrDefault(node, Set.of())) {
                goneIfAlone(next, before, left, gone);
            }
            for (int previous : before.getOrDefault(node, Set.of())) {
                goneIfAlone(previous, after, left, gone);
            }
        }
        return left;
    }

    private static void goneIfAlone(
            int node,
            Map<Integer, Set<Integer>> neighbours,
            Set<Integer> left,
            ArrayDeque<Integer> gone) {
        boolean isAlone = Collections.disjoint(neighbours.getOrDefault(node, Set.of()), left);
        if (isAlone && left.remove(node)) {
            gone.add(node);
        }
    }

    private Map<Integer, Set<Integer>> reversed() {
        Map<Integer, Set<Integer>> before = new HashMap<>();
        after.forEach(
                (first, all) ->
                        all.forEach(
                                second ->
                                        before.computeIfAbsent(second, s -> new HashSet<>())
                                                .add(first)));
        return before;
    }

    private List<Integer> shortestThrough(int start, Set<Integer> within) {
        Map<Integer, Integer> cameFrom = new HashMap<>();
        ArrayDeque<Integer> queue = new ArrayDeque<>(List.of(start));
        while (!queue.isEmpty()) {
            int node = queue.remove();
            for (int next : after.getOrDefault(node, Set.of())) {
                if (next == start) {
                    return path(node, start, cameFrom);
                }
                if (within.contains(next) && cameFrom.putIfAbsent(next, node) == null) {
                    queue.add(next);
                }
            }
        }
        return List.of();
    }

    private static List<Integer> path(int end, int start, Map<Integer, Integer> cameFrom) {
        List<Integer> path = new ArrayList<>(List.of(end));
        for (int node = end; node != start; ) {
            node = cameFrom.getOrDefault(node, start);
            path.add(node);
        }
        Collections.reverse(path);
        return path;
    }
}
