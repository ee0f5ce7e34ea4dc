package io.headrace.engine.log;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One pass of compaction over some partitions of a shard, one after the other: notes the newest
 * offset of each key, and leaves out what is older. docs/design/compaction.md says why it may end
 * at any point.
 *
 * <p>Used by the sealer's thread, once; closed by it.
 */
final class CompactionPass implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(CompactionPass.class);

    /** Index rows that are read at a time. */
    private static final int ROWS = 1024;

    /** Files that are open together. */
    private static final int FILES_MAX = 64;

    private final Shard shard;
    private final Context context;
    private final SealBuffer batchBuffer;
    private final SealBuffer keyBuffer;
    private final CompactionWriter writer;
    private final KeyOffsets newest = new KeyOffsets();
    private final Map<Integer, ColdFile> open = new HashMap<>();
    private final List<PartitionKey> damaged = new ArrayList<>();
    private final List<PartitionKey> unread = new ArrayList<>();
    private final List<Done> done = new ArrayList<>();

    /**
     * What a pass needs of the engine.
     *
     * @param nowMs by which tombstones go
     * @param keyBytesMax in which keys are noted
     */
    record Context(
            MetadataStore store,
            RecordFilter filter,
            SealPace pace,
            CompactionCounters counters,
            BooleanSupplier stopped,
            long nowMs,
            long keyBytesMax) {}

    /** The disk has not given what was asked of it, which says nothing of what is there. */
    private static final class ReadFailedException extends IOException {
        private static final long serialVersionUID = 1L;

        ReadFailedException(String message, IOException cause) {
            super(message, cause);
        }
    }

    /** A partition that is compacted up to an offset, once the journal says so. */
    record Done(PartitionKey partition, long compactedOffset) {}

    CompactionPass(
            Shard shard,
            Context context,
            SealBuffer batchBuffer,
            SealBuffer keyBuffer,
            CompactionWriter writer) {
        this.shard = shard;
        this.context = context;
        this.batchBuffer = batchBuffer;
        this.keyBuffer = keyBuffer;
        this.writer = writer;
    }

    /** Partitions that cannot be compacted, because something in them is damaged. */
    List<PartitionKey> damaged() {
        return damaged;
    }

    /** Partitions that the disk did not give, which may be whole. */
    List<PartitionKey> unread() {
        return unread;
    }

    /** What has been compacted, if {@link #run} has returned. */
    List<Done> done() {
        return done;
    }

    void run(List<CompactionCandidate> candidates) throws IOException {
        for (CompactionCandidate candidate : candidates) {
            try {
                compact(candidate);
            } catch (UnreadableBatchException e) {
                damaged.add(candidate.partition());
                context.counters.onDamaged();
                LOGGER.error(
                        "partition is not compacted until the next start, something in it cannot be"
                                + " read: topic={} partition={}",
                        candidate.topic().name(),
                        candidate.partition().partition(),
                        e);
            } catch (ReadFailedException e) {
                unread.add(candidate.partition());
                context.counters.onFailed();
                LOGGER.warn(
                        "partition is compacted later, the disk does not give it now: topic={}"
                                + " partition={}",
                        candidate.topic().name(),
                        candidate.partition().partition(),
                        e);
            }
        }
        writer.flush();
    }

    private void compact(CompactionCandidate candidate) throws IOException {
        long end = noteKeys(candidate);
        if (end <= candidate.state().dirtyOffset() && !candidate.isForTombstones()) {
            return;
        }
        writer.begin(candidate.topic(), candidate.partition().partition());
        Rewriting rewriting = new Rewriting(candidate);
        forEachBatch(candidate.partition(), candidate.state().logStartOffset, end, rewriting);
        writer.end(end, rewriting.compactedBytes, rewriting.tombstonesUntilMs);
        done.add(new Done(candidate.partition(), end));
    }

    /** Takes batches of a partition in order of offset. */
    private interface Handler {
        /** Whether to go on with the next one. */
        boolean onBatch(IndexEntry entry, ByteBuffer batch) throws IOException;
    }

    /**
     * Notes the keys of what is not compacted yet; returns the offset up to which there was room.
     */
    private long noteKeys(CompactionCandidate candidate) throws IOException {
        long from = candidate.state().dirtyOffset();
        newest.begin(keyBuffer.apply((int) keyBytes(candidate)));
        long[] end = {Math.max(from, candidate.endOffset())};
        forEachBatch(
                candidate.partition(),
                from,
                candidate.endOffset(),
                (entry, batch) -> {
                    if (!isNoted(entry, batch)) {
                        end[0] = entry.baseOffset();
                        return false;
                    }
                    return true;
                });
        return Math.max(from, end[0]);
    }

    /** For all records of the batches to be noted; the first one may begin before the log does. */
    private long keyBytes(CompactionCandidate candidate) {
        long from = candidate.state().dirtyOffset();
        List<IndexEntry> first = rows(candidate.partition(), from, candidate.endOffset(), 1);
        long keys = first.isEmpty() ? 0 : candidate.endOffset() - first.get(0).baseOffset();
        long bytes = Math.min(keys, context.keyBytesMax) * KeyOffsets.BYTES_PER_KEY;
        return Math.max(KeyOffsets.MEMORY_BYTES_MIN, Math.min(context.keyBytesMax, bytes));
    }

    private boolean isNoted(IndexEntry entry, ByteBuffer batch) {
        if (RecordBatch.isTransactional(batch, batch.position())
                || RecordBatch.isControl(batch, batch.position())) {
            return false;
        }
        int records = RecordBatch.recordCount(batch, batch.position());
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
        context.filter.forEach(
                batch,
                (offset, key) -> {
                    requireWithin(entry, offset);
                    if (key != null) {
                        newest.put(key, offset);
                    }
                });
        return true;
    }

    /** An offset beyond the batch would take away what others have appended since. */
    private void requireWithin(IndexEntry entry, long offset) {
        if (offset < entry.baseOffset() || offset > entry.lastOffset()) {
            throw new UnreadableBatchException(
                    "record has an offset that is not of its batch: offset="
                            + offset
                            + " "
                            + shard.place(entry.position()));
        }
    }

    /** Leaves out of each batch what there is something newer of. */
    private final class Rewriting implements Handler {
        private final long horizonMs;
        private long compactedBytes;
        private long tombstonesUntilMs;

        /** Whether a tombstone stays in the batch that is looked at. */
        private boolean isTombstoneLeft;

        Rewriting(CompactionCandidate candidate) {
            long retentionMs = candidate.topic().config().compaction().deleteRetentionMs();
            horizonMs = saturatedSum(context.nowMs, retentionMs);
        }

        @Override
        public boolean onBatch(IndexEntry entry, ByteBuffer batch) throws IOException {
            long goMs = RecordBatch.deleteHorizon(batch, batch.position());
            boolean tombstonesGo = goMs >= 0 && goMs <= context.nowMs;
            isTombstoneLeft = false;
            ByteBuffer left =
                    context.filter.filter(
                            batch,
                            (offset, key, hasValue) ->
                                    key != null
                                            && offset >= newest.newest(key)
                                            && isKept(hasValue, tombstonesGo),
                            horizonMs);
            int records = RecordBatch.recordCount(batch, batch.position());
            int kept = left == null ? 0 : RecordBatch.recordCount(left, left.position());
            context.counters.onRemoved(records - kept);
            if (left == null) {
                writer.drop(entry);
            } else {
                keep(entry, left, !left.equals(batch));
            }
            return true;
        }

        private boolean isKept(boolean hasValue, boolean tombstonesGo) {
            boolean isKept = hasValue || !tombstonesGo;
            isTombstoneLeft |= isKept && !hasValue;
            return isKept;
        }

        private void keep(IndexEntry entry, ByteBuffer left, boolean isChanged) throws IOException {
            int length = left.remaining();
            compactedBytes += length;
            if (isTombstoneLeft) { // a batch says when they go long after they have gone
                tombstonesUntilMs =
                        Math.max(
                                tombstonesUntilMs,
                                RecordBatch.deleteHorizon(left, left.position()));
            }
            if (isChanged) {
                requireSame(entry, left);
                context.pace.pay(length);
                writer.replace(entry, left);
            }
        }

        /** What is written must be what the index will take it for. */
        private void requireSame(IndexEntry entry, ByteBuffer left) {
            if (!entry.isOf(left)) {
                throw new IllegalStateException(
                        "compaction made another batch: " + shard.place(entry.position()));
            }
        }
    }

    private static long saturatedSum(long nowMs, long retentionMs) {
        long sum = nowMs + retentionMs;
        return sum < 0 ? Long.MAX_VALUE : sum;
    }

    /** Hands over the batches that end in {@code [fromOffset, toOffset)}. */
    private void forEachBatch(
            PartitionKey partition, long fromOffset, long toOffset, Handler handler)
            throws IOException {
        long from = fromOffset;
        List<IndexEntry> rows = rows(partition, from, toOffset, ROWS);
        while (!rows.isEmpty()) {
            for (IndexEntry entry : rows) {
                ByteBuffer batch = read(partition, entry);
                if (batch != null && !handler.onBatch(entry, batch)) {
                    return;
                }
            }
            from = rows.get(rows.size() - 1).lastOffset() + 1;
            rows = rows(partition, from, toOffset, ROWS);
        }
    }

    private List<IndexEntry> rows(
            PartitionKey partition, long fromOffset, long toOffset, int countMax) {
        List<IndexEntry> rows = new ArrayList<>();
        byte[] prefix = Rows.key(Rows.INDEX, partition.topicId(), partition.partition());
        byte[] from = Rows.indexKey(partition.topicId(), partition.partition(), fromOffset);
        try (MetadataStore.Cursor cursor = context.store.cursor(prefix)) {
            boolean found = cursor.seek(from);
            while (found && rows.size() < countMax) {
                IndexEntry entry = IndexEntry.decode(cursor.key(), cursor.value());
                if (entry.lastOffset() >= toOffset) {
                    break;
                }
                rows.add(entry);
                found = cursor.next();
            }
        }
        return rows;
    }

    /** Null if the batch has been deleted meanwhile. */
    private @Nullable ByteBuffer read(PartitionKey partition, IndexEntry entry)
            throws ReadFailedException {
        if (context.stopped.getAsBoolean()) {
            throw new CancellationException("the engine is being closed");
        }
        ByteBuffer bytes = batchBuffer.apply(entry.length());
        try {
            file(entry.file()).read(entry.fileOffset(), bytes);
        } catch (IOException e) {
            if (isGone(partition, entry)) {
                return null;
            }
            throw new ReadFailedException(
                    "stored batch cannot be read: " + shard.place(entry.position()), e);
        }
        if (!entry.isOf(bytes.flip())) {
            throw new UnreadableBatchException(
                    "stored batch fails its checksum: " + shard.place(entry.position()));
        }
        context.counters.onRead(entry.length());
        context.pace.pay(entry.length());
        return bytes;
    }

    private boolean isGone(PartitionKey partition, IndexEntry entry) {
        return context.store.get(
                        Rows.indexKey(
                                partition.topicId(), partition.partition(), entry.lastOffset()))
                == null;
    }

    private ColdFile file(int number) throws IOException {
        ColdFile found = open.get(number);
        if (found == null) {
            if (open.size() == FILES_MAX) {
                close();
            }
            found = new SealInput(number, 0, 0).open(shard);
            open.put(number, found);
        }
        return found;
    }

    @Override
    public void close() throws IOException {
        for (ColdFile file : open.values()) {
            file.close();
        }
        open.clear();
    }
}
