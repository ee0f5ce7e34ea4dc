package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.Topic;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The compaction of one partition, over as many passes as it takes: first it notes the newest
 * offset of each key, then it leaves out what is older. docs/design/compaction.md says why it may
 * end at any point.
 *
 * <p>Between two passes batches may get other places, and the oldest may go: nothing is kept here
 * but offsets.
 *
 * <p>Used by the sealer's thread.
 */
final class PartitionCompaction {
    private final CompactionCandidate candidate;
    private final BooleanSupplier isCompacted;
    private final RecordFilter filter;
    private final SealBuffer keyBuffer;
    private final long keysMax;
    private final KeyOffsets newest = new KeyOffsets();
    private boolean isBegun;
    private boolean isWriting;

    /** Keys are noted up to here, and will be up to the end. */
    private long notedOffset;

    private long endOffset;

    /** What is older is left out up to here. */
    private long rewrittenOffset;

    private long compactedBytes;
    private long tombstonesUntilMs;

    /** Records that are left out and not counted yet. */
    private long removedRecords;

    /** What one pass has made of it. */
    enum Outcome {
        /** Compacted up to the end, once the journal says so. */
        DONE,
        /** The pass has read enough: there is more to do. */
        UNFINISHED,
        /** There is more to do, for which there is no room. */
        NO_ROOM,
        /** There is nothing that can be done now. */
        FRUITLESS,
        /** The disk did not give all of it, or there was no memory for it. */
        UNREAD,
        /** Something in it is not what was written, or what it makes of that is wrong. */
        DAMAGED,
        /** The pass ended before. */
        UNREACHED
    }

    /**
     * @param isCompacted whether its topic still is
     * @param keyBuffer in which keys are noted; nobody else's until this is done
     * @param keyBytesMax of it
     */
    PartitionCompaction(
            CompactionCandidate candidate,
            BooleanSupplier isCompacted,
            RecordFilter filter,
            SealBuffer keyBuffer,
            long keyBytesMax) {
        this.candidate = candidate;
        this.isCompacted = isCompacted;
        this.filter = filter;
        this.keyBuffer = keyBuffer;
        this.keysMax = keyBytesMax / KeyOffsets.BYTES_PER_KEY;
        this.notedOffset = candidate.state().dirtyOffset();
        this.endOffset = Math.max(notedOffset, candidate.endOffset());
        this.rewrittenOffset = candidate.state().logStartOffset;
    }

    PartitionKey partition() {
        return candidate.partition();
    }

    Topic topic() {
        return candidate.topic();
    }

    /** Below, each key has one record at most once this is done. */
    long endOffset() {
        return endOffset;
    }

    /** Whether it has ended in the midst of writing, which is not its own then but all others'. */
    boolean isWriting() {
        return isWriting;
    }

    /** Counts what is left out, once the journal says so. */
    void countRemoved(CompactionCounters counters) {
        counters.onRemoved(removedRecords);
        removedRecords = 0;
    }

    /**
     * Goes on until it is done or the pass has read enough.
     *
     * @param nowMs by which tombstones go
     */
    Outcome advance(CompactionReader reader, CompactionWriter writer, SealPace pace, long nowMs)
            throws IOException {
        if (!noteKeys(reader)) {
            return Outcome.UNFINISHED;
        }
        if (endOffset <= candidate.state().dirtyOffset() && !candidate.isForTombstones()) {
            return Outcome.FRUITLESS;
        }
        if (!writer.begin(topic(), partition().partition())) {
            return Outcome.NO_ROOM;
        }
        Rewriting rewriting = new Rewriting(reader, writer, pace, nowMs);
        rewrittenOffset =
                reader.forEachBatch(partition(), rewrittenOffset, endOffset, rewriting::onBatch);
        if (rewrittenOffset < endOffset) {
            return writer.isFull() ? Outcome.NO_ROOM : Outcome.UNFINISHED;
        }
        return end(writer) ? Outcome.DONE : Outcome.NO_ROOM;
    }

    private boolean end(CompactionWriter writer) throws IOException {
        isWriting = true;
        boolean isSaid = writer.end(endOffset, compactedBytes, tombstonesUntilMs);
        isWriting = false;
        return isSaid;
    }

    /** Notes the keys of what is not compacted yet; whether that is done. */
    private boolean noteKeys(CompactionReader reader) throws IOException {
        if (!isBegun) {
            newest.begin(keyBuffer.applyUpTo(keyBytes(reader)));
            isBegun = true;
        }
        long next =
                reader.forEachBatch(
                        partition(),
                        notedOffset,
                        endOffset,
                        (entry, batch) -> {
                            if (batch != null && !isNoted(reader, entry, batch)) {
                                endOffset = Math.max(notedOffset, entry.baseOffset());
                                return false;
                            }
                            return true;
                        });
        notedOffset = Math.max(notedOffset, next);
        return notedOffset >= endOffset;
    }

    /** For all records of the batches to be noted, if that is allowed. */
    private int keyBytes(CompactionReader reader) {
        long keys = reader.offsetCount(partition(), notedOffset, endOffset, keysMax);
        return (int) Math.max(KeyOffsets.MEMORY_BYTES_MIN, keys * KeyOffsets.BYTES_PER_KEY);
    }

    private boolean isNoted(CompactionReader reader, IndexEntry entry, ByteBuffer batch) {
        if (RecordBatch.isTransactional(batch, batch.position())
                || RecordBatch.isControl(batch, batch.position())) {
            return false;
        }
        int records = RecordBatch.recordCount(batch, batch.position());
        if (records > newest.keysMax() && records <= keysMax) {
            throw new EngineException(
                    "no memory for the keys of a batch, tried again: records="
                            + records
                            + " keys="
                            + newest.keysMax()
                            + " offset="
                            + entry.baseOffset());
        }
        if (records > newest.keysMax()) {
            throw new UnreadableBatchException(
                    "batch has more records than keys can be noted, increase"
                            + " log.cleaner.dedupe.buffer.size: records="
                            + records
                            + " keys="
                            + newest.keysMax()
                            + " offset="
                            + entry.baseOffset());
        }
        if (!newest.hasRoom(records)) {
            return false;
        }
        filter.forEach(
                batch,
                (offset, key) -> {
                    requireWithin(reader, entry, offset);
                    if (key != null) {
                        newest.put(key, offset);
                    }
                });
        return true;
    }

    /** An offset beyond the batch would take away what others have appended since. */
    private static void requireWithin(CompactionReader reader, IndexEntry entry, long offset) {
        if (offset < entry.baseOffset() || offset > entry.lastOffset()) {
            throw new UnreadableBatchException(
                    "record has an offset that is not of its batch: offset="
                            + offset
                            + " "
                            + reader.place(entry));
        }
    }

    /** Leaves out of each batch what there is something newer of, in one pass. */
    private final class Rewriting {
        private final CompactionReader reader;
        private final CompactionWriter writer;
        private final SealPace pace;
        private final long nowMs;
        private final long horizonMs;

        /** Whether a tombstone stays in the batch that is looked at. */
        private boolean isTombstoneLeft;

        Rewriting(CompactionReader reader, CompactionWriter writer, SealPace pace, long nowMs) {
            this.reader = reader;
            this.writer = writer;
            this.pace = pace;
            this.nowMs = nowMs;
            long retentionMs = topic().config().compaction().deleteRetentionMs();
            this.horizonMs = saturatedSum(nowMs, retentionMs);
        }

        boolean onBatch(IndexEntry entry, @Nullable ByteBuffer batch) throws IOException {
            if (!isCompacted.getAsBoolean()) {
                return false; // the next pass sees that the topic is another one
            }
            if (batch == null) {
                return drop(entry);
            }
            long goMs = RecordBatch.deleteHorizon(batch, batch.position());
            boolean tombstonesGo = goMs >= 0 && goMs <= nowMs;
            isTombstoneLeft = false;
            ByteBuffer left =
                    filter.filter(
                            batch,
                            (offset, key, hasValue) ->
                                    key != null
                                            && offset >= newest.newest(key)
                                            && isKept(hasValue, tombstonesGo),
                            horizonMs);
            int records = RecordBatch.recordCount(batch, batch.position());
            int kept = left == null ? 0 : RecordBatch.recordCount(left, left.position());
            // From here on the batch may be gone: a segment that ends is read back into its memory.
            boolean isSaid = left == null ? drop(entry) : keep(entry, left, !left.equals(batch));
            removedRecords += isSaid ? records - kept : 0;
            return isSaid;
        }

        private boolean isKept(boolean hasValue, boolean tombstonesGo) {
            boolean isKept = hasValue || !tombstonesGo;
            isTombstoneLeft |= isKept && !hasValue;
            return isKept;
        }

        /** False if there is no room to say so. */
        private boolean drop(IndexEntry entry) throws IOException {
            isWriting = true;
            boolean isDropped = writer.drop(entry);
            isWriting = false;
            return isDropped;
        }

        /** False if there is no room for it. */
        private boolean keep(IndexEntry entry, ByteBuffer left, boolean isChanged)
                throws IOException {
            int length = left.remaining();
            if (isChanged) {
                requireSame(entry, left);
                writer.takeMemory(length);
                isWriting = true;
                boolean isReplaced = writer.replace(entry, left);
                isWriting = false;
                if (!isReplaced) {
                    return false;
                }
                pace.pay(length);
            }
            compactedBytes += length;
            if (isTombstoneLeft) { // a batch says when they go long after they have gone
                tombstonesUntilMs =
                        Math.max(
                                tombstonesUntilMs,
                                RecordBatch.deleteHorizon(left, left.position()));
            }
            return true;
        }

        /** What is written must be what the index will take it for. */
        private void requireSame(IndexEntry entry, ByteBuffer left) {
            if (!entry.isOf(left)) {
                throw new IllegalStateException(
                        "compaction made another batch: " + reader.place(entry));
            }
        }
    }

    private static long saturatedSum(long nowMs, long retentionMs) {
        long sum = nowMs + retentionMs;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }
}
