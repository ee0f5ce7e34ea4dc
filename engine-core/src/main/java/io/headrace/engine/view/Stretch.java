package io.headrace.engine.view;

import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.source.SlicedRecords;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive records of a view, framed for its partitions, in memory. Made by a {@link
 * StretchWriter}; {@link StretchCache} gives its memory back, and leases keep theirs. Thread-safe.
 */
final class Stretch {
    /** After this time one that lacks records is made again; twice as long each time. */
    private static final long RETRY_MS_MIN = 1_000;

    private static final long RETRY_MS_MAX = 60_000;

    private final long from;
    private final long to;
    private final Batches batches;
    private final int[] partitionStarts;
    private final List<Slab> slabs;
    private final Map<Long, Unavailable> missing;
    private final long bytes;
    private final AtomicBoolean isFollowed = new AtomicBoolean();

    /** Of each partition, where the last read of it ended; −1 for none. Racy. */
    private final long[] readEnds;

    private volatile boolean isRead;
    private volatile long usedAtMs;
    private volatile long madeAtMs;
    private volatile long retryMs = RETRY_MS_MIN;

    /** Where the batches are, all of a partition's one behind the other. */
    static final class Batches {
        private long[] baseOffsets = new long[16];
        private int[] counts = new int[16];
        private int[] slabs = new int[16];
        private int[] positions = new int[16];
        private int[] lengths = new int[16];
        private int count;

        int count() {
            return count;
        }

        void add(long baseOffset, int records, int slab, int position, int length) {
            if (count == counts.length) {
                int room = 2 * count;
                baseOffsets = Arrays.copyOf(baseOffsets, room);
                counts = Arrays.copyOf(counts, room);
                slabs = Arrays.copyOf(slabs, room);
                positions = Arrays.copyOf(positions, room);
                lengths = Arrays.copyOf(lengths, room);
            }
            baseOffsets[count] = baseOffset;
            counts[count] = records;
            slabs[count] = slab;
            positions[count] = position;
            lengths[count] = length;
            count++;
        }

        private long endOffset(int batch) {
            return baseOffsets[batch] + counts[batch];
        }
    }

    /**
     * @param from number of the first record
     * @param to behind the last one
     * @param partitionStarts the first batch of each partition, and behind the last one's
     * @param slabs a reference to each is taken over
     * @param missing records that could not be read, and why
     */
    Stretch(
            long from,
            long to,
            Batches batches,
            int[] partitionStarts,
            List<Slab> slabs,
            Map<Long, Unavailable> missing) {
        this.from = from;
        this.to = to;
        this.batches = batches;
        this.partitionStarts = partitionStarts;
        this.slabs = slabs;
        this.missing = missing;
        this.readEnds = new long[partitionStarts.length - 1];
        Arrays.fill(readEnds, -1);
        this.bytes = slabs.stream().mapToLong(slab -> slab.buffer().capacity()).sum();
    }

    long from() {
        return from;
    }

    long to() {
        return to;
    }

    boolean holds(long record) {
        return record >= from && record < to;
    }

    /** Memory that it takes. */
    long bytes() {
        return bytes;
    }

    /** Whether some of its records could not be read. */
    boolean isIncomplete() {
        return !missing.isEmpty();
    }

    boolean lacks(long record) {
        return !missing.isEmpty() && missing.containsKey(record);
    }

    void made(long nowMs) {
        madeAtMs = nowMs;
        usedAtMs = nowMs;
    }

    long madeAtMs() {
        return madeAtMs;
    }

    /** For how long it is not made again if it lacks records. */
    long retryMs() {
        return retryMs;
    }

    /** It was made in the place of another one that lacked records. */
    void replaces(Stretch older) {
        retryMs = Math.min(RETRY_MS_MAX, Math.max(retryMs, 2 * older.retryMs));
    }

    long usedAtMs() {
        return usedAtMs;
    }

    void used(long nowMs) {
        if (usedAtMs != nowMs) {
            usedAtMs = nowMs;
        }
    }

    /** Notes a read of a partition; whether it goes on where the last one ended. */
    boolean continues(int partition, long offset, long endOffset) {
        boolean isContinued = readEnds[partition] == offset;
        readEnds[partition] = endOffset;
        if (!isRead) {
            isRead = true;
        }
        return isContinued;
    }

    /** Whether anything of it was ever read. */
    boolean isRead() {
        return isRead;
    }

    boolean isFollowed() {
        return isFollowed.get();
    }

    /** True once: for who has the following one made. */
    boolean takeFollowing() {
        return isFollowed.compareAndSet(false, true);
    }

    /** Nobody could make the following one. */
    void offerFollowing() {
        isFollowed.set(false);
    }

    /**
     * Reads whole batches of a partition from the one that holds an offset; null if the memory is
     * gone.
     *
     * @param record the number of the record at that offset, which is held
     */
    @Nullable ReadResult read(int partition, long offset, long record, int lengthMax) {
        int first = batchAt(partition, offset);
        if (first < 0) {
            return missing.getOrDefault(record, Unavailable.CORRUPT);
        }
        int end = first + 1;
        int length = batches.lengths[first];
        while (end < partitionStarts[partition + 1]
                && end - first < RecordsLease.SLICE_COUNT_MAX
                && batches.baseOffsets[end] == batches.endOffset(end - 1)
                && length + batches.lengths[end] <= lengthMax) {
            length += batches.lengths[end++];
        }
        return lease(first, end, length);
    }

    private int batchAt(int partition, long offset) {
        int low = partitionStarts[partition];
        int high = partitionStarts[partition + 1] - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (offset < batches.baseOffsets[middle]) {
                high = middle - 1;
            } else if (offset >= batches.endOffset(middle)) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return -1;
    }

    private @Nullable Lease lease(int first, int end, int length) {
        List<ByteBuffer> slices = new ArrayList<>(2);
        List<Slab> held = new ArrayList<>(2);
        int batch = first;
        while (batch < end) {
            Slab slab = slabs.get(batches.slabs[batch]);
            if (!slab.retain()) {
                held.forEach(Slab::release);
                return null;
            }
            held.add(slab);
            int begin = batches.positions[batch];
            int limit = begin;
            while (batch < end
                    && slabs.get(batches.slabs[batch]) == slab
                    && batches.positions[batch] == limit) {
                limit += batches.lengths[batch++];
            }
            slices.add(slab.buffer().duplicate().limit(limit).position(begin));
        }
        return new Lease(slices, held, length, batches.endOffset(end - 1));
    }

    /** Adds a reference to all of it; false if the memory is gone. */
    boolean retain() {
        for (int i = 0; i < slabs.size(); i++) {
            if (!slabs.get(i).retain()) {
                slabs.subList(0, i).forEach(Slab::release);
                return false;
            }
        }
        return true;
    }

    /** Gives a reference to all of it back. */
    void release() {
        slabs.forEach(Slab::release);
    }

    private static final class Lease extends SlicedRecords {
        private final List<Slab> held;

        Lease(List<ByteBuffer> slices, List<Slab> held, int length, long nextOffset) {
            super(slices, length, nextOffset);
            this.held = held;
        }

        @Override
        protected void release() {
            held.forEach(Slab::release);
            held.clear();
        }
    }
}
