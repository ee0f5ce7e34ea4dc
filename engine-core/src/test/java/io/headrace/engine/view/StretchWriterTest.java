package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.RecordsLease;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.HeapSlab;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Which blocks are held while a stretch is made, and that all is given back. */
final class StretchWriterTest {
    private static final int BLOCKS = 8;
    private static final int RECORDS = 100;

    private final AtomicLong inUse = new AtomicLong();
    private int closed;

    /** One batch of a block, in memory that is somebody else's. */
    private final class Block implements RecordsLease {
        private final ByteBuffer batch;
        private final long from;

        Block(int block) {
            from = (long) block * RECORDS;
            ByteBuffer into = ByteBuffer.allocate(64 << 10);
            RecordBatchWriter writer = new RecordBatchWriter().begin(into, 1_000);
            for (long offset = from; offset < from + RECORDS; offset++) {
                writer.append(1_000 + offset, null, ByteBuffer.allocate(40).putLong(0, offset));
            }
            writer.end();
            batch = into.flip();
            RecordBatch.baseOffset(batch, 0, from);
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
            return batch.remaining();
        }

        @Override
        public long nextOffset() {
            return from + RECORDS;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private static SourceTable table() {
        int[][] units = new int[BLOCKS][1];
        for (int[] unit : units) {
            unit[0] = RECORDS;
        }
        return SourceTable.of(1, units, 5_000);
    }

    /** So many records of each block are wanted. */
    private static StretchPlan plan(SourceTable table, int records) {
        StretchPlan plan = new StretchPlan(BLOCKS * records);
        for (int block = 0; block < BLOCKS; block++) {
            for (int i = 0; i < records; i++) {
                plan.add(plan.slotOf(0, table, block), i);
            }
        }
        return plan;
    }

    private StretchWriter writer(StretchPlan plan, long heldLengthMax) {
        return new StretchWriter(
                plan, 0, 1, 0, List.of(), heldLengthMax, length -> new HeapSlab(length, inUse));
    }

    /** Takes all blocks; how many of them are held. */
    private int take(StretchWriter writer) throws StretchWriter.NoRoomException {
        int held = 0;
        for (int slot = 0; slot < BLOCKS; slot++) {
            RecordsLease block = new Block(slot);
            if (writer.take(slot, block)) {
                held++;
            } else {
                block.close(); // as whoever read it does
            }
        }
        return held;
    }

    @Test
    void noMoreIsHeldThanAStretchIsLong() throws Exception {
        int length = new Block(0).length();
        for (int room = 0; room <= BLOCKS; room++) {
            closed = 0;
            StretchPlan plan = plan(table(), RECORDS);
            // A byte short of one more.
            try (StretchWriter writer = writer(plan, (room + 1L) * length - 1)) {
                assertEquals(Math.min(room, BLOCKS), take(writer));
                assertEquals(BLOCKS - Math.min(room, BLOCKS), closed, "what is not held is free");
                Stretch stretch = writer.finish();
                assertTrue(stretch.holds(0) && stretch.holds(BLOCKS * RECORDS - 1));
                assertFalse(stretch.isIncomplete());
                stretch.release();
            }
            assertEquals(BLOCKS, closed);
            assertEquals(0, inUse.get());
        }
    }

    @Test
    void blocksOfWhichLittleIsWantedAreNotHeld() throws Exception {
        long room = 1L << 30;
        try (StretchWriter writer = writer(plan(table(), RECORDS * 3 / 4), room)) {
            assertEquals(BLOCKS, take(writer));
        }
        closed = 0;
        try (StretchWriter writer = writer(plan(table(), RECORDS * 3 / 4 - 1), room)) {
            assertEquals(0, take(writer));
            assertEquals(BLOCKS, closed);
        }
        assertEquals(0, inUse.get());
    }
}
