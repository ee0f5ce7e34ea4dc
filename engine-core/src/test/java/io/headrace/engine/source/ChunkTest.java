package io.headrace.engine.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.MemoryStore.Slab;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** What becomes of a stretch that cannot be filled. */
final class ChunkTest {
    private static final int LENGTH = 100;
    private final HeapMemory memory = new HeapMemory();

    private static final class Failing extends Chunk {
        private final Error error;

        Failing(Slab slab, Error error) {
            super(0, slab, LENGTH);
            this.error = error;
        }

        @Override
        int fill(ByteBuffer into) {
            throw error;
        }
    }

    @Test
    void errorWhileFillingIsAFailureAndNotTheBytesThatWereThereBefore() {
        Error error = new NoClassDefFoundError("a codec's native part");
        Chunk chunk = new Failing(memory.allocate(LENGTH, ""), error);
        chunk.run();
        assertTrue(chunk.isDone());
        assertEquals(0, chunk.length());
        IOException failure = assertThrows(IOException.class, chunk::check);
        assertSame(error, failure.getCause());
        chunk.release();
        assertEquals(0, memory.inUse());
    }
}
