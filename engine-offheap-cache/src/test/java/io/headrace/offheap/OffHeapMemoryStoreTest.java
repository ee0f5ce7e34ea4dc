package io.headrace.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Slabs for others than logs. */
class OffHeapMemoryStoreTest {
    private static final int MIB = 1 << 20;

    @Test
    void littleMoreThanAClassDoesNotTakeFourTimesAsMuch() {
        try (OffHeapMemoryStore store =
                new OffHeapMemoryStore(
                        new OffHeapContext().budgetBytes(64 * MIB).chunkBytes(MIB))) {
            List<Slab> slabs = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                Slab slab = store.allocate(MIB + 500, "test");
                assertNotNull(slab, "slab " + i);
                assertTrue(slab.buffer().capacity() <= MIB + 4096);
                slabs.add(slab);
            }
            slabs.forEach(Slab::release);
        }
    }

    @Test
    void slabOfAClassIsGivenWhereTheBudgetsRestIsInAChunk() {
        try (OffHeapMemoryStore store =
                new OffHeapMemoryStore(
                        new OffHeapContext().budgetBytes(16 * MIB).chunkBytes(16 * MIB))) {
            Slab first = store.allocate(1000, "test");
            Slab second = store.allocate(MIB + 500, "test");
            assertNotNull(first);
            assertNotNull(second);
            assertEquals(4 * MIB, second.buffer().capacity());
            first.release();
            second.release();
        }
    }
}
