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
 * Makes a stretch: {@link #take} for each of its blocks, in any order, then {@link #finish}. A
 * block that is wanted nearly whole is held until then, and its records are copied once, into their
 * batches; of others what is wanted is copied at once. So what is held and copied before is no more
 * than one and a quarter times as long as the stretch, and with its batches it takes up to two and
 * a quarter times its length. Used by one thread at a time; {@link #close} gives back what was not
 * handed over.
 */
final class StretchWriter implements AutoCloseable {
    /** Most records of a stretch: each takes some 40 bytes of heap while it is made. */
    static final int RECORDS_MAX = 1 << 19;

    /** A batch is closed when it has reached this many bytes: the least that a small fetch gets. */
    private static final int BATCH_LENGTH_TARGET = 64 << 10;

    private static final int SLAB_LENGTH = 1 << 20;

    /** What a record has before its key: length, attributes, timestamp and offset. */
    private static final int FRAME_LENGTH_MAX = 5 + 1 + 10 + 5;

    /** A block is held if so many of four records are wanted, as long as there is room. */
    private static final int HELD_OF_FOUR = 3;

    /**
     * Records that are looked at before they are copied, all at once: where they are in memory is
     * by lot, and the processor waits for them one after the other only if it does not know the
     * next one.
     */
    private static final int LOOKED_AT = 32;

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

    private final List<RecordsLease> held = new ArrayList<>();
    private final long heldLengthMax;
    private long heldLength;
    private final List<Slab> staged = new ArrayList<>();
    private ByteBuffer staging = ByteBuffer.allocate(0);
    private int stagingNumber;

    /** What bodies of records are in: key, value and headers, with their lengths. */
    private final List<ByteBuffer> bodies = new ArrayList<>();

    /** Of each record, the number of the buffer among these, and where it is there. */
    private final int[] buffers;

    private final int[] positions;

    /** −1 if it could not be read; below that, while a block is taken, another one that is it. */
    private final int[] lengths;

    /** From there on the number of headers; of what is marked only. */
    private final int[] headerPositions;

    private final long[] timestamps;
    private long bodiesLength;

    private final Map<Long, Unavailable> missing = new HashMap<>();
    private final Stretch.Batches batches = new Stretch.Batches();
    private final List<Slab> framed = new ArrayList<>();
    private ByteBuffer framing = ByteBuffer.allocate(0);
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private boolean isOpen;
    private long baseOffset;
    private int batchStart;
    private long leftToFrame;

    @SuppressWarnings("unused") // so that what it takes is not left out
    private int lookedAt;

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
     * @param heldLengthMax bytes of blocks that are held at most: the stretch's length
     */
    StretchWriter(
            StretchPlan plan,
            long from,
            int partitionCount,
            int leaderEpoch,
            List<String> marks,
            long heldLengthMax,
            SlabAllocator allocator) {
        this.plan = plan;
        this.from = from;
        this.partitionCount = partitionCount;
        this.leaderEpoch = leaderEpoch;
        this.heldLengthMax = heldLengthMax;
        this.allocator = allocator;
        this.marks = marks.stream().map(StretchWriter::mark).toArray(ByteBuffer[]::new);
        lastOfSlot = new int[plan.slots().size()];
        Arrays.fill(lastOfSlot, -1);
        previous = new int[plan.count()];
        for (int i = 0; i < plan.count(); i++) {
            previous[i] = lastOfSlot[plan.slot(i)];
            lastOfSlot[plan.slot(i)] = i;
        }
        buffers = new int[plan.count()];
        positions = new int[plan.count()];
        lengths = new int[plan.count()];
        headerPositions = new int[this.marks.length == 0 ? 0 : plan.count()];
        timestamps = new long[plan.count()];
    }

    private static ByteBuffer mark(String side) {
        byte[] name = MARK_HEADER.getBytes(StandardCharsets.UTF_8);
        byte[] value = side.getBytes(StandardCharsets.UTF_8);
        ByteBuffer header = ByteBuffer.allocate(name.length + value.length + 10);
        RecordBatchWriter.putVarint(header, name.length);
        header.put(name);
        RecordBatchWriter.putVarint(header, value.length);
        header.put(value).flip();
        return ByteBuffer.allocateDirect(header.remaining()).put(header).flip();
    }

    /** Takes what is wanted of a block; true if the lease is kept, and closed here. */
    boolean take(int slot, RecordsLease block) throws NoRoomException {
        int count = plan.slots().get(slot).table().recordCount(plan.slots().get(slot).block());
        int[] wanted = new int[count]; // of each record of the block, one that it becomes, plus 1
        int wantedCount = 0;
        for (int i = lastOfSlot[slot]; i >= 0; i = previous[i]) {
            // The same record may be wanted twice, where a short side is repeated.
            lengths[i] = -wanted[plan.index(i)];
            wanted[plan.index(i)] = i + 1;
            wantedCount++;
        }
        boolean isHeld =
                wantedCount * 4L >= (long) count * HELD_OF_FOUR
                        && heldLength + block.length() <= heldLengthMax;
        int index = 0;
        for (int i = 0; i < block.sliceCount(); i++) {
            ByteBuffer slice = block.slice(i).duplicate();
            if (isHeld) {
                bodies.add(slice);
            }
            for (int at = slice.position(); at < slice.limit(); ) {
                index = takeBatch(slice, at, wanted, index, isHeld);
                at += RecordBatch.length(slice, at);
            }
        }
        if (index != count) {
            throw new IllegalStateException(
                    "block has other records than were counted: count=" + count + " is=" + index);
        }
        if (isHeld) {
            heldLength += block.length();
            held.add(block);
        }
        return isHeld;
    }

    private int takeBatch(ByteBuffer slice, int start, int[] wanted, int firstIndex, boolean isHeld)
            throws NoRoomException {
        long baseTimestampMs = RecordBatch.baseTimestamp(slice, start);
        int index = firstIndex;
        int end = index + RecordBatch.recordCount(slice, start);
        int at = start + RecordBatch.HEADER_LENGTH;
        while (index < end) {
            int length = (int) varlong(slice, at);
            at += RecordBatchWriter.varintLength(length);
            int behind = at + length;
            if (wanted[index] > 0) {
                int body = at + 1; // behind the attributes, of which none are defined
                long timestampMs = baseTimestampMs + varlong(slice, body);
                body = behindVarlong(slice, behindVarlong(slice, body)); // and the offset
                take(slice, body, behind - body, timestampMs, wanted[index] - 1, isHeld);
            }
            at = behind;
            index++;
        }
        return index;
    }

    private void take(
            ByteBuffer in, int at, int length, long timestampMs, int record, boolean isHeld)
            throws NoRoomException {
        int buffer = isHeld ? bodies.size() - 1 : stage(in, at, length);
        int position = isHeld ? at : staging.position() - length;
        int i = record;
        while (i >= 0) {
            int same = -lengths[i] - 1;
            buffers[i] = buffer;
            positions[i] = position;
            lengths[i] = length;
            timestamps[i] = timestampMs;
            if (marks.length > 0) {
                headerPositions[i] = position + headerPosition(in, at) - at;
            }
            bodiesLength += length;
            i = same;
        }
    }

    private int stage(ByteBuffer in, int at, int length) throws NoRoomException {
        if (staging.remaining() < length) {
            Slab slab = allocate(Math.max(SLAB_LENGTH, length));
            staged.add(slab);
            staging = slab.buffer().duplicate().clear();
            stagingNumber = bodies.size();
            bodies.add(staging);
        }
        int position = staging.position();
        staging.put(position, in, at, length).position(position + length);
        return stagingNumber;
    }

    /** Where the number of headers is in a record whose key's length is at a place. */
    private static int headerPosition(ByteBuffer in, int at) {
        int key = behindVarlong(in, at);
        int value = key + (int) Math.max(0, varlong(in, at));
        return behindVarlong(in, value) + (int) Math.max(0, varlong(in, value));
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
            lengths[i] = -1;
        }
    }

    /** Frames what was taken. */
    Stretch finish() throws NoRoomException {
        leftToFrame = bodiesLength + (long) plan.count() * FRAME_LENGTH_MAX;
        ByteBuffer[] from = bodies.toArray(ByteBuffer[]::new);
        for (ByteBuffer bytes : from) {
            bytes.clear(); // read by index
        }
        int[] partitionStarts = new int[partitionCount + 1];
        for (int partition = 0; partition < partitionCount; partition++) {
            partitionStarts[partition] = batches.count();
            finish(Math.floorMod(partition - this.from, partitionCount), from);
            end();
        }
        partitionStarts[partitionCount] = batches.count();
        long to = this.from + plan.count();
        Stretch stretch =
                new Stretch(this.from, to, batches, partitionStarts, List.copyOf(framed), missing);
        framed.clear();
        return stretch;
    }

    /** Frames the records of a partition. */
    private void finish(int first, ByteBuffer[] from) throws NoRoomException {
        int lookedAtTo = first;
        for (int i = first; i < plan.count(); i += partitionCount) {
            if (i == lookedAtTo) {
                lookedAtTo = lookAt(i, from);
            }
            if (lengths[i] < 0) {
                end();
            } else {
                frame(i, from[buffers[i]]);
            }
        }
    }

    /** Has the processor fetch some records; returns the first that it was not told of. */
    private int lookAt(int first, ByteBuffer[] from) {
        int sum = 0;
        int i = first;
        for (int count = 0; count < LOOKED_AT && i < plan.count(); count++, i += partitionCount) {
            if (lengths[i] >= 0) {
                sum += from[buffers[i]].get(positions[i]);
                sum += marks.length == 0 ? 0 : from[buffers[i]].get(headerPositions[i]);
            }
        }
        lookedAt += sum;
        return i;
    }

    private void frame(int i, ByteBuffer from) throws NoRoomException {
        if (marks.length == 0) {
            makeRoom(i, lengths[i]);
            writer.appendBefore(timestamps[i], lengths[i]);
            put(from, positions[i], lengths[i]);
        } else {
            frameMarked(i, from, marks[plan.slots().get(plan.slot(i)).side()]);
        }
        leftToFrame -= lengths[i] + FRAME_LENGTH_MAX;
    }

    private void frameMarked(int i, ByteBuffer from, ByteBuffer mark) throws NoRoomException {
        int countAt = headerPositions[i];
        int headersAt = behindVarlong(from, countAt);
        int count = (int) varlong(from, countAt) + 1;
        int before = countAt - positions[i];
        int headersLength = positions[i] + lengths[i] - headersAt;
        int length =
                before + RecordBatchWriter.varintLength(count) + headersLength + mark.remaining();
        makeRoom(i, length);
        writer.appendBefore(timestamps[i], length);
        put(from, positions[i], before);
        RecordBatchWriter.putVarint(framing, count);
        put(from, headersAt, headersLength);
        put(mark, 0, mark.remaining());
    }

    private void put(ByteBuffer from, int at, int length) {
        int position = framing.position();
        framing.put(position, from, at, length).position(position + length);
    }

    private void makeRoom(int i, int bodyLength) throws NoRoomException {
        if (isOpen) {
            int length =
                    RecordBatchWriter.recordLength(
                            timestamps[i] - writer.baseTimestampMs(), writer.count(), bodyLength);
            if (writer.length() >= BATCH_LENGTH_TARGET || framing.remaining() < length) {
                end();
            }
        }
        if (!isOpen) {
            int length =
                    RecordBatch.HEADER_LENGTH + RecordBatchWriter.recordLength(0, 0, bodyLength);
            begin((from + i) / partitionCount, timestamps[i], length);
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

    private static long varlong(ByteBuffer in, int at) {
        byte next = in.get(at);
        long zigzag = next & 0x7F;
        for (int i = 1; next < 0; i++) {
            next = in.get(at + i);
            zigzag |= (long) (next & 0x7F) << (7 * i);
        }
        return (zigzag >>> 1) ^ -(zigzag & 1);
    }

    private static int behindVarlong(ByteBuffer in, int at) {
        int behind = at;
        while (in.get(behind++) < 0) {
            // the next one belongs to it
        }
        return behind;
    }

    @Override
    public void close() {
        held.forEach(RecordsLease::close);
        held.clear();
        bodies.clear();
        staged.forEach(Slab::release);
        staged.clear();
        framed.forEach(Slab::release);
        framed.clear();
    }
}
