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
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.function.LongPredicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a compaction leaves of batches into segments, and says in the journal what has become
 * of each, always in order of offset within a partition. What was said is sound by itself, however
 * little came of the rest.
 *
 * <p>Used by the sealer's thread, which closes it; what was not flushed by then has not happened.
 */
final class CompactionWriter implements AutoCloseable {
    private final Shard shard;
    private final SegmentGroup group;
    private final IntSupplier nextSegment;
    private final int leaderEpoch;
    private final SealBuffer blockBuffer;
    private final SealBuffer verifyBuffer;
    private final Supplier<CompactionRoom> rooms;
    private final LongPredicate isCompacted;
    private final CompactionCounters counters;
    private final CompactedEntry entry = new CompactedEntry();
    private final List<Part> parts = new ArrayList<>();

    /** Partitions of which nothing more is said, as they stay as they are; some of the pass's. */
    private final Set<PartitionKey> dropped = new HashSet<>();

    private @Nullable SegmentWriter segment;

    /** The one that is said something of. */
    private @Nullable Part current;

    /** Length at which the segment ends, as there is room for no more. */
    private long segmentBytesMax;

    /** For what was not flushed yet; null before anything of that is noted. */
    private @Nullable CompactionRoom room;

    /** Of the entries that will say it. */
    private long entryBytes;

    private boolean isFull;
    private long lastPosition = -1;

    /** What has become of batches of one partition, as far as it is not said. */
    private static final class Part {
        final PartitionKey key;
        final Topic topic;
        final int partition;
        final List<CompactedEntry.Change> changes = new ArrayList<>();

        /** 0 until all of the partition has been said. */
        long compactedOffset;

        long compactedBytes;
        long tombstonesUntilMs;

        Part(Topic topic, int partition) {
            this.key = new PartitionKey(topic.id(), partition);
            this.topic = topic;
            this.partition = partition;
        }
    }

    /**
     * @param group of all segments that are written
     * @param verifyBuffer in which a finished segment is read back
     * @param rooms what room there is, asked for each piece, and once more for its segment
     * @param isCompacted whether a topic still is, by its id: asked under the shard's lock, under
     *     which it takes effect what is said
     */
    CompactionWriter(
            Shard shard,
            SegmentGroup group,
            IntSupplier nextSegment,
            int leaderEpoch,
            SealBuffer blockBuffer,
            SealBuffer verifyBuffer,
            Supplier<CompactionRoom> rooms,
            LongPredicate isCompacted,
            CompactionCounters counters) {
        this.shard = shard;
        this.group = group;
        this.nextSegment = nextSegment;
        this.leaderEpoch = leaderEpoch;
        this.blockBuffer = blockBuffer;
        this.verifyBuffer = verifyBuffer;
        this.rooms = rooms;
        this.isCompacted = isCompacted;
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

    /**
     * Begins a partition, behind all others.
     *
     * @return false if there is no room to say anything of it
     */
    boolean begin(Topic topic, int partition) {
        current = new Part(topic, partition);
        return isSayable();
    }

    /** Whether something may be said of the partition, in a piece that begins if none has. */
    private boolean isSayable() {
        if (isDropped(current().key)) {
            return false;
        }
        CompactionRoom found = room == null ? rooms.get() : room;
        room = found;
        Part part = current();
        if (found.entryBytes() == 0) {
            isFull = true;
        } else if (parts.isEmpty() || parts.get(parts.size() - 1) != part) {
            parts.add(part);
            entryBytes += CompactedEntry.APPENDED_LENGTH;
        }
        return !isFull;
    }

    private Part current() {
        return Objects.requireNonNull(current, "begun");
    }

    /**
     * Whether something that had become of a partition was not said, as it is to keep all: nothing
     * that came behind it was said either, and whoever goes on begins anew.
     */
    boolean isDropped(PartitionKey partition) {
        return dropped.contains(partition);
    }

    /** Whether there was no room for something: no batch is replaced any more. */
    boolean isFull() {
        return isFull;
    }

    /**
     * A batch is now this; behind all that was said of the partition.
     *
     * @return false if there is no room for it
     */
    boolean replace(IndexEntry batch, ByteBuffer left) throws IOException {
        if (isDropped(current().key)) {
            return false;
        }
        SegmentWriter to = segment == null ? nextSegment() : segment;
        if (to == null || !isSayable()) {
            return false;
        }
        Part part = current();
        long fileOffset =
                to.append(
                        part.topic.id(), part.topic.name(), part.partition, left, batch.datedMs());
        long maxTimestampMs = RecordBatch.maxTimestamp(left, left.position());
        add(batch, fileOffset, left.remaining(), maxTimestampMs);
        return true;
    }

    /** Null if there is no room. */
    private @Nullable SegmentWriter nextSegment() throws IOException {
        CompactionRoom found = rooms.get();
        room = found;
        segmentBytesMax = Math.min(found.segmentBytes(), SegmentPlan.SEGMENT_BYTES);
        isFull |= segmentBytesMax == 0;
        if (isFull) {
            return null;
        }
        ByteBuffer block = blockBuffer.apply(SegmentWriter.BLOCK_LENGTH_MAX);
        SegmentWriter begun = shard.segments().begin(nextSegment.getAsInt(), group, block);
        segment = begun;
        return begun;
    }

    /**
     * Nothing is left of a batch; behind all that was said of the partition.
     *
     * @return false if there is no room to say so
     */
    boolean drop(IndexEntry batch) throws IOException {
        if (!isSayable()) {
            return false;
        }
        add(batch, 0, 0, -1);
        return true;
    }

    private void add(IndexEntry batch, long fileOffset, int length, long maxTimestampMs)
            throws IOException {
        Part part = current();
        part.changes.add(
                new CompactedEntry.Change(
                        batch.lastOffset(), batch.length(), fileOffset, length, maxTimestampMs));
        entryBytes += CompactedEntry.CHANGE_LENGTH;
        if (part.changes.size() % CompactedEntry.CHANGES_MAX == 0) {
            entryBytes += CompactedEntry.APPENDED_LENGTH;
        }
        SegmentWriter to = segment;
        if (to != null && to.length() >= segmentBytesMax) {
            flush();
        } else {
            flushIfLong();
        }
    }

    /** If the journal might not take another batch, another entry for it, and one behind that. */
    private void flushIfLong() throws IOException {
        long more = CompactedEntry.CHANGE_LENGTH + 2 * CompactedEntry.APPENDED_LENGTH;
        CompactionRoom of = room;
        if (of != null && entryBytes + more > of.entryBytes()) {
            flush();
        }
    }

    /**
     * All of the partition has been said.
     *
     * @param compactedOffset below it each key has one record at most
     * @param compactedBytes of the batches below
     * @param tombstonesUntilMs from when on all tombstones below may go; 0 if there are none
     * @return false if there is no room to say so
     */
    boolean end(long compactedOffset, long compactedBytes, long tombstonesUntilMs)
            throws IOException {
        if (!isSayable()) {
            return false;
        }
        Part part = current();
        part.compactedOffset = compactedOffset;
        part.compactedBytes = compactedBytes;
        part.tombstonesUntilMs = tombstonesUntilMs;
        flushIfLong();
        return true;
    }

    /** Finishes the segment, and tells the journal; what comes then is another piece. */
    void flush() throws IOException {
        SegmentWriter finished = segment;
        int number = 0;
        if (finished != null) {
            counters.onWritten(finished.finish(verifyBuffer));
            number = finished.segment();
            segment = null;
            finished.close();
        }
        for (Part part : parts) {
            say(number, part);
            part.changes.clear();
        }
        parts.clear();
        room = null;
        entryBytes = 0;
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
            if (!isDropped(part.key)) {
                counters.onCompacted();
            }
        } else if (!entry.isEmpty()) {
            append(part, 0);
        }
    }

    private void append(Part part, long compactedOffset) {
        ByteBuffer payload = entry.payload();
        if (!isCompacted.test(part.topic.id())) {
            dropped.add(part.key);
            return; // asked here too, so that the answer is not read under the lock
        }
        synchronized (shard.lock) {
            if (!mayLose(part)) {
                dropped.add(part.key);
                return;
            }
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
        counters.onSwitched(Shard.entryLength(payload));
    }

    /** The topic may have been published while this was decided. */
    private boolean mayLose(Part part) {
        return !isDropped(part.key)
                && !shard.isKeepingAll(part.topic.id())
                && !shard.isUnderOverlay(part.topic.id())
                && isCompacted.test(part.topic.id());
    }

    /** Position of the last entry; −1 if there is none. */
    long lastPosition() {
        return lastPosition;
    }

    @Override
    public void close() throws IOException {
        SegmentWriter broken = segment;
        segment = null;
        if (broken != null) {
            broken.close();
        }
    }
}
