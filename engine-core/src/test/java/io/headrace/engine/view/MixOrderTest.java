package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Mixes have each side's share of every prefix, to less than a record. */
final class MixOrderTest {
    private static MixSpec spec(String topics, String... more) {
        Map<String, String> configs = new HashMap<>();
        configs.put("headrace.view.type", "mix");
        configs.put("headrace.view.topics", topics);
        for (int i = 0; i < more.length; i += 2) {
            configs.put("headrace.view." + more[i], more[i + 1]);
        }
        return MixSpec.of(configs);
    }

    private static MixSequence sequence(MixSpec spec, long... lengths) {
        return new MixSequence(spec, lengths);
    }

    private static void assertShares(MixSequence mix, double[] weights, long from, long to) {
        long[] counts = new long[weights.length];
        for (int side = 0; side < weights.length; side++) {
            counts[side] = mix.taken(side, from);
        }
        long[] first = counts.clone();
        for (long record = from; record < to; record++) {
            counts[mix.side(record)]++;
            for (int side = 0; side < weights.length; side++) {
                double expected = weights[side] * (record + 1 - from);
                assertTrue(
                        Math.abs(counts[side] - first[side] - expected) < 1,
                        "side " + side + " at " + record);
            }
            if (record % 97 == 0 && record + 1 < to) {
                for (int side = 0; side < weights.length; side++) {
                    assertEquals(counts[side], mix.taken(side, record + 1));
                }
            }
        }
    }

    @Test
    void everyPrefixHasItsShares() {
        MixSequence two = sequence(spec("a:0.8,b:0.2"), 1_000_000, 1_000_000);
        assertShares(two, new double[] {0.8, 0.2}, 0, 100_000);
        assertEquals(80_000, two.taken(0, 100_000), 80);
        MixSequence three = sequence(spec("a:0.333,b:0.266,c:0.401"), 500_000, 500_000, 500_000);
        assertShares(three, new double[] {0.333, 0.266, 0.401}, 0, 100_000);
    }

    @Test
    void everyPrefixOfManySidesHasItsShares() {
        Random random = new Random(3);
        for (int round = 0; round < 40; round++) {
            int sides = 1 + random.nextInt(20);
            StringBuilder topics = new StringBuilder();
            double[] weights = new double[sides];
            double sum = 0;
            long[] lengths = new long[sides];
            for (int side = 0; side < sides; side++) {
                int weight = 1 + random.nextInt(side % 3 == 0 ? 900 : 9);
                topics.append(side == 0 ? "" : ",").append("t").append(side).append(":");
                topics.append(weight);
                weights[side] = weight;
                lengths[side] = 100_000;
                sum += weight;
            }
            for (int side = 0; side < sides; side++) {
                weights[side] /= sum;
            }
            MixSpec spec = spec(topics.toString(), "seed", Integer.toString(round));
            assertShares(sequence(spec, lengths), weights, 0, 5_000);
        }
    }

    @Test
    void theEndStops() {
        MixSequence mix = sequence(spec("a:0.75,b:0.25"), 30, 1_000);
        assertEquals(30, mix.taken(0, mix.count() - 1) + (mix.side(mix.count() - 1) == 0 ? 1 : 0));
        assertEquals(40, mix.count(), 1);
        assertEquals(0, sequence(spec("a,b"), 0, 0).count());
        assertTrue(sequence(spec("a,b"), 0, 5).count() <= 1);
    }

    @Test
    void theShorterSideRepeats() {
        MixSequence mix = sequence(spec("a:0.5,b:0.5", "end", "repeat"), 10, 100);
        assertEquals(200, mix.count(), 1);
        assertEquals(1, mix.side(mix.count() - 1));
        assertEquals(100, mix.taken(0, 200), 1);
    }

    @Test
    void theRestGoesOn() {
        MixSequence mix = sequence(spec("a:0.5,b:0.25,c:0.25", "end", "rest"), 10, 100, 300);
        assertEquals(410, mix.count());
        long[] counts = new long[3];
        for (long record = 0; record < mix.count(); record++) {
            for (int side = 0; side < 3; side++) {
                assertEquals(counts[side], mix.taken(side, record));
            }
            counts[mix.side(record)]++;
        }
        assertEquals(List.of(10L, 100L, 300L), List.of(counts[0], counts[1], counts[2]));
        assertShares(mix, new double[] {0, 0.5, 0.5}, 20, 190);
        assertEquals(0, sequence(spec("a,b", "end", "rest"), 0, 0).count());
        assertEquals(5, sequence(spec("a,b", "end", "rest"), 0, 5).count());
    }

    @Test
    void weightsChangeWhereTheyAreToldTo() {
        MixSpec spec = spec("a:0.8,b:0.2", "weights.from", "1000:0.5,0.5;3000:0.1,0.9");
        MixSequence mix = sequence(spec, 100_000, 100_000);
        assertShares(mix, new double[] {0.8, 0.2}, 0, 1000);
        assertShares(mix, new double[] {0.5, 0.5}, 1000, 3000);
        assertShares(mix, new double[] {0.1, 0.9}, 3000, 50_000);
        assertEquals(800 + 1000, mix.taken(0, 3000));
    }

    @Test
    void epochsGoOnWhereTheSidesAre() {
        for (String end : List.of("stop", "repeat", "rest")) {
            MixSequence one = sequence(spec("a:0.75,b:0.25", "end", end), 30, 1_000);
            MixSequence mix = sequence(spec("a:0.75,b:0.25", "end", end, "epochs", "3"), 30, 1_000);
            assertEquals(3 * one.count(), mix.count());
            long[] counts = new long[2];
            for (long record = 0; record < mix.count(); record++) {
                assertEquals(one.side(record % one.count()), mix.side(record));
                for (int side = 0; side < 2; side++) {
                    assertEquals(counts[side], mix.taken(side, record));
                }
                counts[mix.side(record)]++;
            }
        }
        // What the weights have become they stay, whatever begins anew.
        MixSequence changed =
                sequence(
                        spec("a,b", "weights.from", "300:0.1,0.9", "end", "repeat", "epochs", "4"),
                        100,
                        100);
        assertShares(changed, new double[] {0.5, 0.5}, 200, 300);
        assertShares(changed, new double[] {0.1, 0.9}, 400, 500);
        assertThrows(InvalidConfigException.class, () -> spec("a,b", "epochs", "101"));
        assertThrows(
                InvalidConfigException.class,
                () -> spec("a,b", "weights.from", "9:1,2", "end", "rest", "epochs", "2"));
    }

    private static void assertStretchesFollowEachOther(MixOrder mix, int count) {
        long start = 0;
        for (int record = 0; record < count; record++) {
            if (record == mix.stretchEnd(start)) {
                start = record;
            }
            assertEquals(start, mix.stretchStart(record));
            assertEquals(mix.stretchEnd(start), mix.stretchEnd(record));
        }
        assertTrue(start > 0);
        assertEquals(count, mix.stretchEnd(start));
    }

    @Test
    void recordsOfEachSideComeInItsOrder() {
        SourceTable left = SourceTable.of(1, new int[][] {{5}, {5, 5}, {7}}, 100);
        SourceTable right = SourceTable.of(2, new int[][] {{3, 3}, {4}, {4}}, 100);
        for (String shuffled : List.of("false", "true")) {
            MixSpec spec =
                    spec("a:0.6,b:0.4", "end", "repeat", "shuffle", shuffled, "window.blocks", "2");
            MixSequence sequence = sequence(spec, left.recordCount(), right.recordCount());
            MixOrder mix = new MixOrder(spec, sequence, List.of(left, right));
            List<Long> whole = PermutationTest.order(mix);
            List<List<Long>> sides = List.of(new ArrayList<>(), new ArrayList<>());
            for (int i = 0; i < whole.size(); i++) {
                sides.get(sequence.side(i)).add(whole.get(i));
            }
            assertPasses(sides.get(0), (int) left.recordCount());
            assertPasses(sides.get(1), (int) right.recordCount());
            assertStretchesFollowEachOther(mix, whole.size());
            for (int from = 0; from < whole.size(); from += 3) {
                int to = Math.min(whole.size(), from + 11);
                assertEquals(whole.subList(from, to), PermutationTest.order(mix, from, to));
            }
        }
    }

    private static MixOrder rest(SourceTable left, SourceTable right, String shuffled) {
        MixSpec spec =
                spec("a:0.6,b:0.4", "end", "rest", "shuffle", shuffled, "window.blocks", "2");
        return new MixOrder(
                spec,
                sequence(spec, left.recordCount(), right.recordCount()),
                List.of(left, right));
    }

    @Test
    void sidesThatAreOverAreNeededNoMore() {
        SourceTable left = SourceTable.of(1, new int[][] {{5}, {5}, {5}}, 100);
        SourceTable right = SourceTable.of(2, new int[][] {{9}, {9}, {9}, {9}, {9}, {9}}, 100);
        for (String shuffled : List.of("false", "true")) {
            MixOrder mix = rest(left, right, shuffled);
            List<ToldOrder> told = mix.told();
            long nanoTime = 0;
            for (long record = 0; record < mix.count(); record = mix.stretchEnd(record)) {
                mix.tell(record, told, nanoTime++);
                assertTrue(told.get(1).isBegun());
                assertEquals(record < 25, told.get(0).isBegun(), "record " + record);
            }
            mix.tell(mix.count() - 1, told, nanoTime);
            assertFalse(told.get(0).isBegun());
        }
    }

    @Test
    void stretchesAreWindowsOfWhoLeadsThere() {
        SourceTable left = SourceTable.of(1, new int[][] {{5}, {5}, {5}}, 100);
        SourceTable right = SourceTable.of(2, new int[][] {{9}, {9}, {9}, {9}, {9}, {9}}, 100);
        MixOrder mix = rest(left, right, "true");
        int count = 0;
        for (long record = 0; record < mix.count(); record = mix.stretchEnd(record)) {
            assertEquals(record, mix.stretchStart(record));
            assertTrue(mix.stretchEnd(record) - record <= 19, "record " + record);
            assertTrue(record >= 25 || mix.stretchEnd(record) <= 25, "record " + record);
            count++;
        }
        assertTrue(count >= 4, "count=" + count);
    }

    /** Each pass has each record once. */
    private static void assertPasses(List<Long> records, int length) {
        for (int from = 0; from + length <= records.size(); from += length) {
            List<Long> pass = records.subList(from, from + length);
            assertEquals(length, pass.stream().distinct().count());
        }
        assertTrue(records.size() >= length);
    }

    @Test
    void weightsThatCannotBeExactAreRefused() {
        for (String topics :
                List.of("a:0,b:1", "a:-1,b:1", "a:x", "a:0.123456,b:0.876543", "a,a", "", "a:1,")) {
            assertThrows(InvalidConfigException.class, () -> spec(topics), topics);
        }
        for (String changes : List.of("5:1", "0:1,1", "x", "9:1,1;8:1,1", "5:1,0")) {
            assertThrows(InvalidConfigException.class, () -> spec("a,b", "weights.from", changes));
        }
        assertThrows(InvalidConfigException.class, () -> spec("a,b", "end", "soon"));
        assertThrows(InvalidConfigException.class, () -> spec("a,b", "shuffle", "yes"));
    }
}
