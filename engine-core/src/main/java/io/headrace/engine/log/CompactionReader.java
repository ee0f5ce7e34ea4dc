package io.headrace.engine.log;

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

/**
 * Reads batches of a shard's partitions for one pass of compaction, until that has read enough.
 *
 * <p>Used by the sealer's thread, once; closed by it.
 */
final class CompactionReader implements AutoCloseable {
    /** Index rows that are read at a time. */
    private static final int ROWS = 1024;

    /** Files that are open together. */
    private static final int FILES_MAX = 64;

    private final Shard shard;
    private final MetadataStore store;
    private final SealBuffer batchBuffer;
    private final SealPace pace;
    private final CompactionCounters counters;
    private final BooleanSupplier stopped;
    private final long bytesMax;
    private final Map<Integer, ColdFile> open = new HashMap<>();
    private long bytes;

    private enum Found {
        READ,
        /** Deleted meanwhile. */
        GONE,
        /** A repair has taken it out, and has told its loss. */
        CUT_OUT
    }

    /** Takes batches of a partition in order of offset. */
    @FunctionalInterface
    interface Handler {
        /**
         * @param batch borrowed until this returns; null if a repair has cut it out
         * @return whether it was taken; if not, there are no more
         */
        boolean onBatch(IndexEntry entry, @Nullable ByteBuffer batch) throws IOException;
    }

    /** The disk has not given what was asked of it, which says nothing of what is there. */
    static final class ReadFailedException extends IOException {
        private static final long serialVersionUID = 1L;

        ReadFailedException(String message, IOException cause) {
            super(message, cause);
        }
    }

    /**
     * @param bytesMax after which the pass has read enough; a batch that was begun is read whole
     */
    CompactionReader(
            Shard shard,
            MetadataStore store,
            SealBuffer batchBuffer,
            SealPace pace,
            CompactionCounters counters,
            BooleanSupplier stopped,
            long bytesMax) {
        this.shard = shard;
        this.store = store;
        this.batchBuffer = batchBuffer;
        this.pace = pace;
        this.counters = counters;
        this.stopped = stopped;
        this.bytesMax = bytesMax;
    }

    /** Whether the pass has read enough, and has to end. */
    boolean isSpent() {
        return bytes >= bytesMax;
    }

    /**
     * Hands over the batches that end in {@code [fromOffset, toOffset)}, until one is not taken or
     * the pass has read enough.
     *
     * @return where it goes on: at the batch that was not read or not taken; {@code toOffset} if
     *     there is none
     * @throws UnreadableBatchException if one is damaged
     * @throws ReadFailedException if the disk fails
     */
    long forEachBatch(PartitionKey partition, long fromOffset, long toOffset, Handler handler)
            throws IOException {
        List<IndexEntry> rows = rows(partition, fromOffset, toOffset, ROWS);
        while (!rows.isEmpty()) {
            for (IndexEntry entry : rows) {
                if (isSpent() || !handOver(partition, entry, handler)) {
                    return Math.max(fromOffset, entry.baseOffset());
                }
            }
            long next = rows.get(rows.size() - 1).lastOffset() + 1;
            rows = rows(partition, next, toOffset, ROWS);
        }
        return toOffset;
    }

    private boolean handOver(PartitionKey partition, IndexEntry entry, Handler handler)
            throws IOException {
        ByteBuffer batch = batchBuffer.apply(entry.length());
        return switch (read(partition, entry, batch)) {
            case GONE -> true;
            case CUT_OUT -> handler.onBatch(entry, null);
            case READ -> handler.onBatch(entry, batch);
        };
    }

    /**
     * How many offsets the batches have that end in {@code [fromOffset, toOffset)}: those between
     * them do not count, of which there may be any number.
     *
     * @param enough it is not counted any further
     */
    long offsetCount(PartitionKey partition, long fromOffset, long toOffset, long enough) {
        long count = 0;
        List<IndexEntry> rows = rows(partition, fromOffset, toOffset, ROWS);
        while (!rows.isEmpty() && count < enough) {
            for (IndexEntry entry : rows) {
                count += entry.lastOffset() - entry.baseOffset() + 1;
            }
            long next = rows.get(rows.size() - 1).lastOffset() + 1;
            rows = rows(partition, next, toOffset, ROWS);
        }
        return Math.min(count, enough);
    }

    private List<IndexEntry> rows(
            PartitionKey partition, long fromOffset, long toOffset, int countMax) {
        List<IndexEntry> rows = new ArrayList<>();
        byte[] prefix = Rows.key(Rows.INDEX, partition.topicId(), partition.partition());
        byte[] from = Rows.indexKey(partition.topicId(), partition.partition(), fromOffset);
        try (MetadataStore.Cursor cursor = store.cursor(prefix)) {
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

    private Found read(PartitionKey partition, IndexEntry entry, ByteBuffer batch)
            throws ReadFailedException {
        if (stopped.getAsBoolean()) {
            throw new CancellationException("the engine is being closed");
        }
        try {
            file(entry.file()).read(entry.fileOffset(), batch);
        } catch (IOException e) {
            if (isGone(partition, entry)) {
                return Found.GONE;
            }
            if (shard.isCutOut(entry)) {
                return Found.CUT_OUT;
            }
            throw new ReadFailedException("stored batch cannot be read: " + place(entry), e);
        }
        if (!entry.isOf(batch.flip())) {
            if (shard.isCutOut(entry)) {
                return Found.CUT_OUT;
            }
            throw new UnreadableBatchException("stored batch fails its checksum: " + place(entry));
        }
        bytes += entry.length();
        counters.onRead(entry.length());
        pace.pay(entry.length());
        return Found.READ;
    }

    /** Where a batch lies, for messages. */
    String place(IndexEntry entry) {
        return shard.place(entry.position());
    }

    private boolean isGone(PartitionKey partition, IndexEntry entry) {
        return store.get(
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
