package io.headrace.server;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A tar file in memory, of the kind that WebDataset reads: plain files in the ustar format. */
final class TarShard {
    private static final int BLOCK_LENGTH = 512;
    private static final int CHECKSUM_POSITION = 148;
    private static final int CHECKSUM_LENGTH = 8;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    TarShard add(String name, byte[] content) {
        byte[] header = new byte[BLOCK_LENGTH];
        put(header, 0, name);
        put(header, 100, "0000644\0");
        put(header, 108, "0000000\0");
        put(header, 116, "0000000\0");
        put(header, 124, "%011o\0".formatted(content.length));
        put(header, 136, "%011o\0".formatted(0));
        put(header, 156, "0");
        put(header, 257, "ustar\00000");
        Arrays.fill(header, CHECKSUM_POSITION, CHECKSUM_POSITION + CHECKSUM_LENGTH, (byte) ' ');
        int sum = 0;
        for (byte part : header) {
            sum += part & 0xFF;
        }
        put(header, CHECKSUM_POSITION, "%06o\0 ".formatted(sum));
        bytes.writeBytes(header);
        bytes.writeBytes(content);
        bytes.writeBytes(new byte[-content.length & BLOCK_LENGTH - 1]);
        return this;
    }

    TarShard add(String name, String content) {
        return add(name, content.getBytes(StandardCharsets.UTF_8));
    }

    private static void put(byte[] header, int at, String text) {
        byte[] latin1 = text.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(latin1, 0, header, at, latin1.length);
    }

    byte[] bytes() {
        byte[] members = bytes.toByteArray();
        return Arrays.copyOf(members, members.length + 2 * BLOCK_LENGTH);
    }
}
