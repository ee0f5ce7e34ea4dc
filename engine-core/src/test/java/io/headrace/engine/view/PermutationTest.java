package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Permutations stay what they are for ever: positions in a view are committed by groups, and
 * written into checkpoints. The expected values come from docs/design/shuffle.md written in Python.
 */
final class PermutationTest {
    @Test
    void permutationsAreWhatTheyWereAlways() {
        assertArrayEquals(new int[] {4, 9, 2, 5, 1, 7, 6, 0, 3, 8}, Permutation.of(10, 0));
        assertArrayEquals(new int[] {8, 3, 6, 5, 4, 0, 9, 2, 1, 7}, Permutation.of(10, 42));
        assertArrayEquals(new int[] {3, 9, 4, 11, 2, 10, 0, 5, 7, 8, 6, 1}, Permutation.of(12, -5));
        assertEquals(-2152535657050944081L, Permutation.derived(0, 0));
        assertEquals(4767286540954276202L, Permutation.derived(42, -1));
        assertEquals(7758145696617331102L, Permutation.derived(Permutation.derived(7, 3), 11));
    }

    private static final int[][] UNITS = {{3}, {2, 2}, {1}, {4}};

    @Test
    void ordersAreWhatTheyWereAlways() {
        SourceTable table = SourceTable.of(1, UNITS, 100);
        List<Long> two = order(new ShuffleOrder(table, 5, 2, 2));
        assertEquals(List.of(3L, 4L, 6L, 5L, 11L, 9L, 8L, 0L, 10L, 1L, 2L, 7L), two.subList(0, 12));
        assertEquals(
                List.of(3L, 4L, 9L, 10L, 8L, 11L, 6L, 5L, 7L, 2L, 1L, 0L), two.subList(12, 24));
        List<Long> third = order(new ShuffleOrder(table, -9, 3, 3)).subList(24, 36);
        assertEquals(List.of(11L, 8L, 7L, 0L, 1L, 10L, 2L, 9L, 4L, 3L, 5L, 6L), third);
    }

    /** Numbers in the linear order. */
    static List<Long> order(RecordOrder order) {
        return order(order, 0, order.count());
    }

    static List<Long> order(RecordOrder order, long from, long to) {
        StretchPlan plan = new StretchPlan((int) (to - from));
        order.plan(from, to, 0, plan);
        List<Long> records = new ArrayList<>();
        for (int i = 0; i < plan.count(); i++) {
            StretchPlan.Slot slot = plan.slots().get(plan.slot(i));
            records.add(slot.table().firstRecord(slot.block()) + plan.index(i));
        }
        return records;
    }

    @Test
    void anyStretchIsThatOfTheWhole() {
        int[][] units = new int[20][];
        for (int i = 0; i < units.length; i++) {
            units[i] = new int[1 + i % 3];
            Arrays.fill(units[i], 1 + i % 7);
        }
        SourceTable table = SourceTable.of(1, units, 100);
        for (RecordOrder order :
                List.of(new ShuffleOrder(table, 3, 4, 5), new LinearOrder(table, 4, 5))) {
            List<Long> all = order(order);
            for (int from = 0; from < all.size(); from += 7) {
                int to = Math.min(all.size(), from + 1 + from % 90);
                assertEquals(all.subList(from, to), order(order, from, to));
                assertTrue(order.stretchStart(from) <= from && order.stretchEnd(from) > from);
            }
        }
    }

    /** Each place has each number equally often: chi-square of 10 × 10 over many seeds. */
    @Test
    void whatTakesTooMuchHeapIsRefused() {
        int[] blocks = new int[SourceTable.BLOCKS_MAX + 1];
        Arrays.fill(blocks, 1);
        int[] most = Arrays.copyOf(blocks, SourceTable.BLOCKS_MAX);
        assertEquals(most.length, SourceTable.of(1, new int[][] {most}, 1).blockCount());
        assertThrows(IllegalStateException.class, () -> SourceTable.of(1, new int[][] {blocks}, 1));
        int half = EpochOrder.WINDOW_RECORDS_MAX / 2;
        SourceTable table = SourceTable.of(1, new int[][] {{half}, {1}, {half}, {half}, {1}}, 1);
        assertEquals(table.recordCount(), new ShuffleOrder(table, 0, 2, 1).count());
        // In some epochs it would do.
        assertThrows(IllegalStateException.class, () -> new ShuffleOrder(table, 0, 3, 1));
    }

    @Test
    void permutationsAreUniform() {
        int count = 10;
        int seeds = 20_000;
        int[][] seen = new int[count][count];
        for (int seed = 0; seed < seeds; seed++) {
            int[] places = Permutation.of(count, Permutation.derived(seed, -1));
            for (int i = 0; i < count; i++) {
                seen[i][places[i]]++;
            }
        }
        double expected = (double) seeds / count;
        double chiSquare = 0;
        for (int[] row : seen) {
            for (int number : row) {
                chiSquare += (number - expected) * (number - expected) / expected;
            }
        }
        assertTrue(chiSquare < 133, "81 degrees of freedom, 0.9998: " + chiSquare); // fixed seeds
    }

    /**
     * How far the shuffle is from a permutation of all records, as docs/design/shuffle.md says: of
     * 1,000 objects of 8 blocks of 20 records, by the window's length.
     */
    @Test
    void qualityIsWhatTheDocumentsSay() {
        int[][] units = new int[1_000][8];
        for (int[] unit : units) {
            Arrays.fill(unit, 20);
        }
        SourceTable table = SourceTable.of(1, units, 1 << 20);
        StringBuilder measured = new StringBuilder();
        for (int windowBlocks : new int[] {1, 8, 32, 128, 1024}) {
            List<Long> order = order(new ShuffleOrder(table, 1, windowBlocks, 1));
            measured.append(
                    "%d %.3f %.3f\n"
                            .formatted(windowBlocks, neighbours(order, 160), displacement(order)));
        }
        List<Long> random = new ArrayList<>();
        for (int place : Permutation.of((int) table.recordCount(), 1)) {
            random.add((long) place);
        }
        measured.append("all %.3f %.3f\n".formatted(neighbours(random, 160), displacement(random)));
        assertEquals(QUALITY, measured.toString());
    }

    private static final String QUALITY =
            """
            1 0.994 1.005
            8 0.994 1.005
            32 0.249 1.005
            128 0.062 1.005
            1024 0.008 1.006
            all 0.001 1.001
            """;

    /** Of records that follow upon each other, the share that is of one object. */
    static double neighbours(List<Long> order, int objectRecords) {
        int same = 0;
        for (int i = 1; i < order.size(); i++) {
            if (order.get(i) / objectRecords == order.get(i - 1) / objectRecords) {
                same++;
            }
        }
        return (double) same / (order.size() - 1);
    }

    /**
     * How far records are from their places in the linear order, as a share of what is expected.
     */
    static double displacement(List<Long> order) {
        double sum = 0;
        for (int i = 0; i < order.size(); i++) {
            sum += Math.abs(order.get(i) - i);
        }
        return sum / order.size() / (order.size() / 3.0);
    }
}
