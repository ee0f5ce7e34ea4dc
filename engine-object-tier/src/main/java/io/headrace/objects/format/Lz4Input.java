package io.headrace.objects.format;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import net.jpountz.xxhash.StreamingXXHash32;
import net.jpountz.xxhash.XXHash32;
import net.jpountz.xxhash.XXHashFactory;

/**
 * What an LZ4 file holds: one frame after the other, up to the end of the stream; all checksums are
 * verified. Skippable frames are skipped.
 *
 * <p>lz4-java's own LZ4FrameInputStream cannot be used: it refuses frames whose blocks refer to
 * those before them, which is how liblz4 writes by default. Such blocks are decoded by {@link
 * Lz4Block}, others by lz4-java.
 *
 * <p>Source: LZ4 Frame Format Description 1.6.4 (lz4_Frame_format.md). Frames of the legacy format
 * and those with a dictionary are refused.
 */
final class Lz4Input extends InputStream {
    private static final int MAGIC = 0x184D2204;
    private static final int SKIPPABLE_MAGIC = 0x184D2A50;
    private static final int SKIPPABLE_MASK = 0xFFFFFFF0;

    private static final int VERSION = 1;
    private static final int VERSION_SHIFT = 6;
    private static final int INDEPENDENT_FLAG = 1 << 5;
    private static final int BLOCK_CHECKSUM_FLAG = 1 << 4;
    private static final int CONTENT_SIZE_FLAG = 1 << 3;
    private static final int CONTENT_CHECKSUM_FLAG = 1 << 2;
    private static final int RESERVED_FLAG = 1 << 1;
    private static final int DICTIONARY_FLAG = 1;
    private static final int BLOCK_SIZE_SHIFT = 4;
    private static final int BLOCK_SIZE_ID_MIN = 4;
    private static final int BLOCK_SIZE_RESERVED = 0x8F;
    private static final int STORED_FLAG = 1 << 31;

    private static final LZ4SafeDecompressor DECOMPRESSOR =
            LZ4Factory.fastestInstance().safeDecompressor();
    private static final XXHash32 HASH = XXHashFactory.fastestInstance().hash32();

    private final InputStream compressed;
    private final byte[] single = new byte[1];

    /** Magic, or a descriptor: two bytes and the content's size. */
    private final ByteBuffer header =
            ByteBuffer.allocate(2 + Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private final StreamingXXHash32 contentHash =
            XXHashFactory.fastestInstance().newStreamingHash32(0);

    private byte[] block = new byte[0];

    /** The last {@link Lz4Block#HISTORY_LENGTH} bytes before a block, and the block behind them. */
    private byte[] content = new byte[0];

    private int contentFrom;
    private int contentTo;

    private int flags;
    private int blockLengthMax;
    private long contentSize;
    private long contentCount;
    private boolean isInFrame;
    private boolean isFirst = true;
    private boolean isEnd;

    Lz4Input(InputStream compressed) {
        this.compressed = compressed;
    }

    @Override
    public int read() throws IOException {
        return read(single, 0, 1) < 0 ? -1 : single[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (length == 0) {
            return 0;
        }
        while (contentFrom == contentTo) {
            if (isEnd || !(isInFrame || beginFrame())) {
                isEnd = true;
                return -1;
            }
            readBlock();
        }
        int count = Math.min(length, contentTo - contentFrom);
        System.arraycopy(content, contentFrom, into, offset, count);
        contentFrom += count;
        return count;
    }

    /** False at the end of the stream. */
    private boolean beginFrame() throws IOException {
        while (true) {
            int first = compressed.read();
            if (first < 0 && !isFirst) {
                return false;
            }
            int magic = restOfMagic(first);
            isFirst = false;
            if (magic == MAGIC) {
                readDescriptor();
                return true;
            }
            if ((magic & SKIPPABLE_MASK) != SKIPPABLE_MAGIC) {
                throw new IOException("not an LZ4 frame");
            }
            skipFrame(Integer.toUnsignedLong(readInt()));
        }
    }

    private int restOfMagic(int first) throws IOException {
        if (first < 0) {
            throw new EOFException("truncated LZ4: no frame");
        }
        header.clear().put((byte) first);
        readFully(header.array(), 1, Integer.BYTES - 1);
        return header.getInt(0);
    }

    private void readDescriptor() throws IOException {
        readFully(header.array(), 0, 2);
        flags = header.get(0) & 0xFF;
        int blockDescriptor = header.get(1) & 0xFF;
        int blockSizeId = blockDescriptor >>> BLOCK_SIZE_SHIFT;
        if (flags >>> VERSION_SHIFT != VERSION
                || has(RESERVED_FLAG)
                || (blockDescriptor & BLOCK_SIZE_RESERVED) != 0
                || blockSizeId < BLOCK_SIZE_ID_MIN) {
            throw new IOException("LZ4 frame of an unknown version");
        }
        if (has(DICTIONARY_FLAG)) {
            throw new IOException("LZ4 frames with a dictionary are not supported");
        }
        int length = 2;
        if (has(CONTENT_SIZE_FLAG)) {
            readFully(header.array(), length, Long.BYTES);
            contentSize = header.getLong(length);
            length += Long.BYTES;
        }
        int expected = HASH.hash(header.array(), 0, length, 0) >>> Byte.SIZE & 0xFF;
        if (readByte() != expected) {
            throw new IOException("wrong checksum of an LZ4 frame's descriptor");
        }
        blockLengthMax = 1 << Byte.SIZE + 2 * blockSizeId;
        beginContent();
    }

    private boolean has(int flag) {
        return (flags & flag) != 0;
    }

    private void beginContent() {
        contentHash.reset();
        contentCount = 0;
        contentFrom = Lz4Block.HISTORY_LENGTH;
        contentTo = contentFrom;
        isInFrame = true;
    }

    private void readBlock() throws IOException {
        int sizeAndFlag = readInt();
        if (sizeAndFlag == 0) {
            endFrame();
            return;
        }
        int length = sizeAndFlag & ~STORED_FLAG;
        if (length > blockLengthMax) {
            throw new IOException("LZ4 block is longer than its frame says");
        }
        block = atLeast(block, blockLengthMax);
        readFully(block, 0, length);
        if (has(BLOCK_CHECKSUM_FLAG) && readInt() != HASH.hash(block, 0, length, 0)) {
            throw new IOException("wrong checksum of an LZ4 block");
        }
        keepHistory();
        boolean isStored = (sizeAndFlag & STORED_FLAG) != 0;
        int count = isStored ? store(length) : decompress(length);
        contentFrom = Lz4Block.HISTORY_LENGTH;
        contentTo = contentFrom + count;
        contentCount += count;
        if (has(CONTENT_CHECKSUM_FLAG)) {
            contentHash.update(content, contentFrom, count);
        }
    }

    private static byte[] atLeast(byte[] buffer, int length) {
        return buffer.length >= length ? buffer : new byte[length];
    }

    /** Moves the end of what was decoded before the place of the next block. */
    private void keepHistory() {
        byte[] into = atLeast(content, Lz4Block.HISTORY_LENGTH + blockLengthMax);
        if (contentCount > 0 && !has(INDEPENDENT_FLAG)) {
            int from = contentTo - Lz4Block.HISTORY_LENGTH;
            System.arraycopy(content, from, into, 0, Lz4Block.HISTORY_LENGTH);
        }
        content = into;
    }

    private int store(int length) {
        System.arraycopy(block, 0, content, Lz4Block.HISTORY_LENGTH, length);
        return length;
    }

    private int decompress(int length) throws IOException {
        int at = Lz4Block.HISTORY_LENGTH;
        if (has(INDEPENDENT_FLAG)) {
            try {
                return DECOMPRESSOR.decompress(block, 0, length, content, at, blockLengthMax);
            } catch (LZ4Exception malformed) {
                throw new IOException("damaged LZ4 block", malformed);
            }
        }
        int history = (int) Math.min(contentCount, Lz4Block.HISTORY_LENGTH);
        return Lz4Block.decode(block, length, content, at - history, at, at + blockLengthMax) - at;
    }

    private void endFrame() throws IOException {
        if (has(CONTENT_CHECKSUM_FLAG) && readInt() != contentHash.getValue()) {
            throw new IOException("wrong checksum of an LZ4 frame");
        }
        if (has(CONTENT_SIZE_FLAG) && contentSize != contentCount) {
            throw new IOException("wrong length of an LZ4 frame");
        }
        isInFrame = false;
    }

    private int readByte() throws IOException {
        int value = compressed.read();
        if (value < 0) {
            throw new EOFException("truncated LZ4");
        }
        return value;
    }

    private int readInt() throws IOException {
        readFully(header.array(), 0, Integer.BYTES);
        return header.getInt(0);
    }

    private void readFully(byte[] into, int offset, int length) throws IOException {
        if (compressed.readNBytes(into, offset, length) < length) {
            throw new EOFException("truncated LZ4");
        }
    }

    private void skipFrame(long length) throws IOException {
        for (long left = length; left > 0; ) {
            long skipped = compressed.skip(left);
            if (skipped == 0) {
                readByte();
                skipped = 1;
            }
            left -= skipped;
        }
    }

    @Override
    public void close() throws IOException {
        contentHash.close();
        compressed.close();
    }
}
