package io.headrace.engine.journal;

import io.headrace.engine.EngineException;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The START or END file of one start's folder, as docs/design/formats.md specifies them.
 *
 * @param position of the folder's first byte, or of its end
 * @param detail cycleBytes in START; {@link #CLEAN} or {@link #RECOVERED} in END
 * @param startNumber of the folder
 * @param cycleBefore in START, the last cycle of earlier starts in which there is an entry; 0 if
 *     there is none, and in END
 */
record FolderRecord(long position, long detail, long startNumber, int cycleBefore) {
    static final String START = "START";
    static final String END = "END";
    static final long CLEAN = 1;
    static final long RECOVERED = 2;

    private static final int LENGTH = 40;

    /** The last letter of the magic number. */
    private static final int VERSION_OFFSET = 7;

    private static final int CYCLE_BEFORE_OFFSET = 32;
    private static final int CRC_OFFSET = 36;

    /**
     * Null if the file is absent or not sound: then the folder's files are looked at.
     *
     * @throws EngineException if it is of an unknown version
     */
    static @Nullable FolderRecord read(Path folder, String name, Disk disk) throws IOException {
        byte[] bytes = disk.readIfExists(folder.resolve(name));
        if (bytes == null || bytes.length != LENGTH) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (buffer.getInt(CRC_OFFSET) != checksum(bytes)) {
            return null;
        }
        if (buffer.getLong(0) != magic(name)) {
            throw new EngineException(
                    "journal is of an unknown version: file="
                            + folder.resolve(name)
                            + " version="
                            + (char) bytes[VERSION_OFFSET]);
        }
        return new FolderRecord(
                buffer.getLong(8),
                buffer.getLong(16),
                buffer.getLong(24),
                buffer.getInt(CYCLE_BEFORE_OFFSET));
    }

    /** Writes the file so that after a crash it is there whole or not at all, and forces it. */
    void write(Path folder, String name, Disk disk) throws IOException {
        disk.replace(folder.resolve(name), encode(name));
    }

    private byte[] encode(String name) {
        ByteBuffer buffer = ByteBuffer.allocate(LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(0, magic(name));
        buffer.putLong(8, position);
        buffer.putLong(16, detail);
        buffer.putLong(24, startNumber);
        buffer.putInt(CYCLE_BEFORE_OFFSET, cycleBefore);
        return buffer.putInt(CRC_OFFSET, checksum(buffer.array())).array();
    }

    private static long magic(String name) {
        String text = name.equals(START) ? "HRSTART1" : "HREND001";
        return ByteBuffer.wrap(text.getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    private static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, CRC_OFFSET);
        return (int) crc.getValue();
    }
}
