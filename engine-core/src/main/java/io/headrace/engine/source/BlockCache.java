package io.headrace.engine.source;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Blocks in memory, within a budget, the least recently used dropped first; and one flight per
 * block: whoever asks for a block that is being loaded waits for that load.
 *
 * <p>First form, so that a sequential consumer loads each block once. It is used through {@link
 * #resident}, {@link #load} and {@link #add} only, so that a cache which keeps blocks on SSD and
 * drops by predicted next use can take its place.
 *
 * <p>Thread-safe; one lock, held for map operations only. A block that is being read stays in
 * memory after it was dropped here, until its last lease closes.
 */
final class BlockCache {
    private static final Comparator<Id> BY_OFFSET =
            Comparator.comparingLong(Id::topicId)
                    .thenComparingInt(Id::partition)
                    .thenComparingLong(Id::firstOffset);

    private final long budgetBytes;
    private final NavigableMap<Id, Entry> entries = new TreeMap<>(BY_OFFSET);
    private final Map<Id, List<BiConsumer<@Nullable LoadedBlock, @Nullable Throwable>>> flights =
            new HashMap<>();
    private long bytes;
    private long uses;
    private boolean isClosed;
    final LongAdder hits = new LongAdder();
    final LongAdder loads = new LongAdder();

    private record Id(long topicId, int partition, long firstOffset) {
        static Id of(SourceBlock block) {
            return new Id(block.topicId(), block.partition(), block.firstOffset());
        }
    }

    private static final class Entry {
        final LoadedBlock block;
        final int capacity;
        long lastUse;

        Entry(LoadedBlock block) {
            this.block = block;
            this.capacity = block.slab().buffer().capacity();
        }
    }

    /** Loads a block; blocks for the store. */
    @FunctionalInterface
    interface Loader {
        /** The loaded block with one reference. */
        LoadedBlock load() throws Exception;
    }

    /**
     * @param budgetBytes most bytes held; what is only leased is not counted
     */
    BlockCache(long budgetBytes) {
        this.budgetBytes = budgetBytes;
    }

    /** The block in memory that holds an offset, with a reference for the caller; or null. */
    synchronized @Nullable LoadedBlock resident(long topicId, int partition, long offset) {
        Map.Entry<Id, Entry> floor = entries.floorEntry(new Id(topicId, partition, offset));
        if (floor == null
                || floor.getKey().topicId != topicId
                || floor.getKey().partition != partition
                || !floor.getValue().block.block().holds(offset)
                || !floor.getValue().block.retain()) {
            return null;
        }
        floor.getValue().lastUse = ++uses;
        hits.increment();
        return floor.getValue().block;
    }

    /**
     * Hands the block to the callback, with a reference for it, or a failure: on this thread after
     * loading it here, or later on the thread that is loading it already.
     */
    void load(
            SourceBlock block,
            Loader loader,
            BiConsumer<@Nullable LoadedBlock, @Nullable Throwable> whenLoaded) {
        LoadedBlock resident;
        boolean flies;
        synchronized (this) {
            // At once: between the two, a flight could land and leave both of them empty-handed.
            resident = resident(block.topicId(), block.partition(), block.firstOffset());
            flies = resident == null && takeOff(Id.of(block), whenLoaded);
        }
        if (resident != null) {
            whenLoaded.accept(resident, null);
        }
        if (!flies) {
            return;
        }
        LoadedBlock loaded = null;
        Throwable failure = null;
        try {
            loads.increment();
            loaded = loader.load();
        } catch (Throwable thrown) {
            failure = thrown;
        }
        land(Id.of(block), loaded, failure);
    }

    /** Registers for a flight; true if the caller has to fly it. */
    private synchronized boolean takeOff(
            Id id, BiConsumer<@Nullable LoadedBlock, @Nullable Throwable> whenLoaded) {
        List<BiConsumer<@Nullable LoadedBlock, @Nullable Throwable>> passengers = flights.get(id);
        if (passengers != null) {
            passengers.add(whenLoaded);
            return false;
        }
        flights.put(id, new ArrayList<>(List.of(whenLoaded)));
        return true;
    }

    private void land(Id id, @Nullable LoadedBlock loaded, @Nullable Throwable failure) {
        List<BiConsumer<@Nullable LoadedBlock, @Nullable Throwable>> passengers;
        synchronized (this) {
            passengers = Objects.requireNonNull(flights.remove(id));
            if (loaded != null) {
                passengers.forEach(passenger -> loaded.retain());
                insert(loaded);
            }
        }
        passengers.forEach(passenger -> passenger.accept(loaded, failure));
    }

    /** Takes over a block and the reference to it. */
    synchronized void add(LoadedBlock block) {
        insert(block);
    }

    private void insert(LoadedBlock block) {
        if (isClosed) {
            block.release();
            return;
        }
        Entry entry = new Entry(block);
        entry.lastUse = ++uses;
        Entry before = entries.put(Id.of(block.block()), entry);
        bytes += entry.capacity;
        if (before != null) {
            forget(before);
        }
        shrinkTo(budgetBytes);
    }

    private void forget(Entry entry) {
        bytes -= entry.capacity;
        entry.block.release();
    }

    /**
     * Drops the least recently used until the bytes fit. A scan: there are a few hundred at most.
     */
    private void shrinkTo(long limit) {
        while (bytes > limit && !entries.isEmpty()) {
            Id oldest = entries.firstKey();
            long oldestUse = Long.MAX_VALUE;
            for (Map.Entry<Id, Entry> candidate : entries.entrySet()) {
                if (candidate.getValue().lastUse < oldestUse) {
                    oldest = candidate.getKey();
                    oldestUse = candidate.getValue().lastUse;
                }
            }
            // by what remove returns: a tree's entry may stand for another one after a removal
            Entry dropped = entries.remove(oldest);
            if (dropped != null) {
                forget(dropped);
            }
        }
    }

    /** Drops what is least recently used, because memory is short: half of what is held. */
    synchronized void shrink() {
        shrinkTo(bytes / 2);
    }

    /** Drops the block that holds an offset. */
    synchronized void drop(long topicId, int partition, long offset) {
        Map.Entry<Id, Entry> floor = entries.floorEntry(new Id(topicId, partition, offset));
        if (floor != null
                && floor.getKey().topicId == topicId
                && floor.getKey().partition == partition
                && floor.getValue().block.block().holds(offset)) {
            forget(floor.getValue());
            entries.remove(floor.getKey());
        }
    }

    /** Drops all blocks of a topic. */
    synchronized void dropTopic(long topicId) {
        entries.entrySet()
                .removeIf(
                        entry -> {
                            boolean isOfTopic = entry.getKey().topicId == topicId;
                            if (isOfTopic) {
                                forget(entry.getValue());
                            }
                            return isOfTopic;
                        });
    }

    /** Bytes held. */
    synchronized long bytes() {
        return bytes;
    }

    /** Drops everything, and keeps nothing from now on. */
    synchronized void close() {
        isClosed = true;
        shrinkTo(0);
    }
}
