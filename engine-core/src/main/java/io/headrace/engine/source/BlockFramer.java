package io.headrace.engine.source;

import io.headrace.engine.batch.SamplePartsLayout;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.Sample;
import io.headrace.engine.spi.Sample.Part;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Frames samples of one object as the record batches of a block: {@link #begin}, then for each
 * sample {@link #add} and {@link #copy} until that is done, then {@link #take}. The frame of a
 * record is written first, and its values are copied into their places as they come, so that a long
 * sample is not in memory twice.
 *
 * <p>Used by one thread at a time. {@link #close} gives back what was begun.
 */
final class BlockFramer implements AutoCloseable {
    /** A block of several samples fills a slab at most. */
    static final int BLOCK_LENGTH_MAX = 1 << 20;

    /** A block that has reached this is closed. */
    static final int BLOCK_LENGTH_TARGET = SourceIndex.BLOCK_LENGTH_TARGET;

    /** A block that turns out longer than it was gets so much more, as a share of what it has. */
    private static final int GROWTH_SHARE = 4;

    /** A block that fills less of its slab moves to a smaller one. */
    private static final int SLAB_SHARE = 4;

    private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

    private final SourceSpec spec;
    private final SlabSource slabs;
    private final int leaderEpoch;
    private final SkippedOffsets.Of skipped;
    private final SamplePartsLayout layout = new SamplePartsLayout();
    private LineageHeaders headers;
    private StoredObject object;
    private long firstOffset;
    private int framedLength;
    private int count;
    private @Nullable Slab slab;
    private ByteBuffer bytes = NO_BYTES;
    private BatchSequence batches = new BatchSequence(NO_BYTES, 0, 0);

    // values of the sample that was added last, and how far they were copied
    private long[] from = new long[4];
    private long[] length = new long[4];
    private int[] to = new int[4];
    private int valueCount;
    private int valueIndex;
    private long copied;

    BlockFramer(SourceSpec spec, int partition, SlabSource slabs, int leaderEpoch) {
        this.spec = spec;
        this.slabs = slabs;
        this.leaderEpoch = leaderEpoch;
        this.skipped = spec.skipped().of(partition);
        this.object = new StoredObject("", 0, "", 0);
        this.headers = new LineageHeaders(object);
    }

    /** The samples that follow are of this object. */
    void object(StoredObject ofSamples) {
        object = ofSamples;
        headers = new LineageHeaders(ofSamples);
    }

    /**
     * Begins a block.
     *
     * @param framed its length if it was framed before: then there is room for whatever is added,
     *     as other samples may be skipped than were then; 0 if that is not known
     */
    void begin(long offset, int framed) {
        firstOffset = offset;
        framedLength = framed;
        count = 0;
        batches = new BatchSequence(NO_BYTES, offset, leaderEpoch);
    }

    /** Samples in the block. */
    int count() {
        return count;
    }

    /** Bytes of the block so far. */
    int length() {
        return slab == null ? 0 : batches.length();
    }

    /** Bytes of a sample's value, as far as it is wanted. */
    long valueLength(Sample sample) {
        List<Part> parts = sample.parts();
        if (!sample.isMultiPart()) {
            return parts.isEmpty() ? 0 : parts.get(0).length();
        }
        long sum = SamplePartsLayout.headerLength();
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            if (spec.isWanted(part.name())) {
                sum += SamplePartsLayout.partLength(part.name(), part.length());
            }
        }
        return sum;
    }

    /**
     * Frames a sample whose value is not longer than a record may be; its values are not here yet.
     *
     * @return false if the block has no room for it, and then nothing changes
     */
    boolean add(Sample sample) throws IOException {
        boolean isSkipped = skipped.contains(firstOffset + count);
        String key = sample.key();
        byte[] keyBytes = key == null ? null : SourceEntries.bytes(key);
        int valueLength = isSkipped ? -1 : Math.toIntExact(valueLength(sample));
        setHeaders(sample, isSkipped);
        int record =
                batches.recordLength(
                        object.modifiedMs(),
                        keyBytes == null ? -1 : keyBytes.length,
                        valueLength,
                        headers.length(),
                        headers.count());
        if (!makeRoom(record)) {
            return false;
        }
        int valueAt =
                batches.next(object.modifiedMs())
                        .appendAround(
                                object.modifiedMs(),
                                keyBytes == null ? null : ByteBuffer.wrap(keyBytes),
                                valueLength,
                                headers.buffer(),
                                headers.count());
        count++;
        beginValues(sample, valueAt, isSkipped);
        return true;
    }

    private void setHeaders(Sample sample, boolean isSkipped) {
        List<Part> parts = sample.parts();
        if ((sample.key() != null || sample.isMultiPart()) && !parts.isEmpty()) {
            Part last = parts.get(parts.size() - 1);
            headers.of(parts.get(0).position(), last.position() + last.length());
        } else {
            headers.none();
        }
        if (isSkipped) {
            headers.withSkipped();
        } else if (sample.isMultiPart()) {
            headers.withParts();
        }
    }

    private boolean makeRoom(int record) throws IOException {
        if (slab == null) {
            int capacity = framedLength > 0 ? framedLength : Math.max(BLOCK_LENGTH_MAX, record);
            Slab allocated = slabs.allocate(capacity);
            slab = allocated;
            bytes = allocated.buffer().duplicate().position(0).limit(capacity);
            batches = new BatchSequence(bytes, firstOffset, leaderEpoch);
        }
        if (framedLength > 0 && bytes.remaining() < record) {
            slab = longer(slab, record);
        }
        return bytes.remaining() >= record;
    }

    private Slab longer(Slab full, int record) throws IOException {
        int used = bytes.position();
        int capacity = Math.addExact(used, Math.max(record, bytes.limit() / GROWTH_SHARE));
        Slab longer = slabs.allocate(capacity);
        longer.buffer().put(0, full.buffer(), 0, used);
        bytes = longer.buffer().duplicate().position(used).limit(capacity);
        batches.moveTo(bytes);
        full.release();
        return longer;
    }

    private void beginValues(Sample sample, int valueAt, boolean isSkipped) {
        valueCount = 0;
        valueIndex = 0;
        copied = 0;
        if (isSkipped) {
            return;
        }
        if (sample.isMultiPart()) {
            beginParts(sample, valueAt);
        } else if (!sample.parts().isEmpty()) {
            Part part = sample.parts().get(0);
            addValue(part, valueAt);
        }
    }

    private void beginParts(Sample sample, int valueAt) {
        List<Part> parts = sample.parts();
        int wanted = 0;
        for (int i = 0; i < parts.size(); i++) {
            wanted += spec.isWanted(parts.get(i).name()) ? 1 : 0;
        }
        layout.begin(bytes, valueAt, wanted);
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            if (spec.isWanted(part.name())) {
                addValue(part, layout.part(part.name(), (int) part.length()));
            }
        }
    }

    private void addValue(Part part, int at) {
        if (valueCount == from.length) {
            from = Arrays.copyOf(from, 2 * valueCount);
            length = Arrays.copyOf(length, 2 * valueCount);
            to = Arrays.copyOf(to, 2 * valueCount);
        }
        from[valueCount] = part.position();
        length[valueCount] = part.length();
        to[valueCount] = at;
        valueCount++;
    }

    /**
     * Copies the values of the sample that was added last, as far as they are here.
     *
     * @return whether that was all of them; if not, {@link #copyPosition} says what is missing
     */
    boolean copy(ScanWindow window) {
        while (valueIndex < valueCount) {
            copied +=
                    window.copy(
                            from[valueIndex] + copied,
                            length[valueIndex] - copied,
                            bytes,
                            (int) (to[valueIndex] + copied));
            if (copied < length[valueIndex]) {
                return false;
            }
            valueIndex++;
            copied = 0;
        }
        return true;
    }

    /** First byte of the object that is still to be copied. */
    long copyPosition() {
        return from[valueIndex] + copied;
    }

    /** Whether the block is to be closed before another sample. */
    boolean isFull() {
        return slab != null && batches.length() >= BLOCK_LENGTH_TARGET;
    }

    /** Ends the block and hands over its memory; a new one may be begun. */
    LoadedBlock take(SourceBlock block) {
        batches.end();
        Slab full = slab;
        if (full == null) {
            throw new IllegalStateException("block without samples: " + block);
        }
        slab = null;
        int framed = batches.length();
        return new LoadedBlock(block, spec, fitted(full, framed), framed);
    }

    /** Bytes of the block once it is ended: what {@link #take} will say. */
    int endedLength() {
        batches.end();
        return batches.length();
    }

    private Slab fitted(Slab full, int framed) {
        if (framed > full.buffer().capacity() / SLAB_SHARE) {
            return full;
        }
        Slab fitting = slabs.tryAllocate(framed);
        if (fitting == null) {
            return full;
        }
        fitting.buffer().put(0, full.buffer(), 0, framed);
        full.release();
        return fitting;
    }

    @Override
    public void close() {
        if (slab != null) {
            slab.release();
            slab = null;
        }
    }
}
