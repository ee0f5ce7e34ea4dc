package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class OffsetMapTest {
    @Test
    void doesWhatASortedMapDoes() {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        OffsetMap<String> map = new OffsetMap<>();
        TreeMap<Long, String> expected = new TreeMap<>();
        for (int i = 0; i < 200_000; i++) {
            // Now mostly growing, now mostly shrinking.
            boolean isPut = random.nextInt(10) < (i / 40_000 % 2 == 0 ? 8 : 2);
            long key = random.nextInt(20_000);
            if (isPut) {
                assertEquals(expected.put(key, "v" + i), map.put(key, "v" + i), "seed=" + seed);
            } else {
                assertEquals(expected.remove(key), map.remove(key), "seed=" + seed);
            }
            compare(expected, map, random.nextInt(20_000), "seed=" + seed + " step=" + i);
        }
        List<Long> keys = new ArrayList<>();
        map.forEach((key, value) -> keys.add(key));
        assertEquals(new ArrayList<>(expected.keySet()), keys, "seed=" + seed);
    }

    private static void compare(
            TreeMap<Long, String> expected, OffsetMap<String> map, long key, String where) {
        assertEquals(expected.size(), map.size(), where);
        assertEquals(expected.get(key), map.get(key), where);
        Map.Entry<Long, String> floor = expected.floorEntry(key);
        assertEquals(floor == null ? OffsetMap.NONE : floor.getKey(), map.floorKey(key), where);
        assertEquals(floor == null ? null : floor.getValue(), map.floor(key), where);
        Long lower = expected.lowerKey(key);
        assertEquals(lower == null ? OffsetMap.NONE : lower, map.lowerKey(key), where);
        long last = expected.isEmpty() ? OffsetMap.NONE : expected.lastKey();
        assertEquals(last, map.lastKey(), where);
    }

    @Test
    void emptyMapHasNothing() {
        OffsetMap<String> map = new OffsetMap<>();
        assertEquals(OffsetMap.NONE, map.lastKey());
        assertEquals(OffsetMap.NONE, map.floorKey(5));
        assertNull(map.get(5));
        assertNull(map.remove(5));
        map.put(5, "five");
        assertEquals("five", map.remove(5));
        assertEquals(OffsetMap.NONE, map.lastKey());
    }
}
