package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.segment.SegmentWriter;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A buffer of the memory store that grows with what it has to hold. Used by the sealer's thread.
 */
final class SealBuffer implements IntFunction<ByteBuffer>, AutoCloseable {
    private static final String TAG = "sealing";

    private final MemoryStore memory;
    private @Nullable Slab slab;

    SealBuffer(MemoryStore memory) {
        this.memory = memory;
    }

    /**
     * A buffer from position 0 to that limit; what was in it is not kept.
     *
     * @throws EngineException if there is no memory now
     */
    @Override
    public ByteBuffer apply(int length) {
        ByteBuffer buffer = tryApply(length);
        if (buffer == null) {
            throw noMemory(length);
        }
        return buffer;
    }

    /**
     * Has memory for a buffer of that length, which is asked for later.
     *
     * @throws EngineException if there is none now
     */
    void take(int length) {
        if (tryApply(length) == null) {
            throw noMemory(length);
        }
    }

    /**
     * As {@link #apply}, of less where memory is short, but not of less than a block.
     *
     * @throws EngineException if there is not even that much
     */
    ByteBuffer applyUpTo(int length) {
        int wanted = length;
        ByteBuffer found = tryApply(wanted);
        while (found == null && wanted > SegmentWriter.BLOCK_LENGTH_MAX) {
            wanted = Math.max(wanted / 2, SegmentWriter.BLOCK_LENGTH_MAX);
            found = tryApply(wanted);
        }
        if (found == null) {
            throw noMemory(wanted);
        }
        return found;
    }

    private static EngineException noMemory(int length) {
        return new EngineException("no memory for sealing, tried again: length=" + length);
    }

    private @Nullable ByteBuffer tryApply(int length) {
        Slab current = slab;
        if (current == null || current.buffer().capacity() < length) {
            int known = current == null ? 0 : current.buffer().capacity();
            close();
            current = memory.allocate(Math.max(length, SegmentWriter.BLOCK_LENGTH_MAX), TAG);
            slab = current;
            if (current == null && known > 0) {
                slab = memory.allocate(known, TAG); // others rely on what there was
            }
        }
        return current == null ? null : current.buffer().duplicate().position(0).limit(length);
    }

    @Override
    public void close() {
        Slab current = slab;
        slab = null;
        if (current != null) {
            current.release();
        }
    }
}
