package io.headrace.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RunRingTest {
    private final SlabArena arena = new SlabArena(1 << 20, 1 << 20);
    private final RunRing ring = new RunRing();

    private void add(long baseOffset) {
        BatchRun run = Objects.requireNonNull(arena.allocate(0, "test")).batchRun();
        run.begin(baseOffset);
        ring.addLast(run, baseOffset);
    }

    @AfterEach
    void nothingIsLeaked() {
        while (!ring.isEmpty()) {
            ring.removeFirst();
        }
        assertEquals(0, arena.usedBytes());
    }

    @Test
    void findsTheRunOfAnOffsetAlsoAfterGrowingAndGoingRound() {
        for (int i = 0; i < 100; i++) {
            add(i * 10L);
            if (i % 3 == 0) {
                ring.removeFirst();
            }
        }
        for (long index = ring.head(); index < ring.tail(); index++) {
            assertEquals(index, ring.indexOf(index * 10));
            assertEquals(index, ring.indexOf(index * 10 + 9));
        }
        assertEquals(ring.head() - 1, ring.indexOf(0));
    }

    @Test
    void aRunThatLeftTheRingIsNotRetainedThoughItsSlotIsUsedAgain() {
        add(0);
        add(10);
        ring.removeFirst();
        ring.removeFirst();
        assertNull(ring.retain(0));
        add(20);
        add(30);
        assertNull(ring.retain(0), "the slot holds run 2");
        BatchRun run = ring.retain(2);
        assertNotNull(run);
        run.slab.release();
    }

    @Test
    void aRetainedRunOutlivesItsPlaceInTheRing() {
        add(0);
        BatchRun run = Objects.requireNonNull(ring.retain(0));
        ring.removeFirst();
        assertTrue(arena.usedBytes() > 0);
        run.slab.release();
    }
}
