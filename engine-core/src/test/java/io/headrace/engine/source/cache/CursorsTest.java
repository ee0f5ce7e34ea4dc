package io.headrace.engine.source.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class CursorsTest {
    private static final long MS = 1_000_000;

    private final Cursors cursors = new Cursors(0);

    private record Blocks(int recordCount) implements Extent {}

    private Cursor read(long from, long to, long nowMs) {
        return cursors.read(from, to, 10, nowMs * MS);
    }

    @Test
    void readsThatFollowEachOtherAreOneCursor() {
        cursors.endsAt(1000);
        Cursor cursor = read(0, 10, 0);
        assertSame(cursor, read(10, 20, 100));
        assertSame(cursor, read(20, 30, 200));
        assertSame(cursor, read(10, 20, 210), "a second consumer at the same place");
        assertSame(cursor, read(30, 40, 300));
        assertEquals(1, cursors.all().size());
        assertEquals(40, cursor.next());
        assertEquals(10.0 / (100 * MS), cursor.rate(), 1e-9);
        assertNotSame(cursor, read(500, 510, 310), "another place");
    }

    @Test
    void readFromTheBeginningContinuesTheCursorThatCameToTheEnd() {
        cursors.endsAt(40);
        Cursor cursor = null;
        for (int i = 0; i < 4; i++) {
            cursor = read(i * 10, i * 10 + 10, i * 100);
        }
        assertEquals(1, cursor.epoch());
        assertSame(cursor, read(0, 10, 400));
        assertEquals(2, cursor.epoch());
        assertEquals(1, cursors.all().size());
    }

    @Test
    void cursorIsBelievedOnceItHasGoneOnTwiceAndNoLongerWhenOthersJumpAbout() {
        cursors.endsAt(100_000);
        read(0, 10, 0);
        assertTrue(!read(10, 20, 10).isFollowed());
        Cursor cursor = read(20, 30, 20);
        assertTrue(cursor.isFollowed());
        for (int i = 0; i < 40; i++) {
            read(1000 + 500 * i, 1010 + 500 * i, 30 + i);
        }
        assertTrue(!cursor.isFollowed());
        assertTrue(cursors.all().size() <= 32);
    }

    @Test
    void oneBlockBehindACursorIsNeededLastAndTheSearchForItFindsIt() {
        long seed = Long.getLong("headrace.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            compareWithAScan(random, "seed=" + seed + " round=" + round);
        }
    }

    private static void compareWithAScan(Random random, String where) {
        int blockCount = 1 + random.nextInt(200);
        int recordCount = 1 + random.nextInt(20);
        long cycle = (long) blockCount * recordCount;
        Cursors cursors = new Cursors(0);
        cursors.endsAt(cycle);
        long now = 0;
        for (int i = random.nextInt(6); i > 0; i--) {
            long at = random.nextInt(blockCount);
            int steps = 1 + random.nextInt(4);
            long pace = 1 + random.nextInt(1000);
            for (int step = 0; step < steps && at + step < blockCount; step++) {
                now += pace * MS;
                long from = (at + step) * recordCount;
                Cursor cursor = cursors.read(from, from + recordCount, recordCount, now);
                if (recordCount > 1 && step == steps - 1 && from + recordCount < cycle) {
                    long part = from + recordCount + random.nextInt(recordCount - 1);
                    cursors.read(from + recordCount, part, recordCount, now); // of a block
                }
                if (random.nextInt(3) == 0) {
                    cursor.asked(Math.min(cycle, random.nextInt(3) * recordCount));
                }
            }
        }
        now += random.nextInt(2000) * MS;
        OffsetMap<Extent> blocks = new OffsetMap<>();
        for (int block = 0; block < blockCount; block++) {
            if (random.nextInt(3) > 0) {
                blocks.put((long) block * recordCount, new Blocks(recordCount));
            }
        }
        double[] most = {-1, -1};
        long time = now;
        blocks.forEach(
                (first, extent) -> {
                    double use = cursors.useNanos(first, recordCount, false, time);
                    double diskUse = cursors.diskUseNanos(first, recordCount, false, time);
                    most[0] = Math.max(most[0], use);
                    most[1] = Math.max(most[1], diskUse);
                });
        Cursors.Farthest found = new Cursors.Farthest();
        cursors.farthest(blocks, now, found);
        assertEquals(most[0], found.useNanos(), where);
        cursors.farthestOnDisk(blocks, now, found);
        assertEquals(most[1], found.useNanos(), where);
    }
}
