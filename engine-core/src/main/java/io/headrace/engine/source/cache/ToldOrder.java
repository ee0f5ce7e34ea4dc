package io.headrace.engine.source.cache;

import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * In which order a source's blocks are read, told by who reads them: epoch after epoch, each in an
 * order of its own that is known before it begins. So the cache knows when each of them is needed
 * next, which {@link Cursors} can but infer.
 *
 * <p>Thread-safe. 20 bytes of heap per block. What it is told costs as much as making the order of
 * an epoch once for each; what it is asked, a binary search.
 */
public final class ToldOrder {
    /** Blocks per nanosecond while the pace is not known. */
    private static final double RATE_AT_FIRST = 1e-7;

    private final Blocks blocks;
    private final long epochs;
    private final LongFunction<int[]> blocksOfEpoch;

    /** The blocks of each partition, by offset. */
    private final int[][] blocksOfPartition;

    /** Of each block, the epoch in which it was read last, and how many records of it then. */
    private final int[] readEpochs;

    private final int[] readRecords;

    private final Object moving = new Object();

    // guarded by this
    private int[] places;
    private int[] nextPlaces;
    private long epoch = -1;
    private long place;
    private double rate;
    private long movedNanos;
    private long seenNanos;

    /** The blocks of a source, numbered; those of a partition in the order of their offsets. */
    public interface Blocks {
        /** How many blocks there are. */
        int blockCount();

        /** The partition that a block is in. */
        int partition(int block);

        /** Offset of a block's first record in that partition. */
        long firstOffset(int block);

        /** Records of a block. */
        int recordCount(int block);
    }

    /**
     * @param epochs how many there are; after the last one the first one is expected again
     * @param blocksOfEpoch the blocks in the order in which they are read in an epoch
     */
    public ToldOrder(Blocks blocks, long epochs, LongFunction<int[]> blocksOfEpoch, long nowNanos) {
        this.blocks = blocks;
        this.epochs = epochs;
        this.blocksOfEpoch = blocksOfEpoch;
        this.movedNanos = nowNanos;
        this.seenNanos = nowNanos;
        int count = blocks.blockCount();
        int partitionCount = 0;
        for (int block = 0; block < count; block++) {
            partitionCount = Math.max(partitionCount, blocks.partition(block) + 1);
        }
        int[] lengths = new int[partitionCount];
        for (int block = 0; block < count; block++) {
            lengths[blocks.partition(block)]++;
        }
        blocksOfPartition = new int[partitionCount][];
        Arrays.setAll(blocksOfPartition, partition -> new int[lengths[partition]]);
        Arrays.fill(lengths, 0);
        for (int block = 0; block < count; block++) {
            int partition = blocks.partition(block);
            blocksOfPartition[partition][lengths[partition]++] = block;
        }
        readEpochs = new int[count];
        Arrays.fill(readEpochs, -1);
        readRecords = new int[count];
        places = new int[count];
        nextPlaces = places;
    }

    /**
     * What is read next stands there in an epoch's order, and what is before that is not read any
     * more in that epoch.
     */
    public void at(long newEpoch, int newPlace, long nowNanos) {
        synchronized (moving) { // what is asked of it does not wait for an order that is made
            move(newEpoch, newPlace, nowNanos);
        }
    }

    private void move(long newEpoch, int newPlace, long nowNanos) {
        int[] newPlaces = null;
        int[] newNextPlaces = null;
        if (newEpoch != epoch()) {
            newPlaces = newEpoch == epoch() + 1 ? nextPlaces() : placesOf(newEpoch);
            newNextPlaces = placesOf((newEpoch + 1) % epochs);
        }
        synchronized (this) {
            long gained = (newEpoch - epoch) * blocks.blockCount() + newPlace - place;
            if (gained > 0 && epoch >= 0) {
                rate = Cursor.averaged(rate, gained, nowNanos - movedNanos);
            }
            if (newPlaces != null && newNextPlaces != null) {
                places = newPlaces;
                nextPlaces = newNextPlaces;
            }
            epoch = newEpoch;
            place = newPlace;
            movedNanos = nowNanos;
            seenNanos = nowNanos;
        }
    }

    private synchronized long epoch() {
        return epoch;
    }

    private synchronized int[] nextPlaces() {
        return epoch < 0 ? placesOf(0) : nextPlaces;
    }

    private int[] placesOf(long ofEpoch) {
        int[] order = blocksOfEpoch.apply(ofEpoch);
        int[] found = new int[order.length];
        for (int i = 0; i < order.length; i++) {
            found[order[i]] = i;
        }
        return found;
    }

    /** So many records of a block are read now; once all of them were, the next epoch needs it. */
    public synchronized void read(int block, int recordCount, long nowNanos) {
        if (readEpochs[block] != (int) epoch) {
            readEpochs[block] = (int) epoch;
            readRecords[block] = 0;
        }
        readRecords[block] = Math.min(blocks.recordCount(block), readRecords[block] + recordCount);
        seenNanos = nowNanos;
    }

    /** Time until a block is needed, in nanoseconds; infinite if it is none of these. */
    synchronized double useNanos(int partition, long firstOffset, long nowNanos) {
        int block = epoch < 0 ? -1 : block(partition, firstOffset);
        if (block < 0) {
            return Double.POSITIVE_INFINITY;
        }
        boolean isPassed =
                places[block] < place
                        || readEpochs[block] == (int) epoch
                                && readRecords[block] >= blocks.recordCount(block);
        long distance =
                isPassed ? blocks.blockCount() - place + nextPlaces[block] : places[block] - place;
        return Cursor.absenceNanos(nowNanos - seenNanos)
                + distance / (rate == 0 ? RATE_AT_FIRST : rate);
    }

    private int block(int partition, long firstOffset) {
        if (partition >= blocksOfPartition.length) {
            return -1;
        }
        int[] all = blocksOfPartition[partition];
        int low = 0;
        int high = all.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            long found = blocks.firstOffset(all[middle]);
            if (found < firstOffset) {
                low = middle + 1;
            } else if (found > firstOffset) {
                high = middle - 1;
            } else {
                return all[middle];
            }
        }
        return -1;
    }
}
