package io.headrace.engine.source.cache;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.io.IOException;

/** Where the bytes of blocks are put. */
@FunctionalInterface
public interface SlabAllocator {
    /**
     * A slab with one reference.
     *
     * @throws IOException if the memory is in use elsewhere; retry later
     */
    Slab allocate(int length) throws IOException;
}
