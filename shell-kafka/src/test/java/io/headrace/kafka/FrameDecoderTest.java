package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How much memory a frame is given while it arrives, and how often it is copied. */
class FrameDecoderTest {
    private static final int MIB = 1 << 20;
    private static final int RECEIVED_AT_ONCE = 64 * 1024;

    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
    private final Frames frames = new Frames();
    private final FrameDecoder decoder = new FrameDecoder(frames);
    private final RecvByteBufAllocator.ExtendedHandle socket = decoder.newHandle();

    private static final class Frames implements FrameDecoder.Sink {
        final List<byte[]> received = new ArrayList<>();
        long room;
        boolean plenty = true;

        @Override
        public void onFrame(ByteBuf frame) {
            byte[] bytes = new byte[frame.readableBytes()];
            frame.readBytes(bytes).release();
            received.add(bytes);
        }

        @Override
        public boolean isAccepting() {
            return true;
        }

        @Override
        public boolean admits(int length) {
            return true;
        }

        @Override
        public void onReceiving(int length) {
            room += length;
        }

        @Override
        public boolean hasPlenty() {
            return plenty;
        }
    }

    @AfterEach
    void nothingIsLeft() {
        decoder.close();
        assertEquals(0, allocator.metric().usedDirectMemory());
    }

    @Test
    void aFrameThatArrivesAtOnceIsReadIntoOneBuffer() {
        byte[] bytes = frame(MIB);
        int at = receive(bytes, 0);
        ByteBuf first = socket.allocate(allocator);
        assertEquals(MIB, first.capacity());
        first.release();
        while (at < bytes.length) {
            ByteBuf buffer = socket.allocate(allocator);
            assertSame(first, buffer);
            buffer.release();
            at = receive(bytes, at);
        }
        assertReceived(bytes);
        assertEquals(MIB, frames.room);
    }

    @Test
    void whatIsOnlyAnnouncedIsGivenLittleRoom() {
        receive(new byte[] {0x05, 0, 0, 0}, 0);
        // The length is there, and nothing else: no room is made before something comes.
        assertTrue(frames.room <= 16 * 1024, "room: " + frames.room);
        assertEquals(0x0500_0000, decoder.missingBytes());
    }

    @Test
    void roomFollowsTheBytesWhileMemoryIsShort() {
        frames.plenty = false;
        byte[] bytes = frame(3 * MIB);
        for (int at = 0; at < bytes.length; ) {
            at = receive(bytes, at);
            assertTrue(frames.room <= 2L * at + 16 * 1024, "room: " + frames.room + " at: " + at);
        }
        assertReceived(bytes);
        assertEquals(3 * MIB, frames.room);
    }

    @Test
    void aLongFrameGrowsAsItArrives() {
        byte[] bytes = frame(9 * MIB + 5);
        for (int at = 0; at < bytes.length; ) {
            at = receive(bytes, at);
            assertTrue(frames.room <= Math.max(2 * MIB, 2L * at), "room: " + frames.room);
        }
        assertReceived(bytes);
        assertEquals(9 * MIB + 5, frames.room);
    }

    @Test
    void anyFramesInAnyPiecesArriveAsTheyWere() {
        long seed = System.nanoTime();
        System.err.println("seed=" + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            frames.plenty = random.nextBoolean();
            byte[] bytes = frame(8 + random.nextInt(1 << random.nextInt(20)));
            for (int at = 0; at < bytes.length; ) {
                at = receive(bytes, at, 1 + random.nextInt(RECEIVED_AT_ONCE));
            }
            assertReceived(bytes);
        }
    }

    private void assertReceived(byte[] bytes) {
        assertEquals(1, frames.received.size());
        byte[] expected = Arrays.copyOfRange(bytes, 4, bytes.length);
        assertArrayEquals(expected, frames.received.get(0));
        frames.received.clear();
    }

    private static byte[] frame(int length) {
        byte[] bytes = new byte[4 + length];
        new Random(length).nextBytes(bytes);
        ByteBuffer.wrap(bytes).putInt(length);
        return bytes;
    }

    private int receive(byte[] bytes, int from) {
        return receive(bytes, from, RECEIVED_AT_ONCE);
    }

    /** As the channel does: asks for a buffer, fills it, and hands it over. Returns where it is. */
    private int receive(byte[] bytes, int from, int lengthMax) {
        ByteBuf buffer = socket.allocate(allocator);
        int length = Math.min(lengthMax, Math.min(buffer.writableBytes(), bytes.length - from));
        buffer.writeBytes(bytes, from, length);
        decoder.onRead(buffer, allocator);
        return from + length;
    }
}
