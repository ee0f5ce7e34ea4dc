package io.headrace.engine.view;

import static io.headrace.engine.view.PermutationTest.order;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The first epoch of a shuffle that can be read early: what is known of it stays as it is, however
 * the index grows. The expected values come from {@code headrace.shuffle.view_order} of the Python
 * client.
 */
final class FirstRunsTest {
    private static final int[][] UNITS = {{3}, {2, 2}, {1}, {4}, {2}, {1, 1, 1}, {2}};

    @Test
    void runsAreWhatTheyWereAlways() {
        SourceTable table = SourceTable.of(1, UNITS, 100);
        assertEquals(
                List.of(1, 0, 2, 6, 3, 4, 5, 7, 9, 10, 8, 11, 12, 13, 15, 14, 16, 17, 18),
                firstEpoch(table, 1));
        assertEquals(
                List.of(7, 1, 0, 2, 6, 5, 3, 4, 10, 9, 12, 8, 13, 11, 14, 15, 16, 17, 18),
                firstEpoch(table, 3));
        List<Integer> oneRun =
                List.of(6, 4, 3, 5, 15, 14, 17, 16, 18, 2, 7, 0, 1, 8, 10, 13, 12, 11, 9);
        assertEquals(oneRun, firstEpoch(table, 7));
        assertEquals(oneRun, firstEpoch(table, 100));
    }

    private static List<Integer> firstEpoch(SourceTable table, int runUnits) {
        List<Long> order =
                order(new ShuffleOrder(table, 5, 2, 3, runUnits), 0, table.recordCount());
        return order.stream().map(Long::intValue).toList();
    }

    @Test
    void laterEpochsArePermutedAsAWhole() {
        SourceTable table = SourceTable.of(1, UNITS, 100);
        List<Long> early = order(new ShuffleOrder(table, 5, 2, 3, 2));
        List<Long> whole = order(new ShuffleOrder(table, 5, 2, 3));
        int length = (int) table.recordCount();
        assertNotEquals(whole.subList(0, length), early.subList(0, length));
        assertEquals(whole.subList(length, 3 * length), early.subList(length, 3 * length));
    }

    /** Whatever was read when, the order of the whole begins with it. */
    @Test
    void whatIsKnownIsTheBeginningOfTheWhole() {
        Random random = new Random(11);
        for (int round = 0; round < 40; round++) {
            int[][] units = units(random, 1 + random.nextInt(60));
            int runUnits = 1 + random.nextInt(9);
            int windowBlocks = 1 + random.nextInt(6);
            SourceTable table = SourceTable.of(1, units, 100);
            ShuffleOrder whole = new ShuffleOrder(table, round, windowBlocks, 2, runUnits);
            List<Long> expected = order(whole, 0, table.recordCount());
            assertEachOnce(expected, table.recordCount());
            FirstRuns grown = null;
            for (int known = 0; known <= units.length; known += 1 + random.nextInt(5)) {
                SourceTable beginning = SourceTable.of(1, Arrays.copyOf(units, known), 100);
                FirstRuns anew = FirstRuns.of(beginning, round, windowBlocks, runUnits);
                grown = grown == null ? anew : grown.grown(beginning);
                int units0 = known / runUnits * runUnits;
                assertEquals(
                        SourceTable.of(1, Arrays.copyOf(units, units0), 100).recordCount(),
                        grown.count());
                assertEquals(anew.count(), grown.count());
                assertEquals(expected.subList(0, (int) grown.count()), order(grown));
                assertEquals(expected.subList(0, (int) grown.count()), order(anew));
                assertSameStretches(grown, whole);
            }
        }
    }

    private static int[][] units(Random random, int count) {
        int[][] units = new int[count][];
        for (int i = 0; i < count; i++) {
            units[i] = new int[1 + random.nextInt(4)];
            Arrays.setAll(units[i], block -> 1 + random.nextInt(7));
        }
        return units;
    }

    private static void assertEachOnce(List<Long> order, long count) {
        List<Long> sorted = new ArrayList<>(order);
        Collections.sort(sorted);
        for (int i = 0; i < count; i++) {
            assertEquals(i, sorted.get(i));
        }
        assertEquals(count, sorted.size());
    }

    /** So what was made before is of use behind the pin, too. */
    private static void assertSameStretches(RecordOrder known, RecordOrder whole) {
        for (long record = 0; record < known.count(); record++) {
            assertEquals(whole.stretchStart(record), known.stretchStart(record));
            assertEquals(whole.stretchEnd(record), known.stretchEnd(record));
            assertEquals(whole.stretchLength(record), known.stretchLength(record));
            assertTrue(known.stretchEnd(record) <= known.count());
        }
    }

    /** An older order stays what it was, although a longer one shares its memory. */
    @Test
    void whoHasAShorterOneSeesNothingOfALongerOne() {
        Random random = new Random(5);
        int[][] units = units(random, 300);
        List<FirstRuns> all = new ArrayList<>();
        List<List<Long>> orders = new ArrayList<>();
        FirstRuns runs = null;
        for (int known = 0; known <= units.length; known += 3) {
            SourceTable table = SourceTable.of(1, Arrays.copyOf(units, known), 100);
            runs = runs == null ? FirstRuns.of(table, 1, 3, 2) : runs.grown(table);
            all.add(runs);
            orders.add(order(runs));
        }
        for (int i = 0; i < all.size(); i++) {
            assertEquals(orders.get(i), order(all.get(i)));
        }
    }

    /**
     * As {@link PermutationTest} says of a shuffle, by the units of a run; windows of 32 blocks.
     */
    @Test
    void qualityIsWhatTheDocumentsSay() {
        int[][] units = new int[1_000][8];
        for (int[] unit : units) {
            Arrays.fill(unit, 20);
        }
        SourceTable table = SourceTable.of(1, units, 1 << 20);
        StringBuilder measured = new StringBuilder();
        for (int runUnits : new int[] {1, 4, 16, 64, 250, 1_000}) {
            List<Long> order = order(new ShuffleOrder(table, 1, 32, 1, runUnits));
            measured.append(
                    "%d %.3f %.3f\n"
                            .formatted(
                                    runUnits,
                                    PermutationTest.neighbours(order, 160),
                                    PermutationTest.displacement(order)));
        }
        assertEquals(QUALITY, measured.toString());
    }

    private static final String QUALITY =
            """
            1 0.994 0.001
            4 0.248 0.004
            16 0.248 0.017
            64 0.247 0.065
            250 0.250 0.250
            1000 0.252 1.015
            """;
}
