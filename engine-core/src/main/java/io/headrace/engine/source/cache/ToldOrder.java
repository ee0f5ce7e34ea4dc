package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * In which order a source's blocks are read, told by who reads them: epoch after epoch, each in an
 * order of its own that is known before it begins. So the cache knows when each of them is needed
 * next, which {@link Cursors} can but infer.
 *
 * <p>Several may read in the same order at different places. One is taken to have gone on by a step
 * of a few windows; who appears elsewhere counts once he has gone on from there, unless he is the
 * first.
 *
 * <p>Thread-safe. 17 bytes of heap per block, and 8 more for each epoch that somebody is in, or
 * next to. What it is told costs as much as making the order of an epoch once for each; what it is
 * asked, a binary search.
 */
public final class ToldOrder {
    /** Blocks per nanosecond while the pace is not known. */
    private static final double RATE_AT_FIRST = 1e-7;

    /** Places that are known; of those on trial, then of all, the one silent for longest goes. */
    public static final int POSITIONS_MAX = 4;

    /** Who was within so many windows is the same reader. */
    private static final int NEAR_WINDOWS = 4;

    private final Blocks blocks;
    private final long epochs;
    private final int windowBlocks;
    private final LongFunction<int[]> blocksOfEpoch;

    /** The blocks of each partition, by offset. */
    private final int[][] blocksOfPartition;

    /** Of each block, who read it last, in which epoch, and how many records of it then. */
    private final byte[] readers;

    private final int[] readEpochs;
    private final int[] readRecords;

    private final Object moving = new Object();
    private final List<Position> positions = new ArrayList<>(1); // guarded by this
    private byte lastId; // guarded by this
    private volatile boolean isBegun;

    /** Where somebody reads. Guarded by the order. */
    private static final class Position {
        private final byte id;
        private long epoch;
        private int place;
        private int[] places;

        /** Null in the last epoch. */
        private int @Nullable [] nextPlaces;

        private boolean isBelieved;
        private double rate;
        private long movedNanos;
        private long seenNanos;

        Position(byte id, long epoch, int[] places, int @Nullable [] nextPlaces) {
            this.id = id;
            this.epoch = epoch;
            this.places = places;
            this.nextPlaces = nextPlaces;
        }

        boolean isOver() {
            return nextPlaces == null && place >= places.length;
        }
    }

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
     * @param epochs how many there are; nothing is read after the last one
     * @param windowBlocks that are read at a time
     * @param blocksOfEpoch the blocks in the order in which they are read in an epoch
     */
    public ToldOrder(
            Blocks blocks, long epochs, int windowBlocks, LongFunction<int[]> blocksOfEpoch) {
        this.blocks = blocks;
        this.epochs = epochs;
        this.windowBlocks = windowBlocks;
        this.blocksOfEpoch = blocksOfEpoch;
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
        readers = new byte[count];
    }

    /** Whether somebody is known to read on in that order. */
    public boolean isBegun() {
        return isBegun;
    }

    /** Nobody reads any more; who comes begins anew. */
    public synchronized void forget() {
        positions.clear();
        isBegun = false;
    }

    /**
     * What is read next stands there in an epoch's order, and what is before that is not read any
     * more in that epoch.
     *
     * @param newPlace behind the last block of the last epoch, if nothing is read any more
     */
    public void at(long newEpoch, int newPlace, long nowNanos) {
        synchronized (moving) { // what is asked of it does not wait for an order that is made
            int[] newPlaces = known(newEpoch);
            newPlaces = newPlaces == null ? placesOf(newEpoch) : newPlaces;
            int[] newNextPlaces = null;
            if (newEpoch + 1 < epochs) {
                newNextPlaces = known(newEpoch + 1);
                newNextPlaces = newNextPlaces == null ? placesOf(newEpoch + 1) : newNextPlaces;
            }
            move(newEpoch, newPlace, newPlaces, newNextPlaces, nowNanos);
        }
    }

    private synchronized int @Nullable [] known(long epoch) {
        for (Position position : positions) {
            if (position.epoch == epoch) {
                return position.places;
            } else if (position.epoch + 1 == epoch) {
                return position.nextPlaces;
            }
        }
        return null;
    }

    private synchronized void move(
            long newEpoch,
            int newPlace,
            int[] newPlaces,
            int @Nullable [] newNextPlaces,
            long nowNanos) {
        Position position = near(newEpoch, newPlace);
        long gained = 0;
        if (position == null) {
            forgetOne();
            position = new Position(++lastId, newEpoch, newPlaces, newNextPlaces);
            position.isBelieved = positions.isEmpty();
            position.place = newPlace;
            position.movedNanos = nowNanos;
            positions.add(position);
        } else {
            gained = gained(position, newEpoch, newPlace);
        }
        if (gained > 0) { // who reads again what is before that needs it no more than once
            position.rate = Cursor.averaged(position.rate, gained, nowNanos - position.movedNanos);
            position.isBelieved = true;
            position.epoch = newEpoch;
            position.place = newPlace;
            position.places = newPlaces;
            position.nextPlaces = newNextPlaces;
            position.movedNanos = nowNanos;
        }
        position.seenNanos = nowNanos;
        isBegun = positions.stream().anyMatch(one -> one.isBelieved && !one.isOver());
    }

    private long gained(Position position, long newEpoch, int newPlace) {
        return (newEpoch - position.epoch) * blocks.blockCount() + newPlace - position.place;
    }

    /** Who may have come there in a few steps. */
    private @Nullable Position near(long newEpoch, int newPlace) {
        Position nearest = null;
        long least = (long) NEAR_WINDOWS * windowBlocks;
        for (Position position : positions) {
            long distance = Math.abs(gained(position, newEpoch, newPlace));
            if (distance <= least) {
                least = distance;
                nearest = position;
            }
        }
        return nearest;
    }

    private void forgetOne() {
        if (positions.size() < POSITIONS_MAX) {
            return;
        }
        boolean isTrial = positions.stream().anyMatch(one -> !one.isBelieved);
        Position oldest = null;
        for (Position position : positions) {
            if ((!isTrial || !position.isBelieved)
                    && (oldest == null || position.seenNanos - oldest.seenNanos < 0)) {
                oldest = position;
            }
        }
        positions.remove(oldest);
    }

    private int[] placesOf(long ofEpoch) {
        int[] order = blocksOfEpoch.apply(ofEpoch);
        int[] found = new int[order.length];
        for (int i = 0; i < order.length; i++) {
            found[order[i]] = i;
        }
        return found;
    }

    /**
     * So many records of a block were read, or, below 0, are to be read again after all; once all
     * of them were, the next epoch needs it. It was the one whose place is least far before it.
     */
    public synchronized void read(int block, int recordCount, long nowNanos) {
        Position reader = null;
        for (Position position : positions) {
            int ahead = position.places[block] - position.place;
            if (ahead >= 0 && (reader == null || ahead < reader.places[block] - reader.place)) {
                reader = position;
            }
        }
        if (reader == null) {
            return;
        }
        if (readEpochs[block] != (int) reader.epoch || readers[block] != reader.id) {
            readEpochs[block] = (int) reader.epoch;
            readers[block] = reader.id;
            readRecords[block] = 0;
        }
        int read = readRecords[block] + recordCount;
        readRecords[block] = Math.max(0, Math.min(blocks.recordCount(block), read));
        reader.seenNanos = nowNanos;
    }

    /** Time until a block is needed, in nanoseconds; infinite if it is none of these. */
    synchronized double useNanos(int partition, long firstOffset, long nowNanos) {
        int block = isBegun ? block(partition, firstOffset) : -1;
        double soonest = Double.POSITIVE_INFINITY;
        for (int i = 0; block >= 0 && i < positions.size(); i++) {
            Position position = positions.get(i);
            if (position.isBelieved) {
                soonest = Math.min(soonest, useNanos(position, block, nowNanos));
            }
        }
        return soonest;
    }

    private double useNanos(Position position, int block, long nowNanos) {
        boolean isPassed =
                position.places[block] < position.place
                        || readEpochs[block] == (int) position.epoch
                                && readers[block] == position.id
                                && readRecords[block] >= blocks.recordCount(block);
        int[] next = position.nextPlaces;
        if (isPassed && next == null) {
            return Double.POSITIVE_INFINITY;
        }
        long distance =
                isPassed && next != null
                        ? blocks.blockCount() - position.place + next[block]
                        : position.places[block] - position.place;
        return Cursor.absenceNanos(nowNanos - position.seenNanos)
                + distance / (position.rate == 0 ? RATE_AT_FIRST : position.rate);
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
