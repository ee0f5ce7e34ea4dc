package io.headrace.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SlabArenaTest {
    private static final int KIB = 1024;
    private static final int MIB = KIB * KIB;

    @Test
    void slabsNeverOverlapAndEveryByteComesBack() {
        long seed = Long.getLong("headrace.test.seed", System.nanoTime());
        System.out.println("seed=" + seed);
        Random random = new Random(seed);
        SlabArena arena = new SlabArena(24 * MIB + 7 * KIB, 8 * MIB);
        List<OffHeapSlab> leased = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            if (leased.isEmpty() || random.nextInt(100) < 55) {
                lease(arena, random, leased);
            } else {
                leased.remove(random.nextInt(leased.size())).release();
            }
            assertTrue(arena.reservedBytes() <= 24 * MIB + 7 * KIB);
        }
        assertNoOverlap(leased);
        assertEquals(leased.stream().mapToLong(OffHeapSlab::capacity).sum(), arena.usedBytes());
        leased.forEach(OffHeapSlab::release);
        arena.freeSpareChunks();
        assertEquals(0, arena.usedBytes());
        assertEquals(0, arena.reservedBytes());
        arena.forEachTag((tag, bytes) -> assertEquals(0, bytes, tag));
    }

    private static void lease(SlabArena arena, Random random, List<OffHeapSlab> leased) {
        boolean isLarge = random.nextInt(200) == 0;
        OffHeapSlab slab =
                isLarge
                        ? arena.allocateLarge(5 * MIB, "large")
                        : arena.allocate(
                                random.nextInt(SizeClass.COUNT), "tag" + leased.size() % 3);
        if (slab != null) {
            leased.add(slab);
        }
    }

    private static void assertNoOverlap(List<OffHeapSlab> slabs) {
        TreeMap<Long, Integer> byAddress = new TreeMap<>();
        slabs.forEach(slab -> byAddress.put(slab.address(), slab.capacity()));
        assertEquals(slabs.size(), byAddress.size());
        long freeFrom = 0;
        for (var slab : byAddress.entrySet()) {
            assertTrue(slab.getKey() >= freeFrom, "slabs overlap");
            freeFrom = slab.getKey() + slab.getValue();
        }
    }

    @Test
    void freeNeighboursMergeToTheLargestClass() {
        SlabArena arena = new SlabArena(4 * MIB, 4 * MIB);
        List<OffHeapSlab> small = new ArrayList<>();
        for (int i = 0; i < 4096; i++) {
            small.add(Objects.requireNonNull(arena.allocate(0, "test")));
        }
        assertNull(arena.allocate(0, "test"), "all is handed out");
        small.forEach(OffHeapSlab::release);
        OffHeapSlab large = arena.allocate(SizeClass.COUNT - 1, "test");
        assertNotNull(large);
        large.release();
    }

    @Test
    void chunksOutOfUseAreGivenBack() {
        SlabArena arena = new SlabArena(64 * MIB, 4 * MIB);
        List<OffHeapSlab> slabs = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            slabs.add(Objects.requireNonNull(arena.allocate(SizeClass.COUNT - 1, "test")));
        }
        assertEquals(64 * MIB, arena.reservedBytes());
        slabs.forEach(OffHeapSlab::release);
        assertEquals(4 * MIB, arena.reservedBytes(), "one is kept");
        arena.freeSpareChunks();
        assertEquals(0, arena.reservedBytes());
    }

    @Test
    void referenceCountFailsAtZero() {
        SlabArena arena = new SlabArena(MIB, MIB);
        OffHeapSlab slab = Objects.requireNonNull(arena.allocate(0, "test"));
        assertTrue(slab.retain());
        slab.release();
        assertEquals(KIB, arena.usedBytes());
        slab.release();
        assertEquals(0, arena.usedBytes());
        assertFalse(slab.retain());
        assertThrows(IllegalStateException.class, slab::release);
    }

    @Test
    void handedOutBufferIsUselessAfterTheLastRelease() {
        SlabArena arena = new SlabArena(MIB, MIB);
        OffHeapSlab slab = Objects.requireNonNull(arena.allocate(1, "test"));
        ByteBuffer buffer = slab.buffer();
        buffer.putLong(4 * KIB - 8, 7);
        assertTrue(buffer.isDirect());
        slab.release();
        assertThrows(IndexOutOfBoundsException.class, () -> buffer.get(0));
        buffer.clear();
        assertEquals(0, buffer.remaining());
    }
}
