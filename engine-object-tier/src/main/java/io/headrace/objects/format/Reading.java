package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.MalformedObjectException;
import io.headrace.engine.spi.SampleScanner.Window;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** What all scanners ask of a window, with the object's end checked first. */
final class Reading {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0).asReadOnlyBuffer();

    private Reading() {}

    /**
     * Bytes of the object, or null if they are not here yet.
     *
     * @throws MalformedObjectException if they are known to lie behind the object's end
     */
    static @Nullable ByteBuffer at(Window window, long position, int length)
            throws MalformedObjectException {
        requireWithin(window, position, length);
        return length == 0 ? NOTHING : window.at(position, length);
    }

    /**
     * Checks that a range lies within the object, as far as its length is known.
     *
     * @param length of any size: it may be what the object says about itself
     */
    static void requireWithin(Window window, long position, long length)
            throws MalformedObjectException {
        if (length < 0 || position > Long.MAX_VALUE - length) {
            throw new MalformedObjectException(position, "impossible length");
        }
        if (window.length() >= 0 && position + length > window.length()) {
            throw new MalformedObjectException(Math.min(position, window.length()), "truncated");
        }
    }

    /**
     * Whether a range is known to lie within the object: where the length is not known, its last
     * byte has to be here.
     *
     * @return false if that byte was asked for
     */
    static boolean isWithin(Window window, long position, long length)
            throws MalformedObjectException {
        requireWithin(window, position, length);
        return window.length() >= 0 || length == 0 || window.at(position + length - 1, 1) != null;
    }

    /** Whether the object is known to end at that position. */
    static boolean isEnd(Window window, long position) {
        return window.length() >= 0 && position >= window.length();
    }
}
