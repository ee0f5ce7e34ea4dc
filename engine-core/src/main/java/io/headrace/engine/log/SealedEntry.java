package io.headrace.engine.log;

import io.headrace.engine.segment.SegmentPosition;
import java.nio.ByteBuffer;

/**
 * The payload of a {@code SEALED} entry, as docs/design/formats.md specifies it: which batches lie
 * where in a segment. Written by one thread; reading is stateless.
 */
final class SealedEntry {
    /** So short that nobody who appends waits long for it. */
    static final int LENGTH_MAX = 64 * 1024;

    private static final byte VERSION = 1;
    private static final int RUN_COUNT_AT = Byte.BYTES + Integer.BYTES;
    private static final int RUN_HEADER = 2 * Long.BYTES + 2 * Integer.BYTES;
    private static final int BATCH = Long.BYTES + Integer.BYTES;

    private final ByteBuffer buffer;
    private int runCount;
    private int batchCount;
    private int batchCountAt;
    private long topicId;
    private int partition;
    private long nextOffset;

    /** Takes what an entry says of one batch. */
    interface Handler {
        void onBatch(long topicId, int partition, long lastOffset, long position, int length);
    }

    SealedEntry() {
        this.buffer = ByteBuffer.allocate(LENGTH_MAX);
    }

    /** Begins an entry about a segment. */
    void begin(int segment) {
        buffer.clear().put(VERSION).putInt(segment).putInt(0);
        runCount = 0;
        batchCount = 0;
    }

    boolean isEmpty() {
        return runCount == 0;
    }

    /** Adds a batch, in the order of the file; false if there is no room. */
    boolean add(long topic, int number, long lastOffset, long fileOffset, int length) {
        boolean goesOn =
                batchCount > 0
                        && topicId == topic
                        && partition == number
                        && nextOffset == fileOffset;
        if (buffer.remaining() < BATCH + (goesOn ? 0 : RUN_HEADER)) {
            return false;
        }
        if (!goesOn) {
            beginRun(topic, number, fileOffset);
        }
        buffer.putLong(lastOffset).putInt(length);
        buffer.putInt(batchCountAt, ++batchCount);
        nextOffset = fileOffset + length;
        return true;
    }

    private void beginRun(long topic, int number, long fileOffset) {
        topicId = topic;
        partition = number;
        buffer.putLong(topic).putInt(number).putLong(fileOffset);
        batchCountAt = buffer.position();
        batchCount = 0;
        buffer.putInt(0);
        buffer.putInt(RUN_COUNT_AT, ++runCount);
    }

    /** The entry; ours again with the next {@link #begin}. */
    ByteBuffer payload() {
        return buffer.duplicate().flip();
    }

    /** The segment that an entry is about. */
    static int segment(ByteBuffer payload) {
        byte version = payload.get(payload.position());
        if (version != VERSION) {
            throw new IllegalStateException("unknown sealed entry: version=" + version);
        }
        return payload.duplicate().getInt(payload.position() + Byte.BYTES);
    }

    static void forEach(ByteBuffer payload, Handler handler) {
        int segment = segment(payload);
        ByteBuffer from = payload.duplicate();
        from.position(payload.position() + RUN_COUNT_AT);
        int runs = from.getInt();
        for (int run = 0; run < runs; run++) {
            long topicId = from.getLong();
            int partition = from.getInt();
            long offset = from.getLong();
            int batches = from.getInt();
            for (int i = 0; i < batches; i++) {
                long lastOffset = from.getLong();
                int length = from.getInt();
                long position = SegmentPosition.of(segment, offset);
                handler.onBatch(topicId, partition, lastOffset, position, length);
                offset += length;
            }
        }
    }
}
