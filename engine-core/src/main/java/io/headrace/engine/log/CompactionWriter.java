package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.OutOfSpaceException;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.segment.SegmentGroup;
import io.headrace.engine.segment.SegmentWriter;
import io.headrace.engine.spi.EntryType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a compaction leaves of batches into segments, and says in the journal what has become
 * of each, always in order of offset within a partition. What was said is sound by itself, however
 * little came of the rest.
 *
 * <p>Used by the sealer's thread, which closes it; what was not flushed by then has not happened.
 */
final class CompactionWriter implements AutoCloseable {
    /** Batches of which it is remembered what has become of them, until a segment is finished. */
    private static final int CHANGES_MAX = 1 << 16;

    private final Shard shard;
    private final SegmentGroup group;
    private final IntSupplier nextSegment;
    private final int leaderEpoch;
    private final SealBuffer blockBuffer;
    private final SealBuffer verifyBuffer;
    private final LongSupplier roomBytes;
    private final CompactionCounters counters;
    private final CompactedEntry entry = new CompactedEntry();
    private final List<Part> parts = new ArrayList<>();

    private @Nullable SegmentWriter segment;

    /** Length at which the segment ends, as there is room for no more. */
    private long segmentBytesMax;

    private boolean isFull;
    private int changeCount;
    private long lastPosition = -1;

    /** What has become of batches of one partition. */
    private static final class Part {
        final Topic topic;
        final int partition;
        final List<CompactedEntry.Change> changes = new ArrayList<>();

        /** 0 until all of the partition has been said. */
        long compactedOffset;

        long compactedBytes;
        long tombstonesUntilMs;

        Part(Topic topic, int partition) {
            this.topic = topic;
            this.partition = partition;
        }
    }

    /**
     * @param group of all segments that are written
     * @param verifyBuffer in which a finished segment is read back
     * @param roomBytes that may be written before any space comes back, asked for each segment; 0
     *     if that is too little to begin one
     */
    CompactionWriter(
            Shard shard,
            SegmentGroup group,
            IntSupplier nextSegment,
            int leaderEpoch,
            SealBuffer blockBuffer,
            SealBuffer verifyBuffer,
            LongSupplier roomBytes,
            CompactionCounters counters) {
        this.shard = shard;
        this.group = group;
        this.nextSegment = nextSegment;
        this.leaderEpoch = leaderEpoch;
        this.blockBuffer = blockBuffer;
        this.verifyBuffer = verifyBuffer;
        this.roomBytes = roomBytes;
        this.counters = counters;
    }

    /**
     * Takes the memory in which a batch is written and read back, before anything depends on it: in
     * the midst of writing nobody could go on without.
     *
     * @param batchLength of the longest that comes
     * @throws EngineException if there is none now
     */
    void takeMemory(int batchLength) {
        blockBuffer.take(SegmentWriter.BLOCK_LENGTH_MAX);
        verifyBuffer.take(Math.max(batchLength, SegmentWriter.BLOCK_LENGTH_MAX));
    }

    /** Begins a partition, behind all others. */
    void begin(Topic topic, int partition) {
        parts.add(new Part(topic, partition));
    }

    private Part current() {
        return parts.get(parts.size() - 1);
    }

    /** Whether there was no room for another segment: no batch is replaced any more. */
    boolean isFull() {
        return isFull;
    }

    /**
     * A batch is now this; behind all that was said of the partition.
     *
     * @return false if there is no room for it
     */
    boolean replace(IndexEntry batch, ByteBuffer left) throws IOException {
        Part part = current();
        SegmentWriter to = segment == null ? nextSegment() : segment;
        if (to == null) {
            return false;
        }
        long fileOffset =
                to.append(
                        part.topic.id(), part.topic.name(), part.partition, left, batch.datedMs());
        long maxTimestampMs = RecordBatch.maxTimestamp(left, left.position());
        add(batch, fileOffset, left.remaining(), maxTimestampMs);
        return true;
    }

    /** Null if there is no room. */
    private @Nullable SegmentWriter nextSegment() throws IOException {
        segmentBytesMax = Math.min(roomBytes.getAsLong(), SegmentPlan.SEGMENT_BYTES);
        isFull |= segmentBytesMax == 0;
        if (isFull) {
            return null;
        }
        ByteBuffer block = blockBuffer.apply(SegmentWriter.BLOCK_LENGTH_MAX);
        SegmentWriter begun = shard.segments().begin(nextSegment.getAsInt(), group, block);
        segment = begun;
        return begun;
    }

    /** Nothing is left of a batch; behind all that was said of the partition. */
    void drop(IndexEntry batch) throws IOException {
        add(batch, 0, 0, -1);
    }

    private void add(IndexEntry batch, long fileOffset, int length, long maxTimestampMs)
            throws IOException {
        current()
                .changes
                .add(
                        new CompactedEntry.Change(
                                batch.lastOffset(),
                                batch.length(),
                                fileOffset,
                                length,
                                maxTimestampMs));
        SegmentWriter current = segment;
        if (++changeCount >= CHANGES_MAX
                || current != null && current.length() >= segmentBytesMax) {
            Part part = current();
            flush();
            begin(part.topic, part.partition);
        }
    }

    /**
     * All of the partition has been said.
     *
     * @param compactedOffset below it each key has one record at most
     * @param compactedBytes of the batches below
     * @param tombstonesUntilMs from when on all tombstones below may go; 0 if there are none
     */
    void end(long compactedOffset, long compactedBytes, long tombstonesUntilMs) {
        Part part = current();
        part.compactedOffset = compactedOffset;
        part.compactedBytes = compactedBytes;
        part.tombstonesUntilMs = tombstonesUntilMs;
    }

    /** Finishes the segment, and tells the journal. */
    void flush() throws IOException {
        SegmentWriter current = segment;
        int number = 0;
        if (current != null) {
            counters.onWritten(current.finish(verifyBuffer));
            number = current.segment();
            segment = null;
            current.close();
        }
        for (Part part : parts) {
            say(number, part);
        }
        parts.clear();
        changeCount = 0;
    }

    private void say(int number, Part part) {
        entry.begin(number);
        for (CompactedEntry.Change change : part.changes) {
            if (!entry.add(change)) {
                append(part, 0);
                entry.begin(number);
                entry.add(change);
            }
        }
        if (part.compactedOffset > 0) {
            entry.end(part.compactedBytes, part.tombstonesUntilMs);
            append(part, part.compactedOffset);
            counters.onCompacted();
        } else if (!entry.isEmpty()) {
            append(part, 0);
        }
    }

    private void append(Part part, long compactedOffset) {
        ByteBuffer payload = entry.payload();
        counters.onSwitched(Shard.entryLength(payload));
        synchronized (shard.lock) {
            long position =
                    shard.appendEntry(
                            EntryType.COMPACTED,
                            part.topic.id(),
                            part.partition,
                            compactedOffset,
                            leaderEpoch,
                            payload);
            if (position < 0) {
                throw new OutOfSpaceException("compaction");
            }
            lastPosition = position;
        }
    }

    /** Position of the last entry; −1 if there is none. */
    long lastPosition() {
        return lastPosition;
    }

    @Override
    public void close() throws IOException {
        SegmentWriter current = segment;
        segment = null;
        if (current != null) {
            current.close();
        }
    }
}
