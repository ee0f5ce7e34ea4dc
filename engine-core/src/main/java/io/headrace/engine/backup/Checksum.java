package io.headrace.engine.backup;

import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/** CRC32C of texts, of files, and of files while they are copied. */
final class Checksum {
    private static final int CHUNK = 1 << 20;

    private Checksum() {}

    /** Called between two chunks; what it throws ends the work. */
    @FunctionalInterface
    interface Pulse {
        void beat(int length) throws IOException;
    }

    /** Takes the bytes that lie at an offset of the file. */
    @FunctionalInterface
    private interface Sink {
        void accept(ByteBuffer bytes, long offset) throws IOException;
    }

    static int of(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return (int) crc.getValue();
    }

    static String hex(int crc) {
        return HexFormat.of().toHexDigits(crc);
    }

    /** Of the first bytes of a file. */
    static int of(Path file, long length, Pulse pulse) throws IOException {
        return read(file, length, (bytes, offset) -> {}, pulse);
    }

    /** Copies the first bytes of a file to a new one, forces it, and says what was copied. */
    static int copy(Path from, Path to, long length, Pulse pulse, Disk disk) throws IOException {
        try (FileChannel copy =
                disk.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            int crc = read(from, length, (bytes, offset) -> Disk.write(copy, bytes, offset), pulse);
            copy.force(true);
            return crc;
        }
    }

    private static int read(Path file, long length, Sink sink, Pulse pulse) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(CHUNK, Math.max(1, length)));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long left = length;
            while (left > 0) {
                buffer.clear().limit((int) Math.min(left, buffer.capacity()));
                if (channel.read(buffer) < 0) {
                    throw new IOException(
                            "file is too short: file=" + file + " missingBytes=" + left);
                }
                buffer.flip();
                int count = buffer.remaining();
                crc.update(buffer.duplicate());
                pulse.beat(count);
                sink.accept(buffer, length - left);
                left -= count;
            }
        }
        return (int) crc.getValue();
    }
}
