package io.headrace.engine.source;

import io.headrace.engine.source.cache.ToldOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * The blocks of a source up to an ordinal, in the linear order: objects by their ordinals, the
 * records of each as they stand in it. 24 bytes per block, besides 4 per unit. Immutable.
 *
 * <p>A <i>unit</i> is what is never torn apart by a permutation of objects: an object with samples
 * of its own; of objects that are a sample each, those that are loaded together as one block.
 */
public final class SourceTable implements ToldOrder.Blocks {
    /** More are refused: the heap that a table takes is about twice this while it is read. */
    public static final int BLOCKS_MAX = 2_000_000;

    private final long topicId;

    /** All objects below this ordinal are in it. */
    private final long objectCount;

    private final int blockCount;
    private final int unitCount;
    private final long byteCount;

    // A longer table has the same arrays as long as they have room: what is behind the counts is
    // that one's.

    /** Records before each block, and behind the last one. */
    private final long[] recordsBefore;

    private final int[] partitions;
    private final long[] firstOffsets;
    private final int[] lengths;

    /** First block of each unit, and behind the last one. */
    private final int[] unitStarts;

    /** Behind the last block of each partition. */
    private final long[] nextOffsets;

    private SourceTable(
            long topicId,
            long objectCount,
            int blockCount,
            int unitCount,
            long byteCount,
            long[] recordsBefore,
            int[] partitions,
            long[] firstOffsets,
            int[] lengths,
            int[] unitStarts,
            long[] nextOffsets) {
        this.topicId = topicId;
        this.objectCount = objectCount;
        this.blockCount = blockCount;
        this.unitCount = unitCount;
        this.byteCount = byteCount;
        this.recordsBefore = recordsBefore;
        this.partitions = partitions;
        this.firstOffsets = firstOffsets;
        this.lengths = lengths;
        this.unitStarts = unitStarts;
        this.nextOffsets = nextOffsets;
    }

    /** A table of nothing yet, to be {@link #grown}. */
    static SourceTable empty(long topicId, int partitionCount) {
        return new SourceTable(
                topicId,
                0,
                0,
                0,
                0,
                new long[1],
                new int[0],
                new long[0],
                new int[0],
                new int[1],
                new long[partitionCount]);
    }

    /**
     * Reads the index of all partitions, up to an ordinal.
     *
     * @throws IllegalStateException if it has more blocks than {@link #BLOCKS_MAX}, which is known
     *     before there is memory taken for them
     */
    static SourceTable read(SourceIndex index, long topicId, int partitionCount, long objectCount) {
        int[] counts = new int[partitionCount];
        long left = BLOCKS_MAX;
        for (int partition = 0; partition < partitionCount; partition++) {
            counts[partition] = count(index, topicId, partition, objectCount, left);
            left -= counts[partition];
        }
        List<Blocks> all = new ArrayList<>(partitionCount);
        for (int partition = 0; partition < partitionCount; partition++) {
            Blocks blocks = new Blocks(partition, counts[partition]);
            index.firstBlock(topicId, partition, 0, block -> !blocks.add(block, objectCount));
            all.add(blocks);
        }
        return empty(topicId, partitionCount).with(all, objectCount);
    }

    /**
     * This table and the blocks of the objects from its end up to an ordinal, all of which have to
     * be in the index. Reads nothing else, and copies the rest now and then only. To be called by
     * one thread at a time, on the longest table.
     *
     * @throws IllegalStateException if there are more blocks than {@link #BLOCKS_MAX}
     */
    SourceTable grown(SourceIndex index, long toObject) {
        if (toObject <= objectCount) {
            return this;
        }
        List<Blocks> more = new ArrayList<>(nextOffsets.length);
        long left = (long) BLOCKS_MAX - blockCount;
        for (int partition = 0; partition < nextOffsets.length; partition++) {
            Blocks blocks = new Blocks(partition, 0);
            long max = left;
            index.firstBlock(
                    topicId,
                    partition,
                    nextOffsets[partition],
                    block -> {
                        if (blocks.count > max) {
                            throw tooMany();
                        }
                        return !blocks.add(block, toObject);
                    });
            left -= blocks.count;
            more.add(blocks);
        }
        return with(more, toObject);
    }

    private static int count(
            SourceIndex index, long topicId, int partition, long objectCount, long max) {
        int[] count = new int[1];
        index.firstBlock(
                topicId, partition, 0, block -> block.ordinal() >= objectCount || ++count[0] > max);
        if (count[0] > max) {
            throw tooMany();
        }
        return count[0];
    }

    private static IllegalStateException tooMany() {
        return new IllegalStateException(
                "source has too many blocks for a shuffle or mix view: max=" + BLOCKS_MAX);
    }

    private SourceTable with(List<Blocks> all, long newObjectCount) {
        long sum = blockCount + all.stream().mapToLong(blocks -> blocks.count).sum();
        if (sum > BLOCKS_MAX) {
            throw tooMany();
        }
        int count = (int) sum;
        long[] before = withRoom(recordsBefore, blockCount + 1, count + 1);
        int[] ofPartitions = withRoom(partitions, blockCount, count);
        long[] offsets = withRoom(firstOffsets, blockCount, count);
        int[] bytes = withRoom(lengths, blockCount, count);
        int[] starts = withRoom(unitStarts, unitCount + 1, unitCount + count - blockCount + 1);
        long[] ends = nextOffsets.clone();
        PriorityQueue<Blocks> next =
                new PriorityQueue<>(Comparator.comparingLong(blocks -> blocks.ordinal()));
        all.stream().filter(Blocks::hasNext).forEach(next::add);
        int units = unitCount;
        int block = blockCount;
        long sumOfBytes = byteCount;
        while (!next.isEmpty()) {
            Blocks from = next.poll();
            starts[units++] = block;
            long ordinal = from.ordinal();
            while (from.hasNext() && from.ordinal() == ordinal) {
                ofPartitions[block] = from.partition;
                offsets[block] = from.firstOffsets[from.next];
                bytes[block] = from.lengths[from.next];
                sumOfBytes += bytes[block];
                before[block + 1] = before[block] + from.counts[from.next];
                ends[from.partition] = offsets[block] + from.counts[from.next];
                from.next++;
                block++;
            }
            if (from.hasNext()) {
                next.add(from);
            }
        }
        starts[units] = count;
        if (blockCount == 0) {
            starts = Arrays.copyOf(starts, units + 1); // most tables do not grow
        }
        return new SourceTable(
                topicId,
                newObjectCount,
                count,
                units,
                sumOfBytes,
                before,
                ofPartitions,
                offsets,
                bytes,
                starts,
                ends);
    }

    /** The same array if it has room, or a copy that has some more. */
    private static long[] withRoom(long[] array, int used, int needed) {
        return needed <= array.length
                ? array
                : Arrays.copyOf(array, used <= 1 ? needed : needed + needed / 2);
    }

    private static int[] withRoom(int[] array, int used, int needed) {
        return needed <= array.length
                ? array
                : Arrays.copyOf(array, used <= 1 ? needed : needed + needed / 2);
    }

    /** Of one partition, as they come. */
    private static final class Blocks {
        private final int partition;
        private long[] ordinals;
        private long[] firstOffsets;
        private int[] counts;
        private int[] lengths;
        private int count;
        private int next;

        /**
         * @param room blocks that are expected
         */
        Blocks(int partition, int room) {
            this.partition = partition;
            ordinals = new long[room];
            firstOffsets = new long[room];
            counts = new int[room];
            lengths = new int[room];
        }

        /** False if it is behind what is asked for, and then it is not added. */
        boolean add(SourceBlock block, long objectCount) {
            if (block.ordinal() >= objectCount) {
                return false;
            }
            if (count == ordinals.length) {
                int room = count + count / 2 + 16;
                ordinals = Arrays.copyOf(ordinals, room);
                firstOffsets = Arrays.copyOf(firstOffsets, room);
                counts = Arrays.copyOf(counts, room);
                lengths = Arrays.copyOf(lengths, room);
            }
            ordinals[count] = block.ordinal();
            firstOffsets[count] = block.firstOffset();
            counts[count] = block.recordCount();
            long length = Math.max(block.framedLength(), block.toByte() - block.fromByte());
            lengths[count] = (int) Math.min(Integer.MAX_VALUE, length);
            count++;
            return true;
        }

        boolean hasNext() {
            return next < count;
        }

        long ordinal() {
            return ordinals[next];
        }
    }

    /** A table of made-up blocks, each of so many records; those of one unit stand together. */
    public static SourceTable of(long topicId, int[][] recordCountsOfUnits, int blockLength) {
        Blocks blocks = new Blocks(0, 16);
        long offset = 0;
        for (int unit = 0; unit < recordCountsOfUnits.length; unit++) {
            for (int records : recordCountsOfUnits[unit]) {
                blocks.add(
                        new SourceBlock(
                                topicId,
                                0,
                                offset,
                                records,
                                SourceBlock.Kind.SAMPLES,
                                unit,
                                0,
                                blockLength,
                                0,
                                0,
                                blockLength,
                                ByteRanges.NONE),
                        Long.MAX_VALUE);
                offset += records;
            }
        }
        return empty(topicId, 1).with(List.of(blocks), recordCountsOfUnits.length);
    }

    /** Id of the source. */
    public long topicId() {
        return topicId;
    }

    /** All objects below this ordinal are in it. */
    public long objectCount() {
        return objectCount;
    }

    /** Behind the last block of a partition. */
    long nextOffset(int partition) {
        return nextOffsets[partition];
    }

    /** How many units there are. */
    public int unitCount() {
        return unitCount;
    }

    /** The first block of a unit; of the unit count, behind the last block. */
    public int firstBlock(int unit) {
        return unitStarts[unit];
    }

    /** How many blocks there are. */
    @Override
    public int blockCount() {
        return blockCount;
    }

    /** Bytes of all blocks, nearly. */
    public long byteCount() {
        return byteCount;
    }

    /** How many records there are. */
    public long recordCount() {
        return recordsBefore[blockCount];
    }

    /** The block that holds a record of the linear order. */
    public int blockOf(long record) {
        int found = Arrays.binarySearch(recordsBefore, 0, blockCount + 1, record);
        // Blocks have a record at least, so that no two begin at the same one.
        return found >= 0 ? found : -found - 2;
    }

    /** The linear order's number of a block's first record. */
    public long firstRecord(int block) {
        return recordsBefore[block];
    }

    /** Records of a block. */
    @Override
    public int recordCount(int block) {
        return (int) (recordsBefore[block + 1] - recordsBefore[block]);
    }

    /** The source's partition that a block is in. */
    @Override
    public int partition(int block) {
        return partitions[block];
    }

    /** Offset of a block's first record in that partition. */
    @Override
    public long firstOffset(int block) {
        return firstOffsets[block];
    }

    /** Bytes of a block, nearly. */
    public int length(int block) {
        return lengths[block];
    }
}
