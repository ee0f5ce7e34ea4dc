package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.source.cache.HeapSlab;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What is cut out of batches takes memory of the engine, exactly as much as it needs. */
final class CutRecordsTest {
    private static final int RECORDS = 50;

    private final AtomicLong inUse = new AtomicLong();
    private int closed;

    /** Two batches of so many records each, from an offset on. */
    private final class Batches implements RecordsLease {
        private final long from;

        Batches(long from) {
            this.from = from;
        }

        @Override
        public int sliceCount() {
            return 2;
        }

        @Override
        public ByteBuffer slice(int index) {
            return batch(from + (long) index * RECORDS, RECORDS);
        }

        @Override
        public int length() {
            return slice(0).remaining() + slice(1).remaining();
        }

        @Override
        public long nextOffset() {
            return from + 2 * RECORDS;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private static ByteBuffer batch(long from, int count) {
        ByteBuffer into = ByteBuffer.allocate(64 << 10);
        RecordBatchWriter writer = new RecordBatchWriter().begin(into, timestampMs(from));
        for (long offset = from; offset < from + count; offset++) {
            ByteBuffer value = ByteBuffer.allocate((int) (offset % 200)).putLong(0, offset);
            writer.append(timestampMs(offset), null, value);
        }
        writer.end();
        into.flip();
        RecordBatch.baseOffset(into, 0, from);
        RecordBatch.leaderEpoch(into, 0, 0);
        return into;
    }

    private static long timestampMs(long offset) {
        return offset % 7 == 3 ? 5 : offset * 1_000_000;
    }

    @Test
    void copiesAreFramedAsIfTheyHadBeenAlone() {
        RecordsLease cut =
                CutRecords.of(new Batches(1010), 1023, 1071, length -> new HeapSlab(length, inUse));
        assertNotNull(cut);
        assertEquals(1071, cut.nextOffset());
        List<ByteBuffer> expected = List.of(batch(1023, 37), batch(1060, 11));
        assertEquals(2, cut.sliceCount());
        for (int i = 0; i < 2; i++) {
            assertEquals(expected.get(i), cut.slice(i));
            assertTrue(RecordBatch.isIntact(cut.slice(i)));
        }
        assertEquals(cut.length(), inUse.get());
        cut.close();
        assertEquals(0, inUse.get());
        assertEquals(1, closed);
    }

    @Test
    void whatHasNoRoomIsGivenBack() {
        AtomicLong left = new AtomicLong(1);
        assertNull(
                CutRecords.of(
                        new Batches(1010),
                        1023,
                        1071,
                        length -> left.getAndDecrement() > 0 ? new HeapSlab(length, inUse) : null));
        assertEquals(0, inUse.get());
        assertEquals(1, closed);
    }
}
