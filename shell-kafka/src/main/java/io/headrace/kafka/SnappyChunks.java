package io.headrace.kafka;

import java.nio.ByteBuffer;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.utils.internals.ByteUtils;

/**
 * Looks at what a snappy stream says of its lengths, before they are believed: its reader makes
 * room for half a gigabyte if a chunk of ten bytes says that it has as many. The framing is that of
 * snappy-java: a header, then chunks with their length before them; without the header all is one
 * chunk. A chunk begins with its length when decompressed.
 */
final class SnappyChunks {
    private static final long MAGIC = 0x82534E4150505900L; // 0x82 "SNAPPY" 0

    /** Magic and two versions. */
    private static final int HEADER_LENGTH = 16;

    /** The most that a byte can stand for: three copy 64. Snappy's format description, 2.2. */
    private static final int EXPANSION_MAX = 22;

    private SnappyChunks() {}

    /**
     * @param stream from position to limit
     * @param lengthMax of a chunk, decompressed
     * @throws InvalidRecordException if a chunk says that it has more than it can
     */
    static void requireHonest(ByteBuffer stream, int lengthMax) {
        if (stream.remaining() < HEADER_LENGTH || stream.getLong(stream.position()) != MAGIC) {
            requireHonestChunk(stream, stream.remaining(), lengthMax);
            return;
        }
        stream.position(stream.position() + HEADER_LENGTH);
        while (stream.remaining() >= Integer.BYTES) {
            int length = stream.getInt(); // of another header, which nobody writes: negative
            requireHonestChunk(stream, length, lengthMax);
            stream.position(stream.position() + length);
        }
    }

    private static void requireHonestChunk(ByteBuffer stream, int length, int lengthMax) {
        if (length <= 0 || length > stream.remaining()) {
            throw new InvalidRecordException("snappy chunk is not there: length=" + length);
        }
        int decompressed = ByteUtils.readUnsignedVarint(stream.duplicate());
        if (decompressed < 0
                || decompressed > lengthMax
                || decompressed > (long) EXPANSION_MAX * length) {
            throw new InvalidRecordException(
                    "snappy chunk cannot have what it says: length="
                            + length
                            + " decompressed="
                            + decompressed);
        }
    }
}
