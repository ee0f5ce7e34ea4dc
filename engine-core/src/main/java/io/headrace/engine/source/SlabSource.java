package io.headrace.engine.source;

import io.headrace.engine.source.cache.SlabAllocator;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.io.IOException;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Slabs for blocks from the engine's memory, at the cost of cached blocks where the budget is used
 * up.
 */
final class SlabSource implements SlabAllocator {
    private static final String TAG = "source block";
    private static final int ATTEMPTS = 6;

    private final MemoryStore memory;
    private final LongConsumer release;

    /**
     * @param release drops cached blocks of at least so many bytes
     */
    SlabSource(MemoryStore memory, LongConsumer release) {
        this.memory = memory;
        this.release = release;
    }

    @Override
    public Slab allocate(int length) throws IOException {
        Slab slab = allocateOrNull(length);
        if (slab == null) {
            throw new IOException("no off-heap memory for a source block: length=" + length);
        }
        return slab;
    }

    /** A slab with one reference, or null if the memory is in use elsewhere. */
    @Nullable Slab allocateOrNull(int length) {
        return allocateOrNull(length, TAG);
    }

    /** As {@link #allocateOrNull(int)}, for what else is made of blocks. */
    @Nullable Slab allocateOrNull(int length, String tag) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Slab slab = memory.allocate(length, tag);
            if (slab != null) {
                return slab;
            }
            // More each time: a slab of the size may need neighbours of the blocks that go.
            release.accept((long) length << attempt);
        }
        return null;
    }

    /** A slab with one reference, or null if there is none without dropping cached blocks. */
    @Nullable Slab tryAllocate(int length) {
        return memory.allocate(length, TAG);
    }
}
