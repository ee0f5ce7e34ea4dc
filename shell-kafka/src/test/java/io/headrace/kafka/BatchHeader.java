package io.headrace.kafka;

import java.nio.ByteBuffer;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;

/** Makes a batch of bytes that no producer would frame. */
final class BatchHeader {
    private BatchHeader() {}

    /**
     * Writes the header, and the checksum with it, of a batch at offset 0 and time 1000.
     *
     * @param batch from position to limit; has room for the header before its records
     * @param count of the records, as it says
     */
    static void write(ByteBuffer batch, CompressionType codec, int count) {
        DefaultRecordBatch.writeHeader(
                batch.duplicate(),
                0,
                count - 1,
                batch.remaining(),
                RecordBatch.CURRENT_MAGIC_VALUE,
                codec,
                TimestampType.CREATE_TIME,
                1000,
                1000,
                -1,
                (short) -1,
                -1,
                false,
                false,
                false,
                0,
                count);
    }
}
