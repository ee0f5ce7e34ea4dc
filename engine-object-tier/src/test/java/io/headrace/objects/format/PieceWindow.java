package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.SampleScanner.Window;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A window over bytes that has nothing at first, and gets a piece of what it was asked for at each
 * {@link #supply}. What it lends it overwrites afterwards, and it checks what it is asked for.
 */
final class PieceWindow implements Window {
    private final byte[] object;
    private final boolean isLengthKnown;
    private final BitSet here = new BitSet();
    private final List<ByteBuffer> lent = new ArrayList<>();
    private boolean isWhole;
    private boolean isEndSeen;
    private long askedAt = -1;
    private long askedTo;
    private long lowestAsked;

    /**
     * @param isLengthKnown whether the length is known from the start; else once a byte behind the
     *     end was asked for
     */
    PieceWindow(byte[] object, boolean isLengthKnown) {
        this.object = object;
        this.isLengthKnown = isLengthKnown;
    }

    /** All bytes are here. */
    PieceWindow whole() {
        here.set(0, object.length);
        isWhole = true;
        return this;
    }

    @Override
    public long length() {
        return isLengthKnown || isEndSeen ? object.length : -1;
    }

    @Override
    public @Nullable ByteBuffer at(long position, int length) {
        assertTrue(length > 0, "asked for nothing");
        assertTrue(position >= lowestAsked, () -> "went back to " + position);
        assertTrue(
                length() < 0 || position + length <= object.length,
                () -> "asked behind the end: position=" + position + " length=" + length);
        if (position + length <= object.length
                && (isWhole || here.nextClearBit((int) position) >= position + length)) {
            return lend(position, length);
        }
        askedAt = position;
        askedTo = position + length;
        return null;
    }

    @Override
    public ByteBuffer from(long position) {
        assertTrue(position >= lowestAsked, () -> "went back to " + position);
        assertTrue(length() < 0 || position <= object.length, "asked behind the end");
        int end = Math.min(object.length, here.nextClearBit((int) position));
        return lend(position, Math.max(0, end - (int) position));
    }

    /** In the middle of a larger buffer, so that a scanner that forgets its position is found. */
    private ByteBuffer lend(long position, int length) {
        ByteBuffer buffer = ByteBuffer.allocate(length + 24);
        buffer.put(11, object, (int) position, length);
        buffer.limit(11 + length).position(11);
        lent.add(buffer);
        return buffer;
    }

    /** Ends the loans. */
    void takeBack() {
        for (ByteBuffer buffer : lent) {
            buffer.clear();
            while (buffer.hasRemaining()) {
                buffer.put((byte) 0x5A);
            }
        }
        lent.clear();
    }

    /** Gets the first missing bytes of what was asked for, at most so many. */
    void supply(int count) {
        assertTrue(askedAt >= 0, "needs bytes, but asked for none");
        lowestAsked = askedAt;
        int from = here.nextClearBit((int) Math.min(askedAt, object.length));
        long to = Math.min(askedTo, (long) from + count);
        if (from >= object.length || to > object.length) {
            isEndSeen = true;
        }
        if (from < object.length) {
            here.set(from, (int) Math.min(to, object.length));
        }
        askedAt = -1;
    }

    /** How many bytes it got. */
    int suppliedCount() {
        return here.cardinality();
    }
}
