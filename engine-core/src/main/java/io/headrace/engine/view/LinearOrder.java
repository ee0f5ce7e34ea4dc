package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.List;
import java.util.stream.IntStream;

/** A source's records as they stand, again and again. Thread-safe. */
final class LinearOrder implements RecordOrder {
    private final SourceTable table;
    private final int stretchBlocks;
    private final long epochs;

    /**
     * @param stretchBlocks blocks that are read for one stretch
     * @param epochs how often all records come
     */
    LinearOrder(SourceTable table, int stretchBlocks, long epochs) {
        this.table = table;
        this.stretchBlocks = stretchBlocks;
        this.epochs = epochs;
    }

    @Override
    public long count() {
        return Math.multiplyExact(table.recordCount(), epochs);
    }

    private int firstBlock(long record) {
        int block = table.blockOf(record % table.recordCount());
        return block - block % stretchBlocks;
    }

    private int endBlock(long record) {
        return Math.min(table.blockCount(), firstBlock(record) + stretchBlocks);
    }

    private long epochStart(long record) {
        return record - record % table.recordCount();
    }

    @Override
    public long stretchStart(long record) {
        return epochStart(record) + table.firstRecord(firstBlock(record));
    }

    @Override
    public long stretchEnd(long record) {
        return epochStart(record) + table.firstRecord(endBlock(record));
    }

    @Override
    public long stretchLength(long record) {
        long length = 0;
        for (int block = firstBlock(record); block < endBlock(record); block++) {
            length += table.length(block);
        }
        return length;
    }

    @Override
    public void plan(long from, long to, int side, StretchPlan into) {
        long next = from;
        while (next < to) {
            long record = next % table.recordCount();
            int block = table.blockOf(record);
            int index = (int) (record - table.firstRecord(block));
            int end = (int) Math.min(table.recordCount(block), index + (to - next));
            int slot = into.slotOf(side, table, block);
            for (int i = index; i < end; i++) {
                into.add(slot, i);
            }
            next += end - index;
        }
    }

    @Override
    public List<ToldOrder> told() {
        int[] blocks = IntStream.range(0, table.blockCount()).toArray();
        return List.of(new ToldOrder(table, epochs, stretchBlocks, epoch -> blocks));
    }

    @Override
    public void tell(long record, List<ToldOrder> told, long nanoTime) {
        long count = table.recordCount();
        if (count > 0 && record >= count()) {
            told.get(0).at(epochs - 1, table.blockCount(), nanoTime);
        } else if (count > 0) {
            told.get(0).at(record / count, table.blockOf(record % count), nanoTime);
        }
    }
}
