package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is known of a mix while its sides are indexed stays as it is, however they end. */
final class MixBeginningTest {
    private static MixSpec spec(Random random, int sides) {
        Map<String, String> configs = new HashMap<>();
        List<String> topics = new ArrayList<>();
        List<String> later = new ArrayList<>();
        for (int side = 0; side < sides; side++) {
            topics.add("t" + side + ":" + (1 + random.nextInt(9)));
            later.add(Integer.toString(1 + random.nextInt(9)));
        }
        configs.put("headrace.view.type", "mix");
        configs.put("headrace.view.topics", String.join(",", topics));
        configs.put("headrace.view.seed", Integer.toString(random.nextInt(1000)));
        configs.put("headrace.view.end", List.of("stop", "repeat", "rest").get(random.nextInt(3)));
        configs.put("headrace.view.shuffle", Boolean.toString(random.nextBoolean()));
        configs.put("headrace.view.window.blocks", Integer.toString(1 + random.nextInt(9)));
        configs.put("headrace.view.first.epoch.units", Integer.toString(1 + random.nextInt(4)));
        if (random.nextBoolean()) {
            String change = random.nextInt(60) + 1 + ":" + String.join(",", later);
            configs.put("headrace.view.weights.from", change);
        }
        return MixSpec.of(configs);
    }

    private static int[][] units(Random random) {
        int[][] units = new int[random.nextInt(12)][];
        for (int i = 0; i < units.length; i++) {
            units[i] = new int[1 + random.nextInt(3)];
            Arrays.setAll(units[i], block -> 1 + random.nextInt(5));
        }
        return units;
    }

    /** Side and number in the linear order of each record. */
    private static List<String> order(RecordOrder order, long count) {
        StretchPlan plan = new StretchPlan((int) count);
        if (count > 0) {
            order.plan(0, count, 0, plan);
        }
        List<String> records = new ArrayList<>();
        for (int i = 0; i < plan.count(); i++) {
            StretchPlan.Slot slot = plan.slots().get(plan.slot(i));
            long record = slot.table().firstRecord(slot.block()) + plan.index(i);
            records.add(slot.side() + ":" + record);
        }
        return records;
    }

    @Test
    void whatIsKnownIsTheBeginningOfTheWhole() {
        Random random = new Random(21);
        long known = 0;
        for (int round = 0; round < 400; round++) {
            int sides = 1 + random.nextInt(4);
            MixSpec spec = spec(random, sides);
            List<int[][]> units = new ArrayList<>();
            List<SourceTable> tables = new ArrayList<>();
            int[] there = new int[sides];
            for (int side = 0; side < sides; side++) {
                units.add(units(random));
                tables.add(SourceTable.of(side, units.get(side), 100));
            }
            long[] lengths = tables.stream().mapToLong(SourceTable::recordCount).toArray();
            MixOrder whole = new MixOrder(spec, new MixSequence(spec, lengths), tables);
            List<String> expected = order(whole, whole.count());
            MixBeginning grown = null;
            for (int step = 0; step < 8; step++) {
                List<SourceTable> beginnings = new ArrayList<>();
                for (int side = 0; side < sides; side++) {
                    int most = units.get(side).length;
                    there[side] = Math.min(most, there[side] + random.nextInt(4));
                    int[][] first = Arrays.copyOf(units.get(side), there[side]);
                    beginnings.add(SourceTable.of(side, first, 100));
                }
                MixBeginning anew = MixBeginning.of(spec, beginnings);
                grown = grown == null ? anew : grown.grown(beginnings);
                assertEquals(anew.count(), grown.count());
                assertTrue(grown.count() <= whole.count(), spec.toString());
                List<String> beginning = expected.subList(0, (int) grown.count());
                assertEquals(beginning, order(grown, grown.count()), spec.toString());
                assertEquals(beginning, order(anew, anew.count()));
                for (long record = 0; record < grown.count(); record++) {
                    assertTrue(grown.stretchStart(record) <= record);
                    assertTrue(grown.stretchEnd(record) > record);
                    assertTrue(grown.stretchEnd(record) <= grown.count());
                }
                known = Math.max(known, grown.count());
            }
        }
        assertTrue(known > 50, "known=" + known);
    }
}
