package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.source.SlicedRecords;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batches of a shuffle or mix view between two offsets, and nothing else. These are framed anew
 * whenever they are made, and may begin and end at other offsets then, so that what was a whole
 * batch when it was referred to may lie within one. What lies across an end is copied into memory
 * of the engine, the rest is leased where it is.
 */
final class CutRecords extends SlicedRecords {
    private final RecordsLease whole;
    private final SlabAllocator allocator;

    /** What was copied is in these. */
    private final List<Slab> copies = new ArrayList<>(2);

    /** Behind the last batch that was looked at. */
    private long reached;

    /** Gives memory. */
    @FunctionalInterface
    interface SlabAllocator {
        /** A slab with one reference, or null if there is none. */
        @Nullable Slab allocate(int length);
    }

    private CutRecords(RecordsLease whole, SlabAllocator allocator) {
        this.whole = whole;
        this.allocator = allocator;
    }

    /**
     * Takes over a lease.
     *
     * @param whole of uncompressed batches without holes, the first of which holds the first offset
     * @return what it has from the first offset on, and below the second; not empty; or null if
     *     there is no memory for what has to be copied
     */
    static @Nullable RecordsLease of(
            RecordsLease whole, long fromOffset, long endOffset, SlabAllocator allocator) {
        ByteBuffer first = whole.slice(0);
        if (RecordBatch.baseOffset(first, first.position()) >= fromOffset
                && whole.nextOffset() <= endOffset) {
            return whole;
        }
        CutRecords cut = new CutRecords(whole, allocator);
        boolean isDone = false;
        try {
            isDone = cut.take(fromOffset, endOffset);
        } finally {
            if (!isDone) {
                cut.close();
            }
        }
        return isDone ? cut : null;
    }

    /** False if there is no memory. */
    private boolean take(long fromOffset, long endOffset) {
        for (int i = 0; i < whole.sliceCount() && sliceCount() < SLICE_COUNT_MAX - 2; i++) {
            if (!take(whole.slice(i), fromOffset, endOffset)) {
                return false;
            }
        }
        return true;
    }

    private boolean take(ByteBuffer slice, long fromOffset, long endOffset) {
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
                ByteBuffer own = from < to ? copy(slice, at, from, to) : null;
                if (own != null) {
                    add(own, to);
                } else if (from < to) {
                    return false;
                }
                runStart = end;
            } else {
                reached = batchEnd;
            }
            at = end;
        }
        addRun(slice, runStart, at);
        return true;
    }

    private void addRun(ByteBuffer slice, int from, int to) {
        if (from < to) {
            add(slice.duplicate().limit(to).position(from), reached);
        }
    }

    /** Records of a batch, as a batch of their own; null if there is no memory. */
    private @Nullable ByteBuffer copy(ByteBuffer slice, int at, long fromOffset, long toOffset) {
        Slab slab = allocator.allocate(copiedLength(slice, at, fromOffset, toOffset));
        if (slab == null) {
            return null;
        }
        copies.add(slab);
        ByteBuffer into = slab.buffer().duplicate().clear();
        RecordBatchWriter writer = new RecordBatchWriter();
        long baseTimestampMs = RecordBatch.baseTimestamp(slice, at);
        ByteBuffer in = slice.duplicate().clear().position(at + RecordBatch.HEADER_LENGTH);
        for (long offset = RecordBatch.baseOffset(slice, at); offset < toOffset; offset++) {
            int end = endOfRecord(in);
            if (offset >= fromOffset) {
                long timestampMs = baseTimestampMs + timestampDelta(in);
                if (offset == fromOffset) {
                    writer.begin(into, timestampMs);
                }
                int bodyLength = end - in.position();
                writer.appendBefore(timestampMs, bodyLength);
                int position = into.position();
                into.put(position, in, in.position(), bodyLength).position(position + bodyLength);
            }
            in.position(end);
        }
        writer.end();
        into.flip();
        RecordBatch.baseOffset(into, 0, fromOffset);
        RecordBatch.leaderEpoch(into, 0, RecordBatch.leaderEpoch(slice, at));
        return into;
    }

    /** Bytes that records of a batch take as a batch of their own. */
    private static int copiedLength(ByteBuffer slice, int at, long fromOffset, long toOffset) {
        int length = RecordBatch.HEADER_LENGTH;
        long firstDelta = 0;
        ByteBuffer in = slice.duplicate().clear().position(at + RecordBatch.HEADER_LENGTH);
        for (long offset = RecordBatch.baseOffset(slice, at); offset < toOffset; offset++) {
            int end = endOfRecord(in);
            if (offset >= fromOffset) {
                long delta = timestampDelta(in);
                firstDelta = offset == fromOffset ? delta : firstDelta;
                length +=
                        RecordBatchWriter.recordLength(
                                delta - firstDelta,
                                (int) (offset - fromOffset),
                                end - in.position());
            }
            in.position(end);
        }
        return length;
    }

    /** Goes on behind a record's length; returns where it ends. */
    private static int endOfRecord(ByteBuffer in) {
        int length = (int) varlong(in);
        return in.position() + length;
    }

    /** Goes on to a record's key. */
    private static long timestampDelta(ByteBuffer in) {
        in.get(); // attributes; none are defined
        long delta = varlong(in);
        varlong(in); // offset
        return delta;
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
    protected void release() {
        copies.forEach(Slab::release);
        copies.clear();
        whole.close();
    }
}
