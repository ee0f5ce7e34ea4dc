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
 * request that arrives at once is not copied on its way in, but for the part that came with its
 * length.
 *
 * <p>The length is the peer's claim: a frame is given room as its bytes arrive. A full receive
 * buffer is taken for the beginning of a frame that is on its way, and room is made for {@link
 * #AHEAD_BYTES_MAX}; beyond that, or while memory is short, for as much again as has arrived, which
 * copies a long frame once on average.
 *
 * <p>Belongs to the connection's event loop.
 */
final class FrameDecoder extends DefaultMaxMessagesRecvByteBufAllocator {
    private static final int RECEIVE_BUFFER_LENGTH = 64 * 1024;
    private static final int PREFIX_LENGTH = Integer.BYTES;

    /** Room for the beginning of a frame of which next to nothing has arrived. */
    private static final int CAPACITY_MIN = 16 * 1024;

    /** Room for so many times what has arrived: for all of {@link #AHEAD_BYTES_MAX} at once. */
    private static final int AHEAD_FACTOR = 32;

    /** Longest frame that is received straight into one buffer; Kafka's batches are half of it. */
    private static final int AHEAD_BYTES_MAX = 2 << 20;

    /** Takes the frames, and says whether there may be another one. */
    interface Sink {
        /** A complete frame, without its length; who receives it releases it. */
        void onFrame(ByteBuf frame);

        /** Whether another frame is wanted now. */
        boolean isAccepting();

        /**
         * Asked when the length of a frame is known.
         *
         * @return false if the connection is to be closed; the sink has said why
         */
        boolean admits(int length);

        /** Room for so many bytes of a frame is taken, in addition to what was before. */
        void onReceiving(int length);

        /** Whether memory is plenty, so that room may be made for bytes that are not yet there. */
        boolean hasPlenty();
    }

    private final Sink sink;
    private @Nullable ByteBuf partialFrame;
    private @Nullable ByteBuf leftover;
    private int prefix;
    private int prefixLength;
    private int frameLength;
    private long finishedBytes;
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

    /** Bytes of frames that ever arrived. */
    long receivedBytes() {
        ByteBuf frame = partialFrame;
        return frame == null ? finishedBytes : finishedBytes + frame.writerIndex();
    }

    /** Bytes that the frame which has begun to arrive still lacks; 0 if none has. */
    int missingBytes() {
        ByteBuf frame = partialFrame;
        return frame == null ? 0 : frameLength - frame.writerIndex();
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
                onFilled(frame);
            }
            return;
        }
        ByteBuf rest = leftover;
        leftover = null;
        // Netty may deliver what it had read already after reading was paused.
        decode(rest == null ? received : joined(rest, received, allocator), allocator);
    }

    /** The room that was made is used up: the frame is complete, or needs more. */
    private void onFilled(ByteBuf frame) {
        int arrived = frame.writerIndex();
        if (arrived == frameLength) {
            partialFrame = null;
            finishedBytes += frameLength;
            sink.onFrame(frame);
        } else {
            int capacity = capacityFor(arrived);
            sink.onReceiving(capacity - arrived);
            frame.capacity(capacity);
        }
    }

    private int capacityFor(int arrived) {
        long capacity = Math.max(CAPACITY_MIN, 2L * arrived);
        if (sink.hasPlenty()) {
            long ahead = Math.min((long) AHEAD_FACTOR * arrived, AHEAD_BYTES_MAX);
            capacity = Math.max(capacity, ahead);
        }
        return (int) Math.min(capacity, frameLength);
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
        try {
            int length = first.readableBytes() + second.readableBytes();
            return allocator.directBuffer(length).writeBytes(first).writeBytes(second);
        } finally {
            first.release();
            second.release();
        }
    }

    private void decode(ByteBuf received, ByteBufAllocator allocator) {
        try {
            while (!closed && received.isReadable()) {
                if (!sink.isAccepting()) {
                    leftover = received.retain();
                    return;
                }
                if (!readPrefix(received) || !sink.admits(prefix)) {
                    return;
                }
                prefixLength = 0;
                frameLength = prefix;
                readFrame(received, allocator);
            }
        } finally {
            received.release();
        }
    }

    private boolean readPrefix(ByteBuf received) {
        while (prefixLength < PREFIX_LENGTH && received.isReadable()) {
            prefix = prefix << Byte.SIZE | received.readByte() & 0xFF;
            prefixLength++;
        }
        return prefixLength == PREFIX_LENGTH;
    }

    private void readFrame(ByteBuf received, ByteBufAllocator allocator) {
        int arrived = received.readableBytes();
        if (arrived >= frameLength) {
            sink.onReceiving(frameLength);
            finishedBytes += frameLength;
            sink.onFrame(received.readRetainedSlice(frameLength));
        } else {
            int capacity = capacityFor(arrived);
            sink.onReceiving(capacity);
            partialFrame = allocator.directBuffer(capacity, frameLength).writeBytes(received);
        }
    }
}
