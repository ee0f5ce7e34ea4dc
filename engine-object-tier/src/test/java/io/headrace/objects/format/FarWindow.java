package io.headrace.objects.format;

import io.headrace.engine.spi.SampleScanner.Window;
import java.nio.ByteBuffer;

/** The first and the last bytes of an object that is too large for a test. */
final class FarWindow implements Window {
    private final byte[] head;
    private final long tailAt;
    private final byte[] tail;

    FarWindow(byte[] head, long tailAt, byte[] tail) {
        this.head = head;
        this.tailAt = tailAt;
        this.tail = tail;
    }

    @Override
    public long length() {
        return tailAt + tail.length;
    }

    @Override
    public ByteBuffer at(long position, int length) {
        return from(position).slice(0, length);
    }

    @Override
    public ByteBuffer from(long position) {
        return position < tailAt
                ? ByteBuffer.wrap(head, (int) position, head.length - (int) position).slice()
                : ByteBuffer.wrap(tail, (int) (position - tailAt), (int) (length() - position))
                        .slice();
    }
}
