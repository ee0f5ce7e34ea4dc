package io.headrace.engine.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which offsets the records of a batch have, whatever they say. */
final class BatchRecordsTest {
    private static final long BASE = 100;

    /** Where a batch says how many records it has. */
    private static final int RECORD_COUNT = 57;

    /** A batch at {@link #BASE} whose records say that they are at these places. */
    private static ByteBuffer batch(int offsetCount, int... deltas) {
        ByteBuffer buffer = ByteBuffer.allocate(1024);
        RecordBatchWriter writer = new RecordBatchWriter().begin(buffer, 1);
        for (int delta : deltas) {
            ByteBuffer record = ByteBuffer.allocate(16).put((byte) 0); // attributes
            for (int field : new int[] {0, delta, -1, -1, 0}) { // no key, value nor headers
                RecordBatchWriter.putVarint(record, field);
            }
            RecordBatchWriter.putVarint(buffer, record.flip().remaining());
            buffer.put(record);
        }
        writer.end(offsetCount);
        buffer.flip().putInt(RECORD_COUNT, deltas.length);
        RecordBatch.baseOffset(buffer, 0, BASE);
        return buffer;
    }

    private static List<Long> offsets(ByteBuffer batch) {
        List<Long> offsets = new ArrayList<>();
        BatchRecords records = new BatchRecords().of(batch);
        while (records.next()) {
            offsets.add(records.offset());
        }
        return offsets;
    }

    @Test
    void aWholeBatchCountsItsRecordsItself() {
        List<Long> expected = List.of(BASE, BASE + 1, BASE + 2);
        assertEquals(expected, offsets(batch(3, 0, 1, 2)));
        assertEquals(expected, offsets(batch(3, 0, 0, 0)));
        assertEquals(expected, offsets(batch(3, Integer.MAX_VALUE, 0, -7)));
    }

    @Test
    void whereRecordsWereTakenOutTheirPlacesRiseWithinTheBatch() {
        assertEquals(List.of(BASE, BASE + 4), offsets(batch(5, 0, 4)));
        assertEquals(List.of(BASE + 1, BASE + 2), offsets(batch(5, 1, 2)));
        int[][] wrong = {{0, 5}, {0, Integer.MAX_VALUE}, {0, 0}, {3, 2}, {-1, 2}};
        for (int[] deltas : wrong) {
            assertThrows(UnreadableBatchException.class, () -> offsets(batch(5, deltas)));
        }
    }
}
