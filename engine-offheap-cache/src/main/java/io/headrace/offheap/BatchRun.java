package io.headrace.offheap;

import io.headrace.engine.batch.Dating;
import io.headrace.engine.batch.RecordBatch;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * Record batches one behind the other from the beginning of a slab, and a sparse index that grows
 * towards them from its end: one position (4 bytes) for each batch that begins {@value #STRIDE} or
 * more bytes behind the last one that has an entry. Base offsets are read from the batches.
 *
 * <p>One thread appends (under the log's lock). Any thread that has retained the slab reads what
 * lies below {@link #end}; those bytes do not change while the slab is retained.
 */
final class BatchRun {
    /** Most bytes, less one batch, that a search walks from batch to batch. */
    static final int STRIDE = 4096;

    private static final int ENTRY_LENGTH = Integer.BYTES;
    private static final VarHandle END = varHandle("end", int.class);
    private static final VarHandle ENTRY_COUNT = varHandle("entryCount", int.class);
    private static final VarHandle MAX_TIMESTAMP = varHandle("maxTimestampMs", long.class);

    final OffHeapSlab slab;
    private final ByteBuffer memory;

    /** Offset of the first record; set before the run is published in its log's ring. */
    private long baseOffset;

    private int lastEntryPosition;
    private long newestMs;

    @SuppressWarnings("unused") // through MAX_TIMESTAMP
    private long maxTimestampMs;

    @SuppressWarnings("unused") // through END
    private int end;

    @SuppressWarnings("unused") // through ENTRY_COUNT
    private int entryCount;

    BatchRun(OffHeapSlab slab) {
        this.slab = slab;
        this.memory = slab.memory();
    }

    /** Empties the run; the caller publishes it afterwards. */
    void begin(long firstOffset) {
        baseOffset = firstOffset;
        lastEntryPosition = 0;
        newestMs = Long.MIN_VALUE;
        MAX_TIMESTAMP.setOpaque(this, Long.MIN_VALUE);
        ENTRY_COUNT.setRelease(this, 0);
        END.setRelease(this, 0);
    }

    /** Bytes of whole batches; batches below it are complete and visible to the caller. */
    int end() {
        // Acquire: pairs with the release in append, which follows the copy of the bytes.
        return (int) END.getAcquire(this);
    }

    /** When its newest batch dates from. For the appender. */
    long newestMs() {
        return newestMs;
    }

    /** Offset of the first record. */
    long baseOffset() {
        return baseOffset;
    }

    /** Highest timestamp of all batches below an {@link #end} seen before, or of later ones too. */
    long maxTimestampMs() {
        // Opaque: the end's release and acquire order it behind those batches.
        return (long) MAX_TIMESTAMP.getOpaque(this);
    }

    /** Whether a batch of that length has room, and its index entry too. For the appender. */
    boolean fits(int length) {
        int position = (int) END.get(this);
        if (position == 0) {
            return length <= slab.capacity();
        }
        int entries = (int) ENTRY_COUNT.get(this) + 1;
        return (long) position + length + (long) entries * ENTRY_LENGTH <= slab.capacity();
    }

    /**
     * Copies a batch that {@link #fits}, with its base offset and leader epoch, and publishes it.
     *
     * @return how many offsets it takes
     */
    int append(ByteBuffer batch, long offset, int leaderEpoch, long nowMs) {
        int position = (int) END.get(this);
        int length = batch.remaining();
        memory.put(position, batch, batch.position(), length);
        checkBatch(position, length);
        RecordBatch.baseOffset(memory, position, offset);
        RecordBatch.leaderEpoch(memory, position, leaderEpoch);
        newestMs = Math.max(newestMs, Dating.of(memory, position, nowMs));
        noteTimestamp(RecordBatch.maxTimestamp(memory, position));
        if (position - lastEntryPosition >= STRIDE) {
            addEntry(position);
        }
        // Release: whoever sees the new end sees the bytes below it.
        END.setRelease(this, position + length);
        return RecordBatch.offsetCount(memory, position);
    }

    private void noteTimestamp(long batchMs) {
        if (batchMs > (long) MAX_TIMESTAMP.get(this)) {
            MAX_TIMESTAMP.setOpaque(this, batchMs);
        }
    }

    /**
     * Walking the run later depends on these two fields alone, so they are never taken on trust.
     */
    private void checkBatch(int position, int length) {
        if (RecordBatch.length(memory, position) != length
                || RecordBatch.lastOffsetDelta(memory, position) < 0) {
            throw new IllegalArgumentException(
                    "not one record batch: length="
                            + length
                            + " lengthInBatch="
                            + RecordBatch.length(memory, position)
                            + " lastOffsetDelta="
                            + RecordBatch.lastOffsetDelta(memory, position));
        }
    }

    private void addEntry(int position) {
        int count = (int) ENTRY_COUNT.get(this);
        memory.putInt(entryPosition(count), position);
        lastEntryPosition = position;
        // Release: whoever sees the new count sees the entry.
        ENTRY_COUNT.setRelease(this, count + 1);
    }

    private int entryPosition(int entry) {
        return slab.capacity() - (entry + 1) * ENTRY_LENGTH;
    }

    /** Position of the batch that holds an offset, or −1 if none below {@code end} does. */
    int positionOf(long offset, int end) {
        if (end == 0 || offset < baseOffset) {
            return -1;
        }
        int position = entryAtOrBelowOffset(offset, end);
        while (position < end && nextOffset(position) <= offset) {
            position = nextPosition(position);
        }
        return position < end ? position : -1;
    }

    /**
     * As {@link #end}, of the batches that end at or below an offset.
     *
     * @param offset {@link Long#MAX_VALUE} for all of them, which costs no search
     */
    int endAtOrBelow(long offset) {
        int end = end();
        if (offset == Long.MAX_VALUE) {
            return end;
        }
        if (offset <= baseOffset) {
            return 0;
        }
        int position = positionOf(offset, end);
        return position < 0 ? end : position;
    }

    /**
     * Position of the last batch, from one at {@code from} on, that ends at or before {@code
     * limit}, which is at most an {@link #end} seen; −1 if not even that one does.
     */
    int lastWithin(int from, long limit) {
        int position = Math.max(from, entryBelow(limit));
        // The entry's batch may reach beyond the limit; then the one wanted is before it.
        if (position > from && nextPosition(position) > limit) {
            position = Math.max(from, entryBelow(position));
        }
        if (nextPosition(position) > limit) {
            return -1;
        }
        while (nextPosition(position) < limit && nextPosition(nextPosition(position)) <= limit) {
            position = nextPosition(position);
        }
        return position;
    }

    /** First byte behind the batch at a position. */
    int nextPosition(int position) {
        return position + RecordBatch.length(memory, position);
    }

    /** First offset behind the batch at a position. */
    long nextOffset(int position) {
        return RecordBatch.lastOffset(memory, position) + 1;
    }

    private int entryAtOrBelowOffset(long offset, int end) {
        int low = 0;
        // Acquire: pairs with addEntry. The count may be newer than the end: entries beyond the
        // end are skipped.
        int high = (int) ENTRY_COUNT.getAcquire(this) - 1;
        int found = 0;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int position = memory.getInt(entryPosition(middle));
            if (position < end && RecordBatch.baseOffset(memory, position) <= offset) {
                found = position;
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return found;
    }

    private int entryBelow(long limit) {
        int low = 0;
        int high = (int) ENTRY_COUNT.getAcquire(this) - 1;
        int found = 0;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int position = memory.getInt(entryPosition(middle));
            if (position < limit) {
                found = position;
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return found;
    }

    private static VarHandle varHandle(String field, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(BatchRun.class, field, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
