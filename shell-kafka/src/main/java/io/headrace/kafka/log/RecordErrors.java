package io.headrace.kafka.log;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.ProduceResponseData.BatchIndexAndErrorMessage;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.CloseableIterator;

/** Which records of a batch that a compacted topic has refused are to blame. */
final class RecordErrors {
    /** What the client is told of one record; the same as from Kafka's broker. */
    private static final String NO_KEY =
            "Compacted topic cannot accept message without key in topic partition.";

    /** Records that are named, so that the answer is not longer than what was sent. */
    private static final int NAMED_MAX = 1000;

    private static final int RECORD_LENGTH_MAX = 64 << 20;

    /** Of a batch so much is looked into, decompressed, as for all of it others would wait. */
    private static final int RECORDS_LENGTH_MAX = 64 << 20;

    private RecordErrors() {}

    /** Those without a key, by their place in the batch; none if it cannot be read. */
    static List<BatchIndexAndErrorMessage> of(ByteBuffer records) {
        List<BatchIndexAndErrorMessage> errors = new ArrayList<>();
        try {
            for (MutableRecordBatch batch :
                    MemoryRecords.readableRecords(records.slice()).batches()) {
                addOf(batch, errors);
            }
        } catch (RuntimeException e) { // whatever it is: the bytes are the client's
            return List.of();
        }
        return errors;
    }

    private static void addOf(MutableRecordBatch batch, List<BatchIndexAndErrorMessage> errors) {
        if (batch.magic() != io.headrace.engine.batch.RecordBatch.MAGIC || batch.isControlBatch()) {
            return;
        }
        int index = 0;
        long length = 0;
        try (CloseableIterator<Record> records =
                batch.skipKeyValueIterator(BufferSupplier.NO_CACHING, RECORD_LENGTH_MAX)) {
            while (errors.size() < NAMED_MAX && length <= RECORDS_LENGTH_MAX && records.hasNext()) {
                Record next = records.next();
                length += next.sizeInBytes();
                if (!next.hasKey()) {
                    errors.add(
                            new BatchIndexAndErrorMessage()
                                    .setBatchIndex(index)
                                    .setBatchIndexErrorMessage(NO_KEY));
                }
                index++;
            }
        }
    }
}
