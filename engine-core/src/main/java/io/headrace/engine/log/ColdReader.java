package io.headrace.engine.log;

import io.headrace.engine.Deadline;
import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import io.headrace.engine.segment.SegmentPosition;
import io.headrace.engine.spi.ColdFile;
import io.headrace.engine.spi.Journal;
import io.headrace.engine.spi.MemoryStore;
import io.headrace.engine.spi.MemoryStore.Slab;
import io.headrace.engine.spi.MetadataStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads what is not in memory, on threads of its own: the offset index says where the batches lie,
 * and they are read from the cycle's or segment's file into a slab and checked, or leased from the
 * cycle's mapping if it is still in the recent window.
 *
 * <p>Owned by the engine.
 */
final class ColdReader implements AutoCloseable {
    private static final Logger LOGGER = LoggerFactory.getLogger(ColdReader.class);
    private static final String TAG = "cold read";
    private static final int QUEUE_LENGTH = 16_384;
    private static final long CLOSE_MS = 10_000;

    /**
     * Batches that lie among others' are read together with these, if that reads at most so many
     * times their length.
     */
    private static final int SPAN_FACTOR = 2;

    /** Batches of one read of a segment, where they lie side by side and are one slice. */
    private static final int SEALED_COUNT_MAX = 4096;

    private final MetadataStore store;
    private final MemoryStore memory;
    private final ThreadPoolExecutor executor;
    private final List<Shard> shards;

    /**
     * @param shards by shard id, from 1; filled before the first read
     */
    ColdReader(
            MetadataStore store,
            MemoryStore memory,
            int threadCount,
            List<Shard> shards,
            Background background) {
        this.store = store;
        this.memory = memory;
        this.shards = shards;
        executor = background.pool("headrace-cold", threadCount, QUEUE_LENGTH);
    }

    /** Runs the task on a cold thread, or {@code refused} on this one if too much is waiting. */
    void execute(Runnable task, Runnable refused) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException e) {
            refused.run();
        }
    }

    /** Finds something on a cold thread, or nothing. */
    interface Lookup {
        @Nullable TimestampedOffset run();
    }

    /** Runs a look-up in a log on a cold thread, however much there is to look at. */
    CompletableFuture<@Nullable TimestampedOffset> lookUp(PartitionLogBase log, Lookup lookup) {
        CompletableFuture<@Nullable TimestampedOffset> found = new CompletableFuture<>();
        lookUp(log, lookup, found);
        return found;
    }

    /** As {@link #lookUp(PartitionLogBase, Lookup)}, which completes that future. */
    void lookUp(
            PartitionLogBase log,
            Lookup lookup,
            CompletableFuture<@Nullable TimestampedOffset> found) {
        Runnable onColdThread =
                () -> {
                    try {
                        found.complete(lookup.run());
                    } catch (RuntimeException e) {
                        found.completeExceptionally(e);
                    }
                };
        execute(onColdThread, () -> found.completeExceptionally(busy(log)));
    }

    private static EngineException busy(PartitionLogBase log) {
        return new EngineException(
                "too much is being read, retry: topic="
                        + log.topic().name()
                        + " partition="
                        + log.partition());
    }

    /** As {@link #read}; whatever goes wrong is logged, and an answer. */
    ReadResult readOrFail(PartitionLogBase log, long fromOffset, int lengthMax) {
        try {
            return read(log, fromOffset, lengthMax);
        } catch (RuntimeException e) {
            LOGGER.error(
                    "cold read failed: topic={} partition={} offset={}",
                    log.topic().name(),
                    log.partition(),
                    fromOffset,
                    e);
            return Unavailable.STORE_ERROR;
        }
    }

    /** Reads batches from the one that holds the offset; on a cold thread. */
    ReadResult read(PartitionLogBase log, long fromOffset, int lengthMax) {
        long from = fromOffset;
        List<IndexEntry> entries = lookUp(log, from, lengthMax);
        while (!entries.isEmpty()) {
            try {
                ReadResult result = readFile(log, entries, lengthMax);
                if (result != Unavailable.CORRUPT) {
                    return result;
                }
                if (!isCutOut(log, entries.get(0))) {
                    reportCorrupt(log, entries.get(0));
                    return result;
                }
                from = behindCutOut(log, entries);
                entries = lookUp(log, from, lengthMax);
            } catch (IOException e) {
                // The file may have gone between look-up and read: by retention, or because
                // its batches were sealed and lie elsewhere now.
                if (fromOffset < log.logStartOffset()) {
                    return Unavailable.OFFSET_OUT_OF_RANGE;
                }
                List<IndexEntry> again = lookUp(log, from, lengthMax);
                if (again.isEmpty() || again.get(0).file() != entries.get(0).file()) {
                    entries = again;
                } else if (entries.size() > 1) {
                    entries = again.subList(0, 1); // what cannot be read may lie further on
                } else if (isCutOut(log, again.get(0))) {
                    from = behindCutOut(log, again);
                    entries = lookUp(log, from, lengthMax);
                } else {
                    reportUnreadable(log, entries.get(0), e);
                    return Unavailable.CORRUPT;
                }
            }
        }
        return from == fromOffset ? Unavailable.CAUGHT_UP : Unavailable.CUT_OUT;
    }

    private boolean isCutOut(PartitionLogBase log, IndexEntry entry) {
        return shards.get(log.topic().journal() - 1).isCutOut(entry);
    }

    private long behindCutOut(PartitionLogBase log, List<IndexEntry> entries) {
        long behind = entries.get(0).lastOffset() + 1;
        for (IndexEntry entry : entries) {
            if (!isCutOut(log, entry)) {
                break;
            }
            behind = entry.lastOffset() + 1;
        }
        return behind;
    }

    private ReadResult readFile(PartitionLogBase log, List<IndexEntry> entries, int lengthMax)
            throws IOException {
        Shard shard = shards.get(log.topic().journal() - 1);
        long position = entries.get(0).position();
        if (SegmentPosition.isIn(position)) {
            try (ColdFile file = shard.segments().openCold(SegmentPosition.segment(position))) {
                return fromFile(file, log, entries);
            }
        }
        Journal.JournalLease mapping = shard.journal().lease(position);
        if (mapping != null) {
            return fromMapping(mapping, entries, lengthMax);
        }
        try (ColdFile file = shard.journal().openCold(Journal.cycle(position))) {
            return fromFile(file, log, entries);
        }
    }

    /**
     * Index entries of one file, at least one if there is any, up to the length and the high
     * watermark.
     */
    private List<IndexEntry> lookUp(PartitionLogBase log, long fromOffset, int lengthMax) {
        List<IndexEntry> entries = new ArrayList<>();
        long topicId = log.topic().id();
        long end = log.highWatermark();
        int length = 0;
        try (MetadataStore.Cursor cursor = indexCursor(log)) {
            boolean found = cursor.seek(Rows.indexKey(topicId, log.partition(), fromOffset));
            while (found && entries.size() < countMax(entries)) {
                IndexEntry entry = IndexEntry.decode(cursor.key(), cursor.value());
                if (entry.lastOffset() >= end
                        || (!entries.isEmpty()
                                && (length + (long) entry.length() > lengthMax
                                        || entry.file() != entries.get(0).file()))) {
                    break;
                }
                entries.add(entry);
                length += entry.length();
                found = cursor.next();
            }
        }
        return entries;
    }

    private static int countMax(List<IndexEntry> entries) {
        return !entries.isEmpty() && SegmentPosition.isIn(entries.get(0).position())
                ? SEALED_COUNT_MAX
                : RecordsLease.SLICE_COUNT_MAX;
    }

    private MetadataStore.Cursor indexCursor(PartitionLogBase log) {
        return store.cursor(Rows.key(Rows.INDEX, log.topic().id(), log.partition()));
    }

    private static ReadResult fromMapping(
            Journal.JournalLease mapping, List<IndexEntry> entries, int lengthMax) {
        boolean handedOver = false;
        try {
            JournalRecords.Builder records = new JournalRecords.Builder(mapping);
            int index = 0;
            while (index < entries.size() && add(records, entries.get(index), lengthMax)) {
                index++;
            }
            handedOver = true;
            return records.build();
        } finally {
            if (!handedOver) {
                mapping.close();
            }
        }
    }

    private static boolean add(JournalRecords.Builder records, IndexEntry entry, int lengthMax) {
        return records.add(entry.position(), entry.length(), entry.lastOffset(), lengthMax);
    }

    private ReadResult fromFile(ColdFile file, PartitionLogBase log, List<IndexEntry> entries)
            throws IOException {
        long first = entries.get(0).fileOffset();
        long span = end(entries.get(entries.size() - 1)) - first;
        long sum = entries.stream().mapToLong(IndexEntry::length).sum();
        boolean together = span <= SPAN_FACTOR * sum;
        Slab slab = memory.allocate((int) (together ? span : sum), TAG);
        if (slab == null && entries.size() > 1) {
            return fromFile(file, log, entries.subList(0, 1));
        }
        if (slab == null) {
            return Unavailable.STORE_ERROR;
        }
        boolean handedOver = false;
        try {
            ByteBuffer buffer = slab.buffer().duplicate();
            if (together) {
                file.read(first, buffer.position(0).limit((int) span));
            }
            SlabRecords.Builder records = new SlabRecords.Builder(slab);
            int at = 0;
            for (IndexEntry entry : entries) {
                if (together) {
                    at = (int) (entry.fileOffset() - first);
                } else {
                    file.read(entry.fileOffset(), buffer.limit(at + entry.length()).position(at));
                }
                boolean isSound = entry.isOf(slab.buffer().slice(at, entry.length()));
                if (!isSound && records.isEmpty()) {
                    return Unavailable.CORRUPT;
                }
                if (!isSound || !records.add(at, entry)) {
                    break; // what is sound is served, and who goes on is told
                }
                at += entry.length();
            }
            handedOver = true;
            return records.build();
        } finally {
            if (!handedOver) {
                slab.release();
            }
        }
    }

    private static long end(IndexEntry entry) {
        return entry.fileOffset() + entry.length();
    }

    private void reportUnreadable(PartitionLogBase log, IndexEntry entry, IOException cause) {
        LOGGER.error(
                "stored batches cannot be read: topic={} partition={} offsets={}-{} {}",
                log.topic().name(),
                log.partition(),
                entry.baseOffset(),
                entry.lastOffset(),
                place(log, entry),
                cause);
    }

    private String place(PartitionLogBase log, IndexEntry entry) {
        int journal = log.topic().journal();
        return shards.get(journal - 1).place(entry.position());
    }

    private void reportCorrupt(PartitionLogBase log, IndexEntry entry) {
        LOGGER.error(
                "stored batch fails its checksum and is not served: topic={} partition={}"
                        + " offsets={}-{} {}",
                log.topic().name(),
                log.partition(),
                entry.baseOffset(),
                entry.lastOffset(),
                place(log, entry));
    }

    /**
     * The first batch whose own highest timestamp reaches the target.
     *
     * <p>Running maxima grow with the offset, so that a binary search over the offsets finds the
     * first that reaches it. That batch does so itself, or it is the log's first and one that is
     * gone did; then the rows behind it are looked at one by one. They number as many as the
     * batches that were appended since in the shadow of that timestamp.
     */
    @Nullable TimestampedOffset offsetForTimestamp(PartitionLogBase log, long timestampMs) {
        try (MetadataStore.Cursor cursor = indexCursor(log)) {
            IndexEntry entry = firstInReach(cursor, log, timestampMs);
            while (entry != null && entry.maxTimestampMs() < timestampMs) {
                entry = next(cursor);
            }
            return entry == null ? null : timestamped(log, entry);
        }
    }

    /** The first batch whose running maximum reaches the timestamp; the cursor stands there. */
    private static @Nullable IndexEntry firstInReach(
            MetadataStore.Cursor cursor, PartitionLogBase log, long timestampMs) {
        long low = log.logStartOffset();
        long high = log.logEndOffset();
        while (low < high) {
            long middle = low + (high - low) / 2;
            IndexEntry entry = entryAt(cursor, log, middle);
            if (entry == null) {
                high = middle;
            } else if (entry.runningMaxTimestampMs() >= timestampMs) {
                high = Math.min(middle, entry.baseOffset());
            } else {
                low = entry.lastOffset() + 1;
            }
        }
        return entryAt(cursor, log, Math.max(low, log.logStartOffset()));
    }

    private static @Nullable IndexEntry entryAt(
            MetadataStore.Cursor cursor, PartitionLogBase log, long offset) {
        return cursor.seek(Rows.indexKey(log.topic().id(), log.partition(), offset))
                ? IndexEntry.decode(cursor.key(), cursor.value())
                : null;
    }

    private static @Nullable IndexEntry next(MetadataStore.Cursor cursor) {
        return cursor.next() ? IndexEntry.decode(cursor.key(), cursor.value()) : null;
    }

    /**
     * The batch that holds the highest timestamp: the first whose running maximum is the last
     * one's, unless the batch which had that is gone.
     */
    @Nullable TimestampedOffset maxTimestamp(PartitionLogBase log) {
        try (MetadataStore.Cursor cursor = indexCursor(log)) {
            byte[] end = Rows.indexKey(log.topic().id(), log.partition(), log.logEndOffset());
            if (!cursor.seekForPrevious(end)) {
                return null;
            }
            long max = IndexEntry.decode(cursor.key(), cursor.value()).runningMaxTimestampMs();
            IndexEntry highest = firstInReach(cursor, log, max);
            IndexEntry entry = highest;
            while (entry != null && highest != null && highest.maxTimestampMs() < max) {
                highest = entry.maxTimestampMs() > highest.maxTimestampMs() ? entry : highest;
                entry = next(cursor);
            }
            return highest == null ? null : timestamped(log, highest);
        }
    }

    /** End of the last batch that is in the index; where the log begins, if there is none. */
    long indexedEndOffset(PartitionLogBase log) {
        try (MetadataStore.Cursor cursor = indexCursor(log)) {
            byte[] end = Rows.indexKey(log.topic().id(), log.partition(), log.logEndOffset());
            return cursor.seekForPrevious(end)
                    ? IndexEntry.decode(cursor.key(), cursor.value()).lastOffset() + 1
                    : log.logStartOffset();
        }
    }

    private static TimestampedOffset timestamped(PartitionLogBase log, IndexEntry entry) {
        return new TimestampedOffset(
                Math.max(entry.baseOffset(), log.logStartOffset()),
                entry.maxTimestampMs(),
                entry.leaderEpoch());
    }

    int waiting() {
        return executor.getQueue().size();
    }

    @Override
    public void close() {
        close(Deadline.afterMs(CLOSE_MS));
    }

    /** Finishes what was asked for, until the deadline, and ends the threads. */
    void close(Deadline deadline) {
        executor.shutdown();
        Threads.awaitTermination(executor, deadline);
    }
}
