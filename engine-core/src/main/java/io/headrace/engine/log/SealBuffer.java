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
     * As {@link #apply}, of less where memory is short: so that there is room beside for a batch
     * and a block, without which nothing can be done.
     *
     * @param lengthMin with less it is not worth while
     * @throws EngineException if there is not even that much
     */
    ByteBuffer applyUpTo(int length, int lengthMin) {
        int wanted = length;
        while (true) {
            ByteBuffer found = tryApply(wanted);
            if (found != null && isRoomBeside()) {
                return found;
            }
            close();
            if (wanted <= lengthMin) {
                throw new EngineException("no memory for sealing, tried again: length=" + wanted);
            }
            wanted = Math.max(lengthMin, wanted / 2);
        }
    }

    private boolean isRoomBeside() {
        try (SealBuffer batch = new SealBuffer(memory);
                SealBuffer block = new SealBuffer(memory)) {
            return batch.tryApply(SegmentWriter.BLOCK_LENGTH_MAX) != null
                    && block.tryApply(SegmentWriter.BLOCK_LENGTH_MAX) != null;
        }
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
