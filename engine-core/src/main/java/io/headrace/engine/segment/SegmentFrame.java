package io.headrace.engine.segment;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** The header and the trailer of a segment: docs/design/formats.md. */
final class SegmentFrame {
    static final int HEADER_LENGTH = 28;
    static final int TRAILER_LENGTH = 32;

    private static final int VERSION = 1;
    private static final long HEADER_MAGIC = magic("HRSEGM01");
    private static final long TRAILER_MAGIC = magic("HRSEGE01");
    private static final int HEADER_CRC_AT = 24;
    private static final int TRAILER_CRC_AT = 20;

    private SegmentFrame() {}

    static ByteBuffer header(int journal, int segment, int retentionClass) {
        ByteBuffer buffer = allocate(HEADER_LENGTH);
        buffer.putLong(HEADER_MAGIC).putInt(VERSION).putInt(journal).putInt(segment);
        buffer.putInt(retentionClass);
        return buffer.putInt(crc(buffer, 0, HEADER_CRC_AT)).flip();
    }

    /** Null if it is the header of that segment. */
    static @Nullable String headerFault(ByteBuffer buffer, int journal, int segment) {
        if (buffer.getLong(0) != HEADER_MAGIC) {
            return "not a segment";
        }
        if (buffer.getInt(HEADER_CRC_AT) != crc(buffer, 0, HEADER_CRC_AT)) {
            return "header fails its checksum";
        }
        if (buffer.getInt(8) != VERSION) {
            return "unknown version " + buffer.getInt(8);
        }
        return buffer.getInt(12) == journal && buffer.getInt(16) == segment
                ? null
                : "header is of segment " + buffer.getInt(16) + " of journal " + buffer.getInt(12);
    }

    static int retentionClass(ByteBuffer header) {
        return header.getInt(20);
    }

    static ByteBuffer trailer(long footerOffset, ByteBuffer footer, int segment) {
        ByteBuffer buffer = allocate(TRAILER_LENGTH);
        buffer.putLong(footerOffset)
                .putInt(footer.remaining())
                .putInt(crc(footer, footer.position(), footer.remaining()))
                .putInt(segment);
        return buffer.putInt(crc(buffer, 0, TRAILER_CRC_AT)).putLong(TRAILER_MAGIC).flip();
    }

    /** Null if it is the trailer of that segment, in a file of that length. */
    static @Nullable String trailerFault(ByteBuffer buffer, int segment, long fileLength) {
        if (buffer.getLong(24) != TRAILER_MAGIC) {
            return "segment has no end";
        }
        if (buffer.getInt(TRAILER_CRC_AT) != crc(buffer, 0, TRAILER_CRC_AT)) {
            return "trailer fails its checksum";
        }
        if (buffer.getInt(16) != segment) {
            return "trailer is of segment " + buffer.getInt(16);
        }
        boolean fits =
                footerOffset(buffer) >= HEADER_LENGTH
                        && footerLength(buffer) >= 0
                        && footerOffset(buffer) + footerLength(buffer) + TRAILER_LENGTH
                                == fileLength;
        return fits ? null : "file has another length";
    }

    static long footerOffset(ByteBuffer trailer) {
        return trailer.getLong(0);
    }

    static int footerLength(ByteBuffer trailer) {
        return trailer.getInt(8);
    }

    static int footerCrc(ByteBuffer trailer) {
        return trailer.getInt(12);
    }

    static ByteBuffer allocate(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    static int crc(ByteBuffer buffer, int at, int length) {
        CRC32C crc = new CRC32C();
        crc.update(buffer.duplicate().limit(at + length).position(at));
        return (int) crc.getValue();
    }

    private static long magic(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }
}
