package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text out of an object. What is not UTF-8 is refused: two such names could become one. */
final class Utf8 {
    private Utf8() {}

    /**
     * Exactly these bytes.
     *
     * @param position of the object, for the message
     */
    static String of(ByteBuffer bytes, int from, int length, long position)
            throws MalformedObjectException {
        byte[] copy = new byte[length];
        bytes.get(from, copy);
        if (isAscii(copy)) {
            return new String(copy, StandardCharsets.ISO_8859_1);
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(copy)).toString();
        } catch (CharacterCodingException malformed) {
            throw new MalformedObjectException(position, "a name is not UTF-8");
        }
    }

    /** Bytes before the first zero. */
    static String untilZero(ByteBuffer bytes, int from, int lengthMax, long position)
            throws MalformedObjectException {
        int length = 0;
        while (length < lengthMax && bytes.get(from + length) != 0) {
            length++;
        }
        return of(bytes, from, length, position);
    }

    private static boolean isAscii(byte[] text) {
        for (byte value : text) {
            if (value < 0) {
                return false;
            }
        }
        return true;
    }

    /** Bytes of a text in UTF-8; a lone surrogate, which has no encoding, counts as three. */
    static int length(String text) {
        int length = text.length();
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            if (unit >= 0x800) {
                length += Character.isSurrogate(unit) ? 1 : 2;
            } else if (unit >= 0x80) {
                length++;
            }
        }
        return length;
    }
}
