package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A file of stored batches, open for reading. Stays readable if the file is deleted meanwhile. Any
 * thread.
 */
@Experimental
public interface ColdFile extends AutoCloseable {

    /**
     * Reads from the byte at {@code offset} until {@code into} is full. Nothing is checked here.
     *
     * @throws IOException if the file is too short
     */
    void read(long offset, ByteBuffer into) throws IOException;

    @Override
    void close() throws IOException;
}
