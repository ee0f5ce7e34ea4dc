package io.headrace.objects.format;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * What a gzip file holds: one member after the other (RFC 1952), up to the end of the stream.
 *
 * <p>The JDK's own GZIPInputStream cannot be used: it takes a stream that has nothing at hand for
 * one that has ended, and a damaged member for the end of the file, so that an object read over a
 * network may lose its end in silence. Zeros behind the last member are ignored, as gzip does;
 * anything else is an error.
 */
final class GzipInput extends InputStream {
    private static final int BUFFER_LENGTH = 64 << 10;

    private static final int MAGIC_1 = 0x1F;
    private static final int MAGIC_2 = 0x8B;
    private static final int DEFLATE = 8;
    private static final int HEADER_CRC_FLAG = 2;
    private static final int EXTRA_FLAG = 4;
    private static final int NAME_FLAG = 8;
    private static final int COMMENT_FLAG = 16;
    private static final int RESERVED_FLAGS = 0xE0;
    private static final int TIME_SYSTEM_LENGTH = 6;

    private final InputStream compressed;
    private final Inflater inflater = new Inflater(true);
    private final byte[] input = new byte[BUFFER_LENGTH];
    private final CRC32 crc = new CRC32();
    private final byte[] single = new byte[1];
    private int inputFrom;
    private int inputTo;
    private boolean isInMember;
    private boolean isFirst = true;
    private boolean isEnd;
    private boolean isClosed;

    GzipInput(InputStream compressed) {
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
        while (isInMember || beginMember()) {
            int count = inflate(into, offset, length);
            if (count > 0) {
                crc.update(into, offset, count);
                return count;
            }
            endMember();
        }
        return -1;
    }

    /** Returns 0 at the end of the member. */
    private int inflate(byte[] into, int offset, int length) throws IOException {
        try {
            while (true) {
                int count = inflater.inflate(into, offset, length);
                if (count > 0) {
                    return count;
                }
                if (inflater.finished()) {
                    return 0;
                }
                if (inflater.needsDictionary()) {
                    throw new ZipException("gzip member needs a dictionary");
                }
                requireInput();
                inflater.setInput(input, inputFrom, inputTo - inputFrom);
                inputFrom = inputTo;
            }
        } catch (DataFormatException malformed) {
            throw new ZipException("damaged gzip member: " + malformed.getMessage());
        }
    }

    private boolean beginMember() throws IOException {
        if (isEnd || !hasMember()) {
            isEnd = true;
            return false;
        }
        readHeader();
        inflater.reset();
        crc.reset();
        isFirst = false;
        isInMember = true;
        return true;
    }

    private boolean hasMember() throws IOException {
        if (!hasInput()) {
            if (isFirst) {
                throw new EOFException("truncated gzip: no member");
            }
            return false;
        }
        return isFirst || input[inputFrom] != 0 || skipZeros();
    }

    private boolean skipZeros() throws IOException {
        while (hasInput()) {
            if (input[inputFrom] != 0) {
                throw new ZipException("what follows the gzip member is none");
            }
            inputFrom++;
        }
        return false;
    }

    private void readHeader() throws IOException {
        crc.reset();
        if (next() != MAGIC_1 || next() != MAGIC_2 || next() != DEFLATE) {
            throw new ZipException("not a gzip member");
        }
        int flags = next();
        if ((flags & RESERVED_FLAGS) != 0) {
            throw new ZipException("gzip header has unknown flags");
        }
        skip(TIME_SYSTEM_LENGTH);
        if ((flags & EXTRA_FLAG) != 0) {
            skip(nextShort());
        }
        if ((flags & NAME_FLAG) != 0) {
            skipText();
        }
        if ((flags & COMMENT_FLAG) != 0) {
            skipText();
        }
        if ((flags & HEADER_CRC_FLAG) != 0) {
            int expected = (int) crc.getValue() & 0xFFFF;
            if (nextShort() != expected) {
                throw new ZipException("wrong checksum of a gzip header");
            }
        }
    }

    private void endMember() throws IOException {
        int unused = inflater.getRemaining();
        inputFrom = inputTo - unused;
        long expectedCrc = crc.getValue();
        long expectedLength = inflater.getBytesWritten() & 0xFFFF_FFFFL;
        if (nextInt() != expectedCrc || nextInt() != expectedLength) {
            throw new ZipException("wrong checksum or length of a gzip member");
        }
        isInMember = false;
    }

    private void skip(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            next();
        }
    }

    private void skipText() throws IOException {
        int last;
        do {
            last = next();
        } while (last != 0);
    }

    private long nextInt() throws IOException {
        return nextShort() | (long) nextShort() << Short.SIZE;
    }

    private int nextShort() throws IOException {
        return next() | next() << Byte.SIZE;
    }

    private int next() throws IOException {
        requireInput();
        int value = input[inputFrom++] & 0xFF;
        crc.update(value);
        return value;
    }

    private void requireInput() throws IOException {
        if (!hasInput()) {
            throw new EOFException("truncated gzip");
        }
    }

    private boolean hasInput() throws IOException {
        while (inputFrom == inputTo) {
            int count = compressed.read(input, 0, input.length);
            if (count < 0) {
                return false;
            }
            inputFrom = 0;
            inputTo = count;
        }
        return true;
    }

    @Override
    public int available() {
        return isClosed || isEnd ? 0 : 1;
    }

    @Override
    public void close() throws IOException {
        if (!isClosed) {
            isClosed = true;
            inflater.end();
            compressed.close();
        }
    }
}
