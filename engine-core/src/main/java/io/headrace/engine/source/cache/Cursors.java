package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who reads a partition, inferred from the offsets that are read; and from that, when a block will
 * be read next.
 *
 * <h2>Eviction by predicted next use</h2>
 *
 * <p>The best that any cache can do is to drop, each time, what is needed last of all that it holds
 * and of what has just come in (Belady, "A study of replacement algorithms for a virtual-storage
 * computer", IBM Systems Journal 5(2), 1966; that it is optimal was proved by Mattson, Gecsei,
 * Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal 9(2),
 * 1970). It needs to know the future, which programs do not tell. A training does: it reads a
 * partition from its beginning to its end, and then again. Dropping what was used least recently is
 * the worst that can be done then: of a dataset that is larger than the cache by one block, it
 * drops each block just before its turn and hits nothing. The opposite, dropping what was used
 * last, is optimal for one loop (Chou and DeWitt, "An evaluation of buffer management strategies
 * for relational database systems", VLDB 1985), but is of no help with several readers, of several
 * speeds. What covers all of them is to predict the time of the next use from where each reader is
 * and how fast it moves, as has been done for table scans (Świtakowski, Boncz and Żukowski, "From
 * cooperative scans to predictive buffer management", PVLDB 5(12), 2012).
 *
 * <p>So a block's next use is the least, over all cursors, of the distance from cursor to block,
 * counted in records and around the end of the partition back to its beginning, divided by the
 * cursor's rate; and the block that is needed last goes first, or is not taken in at all. With one
 * reader in a loop this comes to holding on to some blocks and letting the others pass through,
 * which hits cache ÷ dataset.
 *
 * <p>Three things are added to that:
 *
 * <ul>
 *   <li><b>A cursor counts once it has gone on.</b> One read tells a place and no pace. Readers
 *       that jump about make a new cursor with each read, and none of those is believed; what they
 *       read is taken to be needed in order of offset, one epoch at the pace of all reads. That is
 *       no prediction but it is a fixed order, so that a fixed set of blocks stays, and an epoch in
 *       an order that nobody told still hits cache ÷ dataset. (An order that was told would hit
 *       more.)
 *   <li><b>Silence is a distance, too</b>: {@link Cursor#absenceNanos}. So a reader that pauses
 *       keeps its blocks for a while, and loses them to those who read. A partition without cursors
 *       is treated as if a reader were about to begin at its beginning, after as long a silence
 *       again. So among those that nobody reads the one that was used least recently goes first,
 *       its last block first; and it goes before what others need, except what they need much
 *       later.
 *   <li><b>What is being read is needed now</b>, until its reader has left it: a consumer takes a
 *       block in several bites.
 * </ul>
 *
 * <p>Between two cursors, the next use only grows with the offset, since the nearest cursor behind
 * is the same for all blocks there. So it has its peaks just behind the cursors, and only the block
 * behind each of them is a candidate: finding the one that is needed last takes time in the number
 * of cursors and the logarithm of that of blocks, and looks at no other block. Predicted times of
 * use do not change as long as readers keep their pace, but they are not stored, so there is
 * nothing to update when they do change.
 *
 * <p>Guarded by the lock of its partition.
 */
final class Cursors {
    /** Cursors of a partition; the one that was silent for longest is forgotten. */
    private static final int CURSOR_COUNT_MAX = 32;

    /** Of them, those that have not gone on yet. */
    private static final int TRIAL_COUNT_MAX = 8;

    private static final long FORGOTTEN_NANOS = 3_600_000_000_000L;

    /** For so long after a read an order is assumed beside those that were told. */
    private static final long UNTOLD_NANOS = 60_000_000_000L;

    private final List<Cursor> cursors = new ArrayList<>(1);
    private long cycle = 1;
    private long readNanos;
    private double rate;
    private boolean hasRead;

    Cursors(long nowNanos) {
        readNanos = nowNanos;
    }

    /** A block of a map, and the time until it is needed. */
    static final class Farthest {
        private long key;
        private double useNanos;

        void reset() {
            key = OffsetMap.NONE;
            useNanos = -1;
        }

        /** {@link OffsetMap#NONE} if the map is empty. */
        long key() {
            return key;
        }

        double useNanos() {
            return useNanos;
        }

        private void offer(long candidate, double nanos) {
            if (nanos > useNanos) {
                key = candidate;
                useNanos = nanos;
            }
        }
    }

    List<Cursor> all() {
        return cursors;
    }

    /** Records of an epoch, as far as is known. */
    long cycle() {
        return cycle;
    }

    /** The partition ends there now. */
    void endsAt(long offset) {
        cycle = Math.max(1, offset);
    }

    /** The cursor that a read from an offset continues, or begins. */
    Cursor at(long from, long nowNanos) {
        Cursor cursor = find(from, nowNanos);
        if (cursor == null) {
            cursors.forEach(Cursor::strayed);
            forgetOne(nowNanos);
            cursor = new Cursor(from, nowNanos);
            cursors.add(cursor);
        }
        cursor.seen(nowNanos);
        return cursor;
    }

    private @Nullable Cursor find(long from, long nowNanos) {
        Cursor repeated = null;
        Cursor wrapping = null;
        for (Cursor cursor : cursors) {
            if (cursor.continuesAt(from)) {
                return cursor;
            }
            if (cursor.repeatsAt(from) && (repeated == null || cursor.next() < repeated.next())) {
                repeated = cursor;
            }
            if (from == 0 && cursor.isAtEnd(cycle)) {
                wrapping = cursor;
            }
        }
        if (repeated == null && wrapping != null) {
            wrapping.wrap(cycle, nowNanos);
            return wrapping;
        }
        return repeated;
    }

    private void forgetOne(long nowNanos) {
        cursors.removeIf(cursor -> nowNanos - cursor.seenNanos() > FORGOTTEN_NANOS);
        long trials = cursors.stream().filter(cursor -> !cursor.isFollowed()).count();
        boolean isTrial = trials >= TRIAL_COUNT_MAX;
        if (isTrial || cursors.size() >= CURSOR_COUNT_MAX) {
            Cursor oldest = null;
            for (Cursor cursor : cursors) {
                if ((!isTrial || !cursor.isFollowed())
                        && (oldest == null || cursor.seenNanos() - oldest.seenNanos() < 0)) {
                    oldest = cursor;
                }
            }
            cursors.remove(oldest);
        }
    }

    /** Records were read, which ended within a block of so many. */
    Cursor read(long from, long to, long blockRecordCount, long nowNanos) {
        Cursor cursor = at(from, nowNanos);
        long gained = to - from;
        rate = Cursor.averaged(rate, gained, nowNanos - readNanos);
        readNanos = nowNanos;
        hasRead = true;
        cursor.read(from, to, blockRecordCount, nowNanos);
        return cursor;
    }

    /**
     * Time until a block in memory is needed, in nanoseconds.
     *
     * @param isTold whether somebody says in which order blocks are read, so that none has to be
     *     assumed, unless others read as well
     */
    double useNanos(long first, int recordCount, boolean isTold, long nowNanos) {
        return useNanos(first, recordCount, isTold, false, nowNanos);
    }

    /**
     * Time until a block on disk is needed, in nanoseconds. Who reads the disk is whoever asks
     * ahead, so it is counted from there; what the reader is at has been read already.
     */
    double diskUseNanos(long first, int recordCount, boolean isTold, long nowNanos) {
        return useNanos(first, recordCount, isTold, true, nowNanos);
    }

    private double useNanos(
            long first, int recordCount, boolean isTold, boolean isOnDisk, long nowNanos) {
        double soonest = Double.POSITIVE_INFINITY;
        boolean isFollowed = false;
        for (int i = 0; i < cursors.size(); i++) {
            Cursor cursor = cursors.get(i);
            boolean isAt = first <= cursor.next() && cursor.next() < first + recordCount;
            if (isAt && !isOnDisk) {
                soonest = Math.min(soonest, Cursor.absenceNanos(nowNanos - cursor.seenNanos()));
            } else if (cursor.isFollowed()) {
                long from = isOnDisk ? cursor.head(cycle) : cursor.next();
                boolean isPassed = first < from || first == from && isAt;
                long distance = isPassed ? first - from + cycle : first - from;
                soonest = Math.min(soonest, cursor.useNanos(distance, nowNanos));
            }
            isFollowed |= cursor.isFollowed();
        }
        boolean isReadSo = hasRead && nowNanos - readNanos < UNTOLD_NANOS;
        return isFollowed || isTold && !isReadSo
                ? soonest
                : Math.min(soonest, unfollowedUseNanos(first, nowNanos));
    }

    /** The next use in a partition that nobody reads in order. */
    private double unfollowedUseNanos(long first, long nowNanos) {
        double epochNanos = rate == 0 ? 0 : cycle / rate;
        double absence = Cursor.absenceNanos(nowNanos - readNanos);
        return (absence + epochNanos / 2) * (1 + (double) first / cycle);
    }

    /** Whether a block is among those that were asked for ahead of a cursor. */
    boolean isAskedFor(long first) {
        for (int i = 0; i < cursors.size(); i++) {
            Cursor cursor = cursors.get(i);
            long distance = first - cursor.next();
            if ((distance < 0 ? distance + cycle : distance) < cursor.ahead()) {
                return true;
            }
        }
        return false;
    }

    /** Finds the block in memory that is needed last. */
    void farthest(OffsetMap<? extends Extent> blocks, long nowNanos, Farthest found) {
        farthest(blocks, false, nowNanos, found);
    }

    /** Finds the block on disk that is needed last. */
    void farthestOnDisk(OffsetMap<? extends Extent> blocks, long nowNanos, Farthest found) {
        farthest(blocks, true, nowNanos, found);
    }

    private void farthest(
            OffsetMap<? extends Extent> blocks, boolean isOnDisk, long nowNanos, Farthest found) {
        found.reset();
        boolean isFollowed = false;
        for (int i = 0; i < cursors.size(); i++) {
            Cursor cursor = cursors.get(i);
            long from = isOnDisk ? cursor.head(cycle) : cursor.next();
            offer(blocks, keyBehind(blocks, from, isOnDisk), isOnDisk, nowNanos, found);
            if (isOnDisk) { // where the reader is at counts as read
                offer(blocks, blocks.floorKey(from), true, nowNanos, found);
            }
            isFollowed |= cursor.isFollowed();
        }
        long key = blocks.lastKey();
        offer(blocks, key, isOnDisk, nowNanos, found);
        // Without a followed cursor the last block is the peak, and those that are being read are
        // not.
        for (int i = 0; i < cursors.size() && !isFollowed && key != OffsetMap.NONE; i++) {
            key = blocks.lowerKey(key);
            offer(blocks, key, isOnDisk, nowNanos, found);
        }
    }

    /** The last block that lies wholly behind an offset, around the beginning if need be. */
    private static long keyBehind(
            OffsetMap<? extends Extent> blocks, long offset, boolean isOnDisk) {
        long key = blocks.lowerKey(offset);
        Extent extent = key == OffsetMap.NONE ? null : blocks.get(key);
        if (extent != null && !isOnDisk && key + extent.recordCount() > offset) {
            key = blocks.lowerKey(key);
        }
        return key == OffsetMap.NONE ? blocks.lastKey() : key;
    }

    private void offer(
            OffsetMap<? extends Extent> blocks,
            long key,
            boolean isOnDisk,
            long nowNanos,
            Farthest found) {
        Extent extent = key == OffsetMap.NONE ? null : blocks.get(key);
        if (extent != null) {
            found.offer(key, useNanos(key, extent.recordCount(), false, isOnDisk, nowNanos));
        }
    }
}
