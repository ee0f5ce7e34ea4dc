package io.headrace.objects.format;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Writes tar files by hand, sound and unsound. */
public final class TarBytes {
    private static final byte[] MAGIC = "ustar\00000".getBytes(StandardCharsets.ISO_8859_1);

    private static final byte[] GNU_MAGIC = "ustar  \0".getBytes(StandardCharsets.ISO_8859_1);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private boolean isBase256;
    private boolean isGnu;

    /** Sizes of the headers that follow are in base 256. */
    TarBytes base256Size() {
        isBase256 = true;
        return this;
    }

    /** Headers that follow are GNU's, with times where POSIX has the prefix. */
    TarBytes gnuTimes() {
        isGnu = true;
        return this;
    }

    /** A regular file whose data is a letter again and again. */
    TarBytes file(String name, int length) {
        return file(name, "d".repeat(length).getBytes(StandardCharsets.US_ASCII));
    }

    /** A regular file. */
    public TarBytes file(String name, byte[] data) {
        header(name, data.length, (byte) '0');
        bytes.writeBytes(data);
        return pad();
    }

    /** A header alone. In the name, U+DCxx stands for a byte that is not UTF-8. */
    TarBytes header(String name, long size, byte type) {
        ByteBuffer header = ByteBuffer.allocate(TarHeader.LENGTH);
        header.put(0, name(name));
        header.put(100, "0000644\0".getBytes(StandardCharsets.US_ASCII));
        if (isBase256) {
            header.put(124, (byte) (size < 0 ? 0xFF : 0x80));
            header.putLong(128, size);
        } else {
            String octal = String.format(Locale.ROOT, "%011o\0", size);
            header.put(124, octal.getBytes(StandardCharsets.US_ASCII));
        }
        header.put(148, "        ".getBytes(StandardCharsets.US_ASCII));
        header.put(156, type);
        header.put(257, isGnu ? GNU_MAGIC : MAGIC);
        if (isGnu) {
            header.put(345, "14722041132".getBytes(StandardCharsets.US_ASCII));
        }
        int sum = 0;
        for (byte value : header.array()) {
            sum += value & 0xFF;
        }
        String checksum = String.format(Locale.ROOT, "%06o\0 ", sum);
        header.put(148, checksum.getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(header.array());
        return this;
    }

    private static byte[] name(String name) {
        ByteArrayOutputStream encoded = new ByteArrayOutputStream();
        name.codePoints()
                .forEach(
                        point -> {
                            if (point >> 8 == 0xDC) {
                                encoded.write(point);
                            } else {
                                encoded.writeBytes(
                                        Character.toString(point).getBytes(StandardCharsets.UTF_8));
                            }
                        });
        return encoded.toByteArray();
    }

    /** GNU's long name. */
    TarBytes longName(String name) {
        return extension('L', name + "\0");
    }

    /** A pax header of one record. */
    TarBytes pax(String key, String value) {
        String record = " " + key + "=" + value + "\n";
        int rest = record.getBytes(StandardCharsets.UTF_8).length;
        int length = rest + 1;
        while (String.valueOf(length).length() + rest != length) {
            length++;
        }
        return extension('x', length + record);
    }

    /** An extension header of any type and content. */
    TarBytes extension(char type, String content) {
        byte[] data = content.getBytes(StandardCharsets.UTF_8);
        header("extension", data.length, (byte) type);
        bytes.writeBytes(data);
        return pad();
    }

    TarBytes zeros(int count) {
        bytes.writeBytes(new byte[count]);
        return this;
    }

    private TarBytes pad() {
        return zeros(-bytes.size() & TarHeader.LENGTH - 1);
    }

    /** With the end of an archive. */
    public byte[] end() {
        return zeros(2 * TarHeader.LENGTH).bytes();
    }

    public byte[] bytes() {
        return bytes.toByteArray();
    }
}
