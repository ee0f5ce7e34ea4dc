package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads the value of a record that holds a sample of several parts, which its header {@code
 * headrace.format} = {@code parts} tells: a MessagePack map from names to bytes. Headrace writes
 * fixed-width forms only; all forms that MessagePack has for this are read.
 *
 * <p>Needs nothing but the JDK, so that a consumer can copy it. Every length is checked before it
 * is used.
 */
@Experimental
public final class SampleParts {
    /** Name of the record header that tells how a record's value is encoded. */
    public static final String FORMAT_HEADER = "headrace.format";

    /** Its value for samples of several parts. */
    public static final String FORMAT = "parts";

    /** A part takes at least the header of its name and that of its value. */
    private static final int PART_LENGTH_MIN = 2;

    private final ByteBuffer bytes;

    private SampleParts(ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /**
     * The parts by name, in the order of the record.
     *
     * @param value of the record, from position to limit, which it leaves as they are; the parts
     *     are slices of it
     * @throws IllegalArgumentException if it is not such a map
     */
    public static Map<String, ByteBuffer> decode(ByteBuffer value) {
        return new SampleParts(value.slice()).decode();
    }

    /** The parts by name, in the order of the record; they are slices of its value. */
    public static Map<String, ByteBuffer> decode(byte[] value) {
        return decode(ByteBuffer.wrap(value));
    }

    private Map<String, ByteBuffer> decode() {
        long count = mapCount(unsigned(1));
        if (count > bytes.remaining() / PART_LENGTH_MIN) {
            throw malformed("more parts than bytes");
        }
        Map<String, ByteBuffer> parts = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            String name = text(take(textLength((int) unsigned(1))));
            if (parts.put(name, take(valueLength((int) unsigned(1)))) != null) {
                throw malformed("two parts of one name");
            }
        }
        if (bytes.hasRemaining()) {
            throw malformed("bytes behind the last part");
        }
        return parts;
    }

    private long mapCount(long type) {
        if (type >= 0x80 && type <= 0x8f) {
            return type & 0x0f;
        }
        if (type == 0xde || type == 0xdf) {
            return unsigned(type == 0xde ? Short.BYTES : Integer.BYTES);
        }
        throw malformed("not a map");
    }

    private long textLength(int type) {
        if (type >= 0xa0 && type <= 0xbf) {
            return type & 0x1f;
        }
        switch (type) {
            case 0xd9:
                return unsigned(Byte.BYTES);
            case 0xda:
                return unsigned(Short.BYTES);
            case 0xdb:
                return unsigned(Integer.BYTES);
            default:
                throw malformed("a name is not text");
        }
    }

    /** Text will do as a value: encoders that are older than MessagePack's bytes write it. */
    private long valueLength(int type) {
        switch (type) {
            case 0xc4:
                return unsigned(Byte.BYTES);
            case 0xc5:
                return unsigned(Short.BYTES);
            case 0xc6:
                return unsigned(Integer.BYTES);
            default:
                return textLength(type);
        }
    }

    private long unsigned(int width) {
        if (bytes.remaining() < width) {
            throw malformed("truncated");
        }
        long value = 0;
        for (int i = 0; i < width; i++) {
            value = value << Byte.SIZE | bytes.get() & 0xff;
        }
        return value;
    }

    private ByteBuffer take(long length) {
        if (length > bytes.remaining()) {
            throw malformed("truncated");
        }
        ByteBuffer part = bytes.slice(bytes.position(), (int) length);
        bytes.position(bytes.position() + (int) length);
        return part;
    }

    private String text(ByteBuffer utf8) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
        } catch (CharacterCodingException malformed) {
            throw malformed("a name is not UTF-8");
        }
    }

    private IllegalArgumentException malformed(String reason) {
        return new IllegalArgumentException(
                "not a sample of parts: " + reason + ": at=" + bytes.position());
    }
}
