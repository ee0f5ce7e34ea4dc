package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.UnreadableBatchException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;

/** A short batch of long records takes no more memory than there is. */
class KafkaRecordFilterTest {
    private static final int QUARTER = KafkaRecordFilter.RECORDS_LENGTH_MAX / 4;

    private final KafkaRecordFilter filter = new KafkaRecordFilter();

    @Test
    void aBatchThatIsTooLongDecompressedIsNotTaken() {
        assertTrue(filter.isCompactable(batch(3)));
        assertFalse(filter.isCompactable(batch(4)));
    }

    /** As one from before its topic was compacted. */
    @Test
    void whatStaysOfABatchIsNotHeldInMemoryBeyondABound() {
        ByteBuffer batch = batch(5);
        assertThrows(
                UnreadableBatchException.class,
                () -> filter.filter(batch, (offset, key, hasValue) -> offset > 0, -1));
        ByteBuffer left = filter.filter(batch, (offset, key, hasValue) -> offset > 1, -1);
        assertNotNull(left);
        assertEquals(3, RecordBatch.recordCount(left, left.position()));
    }

    /** Of records that have a quarter of what is taken, each. */
    private static ByteBuffer batch(int count) {
        SimpleRecord[] records = new SimpleRecord[count];
        byte[] value = new byte[QUARTER];
        for (int i = 0; i < count; i++) {
            records[i] = new SimpleRecord(1000, new byte[] {(byte) i}, value);
        }
        Compression zstd = Compression.of(CompressionType.ZSTD).build();
        ByteBuffer batch = MemoryRecords.withRecords(zstd, records).buffer();
        assertTrue(batch.remaining() < 100_000);
        return batch;
    }
}
