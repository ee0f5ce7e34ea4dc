package io.headrace.offheap;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Hands out slabs under one budget.
 *
 * <p>A buddy allocator with a fan-out of four: a slab of a class is one of four equal parts of a
 * slab of the next class; a free one is split when a smaller one is wanted, and four free
 * neighbours merge at once. (Knuth, The Art of Computer Programming, volume 1, section 2.5, has the
 * binary form.) What the budget bounds is what was taken from the operating system, so
 * fragmentation can make an allocation fail, but can never exceed the budget.
 *
 * <p>Thread-safe. The lock is held for a few dozen steps, except when a chunk is taken or given
 * back, and nothing else is locked inside of it.
 */
final class SlabArena {
    /** A chunk without a slab in use is kept, so that a log at its edge does not map and unmap. */
    private static final int SPARE_CHUNKS = 1;

    private final long budgetBytes;
    private final int chunkBytes;
    private final @Nullable OffHeapSlab[] freeHeads = new OffHeapSlab[SizeClass.COUNT];
    private final List<Chunk> chunks = new ArrayList<>();
    private final Map<String, TagCounter> tags = new LinkedHashMap<>();
    private long reservedBytes;
    private long usedBytes;
    private int spareChunks;

    SlabArena(long budgetBytes, int chunkBytes) {
        this.budgetBytes = budgetBytes;
        this.chunkBytes = chunkBytes - chunkBytes % SizeClass.MIN_BYTES;
    }

    /** A slab of a class, with one reference; null if the budget or fragmentation forbids it. */
    synchronized @Nullable OffHeapSlab allocate(int sizeClass, String tag) {
        OffHeapSlab slab = takeFree(sizeClass);
        if (slab == null) {
            addChunk(SizeClass.bytes(sizeClass));
            slab = takeFree(sizeClass);
        }
        if (slab != null) {
            use(slab, tag);
        }
        return slab;
    }

    /** A slab of its own for what exceeds the largest class; null if the budget forbids it. */
    synchronized @Nullable OffHeapSlab allocateLarge(int length, String tag) {
        if (budgetBytes - reservedBytes < length) {
            freeSpareChunks();
        }
        if (budgetBytes - reservedBytes < length) {
            return null;
        }
        long address = NativeMemory.allocate(length);
        reservedBytes += length;
        OffHeapSlab slab = new OffHeapSlab(this, null, null, SizeClass.COUNT, address, length);
        use(slab, tag);
        return slab;
    }

    /** Takes back a slab whose last reference is gone. */
    synchronized void free(OffHeapSlab slab) {
        count(slab, -slab.capacity());
        slab.blankBuffer();
        Chunk chunk = slab.chunk;
        if (chunk == null) {
            NativeMemory.free(slab.address());
            reservedBytes -= slab.capacity();
            return;
        }
        merge(slab);
        if (chunk.usedBytes == 0) {
            spareChunks++;
            freeExcessChunk(chunk);
        }
    }

    synchronized long usedBytes() {
        return usedBytes;
    }

    synchronized long usedBytes(String tag) {
        TagCounter counter = tags.get(tag);
        return counter == null ? 0 : counter.bytes;
    }

    synchronized long reservedBytes() {
        return reservedBytes;
    }

    synchronized void forEachTag(ObjLongConsumer<String> consumer) {
        for (TagCounter counter : tags.values()) {
            consumer.accept(counter.tag, counter.bytes);
        }
    }

    /** Gives back every chunk that is not in use. */
    synchronized void freeSpareChunks() {
        for (int i = chunks.size() - 1; i >= 0; i--) {
            Chunk chunk = chunks.get(i);
            if (chunk.usedBytes == 0) {
                freeChunk(chunk);
            }
        }
    }

    private void use(OffHeapSlab slab, String tag) {
        slab.lease(tags.computeIfAbsent(tag, TagCounter::new));
        Chunk chunk = slab.chunk;
        if (chunk != null && chunk.usedBytes == 0) {
            spareChunks--;
        }
        count(slab, slab.capacity());
    }

    private void count(OffHeapSlab slab, int bytes) {
        usedBytes += bytes;
        TagCounter tag = slab.tag;
        if (tag != null) {
            tag.bytes += bytes;
        }
        Chunk chunk = slab.chunk;
        if (chunk != null) {
            chunk.usedBytes += bytes;
        }
    }

    private @Nullable OffHeapSlab takeFree(int sizeClass) {
        int from = sizeClass;
        while (from < SizeClass.COUNT && freeHeads[from] == null) {
            from++;
        }
        if (from == SizeClass.COUNT) {
            return null;
        }
        OffHeapSlab slab = freeHeads[from];
        while (slab != null && slab.sizeClass > sizeClass) {
            slab = split(slab);
        }
        if (slab != null) {
            unlink(slab);
        }
        return slab;
    }

    /** Makes a free slab's four parts free instead of it, and returns the first. */
    private OffHeapSlab split(OffHeapSlab slab) {
        unlink(slab);
        OffHeapSlab[] children = slab.children;
        if (children == null) {
            children = children(slab);
            slab.children = children;
        }
        for (int i = children.length - 1; i >= 0; i--) {
            link(children[i]);
        }
        return children[0];
    }

    private OffHeapSlab[] children(OffHeapSlab slab) {
        int sizeClass = slab.sizeClass - 1;
        int capacity = SizeClass.bytes(sizeClass);
        OffHeapSlab[] children = new OffHeapSlab[SizeClass.FAN_OUT];
        for (int i = 0; i < children.length; i++) {
            long address = slab.address() + (long) i * capacity;
            children[i] = new OffHeapSlab(this, slab.chunk, slab, sizeClass, address, capacity);
        }
        return children;
    }

    /** Makes a slab free, or the largest slab around it that is now wholly free. */
    private void merge(OffHeapSlab slab) {
        OffHeapSlab merged = slab;
        while (merged.parent != null && siblingsAreFree(merged)) {
            OffHeapSlab parent = merged.parent;
            unlinkSiblings(merged, parent);
            merged = parent;
        }
        link(merged);
    }

    private static boolean siblingsAreFree(OffHeapSlab slab) {
        for (OffHeapSlab sibling : childrenOf(slab.parent)) {
            if (sibling != slab && !sibling.isFree) {
                return false;
            }
        }
        return true;
    }

    private void unlinkSiblings(OffHeapSlab slab, OffHeapSlab parent) {
        for (OffHeapSlab sibling : childrenOf(parent)) {
            if (sibling != slab) {
                unlink(sibling);
            }
        }
    }

    private static OffHeapSlab[] childrenOf(@Nullable OffHeapSlab parent) {
        if (parent == null || parent.children == null) {
            throw new IllegalStateException("a slab with a parent is one of its children");
        }
        return parent.children;
    }

    private void link(OffHeapSlab slab) {
        OffHeapSlab head = freeHeads[slab.sizeClass];
        slab.isFree = true;
        slab.previousFree = null;
        slab.nextFree = head;
        if (head != null) {
            head.previousFree = slab;
        }
        freeHeads[slab.sizeClass] = slab;
    }

    private void unlink(OffHeapSlab slab) {
        OffHeapSlab previous = slab.previousFree;
        OffHeapSlab next = slab.nextFree;
        if (previous == null) {
            freeHeads[slab.sizeClass] = next;
        } else {
            previous.nextFree = next;
        }
        if (next != null) {
            next.previousFree = previous;
        }
        slab.isFree = false;
        slab.previousFree = null;
        slab.nextFree = null;
    }

    /** Takes a chunk from the operating system: less than usual if the budget's rest is less. */
    private void addChunk(int bytesMin) {
        long rest = Math.min(chunkBytes, budgetBytes - reservedBytes);
        int bytes = (int) (rest - rest % SizeClass.MIN_BYTES);
        if (bytes < bytesMin) {
            return;
        }
        Chunk chunk = new Chunk(this, bytes);
        chunks.add(chunk);
        reservedBytes += bytes;
        spareChunks++;
        for (int i = chunk.roots.length - 1; i >= 0; i--) {
            link(chunk.roots[i]);
        }
    }

    private void freeExcessChunk(Chunk chunk) {
        if (spareChunks > SPARE_CHUNKS) {
            freeChunk(chunk);
        }
    }

    private void freeChunk(Chunk chunk) {
        for (OffHeapSlab root : chunk.roots) {
            unlink(root);
        }
        chunks.remove(chunk);
        reservedBytes -= chunk.bytes;
        spareChunks--;
        chunk.free();
    }
}
