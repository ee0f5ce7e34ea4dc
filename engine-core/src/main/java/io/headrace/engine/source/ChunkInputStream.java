package io.headrace.engine.source;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * The stretches of a source as a stream, for decoders. What the store answers is kept apart from
 * what a decoder says: {@link #storeFailure}. Used by one thread at a time.
 */
final class ChunkInputStream extends InputStream {
    private final ChunkSource source;
    private @Nullable Chunk chunk;
    private long position;
    private @Nullable IOException storeFailure;

    ChunkInputStream(ChunkSource source) {
        this.source = source;
    }

    /** Why the store did not give the bytes; null if nothing is wrong with it. */
    @Nullable IOException storeFailure() {
        return storeFailure;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        Chunk from = chunkWithBytes();
        if (from == null) {
            return -1;
        }
        int count = (int) Math.min(length, from.end() - position);
        from.slice(position, count).get(into, offset, count);
        position += count;
        return count;
    }

    @Override
    public int available() {
        Chunk from = chunk;
        return from == null ? 0 : (int) (from.end() - position);
    }

    private @Nullable Chunk chunkWithBytes() throws IOException {
        Chunk current = chunk;
        if (current != null && position < current.end()) {
            return current;
        }
        close();
        try {
            Chunk next = source.next();
            chunk = next;
            if (next != null) {
                next.await();
                next.check();
                position = next.position();
            }
            return next;
        } catch (IOException failed) {
            storeFailure = failed;
            throw failed;
        }
    }

    /** Gives back the stretch in use; the source stays open. */
    @Override
    public void close() {
        if (chunk != null) {
            chunk.release();
            chunk = null;
        }
    }
}
