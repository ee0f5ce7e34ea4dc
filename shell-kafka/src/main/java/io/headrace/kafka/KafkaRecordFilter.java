package io.headrace.kafka;

import io.headrace.engine.Experimental;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.Iterator;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Looks into record batches with Kafka's codecs. What is left of a batch is what Kafka's log
 * cleaner would leave, but it is written while it is read: of a batch nothing is held in memory but
 * what comes out. For {@code EngineContext.recordFilter}.
 */
@Experimental
public final class KafkaRecordFilter implements RecordFilter {
    /** Longest output that is made room for at once; it grows if it has to. */
    private static final int SPARE_LENGTH = 1024;

    @Override
    public boolean isCompactable(ByteBuffer batch) {
        long expected = RecordBatch.baseOffset(batch, batch.position());
        try (RecordCursor records = RecordCursor.open(batch, false)) {
            while (records.next()) {
                if (!records.hasKey() || records.offset() != expected++) {
                    return false;
                }
                records.requireHeaders();
            }
            return expected == RecordBatch.lastOffset(batch, batch.position()) + 1;
        } catch (IOException | RuntimeException e) {
            return false; // whatever it is: the bytes are somebody else's
        }
    }

    @Override
    public void forEach(ByteBuffer batch, Visitor visitor) {
        try (RecordCursor records = RecordCursor.open(batch, true)) {
            while (records.next()) {
                visitor.onRecord(records.offset(), records.key());
            }
        } catch (UnreadableBatchException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(batch, e);
        }
    }

    @Override
    public ByteBuffer uncompressed(ByteBuffer batch) {
        if (RecordBatch.compression(batch, batch.position()) == CompressionType.NONE.id) {
            return batch;
        }
        // LZ4's reader takes no buffer that is mapped for reading alone.
        ByteBuffer own = batch.isReadOnly() ? copy(batch) : batch;
        try (RecordCursor records = RecordCursor.open(own, true)) {
            ByteBufferOutputStream output =
                    new ByteBufferOutputStream(2 * batch.remaining() + SPARE_LENGTH);
            output.position(RecordBatch.HEADER_LENGTH);
            DataOutputStream out = new DataOutputStream(output);
            while (records.next()) {
                records.writeTo(out, 0);
            }
            ByteBuffer plain = output.buffer().duplicate().flip();
            plain.put(0, batch, batch.position(), RecordBatch.HEADER_LENGTH);
            RecordBatch.uncompressed(plain, 0);
            return plain;
        } catch (UnreadableBatchException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(batch, e);
        }
    }

    private static ByteBuffer copy(ByteBuffer batch) {
        return ByteBuffer.allocate(batch.remaining()).put(batch.duplicate()).flip();
    }

    @Override
    public @Nullable ByteBuffer filter(
            ByteBuffer batch, Selection selection, long deleteHorizonMs) {
        try {
            Selected selected = select(batch, selection);
            boolean isDated =
                    selected.hasTombstone && RecordBatch.deleteHorizon(batch, batch.position()) < 0;
            if (selected.places.isEmpty()) {
                return null;
            }
            return selected.isAll() && !isDated
                    ? batch
                    : write(batch, selected, isDated, deleteHorizonMs);
        } catch (UnreadableBatchException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw unreadable(batch, e);
        }
    }

    /** Which records of a batch stay, and what its header has to say of them. */
    private static final class Selected {
        /** A bit for each record that was there, at most: by their place in the batch. */
        final BitSet places = new BitSet();

        int count;
        boolean hasTombstone;
        long timestampDeltaMax = Long.MIN_VALUE;

        void add(RecordCursor record, boolean stays) {
            if (stays) {
                places.set(count);
                hasTombstone |= !record.hasValue();
                timestampDeltaMax = Math.max(timestampDeltaMax, record.timestampDelta());
            }
            count++;
        }

        boolean isAll() {
            return places.cardinality() == count;
        }
    }

    private static Selected select(ByteBuffer batch, Selection selection) throws IOException {
        Selected selected = new Selected();
        try (RecordCursor records = RecordCursor.open(batch, true)) {
            while (records.next()) {
                boolean stays =
                        selection.isSelected(records.offset(), records.key(), records.hasValue());
                selected.add(records, stays);
            }
        }
        return selected;
    }

    /**
     * Decompresses a second time instead of holding what was selected, and only where something
     * goes.
     *
     * @param isDated whether it is to say when tombstones may go; its base timestamp is that, then
     */
    private static ByteBuffer write(
            ByteBuffer batch, Selected selected, boolean isDated, long deleteHorizonMs)
            throws IOException {
        long baseMs = RecordBatch.baseTimestamp(batch, batch.position());
        long newBaseMs = isDated ? deleteHorizonMs : baseMs;
        ByteBufferOutputStream output =
                new ByteBufferOutputStream(batch.remaining() + SPARE_LENGTH);
        output.position(RecordBatch.HEADER_LENGTH);
        MutableRecordBatch header = batchOf(batch);
        Compression compression = Compression.of(header.compressionType()).build();
        try (RecordCursor records = RecordCursor.open(batch, true);
                DataOutputStream out =
                        new DataOutputStream(
                                compression.wrapForOutput(output, RecordBatch.MAGIC))) {
            for (int place = 0; records.next(); place++) {
                if (selected.places.get(place)) {
                    records.writeTo(out, baseMs - newBaseMs);
                }
            }
        }
        ByteBuffer left = output.buffer().duplicate().flip();
        writeHeader(left, header, selected, isDated, newBaseMs, baseMs);
        return left;
    }

    private static void writeHeader(
            ByteBuffer left,
            MutableRecordBatch from,
            Selected selected,
            boolean isDated,
            long newBaseMs,
            long baseMs) {
        boolean isOfAppending = from.timestampType() == TimestampType.LOG_APPEND_TIME;
        DefaultRecordBatch.writeHeader(
                left.duplicate(),
                from.baseOffset(),
                (int) (from.lastOffset() - from.baseOffset()),
                left.limit(),
                from.magic(),
                from.compressionType(),
                from.timestampType(),
                newBaseMs,
                isOfAppending ? from.maxTimestamp() : baseMs + selected.timestampDeltaMax,
                from.producerId(),
                from.producerEpoch(),
                from.baseSequence(),
                from.isTransactional(),
                from.isControlBatch(),
                isDated || from.deleteHorizonMs().isPresent(),
                from.partitionLeaderEpoch(),
                selected.places.cardinality());
    }

    private static MutableRecordBatch batchOf(ByteBuffer batch) {
        Iterator<MutableRecordBatch> batches =
                MemoryRecords.readableRecords(batch.slice()).batches().iterator();
        if (!batches.hasNext()) {
            throw new UnreadableBatchException("no batch: length=" + batch.remaining());
        }
        return batches.next();
    }

    private static UnreadableBatchException unreadable(ByteBuffer batch, Exception cause) {
        return new UnreadableBatchException(
                "records of a batch cannot be read: offset="
                        + RecordBatch.baseOffset(batch, batch.position())
                        + " length="
                        + batch.remaining(),
                cause);
    }
}
