package io.headrace.objects.format;

import java.io.IOException;

/**
 * Decodes one LZ4 block that may refer to what was decoded before it.
 *
 * <p>Source: LZ4 Block Format Description (lz4_Block_format.md).
 */
final class Lz4Block {
    /** How far back a block can refer, in bytes. */
    static final int HISTORY_LENGTH = 64 << 10;

    private static final int MATCH_LENGTH_MIN = 4;
    private static final int LENGTH_MASK = 15;
    private static final int LITERAL_SHIFT = 4;

    private final byte[] block;
    private final int blockLength;
    private final byte[] into;
    private final int historyFrom;
    private final int limit;
    private int at;
    private int end;

    private Lz4Block(
            byte[] block, int blockLength, byte[] into, int historyFrom, int from, int limit) {
        this.block = block;
        this.blockLength = blockLength;
        this.into = into;
        this.historyFrom = historyFrom;
        this.limit = limit;
        end = from;
    }

    /**
     * Decodes.
     *
     * @param historyFrom where what was decoded before begins; it ends where this goes on
     * @param from where the decoded bytes go in {@code into}
     * @param limit of them there
     * @return their end
     * @throws IOException if the block is damaged, or decodes to more
     */
    static int decode(
            byte[] block, int blockLength, byte[] into, int historyFrom, int from, int limit)
            throws IOException {
        return new Lz4Block(block, blockLength, into, historyFrom, from, limit).decode();
    }

    private int decode() throws IOException {
        while (true) {
            int token = nextByte();
            copyLiterals(length(token >>> LITERAL_SHIFT));
            if (at == blockLength) {
                return end;
            }
            int distance = nextByte() | nextByte() << Byte.SIZE;
            copyMatch(distance, length(token & LENGTH_MASK) + MATCH_LENGTH_MIN);
        }
    }

    /** A length of 15 goes on in the bytes that follow, up to one that is not 255. */
    private int length(int inToken) throws IOException {
        int length = inToken;
        if (inToken == LENGTH_MASK) {
            int more;
            do {
                more = nextByte();
                length += more;
                requireRoom(length);
            } while (more == 0xFF);
        }
        return length;
    }

    private void copyLiterals(int length) throws IOException {
        requireRoom(length);
        if (length > blockLength - at) {
            throw damaged();
        }
        System.arraycopy(block, at, into, end, length);
        at += length;
        end += length;
    }

    private void copyMatch(int distance, int length) throws IOException {
        requireRoom(length);
        int from = end - distance;
        if (distance == 0 || from < historyFrom) {
            throw damaged();
        }
        if (distance >= length) {
            System.arraycopy(into, from, into, end, length);
            end += length;
            return;
        }
        for (int stop = end + length; end < stop; ) { // it repeats what it writes
            into[end++] = into[from++];
        }
    }

    private void requireRoom(int length) throws IOException {
        if (length > limit - end) {
            throw damaged();
        }
    }

    private int nextByte() throws IOException {
        if (at == blockLength) {
            throw damaged();
        }
        return block[at++] & 0xFF;
    }

    private static IOException damaged() {
        return new IOException("damaged LZ4 block");
    }
}
