package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The records of one pax extended header that matter here: each is "length key=value" and a line
 * feed, where the decimal length counts all of it.
 *
 * <p>Source: POSIX.1-2017, pax, "pax Extended Header".
 */
final class PaxRecords {
    /** Longest extended header that is read: names are short, but some keep attributes in it. */
    static final int LENGTH_MAX = 1 << 20;

    private static final byte[] PATH = "path".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SIZE = "size".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SPARSE = "GNU.sparse.".getBytes(StandardCharsets.US_ASCII);

    /** 18 digits always fit into a long. */
    private static final int DIGITS_MAX = 18;

    private final ByteBuffer bytes;
    private final long position;
    private @Nullable String path;
    private long size = -1;
    private boolean isSparse;

    private PaxRecords(ByteBuffer bytes, long position) {
        this.bytes = bytes;
        this.position = position;
    }

    /**
     * Reads all records.
     *
     * @param bytes position to limit; borrowed for the call
     * @param position of the header in the object, for messages
     */
    static PaxRecords read(ByteBuffer bytes, long position) throws MalformedObjectException {
        PaxRecords records = new PaxRecords(bytes, position);
        int at = bytes.position();
        while (at < bytes.limit()) {
            at = records.readRecord(at);
        }
        return records;
    }

    /** The member's path; empty if it takes back what was said before; null if it says nothing. */
    @Nullable String path() {
        return path;
    }

    /** The member's size in bytes, or −1 if there is none in it. */
    long size() {
        return size;
    }

    /** Whether the member is sparse, so that its data is not the file's. */
    boolean isSparse() {
        return isSparse;
    }

    /** Whether it says anything that matters here. */
    boolean isEmpty() {
        return path == null && size < 0 && !isSparse;
    }

    private int readRecord(int start) throws MalformedObjectException {
        int space = find((byte) ' ', start, Math.min(bytes.limit(), start + DIGITS_MAX + 1));
        long length = number(start, space);
        if (length > bytes.limit() - start || length <= space + 1 - start) {
            throw malformed();
        }
        int end = start + (int) length;
        int equals = find((byte) '=', space + 1, end);
        if (bytes.get(end - 1) != '\n') {
            throw malformed();
        }
        take(space + 1, equals, end - 1);
        return end;
    }

    private void take(int key, int equals, int end) throws MalformedObjectException {
        int value = equals + 1;
        if (isKey(PATH, key, equals)) {
            path = Utf8.of(bytes, value, end - value, position);
        } else if (isKey(SIZE, key, equals)) {
            size = value == end ? -1 : number(value, end);
        } else if (equals - key > SPARSE.length && isKey(SPARSE, key, key + SPARSE.length)) {
            isSparse = true;
        }
    }

    private boolean isKey(byte[] name, int from, int to) {
        if (to - from != name.length) {
            return false;
        }
        for (int i = 0; i < name.length; i++) {
            if (bytes.get(from + i) != name[i]) {
                return false;
            }
        }
        return true;
    }

    private int find(byte wanted, int from, int to) throws MalformedObjectException {
        for (int at = from; at < to; at++) {
            if (bytes.get(at) == wanted) {
                return at;
            }
        }
        throw malformed();
    }

    private long number(int from, int to) throws MalformedObjectException {
        if (from == to || to - from > DIGITS_MAX) {
            throw malformed();
        }
        long value = 0;
        for (int at = from; at < to; at++) {
            int digit = bytes.get(at) - '0';
            if (digit < 0 || digit > 9) {
                throw malformed();
            }
            value = value * 10 + digit;
        }
        return value;
    }

    private MalformedObjectException malformed() {
        return new MalformedObjectException(position, "malformed pax header");
    }
}
