package io.headrace.kafka.group;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.jspecify.annotations.Nullable;

/**
 * What a log amounts to: the latest value of each key, in the order in which those values were
 * written, without the keys that were deleted. That is what Kafka's own log cleaner leaves, so the
 * coordinator replays it as it replays a cleaned log of Kafka's.
 *
 * <p>Records of a transaction count from its commit marker on, and not at all once it is aborted.
 *
 * <p>For one thread.
 */
final class LiveRecords {
    /** Largest encoding of a record's own fields beside key and value, in bytes. */
    private static final int RECORD_OVERHEAD_BYTES = 32;

    private final Map<ByteBuffer, Value> byKey = new LinkedHashMap<>();
    private final Map<Long, List<Change>> openTransactions = new HashMap<>();
    private long byteCount;

    private record Value(long timestampMs, ByteBuffer bytes) {}

    private record Change(ByteBuffer key, @Nullable Value value) {}

    /** Applies a batch, which comes after all that were applied before. */
    void apply(MutableRecordBatch batch) {
        if (batch.isControlBatch()) {
            endTransaction(batch);
            return;
        }
        for (Record record : batch) {
            Change change = changeOf(record);
            if (batch.isTransactional()) {
                openTransactions
                        .computeIfAbsent(batch.producerId(), id -> new ArrayList<>())
                        .add(change);
            } else {
                apply(change);
            }
        }
    }

    private void endTransaction(MutableRecordBatch batch) {
        List<Change> changes = openTransactions.remove(batch.producerId());
        if (changes == null) {
            return;
        }
        for (Record record : batch) {
            if (ControlRecordType.parse(record.key()) == ControlRecordType.COMMIT) {
                changes.forEach(this::apply);
            }
        }
    }

    private static Change changeOf(Record record) {
        ByteBuffer key = ByteBuffer.wrap(copyOf(record.key()));
        return record.hasValue()
                ? new Change(
                        key, new Value(record.timestamp(), ByteBuffer.wrap(copyOf(record.value()))))
                : new Change(key, null);
    }

    private static byte[] copyOf(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return copy;
    }

    private void apply(Change change) {
        // Removed first, so that the key moves to the end of the order.
        Value old = byKey.remove(change.key());
        if (old != null) {
            byteCount -= sizeOf(change.key(), old);
        }
        Value value = change.value();
        if (value != null) {
            byKey.put(change.key(), value);
            byteCount += sizeOf(change.key(), value);
        }
    }

    private static int sizeOf(ByteBuffer key, Value value) {
        return RECORD_OVERHEAD_BYTES + key.remaining() + value.bytes().remaining();
    }

    /** Whether a transaction is neither committed nor aborted: its records have no place here. */
    boolean hasOpenTransaction() {
        return !openTransactions.isEmpty();
    }

    /** How many keys have a value. */
    int keyCount() {
        return byKey.size();
    }

    /** About how many bytes {@link #toBatches} will take; never less. */
    long byteCount() {
        return byteCount;
    }

    /**
     * The live records as batches.
     *
     * @param lengthMax of one batch, in bytes, unless a single record is longer
     */
    List<MemoryRecords> toBatches(int lengthMax) {
        List<MemoryRecords> batches = new ArrayList<>();
        List<Map.Entry<ByteBuffer, Value>> entries = new ArrayList<>();
        int length = 0;
        for (Map.Entry<ByteBuffer, Value> entry : byKey.entrySet()) {
            int size = sizeOf(entry.getKey(), entry.getValue());
            if (!entries.isEmpty() && length + size > lengthMax) {
                batches.add(batchOf(entries, length));
                entries.clear();
                length = 0;
            }
            entries.add(entry);
            length += size;
        }
        if (!entries.isEmpty()) {
            batches.add(batchOf(entries, length));
        }
        return batches;
    }

    private static MemoryRecords batchOf(List<Map.Entry<ByteBuffer, Value>> entries, int length) {
        try (MemoryRecordsBuilder builder =
                MemoryRecords.builder(
                        ByteBuffer.allocate(length + 128),
                        Compression.NONE,
                        TimestampType.CREATE_TIME,
                        0)) {
            for (Map.Entry<ByteBuffer, Value> entry : entries) {
                builder.append(
                        entry.getValue().timestampMs(),
                        entry.getKey().array(),
                        entry.getValue().bytes().array());
            }
            return builder.build();
        }
    }
}
