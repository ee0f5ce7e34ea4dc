package io.headrace.objects.format;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * What a zstd file holds: one frame after the other (RFC 8878), up to the end of the stream. Frames
 * whose window is above 128 MiB are refused, since libzstd would allocate it.
 *
 * <p>zstd-jni's own ZstdInputStream cannot be used: where a frame ends and another begins in the
 * same buffer, it takes the end of the stream for the end of the file, also in the middle of that
 * other frame.
 */
final class ZstdInput extends InputStream {
    /** What libzstd recommends: a block and its header. */
    private static final int INPUT_LENGTH = (128 << 10) + 3;

    private static final int OUTPUT_LENGTH = 128 << 10;

    private final InputStream compressed;
    private final ZstdDecompressCtx context = new ZstdDecompressCtx();
    private final byte[] chunk = new byte[INPUT_LENGTH];
    private final ByteBuffer input = ByteBuffer.allocateDirect(INPUT_LENGTH).limit(0);
    private final ByteBuffer output = ByteBuffer.allocateDirect(OUTPUT_LENGTH).limit(0);
    private final byte[] single = new byte[1];

    /**
     * Whether a frame was begun and has not ended; also before the first one, which has to come.
     */
    private boolean isInFrame = true;

    /** Whether the last step filled the output, so that there may be more without input. */
    private boolean isOutputFull;

    private boolean isClosed;

    ZstdInput(InputStream compressed) {
        this.compressed = compressed;
    }

    @Override
    public int read() throws IOException {
        return read(single, 0, 1) < 0 ? -1 : single[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (isClosed) {
            throw new IOException("stream is closed");
        }
        if (length == 0) {
            return 0;
        }
        while (!output.hasRemaining()) {
            if (!isOutputFull && !hasInput()) {
                return end();
            }
            decompress();
        }
        int count = Math.min(length, output.remaining());
        output.get(into, offset, count);
        return count;
    }

    private int end() throws IOException {
        if (isInFrame) {
            throw new EOFException("truncated zstd");
        }
        return -1;
    }

    private boolean hasInput() throws IOException {
        while (!input.hasRemaining()) {
            int count = compressed.read(chunk, 0, chunk.length);
            if (count < 0) {
                return false;
            }
            input.clear().put(chunk, 0, count).flip();
        }
        return true;
    }

    private void decompress() throws IOException {
        output.clear();
        try {
            isInFrame = !context.decompressDirectByteBufferStream(output, input);
        } catch (ZstdException malformed) {
            output.limit(0);
            throw new IOException("damaged zstd: " + malformed.getMessage(), malformed);
        }
        isOutputFull = isInFrame && !output.hasRemaining();
        output.flip();
    }

    @Override
    public void close() throws IOException {
        if (!isClosed) {
            isClosed = true;
            context.close();
            compressed.close();
        }
    }
}
