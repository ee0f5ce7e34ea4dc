package io.headrace.engine.segment;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What a segment says of itself: docs/design/formats.md.
 *
 * @param group what its batches have in common
 * @param runs in the order of the file
 */
public record SegmentFooter(SegmentGroup group, List<SegmentRun> runs) {
    private static final int RUN_LENGTH = Long.BYTES + Short.BYTES + 2 * Integer.BYTES;
    private static final int BLOCK_LENGTH = 5 * Long.BYTES + 3 * Integer.BYTES;

    /** How many batches there are. */
    public long batchCount() {
        return runs.stream()
                .flatMap(run -> run.blocks().stream())
                .mapToLong(SegmentBlock::batchCount)
                .sum();
    }

    ByteBuffer encode() {
        byte[] mode = bytes(group.mode());
        byte[] tenant = bytes(group.tenant());
        int length = 2 * Short.BYTES + mode.length + tenant.length + Integer.BYTES;
        for (SegmentRun run : runs) {
            length += RUN_LENGTH + bytes(run.topicName()).length;
            length += run.blocks().size() * BLOCK_LENGTH;
        }
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        put(buffer, mode);
        put(buffer, tenant);
        buffer.putInt(runs.size());
        runs.forEach(run -> encode(run, buffer));
        return buffer.flip();
    }

    private static void encode(SegmentRun run, ByteBuffer buffer) {
        buffer.putLong(run.topicId());
        put(buffer, bytes(run.topicName()));
        buffer.putInt(run.partition()).putInt(run.blocks().size());
        for (SegmentBlock block : run.blocks()) {
            buffer.putLong(block.offset())
                    .putInt(block.length())
                    .putInt(block.batchCount())
                    .putLong(block.baseOffset())
                    .putLong(block.lastOffset())
                    .putLong(block.maxTimestampMs())
                    .putLong(block.datedMs())
                    .putInt(block.crc());
        }
    }

    /**
     * Reads a footer whose checksum held.
     *
     * @param retentionClass as the header says
     * @throws IllegalArgumentException if it is not one, saying why
     */
    static SegmentFooter decode(ByteBuffer bytes, int retentionClass) {
        ByteBuffer buffer = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        try {
            SegmentGroup group = new SegmentGroup(string(buffer), string(buffer), retentionClass);
            int count = buffer.getInt();
            List<SegmentRun> runs = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                runs.add(decodeRun(buffer));
            }
            if (buffer.hasRemaining()) {
                throw new IllegalArgumentException("footer is longer than its runs");
            }
            return new SegmentFooter(group, runs);
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("footer is shorter than its runs", e);
        }
    }

    private static SegmentRun decodeRun(ByteBuffer buffer) {
        long topicId = buffer.getLong();
        String name = string(buffer);
        int partition = buffer.getInt();
        int count = buffer.getInt();
        List<SegmentBlock> blocks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            blocks.add(
                    new SegmentBlock(
                            buffer.getLong(),
                            buffer.getInt(),
                            buffer.getInt(),
                            buffer.getLong(),
                            buffer.getLong(),
                            buffer.getLong(),
                            buffer.getLong(),
                            buffer.getInt()));
        }
        return new SegmentRun(topicId, name, partition, blocks);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void put(ByteBuffer buffer, byte[] text) {
        buffer.putShort((short) text.length).put(text);
    }

    private static String string(ByteBuffer buffer) {
        byte[] text = new byte[Short.toUnsignedInt(buffer.getShort())];
        buffer.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }
}
