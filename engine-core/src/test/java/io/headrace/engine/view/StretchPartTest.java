package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.source.SourceTable;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A stretch is made in parts that lie within each other, whatever memory there is when. */
final class StretchPartTest {
    private static final int BLOCK_LENGTH = 100;

    /** One window of one block after the other, with so many records in all. */
    private static RecordOrder window(Random random) {
        int[][] units = new int[1 + random.nextInt(20)][1];
        for (int[] unit : units) {
            unit[0] = 1 + random.nextInt(30);
        }
        return new ShuffleOrder(SourceTable.of(1, units, BLOCK_LENGTH), 3, units.length, 2);
    }

    @Test
    void shorterPartsLieWithinLongerOnes() {
        Random random = new Random(8);
        for (int round = 0; round < 200; round++) {
            RecordOrder order = window(random);
            long record = random.nextInt((int) order.count());
            long lengthMax = BLOCK_LENGTH * 40L;
            StretchPart longer = StretchPart.of(order, record, lengthMax, 0);
            assertEquals(order.stretchStart(record), longer.from());
            assertEquals(order.stretchEnd(record), longer.to());
            for (int step = 0; step < 12; step++) {
                // By the share of memory that a view has, or by halving where there is none.
                boolean isHalved = random.nextBoolean();
                lengthMax = isHalved ? lengthMax : Math.max(1, lengthMax * 2 / 3);
                StretchPart part = StretchPart.of(order, record, lengthMax, isHalved ? 1 : 0);
                assertTrue(part.holds(record));
                assertTrue(
                        part.from() >= longer.from() && part.to() <= longer.to(),
                        part + " within " + longer);
                if (!isHalved) {
                    longer = part;
                }
            }
        }
    }

    /** With any number of them the parts follow upon each other, and hold every record once. */
    @Test
    void partsAreTheWholeStretch() {
        Random random = new Random(9);
        for (int round = 0; round < 100; round++) {
            RecordOrder order = window(random);
            long lengthMax = 1 + random.nextInt(BLOCK_LENGTH * 20);
            int halvings = random.nextInt(4);
            long next = 0;
            int parts = 0;
            while (next < order.stretchEnd(0)) {
                StretchPart part = StretchPart.of(order, next, lengthMax, halvings);
                assertEquals(next, part.from());
                assertTrue(part.to() > next);
                assertEquals(part, StretchPart.of(order, part.to() - 1, lengthMax, halvings));
                next = part.to();
                parts++;
            }
            assertEquals(order.stretchEnd(0), next);
            boolean isPowerOfTwo = Integer.bitCount(parts) == 1;
            assertTrue(isPowerOfTwo, () -> "of " + order.stretchEnd(0));
        }
    }

    @Test
    void ofAPartWhatIsThereIsNotMadeAgain() {
        StretchPart part = new StretchPart(100, 200, 7);
        assertEquals(part, part.without(0, 100, 150));
        assertEquals(part, part.without(200, 300, 150));
        assertEquals(new StretchPart(120, 200, 7), part.without(90, 120, 150));
        assertEquals(new StretchPart(100, 151, 7), part.without(151, 400, 150));
        assertEquals(
                new StretchPart(150, 160, 7), part.without(100, 150, 150).without(160, 170, 150));
        Random random = new Random(10);
        for (int round = 0; round < 200; round++) {
            boolean[] isThere = new boolean[300];
            long record = 100 + random.nextInt(100);
            StretchPart left = part;
            for (int i = 0; i < 5; i++) {
                long from = random.nextInt(300);
                long to = Math.min(300, from + 1 + random.nextInt(50));
                if (record < from || record >= to) {
                    Arrays.fill(isThere, (int) from, (int) to, true);
                    left = left.without(from, to, record);
                }
            }
            assertTrue(left.holds(record));
            for (long n = left.from(); n < left.to(); n++) {
                assertTrue(!isThere[(int) n] && part.holds(n));
            }
            assertTrue(left.from() == 100 || isThere[(int) left.from() - 1]);
            assertTrue(left.to() == 200 || isThere[(int) left.to()]);
        }
    }
}
