package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.nio.ByteBuffer;

/**
 * A flyweight over one 512-byte header of a tar file: POSIX ustar and pax, GNU, and the older v7.
 *
 * <p>Sources: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format"
 * and {@code src/tar.h}, for base-256 numbers and for where GNU uses the prefix otherwise.
 */
final class TarHeader {
    static final int LENGTH = 512;

    static final byte FILE = '0';
    static final byte OLD_FILE = 0;
    static final byte HARD_LINK = '1';
    static final byte DIRECTORY = '5';
    static final byte FIFO = '6';
    static final byte CONTIGUOUS_FILE = '7';
    static final byte GLOBAL_PAX = 'g';
    static final byte PAX = 'x';
    static final byte GNU_LONG_NAME = 'L';
    static final byte GNU_LONG_LINK = 'K';
    static final byte GNU_SPARSE = 'S';
    static final byte GNU_CONTINUATION = 'M';

    private static final int NAME_AT = 0;
    private static final int NAME_LENGTH = 100;
    private static final int SIZE_AT = 124;
    private static final int SIZE_LENGTH = 12;
    private static final int CHECKSUM_AT = 148;
    private static final int CHECKSUM_LENGTH = 8;
    private static final int TYPE_AT = 156;
    private static final int MAGIC_AT = 257;
    private static final int PREFIX_AT = 345;
    private static final int PREFIX_LENGTH = 155;

    private static final long MAGIC_WITHOUT_VERSION = 0x75_73_74_61_72L; // ustar

    /** Pairs of bytes add up to at most 64 × 510 in a lane: they never spill over. */
    private static final long EVEN_BYTES = 0x00FF_00FF_00FF_00FFL;

    private static final long LOW_HALVES = 0x0000_FFFF_0000_FFFFL;

    private static final int BASE_256 = 0x80;
    private static final int BASE_256_NEGATIVE = 0xFF;

    private ByteBuffer bytes = ByteBuffer.allocate(LENGTH);
    private int start;
    private long position;

    /**
     * Looks at another header.
     *
     * @param header its bytes, from the buffer's position on; borrowed
     * @param at where it stands in the object
     */
    void wrap(ByteBuffer header, long at) {
        bytes = header;
        start = header.position();
        position = at;
    }

    /** Whether all is zero: the end of the archive. */
    boolean isZero() {
        for (int at = start; at < start + LENGTH; at += Long.BYTES) {
            if (bytes.getLong(at) != 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * Checks the checksum, which is the sum of all bytes with spaces in its own place. Some old
     * writers added up signed bytes, so both sums will do.
     */
    void verify() throws MalformedObjectException {
        if (!isChecksumRight()) {
            throw new MalformedObjectException(position, "wrong checksum of a tar header");
        }
    }

    boolean isChecksumRight() {
        long sum = octal(CHECKSUM_AT, CHECKSUM_LENGTH);
        int spaces = ' ' * CHECKSUM_LENGTH;
        int unsigned = sum() - sum(CHECKSUM_AT, CHECKSUM_LENGTH) + spaces;
        return sum == unsigned || sum == unsigned - (negativeCount() << Byte.SIZE);
    }

    /** Sum of all bytes, eight at a time: their pairs are added in four lanes of 16 bits. */
    private int sum() {
        long lanes = 0;
        for (int at = start; at < start + LENGTH; at += Long.BYTES) {
            long word = bytes.getLong(at);
            lanes += (word & EVEN_BYTES) + (word >>> Byte.SIZE & EVEN_BYTES);
        }
        long halves = (lanes & LOW_HALVES) + (lanes >>> Short.SIZE & LOW_HALVES);
        return (int) halves + (int) (halves >>> Integer.SIZE);
    }

    private int sum(int at, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes.get(start + at + i) & 0xFF;
        }
        return sum;
    }

    /** How many bytes outside of the checksum's place are negative. */
    private int negativeCount() {
        int count = 0;
        for (int at = 0; at < LENGTH; at++) {
            boolean isChecksum = at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_LENGTH;
            count += !isChecksum && bytes.get(start + at) < 0 ? 1 : 0;
        }
        return count;
    }

    /** Whether it has the magic of POSIX or of GNU. */
    boolean hasMagic() {
        return bytes.getInt(start + MAGIC_AT) == (int) (MAGIC_WITHOUT_VERSION >>> Byte.SIZE)
                && bytes.get(start + MAGIC_AT + Integer.BYTES) == (byte) MAGIC_WITHOUT_VERSION;
    }

    byte type() {
        return bytes.get(start + TYPE_AT);
    }

    /** Bytes of the member's data. */
    long size() throws MalformedObjectException {
        int first = bytes.get(start + SIZE_AT) & 0xFF;
        long size =
                first == BASE_256 || first == BASE_256_NEGATIVE
                        ? base256()
                        : octal(SIZE_AT, SIZE_LENGTH);
        if (size < 0) {
            throw new MalformedObjectException(position, "size of a tar member is no number");
        }
        return size;
    }

    /** A big-endian number behind the marker; −1 if it does not fit or is negative. */
    private long base256() {
        int valueAt = start + SIZE_AT + SIZE_LENGTH - Long.BYTES;
        for (int at = start + SIZE_AT + 1; at < valueAt; at++) {
            if (bytes.get(at) != 0) {
                return -1;
            }
        }
        return (bytes.get(start + SIZE_AT) & 0xFF) == BASE_256 ? bigEndianLong(valueAt) : -1;
    }

    private long bigEndianLong(int at) {
        long value = 0;
        for (int i = 0; i < Long.BYTES; i++) {
            value = value << Byte.SIZE | bytes.get(at + i) & 0xFF;
        }
        return value;
    }

    /**
     * Digits that spaces may precede and a space or NUL ends; all blank is 0. −1 if it is anything
     * else.
     */
    private long octal(int fieldAt, int length) {
        int at = start + fieldAt;
        int end = at + length;
        while (at < end && bytes.get(at) == ' ') {
            at++;
        }
        long value = 0;
        for (; at < end && !isFieldEnd(bytes.get(at)); at++) {
            int digit = bytes.get(at) - '0';
            if (digit < 0 || digit > 7) {
                return -1;
            }
            value = value << 3 | digit;
        }
        return value;
    }

    private static boolean isFieldEnd(byte value) {
        return value == 0 || value == ' ';
    }

    /** The member's path: prefix and name. */
    String path() throws MalformedObjectException {
        String name = text(NAME_AT, NAME_LENGTH);
        if (!hasPrefix()) {
            return name;
        }
        return text(PREFIX_AT, PREFIX_LENGTH) + '/' + name;
    }

    /** POSIX ends its magic with NUL; GNU, with a space there, keeps times where the prefix is. */
    private boolean hasPrefix() {
        return hasMagic()
                && bytes.get(start + MAGIC_AT + Integer.BYTES + 1) == 0
                && bytes.get(start + PREFIX_AT) != 0;
    }

    private String text(int fieldAt, int lengthMax) throws MalformedObjectException {
        return Utf8.untilZero(bytes, start + fieldAt, lengthMax, position);
    }
}
