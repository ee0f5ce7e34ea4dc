package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Batches of a shuffle or mix view between two offsets, and nothing else. These are framed anew
 * whenever they are made, and may begin and end at other offsets then, so that what was a whole
 * batch when it was referred to may lie within one. What lies across an end is copied, the rest is
 * leased where it is.
 */
final class CutRecords implements RecordsLease {
    private static final int FRAME_GROWTH_MAX = 16;

    private final RecordsLease whole;
    private final List<ByteBuffer> slices = new ArrayList<>();
    private int length;
    private long nextOffset;

    private CutRecords(RecordsLease whole) {
        this.whole = whole;
    }

    /**
     * Takes over a lease.
     *
     * @param whole of uncompressed batches without holes, the first of which holds the first offset
     * @return what it has from the first offset on, and below the second; not empty
     */
    static RecordsLease of(RecordsLease whole, long fromOffset, long endOffset) {
        ByteBuffer first = whole.slice(0);
        if (RecordBatch.baseOffset(first, first.position()) >= fromOffset
                && whole.nextOffset() <= endOffset) {
            return whole;
        }
        CutRecords cut = new CutRecords(whole);
        boolean isDone = false;
        try {
            cut.take(fromOffset, endOffset);
            isDone = true;
        } finally {
            if (!isDone) {
                whole.close();
            }
        }
        return cut;
    }

    private void take(long fromOffset, long endOffset) {
        for (int i = 0; i < whole.sliceCount() && slices.size() < SLICE_COUNT_MAX - 2; i++) {
            take(whole.slice(i), fromOffset, endOffset);
        }
    }

    private void take(ByteBuffer slice, long fromOffset, long endOffset) {
        int runStart = slice.position();
        int at = runStart;
        while (at < slice.limit()) {
            int end = at + RecordBatch.length(slice, at);
            long base = RecordBatch.baseOffset(slice, at);
            long batchEnd = RecordBatch.lastOffset(slice, at) + 1;
            if (base < fromOffset || batchEnd > endOffset) {
                addRun(slice, runStart, at);
                long from = Math.max(base, fromOffset);
                long to = Math.min(batchEnd, endOffset);
                if (from < to) {
                    add(copy(slice, at, from, to), to);
                }
                runStart = end;
            } else {
                nextOffset = batchEnd;
            }
            at = end;
        }
        addRun(slice, runStart, at);
    }

    private void addRun(ByteBuffer slice, int from, int to) {
        if (from < to) {
            add(slice.duplicate().limit(to).position(from), nextOffset);
        }
    }

    private void add(ByteBuffer own, long endOffset) {
        slices.add(own);
        length += own.remaining();
        nextOffset = endOffset;
    }

    /** Records of a batch, as a batch of their own. */
    private static ByteBuffer copy(ByteBuffer slice, int at, long fromOffset, long toOffset) {
        int length = RecordBatch.length(slice, at);
        long baseOffset = RecordBatch.baseOffset(slice, at);
        long baseTimestampMs = RecordBatch.baseTimestamp(slice, at);
        ByteBuffer in = slice.duplicate();
        in.limit(at + length).position(at + RecordBatch.HEADER_LENGTH);
        ByteBuffer key = slice.duplicate();
        ByteBuffer value = slice.duplicate();
        int count = (int) (toOffset - fromOffset);
        // The first one's timestamp is another, so that each one's distance may take more bytes.
        ByteBuffer into = ByteBuffer.allocateDirect(length + count * FRAME_GROWTH_MAX);
        RecordBatchWriter writer = new RecordBatchWriter();
        for (long offset = baseOffset; offset < toOffset; offset++) {
            int end = (int) varlong(in);
            end += in.position();
            if (offset >= fromOffset) {
                in.get(); // attributes; none are defined
                long timestampMs = baseTimestampMs + varlong(in);
                varlong(in); // offset
                boolean hasKey = field(in, key);
                boolean hasValue = field(in, value);
                int headerCount = (int) varlong(in);
                ByteBuffer headers = in.duplicate().limit(end);
                if (offset == fromOffset) {
                    writer.begin(into, timestampMs);
                }
                writer.append(
                        timestampMs,
                        hasKey ? key : null,
                        hasValue ? value : null,
                        headers,
                        headerCount);
            }
            in.position(end);
        }
        writer.end();
        into.flip();
        RecordBatch.baseOffset(into, 0, fromOffset);
        RecordBatch.leaderEpoch(into, 0, RecordBatch.leaderEpoch(slice, at));
        return into;
    }

    /** Sets where a key or a value lies; false if there is none. */
    private static boolean field(ByteBuffer in, ByteBuffer field) {
        int length = (int) varlong(in);
        if (length < 0) {
            return false;
        }
        int end = in.position() + length;
        field.limit(end).position(in.position());
        in.position(end);
        return true;
    }

    private static long varlong(ByteBuffer in) {
        long zigzag = 0;
        int shift = 0;
        byte next;
        do {
            next = in.get();
            zigzag |= (long) (next & 0x7F) << shift;
            shift += 7;
        } while (next < 0);
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    @Override
    public int sliceCount() {
        return slices.size();
    }

    @Override
    public ByteBuffer slice(int index) {
        return slices.get(index);
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public long nextOffset() {
        return nextOffset;
    }

    @Override
    public void close() {
        slices.clear();
        whole.close();
    }
}
