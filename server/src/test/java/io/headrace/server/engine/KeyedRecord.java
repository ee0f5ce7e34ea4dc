package io.headrace.server.engine;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.jspecify.annotations.Nullable;

/**
 * A record of a compacted topic, as it is appended and as it is read.
 *
 * @param value null for a tombstone
 */
record KeyedRecord(String key, @Nullable String value) {

    /** A batch of such records. */
    static ByteBuffer batch(CompressionType codec, long timestampMs, KeyedRecord... records) {
        return batch(codec, timestampMs, List.of(records));
    }

    static ByteBuffer batch(CompressionType codec, long timestampMs, List<KeyedRecord> records) {
        SimpleRecord[] simple = new SimpleRecord[records.size()];
        for (int i = 0; i < simple.length; i++) {
            KeyedRecord record = records.get(i);
            simple[i] = new SimpleRecord(timestampMs + i, bytes(record.key), bytes(record.value));
        }
        ByteBuffer built =
                MemoryRecords.withRecords(Compression.of(codec).build(), simple).buffer();
        return ByteBuffer.allocateDirect(built.remaining()).put(built).flip();
    }

    private static byte @Nullable [] bytes(@Nullable String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    private static @Nullable String text(@Nullable ByteBuffer bytes) {
        return bytes == null ? null : StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }

    /** What can be read from an offset on, by offset; checks every batch. */
    static TreeMap<Long, KeyedRecord> readAll(PartitionLog log, long fromOffset) {
        TreeMap<Long, KeyedRecord> found = new TreeMap<>();
        for (MutableRecordBatch batch : batches(log, fromOffset)) {
            for (Record record : batch) {
                if (record.offset() >= fromOffset) {
                    KeyedRecord read = new KeyedRecord(text(record.key()), text(record.value()));
                    assertFalse(found.containsKey(record.offset()), "twice: " + record);
                    found.put(record.offset(), read);
                }
            }
        }
        return found;
    }

    /** The batches that can be read from an offset on. */
    static List<MutableRecordBatch> batches(PartitionLog log, long fromOffset) {
        List<MutableRecordBatch> batches = new ArrayList<>();
        long offset = fromOffset;
        while (offset < log.highWatermark()) {
            try (ReadResult result = TestEngine.read(log, offset, 1 << 16)) {
                assertFalse(result instanceof Unavailable, result + " at " + offset);
                RecordsLease lease = (RecordsLease) result;
                for (int i = 0; i < lease.sliceCount(); i++) {
                    ByteBuffer slice = lease.slice(i);
                    ByteBuffer copy = ByteBuffer.allocate(slice.remaining());
                    copy.put(slice.duplicate()).flip();
                    for (MutableRecordBatch batch : MemoryRecords.readableRecords(copy).batches()) {
                        batch.ensureValid();
                        batches.add(batch);
                    }
                }
                offset = lease.nextOffset();
            }
        }
        return batches;
    }

    /** What the records amount to: the newest value of each key that has one. */
    static Map<String, String> state(TreeMap<Long, KeyedRecord> records) {
        Map<String, String> state = new TreeMap<>();
        for (KeyedRecord record : records.values()) {
            if (record.value == null) {
                state.remove(record.key);
            } else {
                state.put(record.key, record.value);
            }
        }
        return state;
    }

    /**
     * What compaction leaves of records, all of which are old enough: the newest of each key, and
     * the last batch whole.
     *
     * @param lastBatchOffset where the last batch begins
     */
    static TreeMap<Long, KeyedRecord> compacted(
            TreeMap<Long, KeyedRecord> records, long lastBatchOffset) {
        Map<String, Long> newest = new TreeMap<>();
        records.headMap(lastBatchOffset)
                .forEach((offset, record) -> newest.put(record.key, offset));
        TreeMap<Long, KeyedRecord> left = new TreeMap<>(records.tailMap(lastBatchOffset));
        newest.values().forEach(offset -> left.put(offset, records.get(offset)));
        return left;
    }
}
