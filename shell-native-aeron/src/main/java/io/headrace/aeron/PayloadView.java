package io.headrace.aeron;

import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A part of an Aeron buffer as a {@link ByteBuffer}, without a copy. Fragments come from a stream's
 * three term buffers or from an assembler's array, so the last buffer seen is kept, and a new
 * object is made only when the stream turns to another.
 */
final class PayloadView {
    private @Nullable Object source;
    private ByteBuffer view = ByteBuffer.allocate(0);

    /** Valid until the next call, and as long as the buffer is. */
    ByteBuffer of(DirectBuffer buffer, int offset, int length) {
        ByteBuffer byteBuffer = buffer.byteBuffer();
        Object newSource = byteBuffer != null ? byteBuffer : buffer.byteArray();
        if (newSource != source) {
            source = newSource;
            view =
                    byteBuffer != null
                            ? byteBuffer.duplicate()
                            : ByteBuffer.wrap(buffer.byteArray());
        }
        int position = buffer.wrapAdjustment() + offset;
        return view.limit(position + length).position(position);
    }

    /** Lets go of the last buffer seen, which may be unmapped from now on. */
    void clear() {
        source = null;
        view = ByteBuffer.allocate(0);
    }
}
