package io.headrace.bench.sources;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A tar file in memory, in the ustar format of POSIX.1-1988. */
final class TarWriter {
    private static final int BLOCK_LENGTH = 512;
    private static final int SIZE_AT = 124;
    private static final int CHECKSUM_AT = 148;
    private static final int TYPE_AT = 156;
    private static final int MAGIC_AT = 257;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** Adds a file. */
    void add(String name, byte[] content) {
        bytes.writeBytes(header(name, content.length));
        bytes.writeBytes(content);
        bytes.writeBytes(new byte[(BLOCK_LENGTH - content.length % BLOCK_LENGTH) % BLOCK_LENGTH]);
    }

    private static byte[] header(String name, int length) {
        byte[] header = new byte[BLOCK_LENGTH];
        put(header, 0, name);
        put(header, 100, "0000644\0" + "0000000\0" + "0000000\0");
        put(header, SIZE_AT, "%011o\0".formatted(length) + "00000000000\0");
        Arrays.fill(header, CHECKSUM_AT, TYPE_AT, (byte) ' ');
        put(header, TYPE_AT, "0");
        put(header, MAGIC_AT, "ustar\0" + "00");
        int sum = 0;
        for (byte each : header) {
            sum += each & 0xFF;
        }
        put(header, CHECKSUM_AT, "%06o\0 ".formatted(sum));
        return header;
    }

    private static void put(byte[] header, int at, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(ascii, 0, header, at, ascii.length);
    }

    /** The whole file, with its end. */
    byte[] finish() {
        bytes.writeBytes(new byte[2 * BLOCK_LENGTH]);
        return bytes.toByteArray();
    }
}
