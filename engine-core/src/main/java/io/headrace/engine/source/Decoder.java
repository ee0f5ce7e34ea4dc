package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectCodec;
import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A compressed object, decoded from its beginning on. Blocks for the store. Used by one thread at a
 * time.
 */
final class Decoder implements AutoCloseable {
    private static final int COPY_LENGTH = 64 << 10;

    private final ObjectCodec codec;
    private final ChunkInputStream compressed;
    private final byte[] copy = new byte[COPY_LENGTH];
    private @Nullable InputStream decoded;
    private long position;

    /**
     * @param raw the object as it is stored, from its beginning on; the caller's
     */
    Decoder(ObjectCodec codec, ChunkSource raw) {
        this.codec = codec;
        this.compressed = new ChunkInputStream(raw);
    }

    /** Bytes that were decoded so far. */
    long position() {
        return position;
    }

    /**
     * Decodes as many bytes as there are room for.
     *
     * @return fewer only at the end
     * @throws MalformedObjectException if they are not what the codec understands; the buffer has
     *     what came before
     * @throws IOException the store's answer
     */
    int decode(ByteBuffer into) throws IOException {
        int begin = into.position();
        while (into.hasRemaining()) {
            int count = read(Math.min(COPY_LENGTH, into.remaining()));
            if (count < 0) {
                break;
            }
            into.put(copy, 0, count);
        }
        return into.position() - begin;
    }

    /** Decodes up to a position, for nothing. */
    void skipTo(long to) throws IOException {
        while (position < to) {
            if (read((int) Math.min(COPY_LENGTH, to - position)) < 0) {
                throw new MalformedObjectException(position, "ends before what was indexed");
            }
        }
    }

    private int read(int length) throws IOException {
        try {
            InputStream stream = decoded;
            if (stream == null) {
                stream = codec.decode(compressed);
                decoded = stream;
            }
            int count = stream.read(copy, 0, length);
            position += Math.max(0, count);
            return count;
        } catch (IOException | RuntimeException failed) {
            IOException ofStore = compressed.storeFailure();
            if (ofStore != null) {
                throw ofStore;
            }
            throw malformed(failed);
        }
    }

    private MalformedObjectException malformed(Exception failed) {
        MalformedObjectException malformed =
                new MalformedObjectException(
                        position, "broken " + codec.name() + " (" + failed.getMessage() + ")");
        malformed.initCause(failed);
        return malformed;
    }

    @Override
    public void close() {
        try {
            if (decoded != null) {
                decoded.close();
            }
        } catch (IOException | RuntimeException ignored) {
            // nothing of it is used any more
        }
        compressed.close();
    }
}
