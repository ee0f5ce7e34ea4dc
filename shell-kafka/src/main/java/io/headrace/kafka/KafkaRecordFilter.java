package io.headrace.kafka;

import io.headrace.engine.Experimental;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import java.nio.ByteBuffer;
import java.util.Iterator;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.FilterResult;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.CloseableIterator;
import org.jspecify.annotations.Nullable;

/**
 * Looks into record batches with Kafka's own classes: the filtering is that of Kafka's log cleaner.
 * For {@code EngineContext.recordFilter}.
 */
@Experimental
public final class KafkaRecordFilter implements RecordFilter {
    /** Longest record that is read, decompressed: what is longer is none that somebody wants. */
    private static final int RECORD_LENGTH_MAX = 64 << 20;

    /**
     * Longest that the records of a batch are together, decompressed. Kafka's filter has all that
     * stay in memory at once, and a few kilobytes can be made to hold gigabytes.
     */
    static final int RECORDS_LENGTH_MAX = 64 << 20;

    /** Longest output that is made room for at once; it grows if it has to. */
    private static final int SPARE_LENGTH = 1024;

    @Override
    public boolean isCompactable(ByteBuffer batch) {
        MutableRecordBatch read = batchOf(batch);
        long expected = read.baseOffset();
        long length = 0;
        try (CloseableIterator<Record> records =
                read.skipKeyValueIterator(BufferSupplier.NO_CACHING, RECORD_LENGTH_MAX)) {
            while (records.hasNext()) {
                Record next = records.next();
                length += next.sizeInBytes();
                if (!next.hasKey() || next.offset() != expected++ || length > RECORDS_LENGTH_MAX) {
                    return false;
                }
            }
            return expected == read.nextOffset();
        } catch (RuntimeException e) {
            return false; // whatever it is: the bytes are somebody else's
        }
    }

    @Override
    public void forEach(ByteBuffer batch, Visitor visitor) {
        try (CloseableIterator<Record> records =
                batchOf(batch).streamingIterator(BufferSupplier.NO_CACHING, RECORD_LENGTH_MAX)) {
            while (records.hasNext()) {
                Record next = records.next();
                visitor.onRecord(next.offset(), next.key());
            }
        } catch (UnreadableBatchException e) {
            throw e;
        } catch (RuntimeException e) {
            throw unreadable(batch, e);
        }
    }

    @Override
    public @Nullable ByteBuffer filter(
            ByteBuffer batch, Selection selection, long deleteHorizonMs) {
        ByteBuffer output = ByteBuffer.allocate(batch.remaining() + SPARE_LENGTH);
        FilterResult result;
        try {
            result =
                    MemoryRecords.readableRecords(batch.slice())
                            .filterTo(
                                    new Filter(selection, deleteHorizonMs),
                                    output,
                                    BufferSupplier.NO_CACHING,
                                    RECORD_LENGTH_MAX);
        } catch (UnreadableBatchException e) {
            throw e;
        } catch (RuntimeException e) {
            throw unreadable(batch, e);
        }
        if (result.messagesRetained() == 0) {
            return null;
        }
        ByteBuffer left = result.outputBuffer().duplicate().flip();
        return left.equals(batch) ? batch : left;
    }

    /** Keeps no batch that has lost all records: who produced it is known elsewhere. */
    private static final class Filter extends MemoryRecords.RecordFilter {
        private final Selection selection;
        private long keptLength;

        Filter(Selection selection, long deleteHorizonMs) {
            super(deleteHorizonMs, 0);
            this.selection = selection;
        }

        @Override
        protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
            return new BatchRetentionResult(BatchRetention.DELETE_EMPTY, false);
        }

        @Override
        protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
            boolean isKept = selection.isSelected(record.offset(), record.key(), record.hasValue());
            keptLength += isKept ? record.sizeInBytes() : 0;
            if (keptLength > RECORDS_LENGTH_MAX) {
                throw new UnreadableBatchException(
                        "what stays of a batch is too long, decompressed: offset="
                                + batch.baseOffset()
                                + " bytesMax="
                                + RECORDS_LENGTH_MAX);
            }
            return isKept;
        }
    }

    private static MutableRecordBatch batchOf(ByteBuffer batch) {
        Iterator<MutableRecordBatch> batches =
                MemoryRecords.readableRecords(batch.slice()).batches().iterator();
        if (!batches.hasNext()) {
            throw new UnreadableBatchException("no batch: length=" + batch.remaining());
        }
        return batches.next();
    }

    private static UnreadableBatchException unreadable(ByteBuffer batch, RuntimeException cause) {
        int at = batch.position();
        return new UnreadableBatchException(
                "records of a batch cannot be read: offset="
                        + io.headrace.engine.batch.RecordBatch.baseOffset(batch, at)
                        + " length="
                        + batch.remaining(),
                cause);
    }
}
