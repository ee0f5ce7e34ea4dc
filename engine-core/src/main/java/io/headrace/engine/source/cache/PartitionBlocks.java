package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a source in the cache: its blocks in memory, what is known of those on disk, those
 * that are on their way, and who reads it.
 *
 * <p>Thread-safe; one lock, held for a few look-ups. Lives as long as its topic.
 */
public final class PartitionBlocks {
    /** Where an order was told, so many blocks at most are looked at in search of one to drop. */
    private static final int LOOKED_AT_MAX = 256;

    /** Orders that are told for one partition, at most: of as many views. */
    private static final int TOLD_MAX = 16;

    private final BlockTiers tiers;
    private final long topicId;
    private final int partition;

    /** In memory and not on disk. */
    private final OffsetMap<CachedBlock> alone = new OffsetMap<>();

    /** In memory and on disk. */
    private final OffsetMap<CachedBlock> backed = new OffsetMap<>();

    private final OffsetMap<DiskBlock> onDisk = new OffsetMap<>();

    /**
     * On their way to disk: in memory until they are there, whether they have a place in it or not.
     */
    private final OffsetMap<CachedBlock> leaving = new OffsetMap<>();

    private final Map<Long, Flight> flights = new HashMap<>();
    private final SerialLine line = new SerialLine();
    private final Cursors cursors;
    private final List<ToldOrder> told = new ArrayList<>(0);
    private final SplittableRandom random = new SplittableRandom(1);
    private boolean isDropped;
    private int drops;
    private long lastCapacity;
    private double loadNanos;

    /** Set while a step of the prefetcher is due or runs. */
    final AtomicBoolean isStepDue = new AtomicBoolean();

    /** Of the prefetch window; guarded by its lock. */
    long windowBytes;

    /** Whether these count; guarded by the prefetch window's lock. */
    boolean hasWindowShare;

    /** When the prefetch window last counted this partition; written under its lock. */
    volatile long windowStretch = Long.MIN_VALUE;

    PartitionBlocks(BlockTiers tiers, long topicId, int partition) {
        this.tiers = tiers;
        this.topicId = topicId;
        this.partition = partition;
        this.cursors = new Cursors(tiers.nanoTime());
    }

    BlockTiers tiers() {
        return tiers;
    }

    /** Where flights that are serial wait for each other. */
    SerialLine line() {
        return line;
    }

    long topicId() {
        return topicId;
    }

    int partition() {
        return partition;
    }

    /** The block in memory that holds an offset, with a reference for the caller; or null. */
    public synchronized @Nullable CachedBlock resident(long offset) {
        CachedBlock block = inMemory(offset);
        return block != null && block.retain() ? block : null;
    }

    private @Nullable CachedBlock inMemory(long offset) {
        CachedBlock block = holding(alone, offset);
        if (block == null) {
            block = holding(backed, offset);
        }
        return block == null ? holding(leaving, offset) : block;
    }

    private static @Nullable CachedBlock holding(OffsetMap<CachedBlock> blocks, long offset) {
        CachedBlock block = blocks.floor(offset);
        return block != null && block.holds(offset) ? block : null;
    }

    /**
     * Hands the block to the callback, with a reference for it, or a failure: on this thread, after
     * loading it from disk or from the store if nobody does so yet; or later on the thread that is
     * loading it already.
     *
     * @param offset that is wanted of the block
     */
    public void load(long offset, StoredBlock stored, LoadCallback whenLoaded) {
        load(offset, stored, true, whenLoaded);
    }

    /**
     * As {@link #load}, for who is no reader of the partition: its order was told, or it has none.
     */
    public void loadAside(StoredBlock stored, LoadCallback whenLoaded) {
        load(stored.firstOffset(), stored, false, whenLoaded);
    }

    private void load(long offset, StoredBlock stored, boolean isReader, LoadCallback whenLoaded) {
        long now = tiers.nanoTime();
        boolean isSerial = stored.isSerial();
        CachedBlock resident;
        Flight flight = null;
        synchronized (this) {
            Cursor cursor = isReader ? cursors.at(offset, now) : null;
            // At once: between the two, a flight could land and leave both of them empty-handed.
            resident = resident(stored.firstOffset());
            if (resident == null) {
                if (cursor != null) {
                    cursor.stalled();
                }
                flight = board(stored, isSerial, whenLoaded);
            }
        }
        if (resident != null) {
            whenLoaded.onLoaded(resident, null);
        } else if (flight != null) {
            tiers.flyOnDemand(this, flight);
        }
    }

    /**
     * The flight that the caller has to see off, or null if somebody has done so: a new one, or one
     * that was to be prefetched and still waits.
     */
    private @Nullable Flight board(StoredBlock stored, boolean isSerial, LoadCallback passenger) {
        Flight flight = flights.get(stored.firstOffset());
        if (flight == null) {
            flight = Flight.onDemand(stored, isSerial, drops);
            flights.put(stored.firstOffset(), flight);
            if (isSerial) {
                line.add(tiers.departure(this, flight));
            }
        } else {
            tiers.counters().joined(flight.isPrefetch());
        }
        flight.board(passenger);
        return flight.isStarted() ? null : flight;
    }

    /**
     * Drops the block that holds an offset, wherever it is: it is not what it should be any more.
     */
    public void drop(long offset) {
        tiers.drop(this, offset);
    }

    /** Takes in a block that was made for another reason than to be read. */
    public void add(CachedBlock block) {
        tiers.add(this, block);
    }

    /**
     * Records up to an offset were given to a reader.
     *
     * @param source of this partition
     * @param from first offset that was asked for
     * @param to offset after the last one that was given
     * @param blockRecordCount records in the block where that is
     * @return the reader's epoch: 1 until it has come to the end and begun again
     */
    public int onRead(BlockSource source, long from, long to, int blockRecordCount) {
        long now = tiers.nanoTime();
        tiers.window().read(this, now);
        int epoch;
        boolean wantsMore;
        synchronized (this) {
            cursors.endsAt(source.endOffset());
            Cursor cursor = cursors.read(from, to, blockRecordCount, now);
            epoch = cursor.epoch();
            loadNanos = source.loadTimes().averageNanos();
            wantsMore = cursor.wantsMore(loadNanos);
        }
        if (wantsMore && isStepDue.compareAndSet(false, true)) {
            tiers.prefetcher().call(this, source);
        }
        return epoch;
    }

    /** A reader came to the end of a block; returns where that had come from. */
    public Tier visited(CachedBlock block) {
        int state = block.takeState();
        if (CachedBlock.wasPrefetched(state)) {
            tiers.counters().prefetchesUsed.increment();
            tiers.window().give(this, block.capacity());
        }
        Tier tier = CachedBlock.tier(state);
        tiers.counters().visited(tier);
        return tier;
    }

    /** Blocks are read in that order from now on, by one more who reads. */
    public synchronized void tell(ToldOrder order) {
        if (told.size() < TOLD_MAX && !told.contains(order)) {
            told.add(order);
        }
    }

    /** Nobody reads in that order any more. */
    public synchronized void forget(ToldOrder order) {
        told.remove(order);
    }

    /** Whether somebody has begun to read in an order that was told. */
    private boolean isTold() {
        for (int i = 0; i < told.size(); i++) {
            if (told.get(i).isBegun()) {
                return true;
            }
        }
        return false;
    }

    /** The soonest of what the cursors say and what was told. */
    private double toldUseNanos(double soonest, long firstOffset, long nowNanos) {
        double sooner = soonest;
        for (int i = 0; i < told.size(); i++) {
            sooner = Math.min(sooner, told.get(i).useNanos(partition, firstOffset, nowNanos));
        }
        return sooner;
    }

    /** Who reads this partition. */
    synchronized List<Cursor> cursors() {
        return new ArrayList<>(cursors.all());
    }

    /** The next offset that has to be asked for ahead of a cursor, or −1 if there is enough. */
    synchronized long wanted(Cursor cursor, LoadTimes loadTimes) {
        boolean isEnough = !cursor.wantsStill(loadTimes.averageNanos());
        long cycle = cursors.cycle();
        return isEnough || isDropped || cursor.ahead() >= cycle ? -1 : cursor.head(cycle);
    }

    /** Whether all up to the end was asked for ahead of a cursor. */
    synchronized boolean isAskedToEnd(Cursor cursor) {
        return cursor.ahead() >= cursors.cycle() - cursor.next();
    }

    /** What lies between two offsets was asked for, unless the cursor is elsewhere by now. */
    synchronized void asked(Cursor cursor, long from, long to) {
        if (cursor.head(cursors.cycle()) == from) {
            cursor.asked(to - from);
        }
    }

    /** The end of the block in memory that holds an offset, or −1. */
    synchronized long endOfPresent(long offset) {
        CachedBlock block = inMemory(offset);
        return block == null ? -1 : block.endOffset();
    }

    /** What a block is likely to take in memory. */
    synchronized long capacityEstimate(StoredBlock stored) {
        return Math.max(stored.storedLength(), Math.min(lastCapacity, 4 * stored.storedLength()));
    }

    /** Registers a flight that nobody waits for; null if the block is here or on its way. */
    synchronized @Nullable Flight prefetch(
            StoredBlock stored, boolean isSerial, long reservedBytes) {
        long first = stored.firstOffset();
        if (isDropped || inMemory(first) != null || flights.containsKey(first)) {
            return null;
        }
        Flight flight = Flight.ahead(stored, isSerial, reservedBytes, drops);
        flights.put(first, flight);
        if (isSerial) {
            line.add(tiers.departure(this, flight));
        }
        return flight;
    }

    synchronized boolean isFlying(StoredBlock stored) {
        return flights.containsKey(stored.firstOffset());
    }

    /** True for the first who asks. */
    synchronized boolean start(Flight flight) {
        return flight.start();
    }

    /** Ends a flight, and gives each passenger a reference. */
    synchronized List<LoadCallback> land(Flight flight, @Nullable CachedBlock block) {
        flights.remove(flight.stored().firstOffset());
        if (block != null) {
            flight.passengers().forEach(passenger -> block.retain());
        }
        return flight.passengers();
    }

    /** Puts a block into memory; false if it is there already, or no longer wanted. */
    synchronized boolean insert(CachedBlock block) {
        long first = block.firstOffset();
        if (isDropped || alone.get(first) != null || backed.get(first) != null) {
            return false;
        }
        (onDisk.get(first) == null ? alone : backed).put(first, block);
        lastCapacity = block.capacity();
        return true;
    }

    synchronized @Nullable CachedBlock removeFromMemory(long firstOffset) {
        CachedBlock block = alone.remove(firstOffset);
        return block == null ? backed.remove(firstOffset) : block;
    }

    /**
     * Removes the block that holds an offset from memory, where it may have a place, and has none
     * of those that are on their way kept, into memory or out of it.
     *
     * @return the one that had a place; or null
     */
    synchronized @Nullable CachedBlock removeHolding(long offset) {
        drops++;
        CachedBlock leavingBlock = holding(leaving, offset);
        if (leavingBlock != null) {
            leaving.remove(leavingBlock.firstOffset());
        }
        CachedBlock block = inMemory(offset);
        return block == null ? null : removeFromMemory(block.firstOffset());
    }

    /**
     * How often a block was dropped. What was made or lost its place before the last time may be
     * that block: nobody can find it there, so it is not kept.
     */
    synchronized int drops() {
        return drops;
    }

    synchronized boolean isMemoryEmpty() {
        return alone.isEmpty() && backed.isEmpty();
    }

    /** Removes all from memory, and takes no more; the caller gets the references. */
    synchronized List<CachedBlock> clearMemory() {
        isDropped = true;
        List<CachedBlock> all = new ArrayList<>(alone.size() + backed.size());
        alone.forEach((first, block) -> all.add(block));
        backed.forEach((first, block) -> all.add(block));
        all.forEach(block -> removeFromMemory(block.firstOffset()));
        return all;
    }

    synchronized boolean isDropped() {
        return isDropped;
    }

    /** Time until a block is needed in memory, in nanoseconds. */
    synchronized double useNanos(StoredBlock stored, long nowNanos) {
        return useNanos(stored.firstOffset(), stored.recordCount(), nowNanos);
    }

    private double useNanos(long firstOffset, int recordCount, long nowNanos) {
        return toldUseNanos(
                cursors.useNanos(firstOffset, recordCount, isTold(), nowNanos),
                firstOffset,
                nowNanos);
    }

    /** What a block's place in memory is not worth: see {@link MemoryTier#score}. */
    synchronized double score(CachedBlock block, long nowNanos) {
        long first = block.firstOffset();
        return MemoryTier.score(
                useNanos(first, block.recordCount(), nowNanos),
                onDisk.get(first) != null,
                cursors.isAskedFor(first));
    }

    /** Offers the blocks in memory that are needed last. */
    synchronized void offerFarthest(long nowNanos, Cursors.Farthest scratch, Victim victim) {
        if (isTold()) {
            lookAt(
                    alone,
                    (first, block) ->
                            victim.offer(
                                    this, first, useNanos(first, block.recordCount(), nowNanos)));
            lookAt(backed, (first, block) -> victim.offer(this, first, score(block, nowNanos)));
            return;
        }
        cursors.farthest(alone, nowNanos, scratch);
        if (scratch.key() != OffsetMap.NONE) {
            victim.offer(this, scratch.key(), scratch.useNanos());
        }
        cursors.farthest(backed, nowNanos, scratch);
        if (scratch.key() != OffsetMap.NONE) {
            boolean isAskedFor = cursors.isAskedFor(scratch.key());
            victim.offer(
                    this, scratch.key(), MemoryTier.score(scratch.useNanos(), true, isAskedFor));
        }
    }

    /**
     * Blocks of which one may go: in an order that was told, what is needed last may be anywhere.
     * Beyond a bound some that are drawn by lot.
     */
    private <V> void lookAt(OffsetMap<V> blocks, OffsetMap.Visitor<V> visitor) {
        if (blocks.size() <= LOOKED_AT_MAX) {
            blocks.forEach(visitor);
            return;
        }
        for (int i = 0; i < LOOKED_AT_MAX; i++) {
            blocks.visitAny(random, visitor);
        }
    }

    /** Time until a block on disk is needed, in nanoseconds. */
    synchronized double diskUseNanos(long firstOffset, int recordCount, long nowNanos) {
        return toldUseNanos(
                cursors.diskUseNanos(firstOffset, recordCount, isTold(), nowNanos),
                firstOffset,
                nowNanos);
    }

    /** Offers the block on disk that is needed last. */
    synchronized void offerFarthestOnDisk(long nowNanos, Cursors.Farthest scratch, Victim victim) {
        if (isTold()) {
            lookAt(
                    onDisk,
                    (first, block) ->
                            victim.offer(
                                    this,
                                    first,
                                    diskUseNanos(first, block.recordCount(), nowNanos)));
            return;
        }
        cursors.farthestOnDisk(onDisk, nowNanos, scratch);
        if (scratch.key() != OffsetMap.NONE) {
            victim.offer(this, scratch.key(), scratch.useNanos());
        }
    }

    /**
     * A block is to be written; false if it is on disk, or on its way, or if one was dropped since.
     *
     * @param sinceDrops as in {@link #drops} when the block could still be found
     */
    synchronized boolean beginWrite(CachedBlock block, int sinceDrops) {
        long first = block.firstOffset();
        if (isDropped
                || sinceDrops != drops
                || onDisk.get(first) != null
                || leaving.get(first) != null) {
            return false;
        }
        leaving.put(first, block);
        return true;
    }

    /** Whether it is still to be written. */
    synchronized boolean isLeaving(CachedBlock block) {
        return leaving.get(block.firstOffset()) == block;
    }

    /** It is on disk now, or will not be. */
    synchronized void endWrite(CachedBlock block) {
        if (isLeaving(block)) {
            leaving.remove(block.firstOffset());
        }
    }

    /** First offset of the block on disk that holds an offset, or {@link OffsetMap#NONE}. */
    synchronized long diskOffsetHolding(long offset) {
        long first = onDisk.floorKey(offset);
        DiskBlock block = first == OffsetMap.NONE ? null : onDisk.get(first);
        return block != null && offset < first + block.recordCount() ? first : OffsetMap.NONE;
    }

    /** What is known of a block on disk, or null. */
    synchronized @Nullable DiskBlock diskBlock(long firstOffset) {
        return onDisk.get(firstOffset);
    }

    /** A block is on disk; returns what had been known of it. */
    synchronized @Nullable DiskBlock putOnDisk(long firstOffset, DiskBlock block) {
        CachedBlock inMemory = alone.remove(firstOffset);
        if (inMemory != null) {
            backed.put(firstOffset, inMemory);
        }
        return onDisk.put(firstOffset, block);
    }

    /** A block is not on disk any more; returns what was known of it, or null. */
    synchronized @Nullable DiskBlock removeFromDisk(long firstOffset) {
        CachedBlock inMemory = backed.remove(firstOffset);
        if (inMemory != null) {
            alone.put(firstOffset, inMemory);
        }
        return onDisk.remove(firstOffset);
    }

    synchronized boolean isDiskEmpty() {
        return onDisk.isEmpty();
    }

    /** First offsets of all blocks on disk. */
    synchronized List<Long> diskOffsets() {
        List<Long> offsets = new ArrayList<>(onDisk.size());
        onDisk.forEach((first, block) -> offsets.add(first));
        return offsets;
    }

    synchronized void addTo(ReaderGauges gauges, long nowNanos) {
        for (Cursor cursor : cursors.all()) {
            gauges.add(cursor, loadNanos, cursors.cycle(), nowNanos);
        }
    }

    @Override
    public String toString() {
        return "topicId=" + topicId + " partition=" + partition;
    }
}
