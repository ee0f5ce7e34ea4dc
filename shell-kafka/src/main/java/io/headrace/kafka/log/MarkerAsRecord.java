package io.headrace.kafka.log;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;

/**
 * A control batch as those clients are shown it that would take its marker for a record, as
 * kafka-python 2.0 does: with a record before the offset that they ask for instead, which they
 * leave out, as they do with the first ones of a batch into which they seek. (Of a batch without
 * records it makes an exception.)
 */
final class MarkerAsRecord implements RecordsLease {
    /** The highest version of Fetch that such a client asks with. */
    private static final short FETCH_VERSION_MAX = 4;

    private final ByteBuffer batch;
    private final long nextOffset;

    private MarkerAsRecord(ByteBuffer marker) {
        int at = marker.position();
        long timestampMs = RecordBatch.baseTimestamp(marker, at);
        batch =
                ByteBuffer.allocateDirect(
                        RecordBatch.HEADER_LENGTH
                                + RecordBatchWriter.recordLength(0, 0, -1, -1, 0, 0));
        RecordBatchWriter writer = new RecordBatchWriter().begin(batch, timestampMs);
        writer.append(timestampMs, null, null);
        writer.end(RecordBatch.offsetCount(marker, at) + 1);
        batch.flip();
        RecordBatch.baseOffset(batch, 0, RecordBatch.baseOffset(marker, at) - 1);
        RecordBatch.leaderEpoch(batch, 0, RecordBatch.leaderEpoch(marker, at));
        nextOffset = RecordBatch.lastOffset(marker, at) + 1;
    }

    /**
     * What was read, as a client is shown it.
     *
     * @param read its markers come alone; taken over
     */
    static RecordsLease shown(RecordsLease read, short fetchVersion) {
        ByteBuffer first = read.slice(0);
        if (fetchVersion > FETCH_VERSION_MAX || !RecordBatch.isControl(first, first.position())) {
            return read;
        }
        MarkerAsRecord shown = new MarkerAsRecord(first);
        read.close();
        return shown;
    }

    @Override
    public int sliceCount() {
        return 1;
    }

    @Override
    public ByteBuffer slice(int index) {
        return batch;
    }

    @Override
    public int length() {
        return batch.limit();
    }

    @Override
    public long nextOffset() {
        return nextOffset;
    }

    @Override
    public void close() {
        // its bytes are its own
    }
}
