package io.headrace.kafka;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Cuts what a connection receives into frames of a 4-byte length and a request.
 *
 * <p>It is also the channel's allocator of receive buffers: once the length of a frame is known,
 * and the frame is not complete, the socket is read straight into the frame's own buffer. So a
 * large request is never copied on its way in, but for the part that came with its length.
 *
 * <p>Belongs to the connection's event loop.
 */
final class FrameDecoder extends DefaultMaxMessagesRecvByteBufAllocator {
    private static final int RECEIVE_BUFFER_LENGTH = 64 * 1024;
    private static final int PREFIX_LENGTH = Integer.BYTES;

    /** Takes the frames, and says whether there may be another one. */
    interface Sink {
        /** A complete frame, without its length; who receives it releases it. */
        void onFrame(ByteBuf frame);

        /** Whether another frame is wanted now. */
        boolean isAccepting();

        /**
         * Asked before a frame's buffer is allocated.
         *
         * @return false if the connection is to be closed; the sink has said why
         */
        boolean admits(int length);
    }

    private final Sink sink;
    private @Nullable ByteBuf partialFrame;
    private @Nullable ByteBuf leftover;
    private int prefix;
    private int prefixLength;
    private boolean closed;

    FrameDecoder(Sink sink) {
        this.sink = sink;
    }

    @Override
    public MaxMessageHandle newHandle() {
        return new ReceiveHandle();
    }

    private final class ReceiveHandle extends MaxMessageHandle {
        @Override
        public int guess() {
            return RECEIVE_BUFFER_LENGTH;
        }

        @Override
        public ByteBuf allocate(ByteBufAllocator allocator) {
            ByteBuf frame = partialFrame;
            return frame == null ? allocator.directBuffer(RECEIVE_BUFFER_LENGTH) : frame.retain();
        }
    }

    /** Whether a frame has begun to arrive, for which the sink has given leave. */
    boolean isInsideFrame() {
        return partialFrame != null;
    }

    /** Whether frames were received that the sink did not take yet. */
    boolean hasLeftover() {
        return leftover != null;
    }

    /** Takes over what the channel has read. */
    void onRead(ByteBuf received, ByteBufAllocator allocator) {
        ByteBuf frame = partialFrame;
        if (received == frame) {
            received.release(); // the reference that allocate() took; partialFrame holds another
            if (!frame.isWritable()) {
                partialFrame = null;
                sink.onFrame(frame);
            }
            return;
        }
        if (leftover != null) {
            // Netty may deliver what it had read already after reading was paused.
            received = joined(leftover, received, allocator);
            leftover = null;
        }
        decode(received, allocator);
    }

    /** Goes on with what was received before the sink stopped accepting. */
    void resume(ByteBufAllocator allocator) {
        ByteBuf rest = leftover;
        if (rest != null) {
            leftover = null;
            decode(rest, allocator);
        }
    }

    /** Releases what was received and not delivered; nothing is delivered any more. */
    void close() {
        closed = true;
        if (partialFrame != null) {
            partialFrame.release();
            partialFrame = null;
        }
        if (leftover != null) {
            leftover.release();
            leftover = null;
        }
    }

    private static ByteBuf joined(ByteBuf first, ByteBuf second, ByteBufAllocator allocator) {
        ByteBuf both = allocator.directBuffer(first.readableBytes() + second.readableBytes());
        both.writeBytes(first).writeBytes(second);
        first.release();
        second.release();
        return both;
    }

    private void decode(ByteBuf received, ByteBufAllocator allocator) {
        while (!closed && received.isReadable()) {
            if (!sink.isAccepting()) {
                leftover = received;
                return;
            }
            if (!readPrefix(received)) {
                break;
            }
            if (!sink.admits(prefix)) {
                break;
            }
            prefixLength = 0;
            readFrame(received, allocator);
        }
        received.release();
    }

    private boolean readPrefix(ByteBuf received) {
        while (prefixLength < PREFIX_LENGTH && received.isReadable()) {
            prefix = prefix << Byte.SIZE | received.readByte() & 0xFF;
            prefixLength++;
        }
        return prefixLength == PREFIX_LENGTH;
    }

    private void readFrame(ByteBuf received, ByteBufAllocator allocator) {
        if (received.readableBytes() >= prefix) {
            sink.onFrame(received.readRetainedSlice(prefix));
        } else {
            partialFrame = allocator.directBuffer(prefix, prefix).writeBytes(received);
        }
    }
}
