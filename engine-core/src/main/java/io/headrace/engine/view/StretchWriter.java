package io.headrace.engine.view;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes a stretch: {@link #take} for each of its blocks, in any order, then {@link #finish}. What
 * is wanted of a block is copied at once, so that no more blocks are in memory than are being read.
 * Used by one thread at a time; {@link #close} gives back what was not handed over.
 */
final class StretchWriter implements AutoCloseable {
    /** Most records of a stretch: each takes some 40 bytes of heap while it is made. */
    static final int RECORDS_MAX = 1 << 19;

    /** A batch is closed when it has reached this many bytes: the least that a small fetch gets. */
    private static final int BATCH_LENGTH_TARGET = 64 << 10;

    private static final int SLAB_LENGTH = 1 << 20;

    /** What a record has besides its key, value and headers, at most. */
    private static final int FRAME_LENGTH_MAX = 32;

    private static final String MARK_HEADER = "headrace.mix.side";

    private final StretchPlan plan;
    private final long from;
    private final int partitionCount;
    private final int leaderEpoch;
    private final SlabAllocator allocator;
    private final ByteBuffer[] marks;

    /** The last record of each block, and of each record the one before it in the same block. */
    private final int[] lastOfSlot;

    private final int[] previous;

    private final List<Slab> staged = new ArrayList<>();
    private final int[] stagedSlabs;
    private final int[] stagedPositions;
    private final int[] stagedLengths;
    private final long[] timestamps;
    private long stagedLength;
    private ByteBuffer staging = ByteBuffer.allocate(0);

    private final Map<Long, Unavailable> missing = new HashMap<>();
    private final Stretch.Batches batches = new Stretch.Batches();
    private final List<Slab> framed = new ArrayList<>();
    private ByteBuffer framing = ByteBuffer.allocate(0);
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private boolean isOpen;
    private long baseOffset;
    private int batchStart;
    private long leftToFrame;

    /** Gives memory. */
    @FunctionalInterface
    interface SlabAllocator {
        /** A slab with one reference, or null if there is none. */
        @Nullable Slab allocate(int length);
    }

    /** There is no memory; less may be tried. */
    static final class NoRoomException extends Exception {
        private static final long serialVersionUID = 1L;

        NoRoomException(long length) {
            super("no off-heap memory for records of a view: length=" + length, null, false, false);
        }
    }

    /**
     * @param plan all records of the stretch
     * @param from number of the first one
     * @param partitionCount of the view
     * @param marks of each side, what its records are marked with; empty for none
     */
    StretchWriter(
            StretchPlan plan,
            long from,
            int partitionCount,
            int leaderEpoch,
            List<String> marks,
            SlabAllocator allocator) {
        this.plan = plan;
        this.from = from;
        this.partitionCount = partitionCount;
        this.leaderEpoch = leaderEpoch;
        this.allocator = allocator;
        this.marks = marks.stream().map(StretchWriter::mark).toArray(ByteBuffer[]::new);
        lastOfSlot = new int[plan.slots().size()];
        Arrays.fill(lastOfSlot, -1);
        previous = new int[plan.count()];
        for (int i = 0; i < plan.count(); i++) {
            previous[i] = lastOfSlot[plan.slot(i)];
            lastOfSlot[plan.slot(i)] = i;
        }
        stagedSlabs = new int[plan.count()];
        stagedPositions = new int[plan.count()];
        stagedLengths = new int[plan.count()];
        timestamps = new long[plan.count()];
    }

    private static ByteBuffer mark(String side) {
        byte[] name = MARK_HEADER.getBytes(StandardCharsets.UTF_8);
        byte[] value = side.getBytes(StandardCharsets.UTF_8);
        ByteBuffer header = ByteBuffer.allocate(name.length + value.length + 10);
        RecordBatchWriter.putVarint(header, name.length);
        header.put(name);
        RecordBatchWriter.putVarint(header, value.length);
        return header.put(value).flip();
    }

    /** Copies what is wanted of a block; the lease stays the caller's. */
    void take(int slot, RecordsLease block) throws NoRoomException {
        int count = plan.slots().get(slot).table().recordCount(plan.slots().get(slot).block());
        int[] wanted = new int[count]; // of each record of the block, one that it becomes, plus 1
        for (int i = lastOfSlot[slot]; i >= 0; i = previous[i]) {
            // The same record may be wanted twice, where a short side is repeated.
            stagedLengths[i] = -wanted[plan.index(i)];
            wanted[plan.index(i)] = i + 1;
        }
        int index = 0;
        for (int i = 0; i < block.sliceCount(); i++) {
            ByteBuffer slice = block.slice(i);
            for (int at = slice.position(); at < slice.limit(); ) {
                index = takeBatch(slice, at, wanted, index);
                at += RecordBatch.length(slice, at);
            }
        }
        if (index != count) {
            throw new IllegalStateException(
                    "block has other records than were counted: count=" + count + " is=" + index);
        }
    }

    private int takeBatch(ByteBuffer slice, int at, int[] wanted, int firstIndex)
            throws NoRoomException {
        ByteBuffer in = slice.duplicate();
        in.limit(at + RecordBatch.length(slice, at)).position(at + RecordBatch.HEADER_LENGTH);
        long baseTimestampMs = RecordBatch.baseTimestamp(slice, at);
        int index = firstIndex;
        int count = RecordBatch.recordCount(slice, at);
        for (int i = 0; i < count; i++) {
            int length = (int) varlong(in);
            int end = in.position() + length;
            if (wanted[index] > 0) {
                in.get(); // attributes; none are defined
                long timestampMs = baseTimestampMs + varlong(in);
                varlong(in); // offset
                stage(in, end, timestampMs, wanted[index] - 1);
            }
            in.position(end);
            index++;
        }
        return index;
    }

    private void stage(ByteBuffer in, int end, long timestampMs, int record)
            throws NoRoomException {
        int length = end - in.position();
        if (staging.remaining() < length) {
            Slab slab = allocate(Math.max(SLAB_LENGTH, length));
            staged.add(slab);
            staging = slab.buffer().duplicate().clear();
        }
        int position = staging.position();
        staging.put(position, in, in.position(), length).position(position + length);
        int i = record;
        while (i >= 0) {
            int same = -stagedLengths[i] - 1;
            stagedSlabs[i] = staged.size() - 1;
            stagedPositions[i] = position;
            stagedLengths[i] = length;
            timestamps[i] = timestampMs;
            stagedLength += length;
            i = same;
        }
    }

    private Slab allocate(int length) throws NoRoomException {
        Slab slab = allocator.allocate(length);
        if (slab == null) {
            throw new NoRoomException(length);
        }
        return slab;
    }

    /** A block cannot be read: its records are missing. */
    void miss(int slot, Unavailable reason) {
        for (int i = lastOfSlot[slot]; i >= 0; i = previous[i]) {
            missing.put(from + i, reason);
            stagedLengths[i] = -1;
        }
    }

    /** Frames what was copied. */
    Stretch finish() throws NoRoomException {
        leftToFrame = stagedLength + (long) plan.count() * FRAME_LENGTH_MAX;
        ByteBuffer[] keys = views();
        ByteBuffer[] values = views();
        ByteBuffer[] headers = views();
        int[] partitionStarts = new int[partitionCount + 1];
        long to = from + plan.count();
        for (int partition = 0; partition < partitionCount; partition++) {
            partitionStarts[partition] = batches.count();
            long first = from + Math.floorMod(partition - from, (long) partitionCount);
            for (long record = first; record < to; record += partitionCount) {
                int i = (int) (record - from);
                if (stagedLengths[i] < 0) {
                    end();
                } else {
                    int slab = stagedSlabs[i];
                    frame(record, i, keys[slab], values[slab], headers[slab]);
                }
            }
            end();
        }
        partitionStarts[partitionCount] = batches.count();
        Stretch stretch =
                new Stretch(from, to, batches, partitionStarts, List.copyOf(framed), missing);
        framed.clear();
        return stretch;
    }

    private ByteBuffer[] views() {
        return staged.stream().map(slab -> slab.buffer().duplicate()).toArray(ByteBuffer[]::new);
    }

    private void frame(long record, int i, ByteBuffer key, ByteBuffer value, ByteBuffer headers)
            throws NoRoomException {
        int end = stagedPositions[i] + stagedLengths[i];
        headers.limit(end).position(stagedPositions[i]);
        int keyLength = (int) varlong(headers);
        pass(headers, keyLength, key);
        int valueLength = (int) varlong(headers);
        pass(headers, valueLength, value);
        int headerCount = (int) varlong(headers);
        ByteBuffer all = headers;
        if (marks.length > 0) {
            all = marked(headers, marks[plan.slots().get(plan.slot(i)).side()]);
            headerCount++;
        }
        makeRoom(record, timestamps[i], keyLength, valueLength, all.remaining(), headerCount);
        writer.append(
                timestamps[i],
                keyLength < 0 ? null : key,
                valueLength < 0 ? null : value,
                all,
                headerCount);
        leftToFrame -= stagedLengths[i] + FRAME_LENGTH_MAX;
    }

    private static void pass(ByteBuffer from, int length, ByteBuffer field) {
        if (length >= 0) {
            int end = from.position() + length;
            field.limit(end).position(from.position());
            from.position(end);
        }
    }

    private static ByteBuffer marked(ByteBuffer headers, ByteBuffer mark) {
        return ByteBuffer.allocate(headers.remaining() + mark.remaining())
                .put(headers)
                .put(mark.duplicate())
                .flip();
    }

    private void makeRoom(
            long record,
            long timestampMs,
            int keyLength,
            int valueLength,
            int headersLength,
            int headerCount)
            throws NoRoomException {
        if (isOpen) {
            int length =
                    RecordBatchWriter.recordLength(
                            timestampMs - writer.baseTimestampMs(),
                            writer.count(),
                            keyLength,
                            valueLength,
                            headersLength,
                            headerCount);
            if (writer.length() >= BATCH_LENGTH_TARGET || framing.remaining() < length) {
                end();
            }
        }
        if (!isOpen) {
            int length =
                    RecordBatch.HEADER_LENGTH
                            + RecordBatchWriter.recordLength(
                                    0, 0, keyLength, valueLength, headersLength, headerCount);
            begin(record / partitionCount, timestampMs, length);
        }
    }

    private void begin(long offset, long timestampMs, int length) throws NoRoomException {
        if (framing.remaining() < length) {
            long room = Math.min(SLAB_LENGTH, leftToFrame + RecordBatch.HEADER_LENGTH);
            Slab slab = allocate((int) Math.max(room, length));
            framed.add(slab);
            framing = slab.buffer().duplicate().clear();
        }
        baseOffset = offset;
        batchStart = framing.position();
        writer.begin(framing, timestampMs);
        isOpen = true;
    }

    private void end() {
        if (isOpen) {
            int count = writer.count();
            int length = writer.end();
            RecordBatch.baseOffset(framing, batchStart, baseOffset);
            RecordBatch.leaderEpoch(framing, batchStart, leaderEpoch);
            batches.add(baseOffset, count, framed.size() - 1, batchStart, length);
            isOpen = false;
        }
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
    public void close() {
        staged.forEach(Slab::release);
        staged.clear();
        framed.forEach(Slab::release);
        framed.clear();
    }
}
