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

    /** A block that is to be read. */
    record Slot(int side, SourceTable table, int block) {}

    /** For so many records. */
    StretchPlan(int recordCount) {
        slots = new int[recordCount];
        indexes = new int[recordCount];
    }

    /** The number of a block among {@link #slots}, where it is added if it is new. */
    int slotOf(int side, SourceTable table, int block) {
        return slotOfBlock.computeIfAbsent(
                (long) side << Integer.SIZE | block,
                absent -> {
                    blocks.add(new Slot(side, table, block));
                    return blocks.size() - 1;
                });
    }

    /** The next record of the stretch: so many records behind the beginning of that block. */
    void add(int slot, int index) {
        slots[count] = slot;
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

    /** How many records of each block were added, by its number among {@link #slots}. */
    int[] counts() {
        int[] counts = new int[blocks.size()];
        for (int i = 0; i < count; i++) {
            counts[slots[i]]++;
        }
        return counts;
    }

    /** Bytes of all records, nearly: each as long as those of its block on the average. */
    long length(int[] counts) {
        double length = 0;
        for (int i = 0; i < counts.length; i++) {
            Slot slot = blocks.get(i);
            double each =
                    (double) slot.table.length(slot.block) / slot.table.recordCount(slot.block);
            length += each * counts[i];
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
