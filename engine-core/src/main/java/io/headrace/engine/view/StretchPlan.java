package io.headrace.engine.view;

import io.headrace.engine.source.SourceTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Which records of which blocks a stretch of a view consists of. Filled by a {@link RecordOrder},
 * record by record. Used by one thread at a time.
 */
final class StretchPlan {
    private final int[] slots;
    private final int[] indexes;
    private final List<Slot> blocks = new ArrayList<>();
    private final Map<Long, Integer> slotOfBlock = new HashMap<>();
    private int count;
    private int lastSide = -1;
    private int lastBlock = -1;
    private int lastSlot;

    /** A block that is to be read. */
    record Slot(int side, SourceTable table, int block) {}

    /** For so many records. */
    StretchPlan(int recordCount) {
        slots = new int[recordCount];
        indexes = new int[recordCount];
    }

    /** The next record of the stretch: so many records behind the beginning of that block. */
    void add(int side, SourceTable table, int block, int index) {
        if (side != lastSide || block != lastBlock) {
            lastSlot =
                    slotOfBlock.computeIfAbsent(
                            (long) side << Integer.SIZE | block,
                            absent -> {
                                blocks.add(new Slot(side, table, block));
                                return blocks.size() - 1;
                            });
            lastSide = side;
            lastBlock = block;
        }
        slots[count] = lastSlot;
        indexes[count++] = index;
    }

    /** How many records were added. */
    int count() {
        return count;
    }

    /** The block that a record is in, by its number among {@link #slots}. */
    int slot(int record) {
        return slots[record];
    }

    /** A record's number within its block. */
    int index(int record) {
        return indexes[record];
    }

    /** The blocks, numbered. */
    List<Slot> slots() {
        return blocks;
    }

    /** Bytes of all records, nearly: each as long as those of its block on the average. */
    long length() {
        double length = 0;
        for (int i = 0; i < count; i++) {
            Slot slot = blocks.get(slots[i]);
            length += (double) slot.table.length(slot.block) / slot.table.recordCount(slot.block);
        }
        return (long) length;
    }

    /** Numbers of the blocks in the order in which they are best read: as the sources have them. */
    int[] readingOrder() {
        return IntStream.range(0, blocks.size())
                .boxed()
                .sorted(
                        Comparator.<Integer>comparingInt(slot -> blocks.get(slot).side())
                                .thenComparingInt(slot -> blocks.get(slot).block()))
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
