package io.headrace.offheap;

/** Memory taken from the operating system in one piece. Guarded by the arena's lock. */
final class Chunk {
    private static final int ALIGNMENT = 64;

    /** What was allocated; may begin a little before the aligned address. */
    private final long allocation;

    final long address;
    final int bytes;

    /** The largest slabs that fit, in order of address. */
    final OffHeapSlab[] roots;

    int usedBytes;

    Chunk(SlabArena arena, int bytes) {
        this.bytes = bytes;
        this.allocation = NativeMemory.allocate((long) bytes + ALIGNMENT);
        this.address = (allocation + ALIGNMENT - 1) & -ALIGNMENT;
        this.roots = new OffHeapSlab[rootCount(bytes)];
        int position = 0;
        for (int i = 0; i < roots.length; i++) {
            int sizeClass = SizeClass.within(bytes - position);
            int capacity = SizeClass.bytes(sizeClass);
            roots[i] = new OffHeapSlab(arena, this, null, sizeClass, address + position, capacity);
            position += capacity;
        }
    }

    private static int rootCount(int bytes) {
        int count = 0;
        int rest = bytes;
        while (rest >= SizeClass.MIN_BYTES) {
            rest -= SizeClass.bytes(SizeClass.within(rest));
            count++;
        }
        return count;
    }

    void free() {
        NativeMemory.free(allocation);
    }
}
