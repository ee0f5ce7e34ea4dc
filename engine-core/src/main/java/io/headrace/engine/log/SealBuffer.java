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
            throw new EngineException("no memory for sealing, tried again: length=" + length);
        }
        return buffer;
    }

    /**
     * As {@link #apply}, of less where memory is short: a quarter of what there is then, so that
     * there is some for others, however lengths are rounded.
     *
     * @param lengthMin with less it is not worth while
     * @throws EngineException if there is not even that much
     */
    ByteBuffer applyUpTo(int length, int lengthMin) {
        ByteBuffer whole = tryApply(length);
        if (whole != null) {
            return whole;
        }
        int found = length;
        do {
            if (found <= lengthMin) {
                throw new EngineException("no memory for sealing, tried again: length=" + found);
            }
            found = Math.max(lengthMin, found / 2);
        } while (tryApply(found) == null);
        close();
        return apply(Math.max(lengthMin, found / 4));
    }

    private @Nullable ByteBuffer tryApply(int length) {
        Slab current = slab;
        if (current == null || current.buffer().capacity() < length) {
            close();
            current = memory.allocate(Math.max(length, SegmentWriter.BLOCK_LENGTH_MAX), TAG);
            slab = current;
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
