package io.headrace.testing.history;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class EdgesTest {
    @Test
    void namesEachCircleOnce() {
        Edges edges = new Edges();
        int[][] pairs = {{1, 2}, {2, 3}, {3, 1}, {3, 4}, {4, 5}, {5, 4}, {0, 1}, {5, 6}};
        for (int[] pair : pairs) {
            edges.add(pair[0], pair[1]);
        }
        assertEquals(List.of(List.of(1, 2, 3), List.of(4, 5)), edges.cycles());
    }

    @Test
    void findsACircleExactlyWhereAnOrderIsBroken() {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            Edges edges = new Edges();
            for (int j = 0; j < 300; j++) {
                int first = random.nextInt(200);
                edges.add(first, first + 1 + random.nextInt(50));
            }
            assertTrue(edges.cycles().isEmpty(), "headrace.seed=" + seed);
            edges.add(200, 201);
            edges.add(201, 200);
            assertFalse(edges.cycles().isEmpty(), "headrace.seed=" + seed);
        }
    }
}
