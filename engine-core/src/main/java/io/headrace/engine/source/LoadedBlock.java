package io.headrace.engine.source;

import io.headrace.engine.spi.MemoryStore.Slab;

/**
 * A block's ready-made record batches, from index 0 of a slab. References are the slab's: whoever
 * made the block holds the first.
 *
 * @param block what it is
 * @param spec what it was framed by: which samples are skipped
 * @param slab its bytes
 * @param length in bytes
 */
record LoadedBlock(SourceBlock block, SourceSpec spec, Slab slab, int length) {
    /** Gives a reference back. */
    void release() {
        slab.release();
    }
}
