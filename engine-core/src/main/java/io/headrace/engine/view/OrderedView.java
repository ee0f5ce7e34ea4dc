package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.Views.Progress;
import io.headrace.engine.Views.Side;
import io.headrace.engine.source.SourceBlocks;
import io.headrace.engine.source.SourceBlocks.Extent;
import io.headrace.engine.source.SourceSpec;
import io.headrace.engine.source.SourceTable;
import io.headrace.engine.source.cache.ToldOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A view that has the records of sources in an order of its own (docs/design/shuffle.md). Once the
 * sources are indexed it is pinned to how much they hold; from then on record n is record n / P of
 * partition n mod P, for good. One that is read early has the first of these before, more of them
 * as the index grows.
 *
 * <p>Thread-safe; no call blocks. What takes a while runs on {@link ViewSources#assembler}.
 */
final class OrderedView implements DerivedView, Views.Ordered {
    private static final Logger LOGGER = LoggerFactory.getLogger(OrderedView.class);

    /** Pauses between two looks at an index that is not complete. */
    private static final long LOOK_MS = 100;

    /** The pause is twice as long after each look, up to this. */
    private static final long LOOK_MS_MAX = 1_000;

    /** The same after a look that failed. */
    private static final long LOOK_AFTER_FAILURE_MS = 5_000;

    /** After this time without anybody asking, nobody waits for the index any more. */
    private static final long FORGOTTEN_MS = 60_000;

    /** After this time without a read the caches do not go by the order any more. */
    private static final long UNREAD_MS = 60_000;

    /** After this time without a read the order is let go of; it follows from the index. */
    private static final long IDLE_MS = 600_000;

    /** Stretches of a view that are made at once: the one that is read, and the next. */
    private static final int FLIGHTS_MAX = 2;

    /** Reads that wait for stretches to be made, at most; who is refused asks again. */
    private static final int READS_MAX = 4096;

    /** How often a stretch is halved where there is no memory for it, at most. */
    private static final int HALVINGS_MAX = 20;

    /** After so many stretches that found memory, longer ones are tried again. */
    private static final int STRETCHES_BEFORE_DOUBLING = 16;

    /** Who reads on behind one record of so many of a stretch is taken to want the next one. */
    private static final int GOING_ON_SHARE = 4;

    /** {@link #recordCount} of a view of which nothing is known yet. */
    private static final long NOT_COUNTED = -1;

    /** Blocks that are read at once for a stretch, at most. */
    private static final int DEPTH_MAX = 8;

    /** Of a stretch's length at most, for each block that is read at once. */
    private static final int LENGTH_PER_DEPTH = 2 << 20;

    private final ViewSources sources;
    private final StretchCache cache;
    private final SourceBlocks blocks;
    private final int partitionCount;
    private final Map<Integer, OrderedLog> logs = new ConcurrentHashMap<>();
    private final AtomicBoolean isStepping = new AtomicBoolean();

    /** A step will follow after a while: there is one such at most. */
    private final AtomicBoolean isStepDue = new AtomicBoolean();

    /** {@link #resumeHere} will look at what waits now. */
    private final AtomicBoolean isResumeDue = new AtomicBoolean();

    private volatile long lookMs = LOOK_MS;

    private volatile Topic topic;
    private volatile OrderedSpec spec;

    /** {@link #countHere} runs, or will. */
    private final AtomicBoolean isCounting = new AtomicBoolean();

    /**
     * How many records can be read; {@link #NOT_COUNTED} until that is known, after a start or when
     * the view is new. It does not fall.
     */
    private volatile long recordCount;

    /** What the view is pinned to is counted. */
    private volatile boolean isCounted;

    private volatile @Nullable Ready ready;
    private volatile Stretch[] stretches = new Stretch[0];
    private volatile long askedAtMs;

    /** When somebody read last, or waited for that: not merely asked how far the view goes. */
    private volatile long readAtMs;

    private volatile boolean isEnded;

    /** What the caches were told of; null if they were not. Guarded by this. */
    private @Nullable Ready toldOf;

    /** What the log says already. */
    private volatile String complaint = "";

    private volatile boolean isPinning;

    // guarded by this
    private final List<Waiting> waiting = new ArrayList<>();
    private final List<StretchPart> flights = new ArrayList<>();
    private int halvings;
    private int stretchesInARow;

    /**
     * What the order is made of.
     *
     * @param told of each source, what its cache knows of the order; empty if it is not to know
     * @param skipped of each source, the samples that are sent without their value
     */
    private record Ready(
            RecordOrder order, List<Long> topicIds, List<ToldOrder> told, List<String> skipped) {
        /** Whether it is of all that the view is pinned to. */
        boolean isWhole() {
            return !(order instanceof Beginning);
        }
    }

    private record Waiting(int partition, long offset, int lengthMax, ReadCallback whenRead) {}

    OrderedView(ViewSources sources, StretchCache cache, Topic topic, OrderedSpec spec) {
        this.sources = sources;
        this.cache = cache;
        this.blocks = sources.sourceBlocks();
        this.topic = topic;
        this.spec = spec;
        this.recordCount = spec.isReadEarly() || !spec.isCountedAtOnce() ? NOT_COUNTED : 0;
        this.partitionCount = topic.partitionCount();
        this.askedAtMs = sources.elapsedMs();
        this.readAtMs = askedAtMs;
        if (isPinned()) {
            count();
        }
    }

    Topic topic() {
        return topic;
    }

    int leaderEpoch() {
        return blocks.leaderEpoch();
    }

    boolean isEnded() {
        return isEnded;
    }

    @Override
    public @Nullable PartitionLog log(int partition) {
        if (isEnded || partition < 0 || partition >= partitionCount) {
            return null;
        }
        ask();
        if (recordCount == NOT_COUNTED) {
            return null; // a moment: who has read there before is not told that it is not there
        }
        return logs.computeIfAbsent(partition, number -> new OrderedLog(this, number));
    }

    @Override
    public void topic(Topic altered) {
        topic = altered;
        spec = (OrderedSpec) ViewSpec.of(altered.configs());
        if (isPinned()) {
            count();
            lookMs = LOOK_MS;
            step();
        }
    }

    /** Counts what the view is pinned to, elsewhere if that takes a while. */
    private void count() {
        if (spec.isCountedAtOnce()) {
            countPinned();
        } else if (isCounting.compareAndSet(false, true) && !execute(this::countHere)) {
            isCounting.set(false); // full: who asks next has it counted
        }
    }

    private void countHere() {
        try {
            countPinned();
        } catch (RuntimeException | Error failed) {
            complain("its records cannot be counted: cause=" + failed);
        } finally {
            isCounting.set(false);
        }
    }

    private void countPinned() {
        raise(spec.recordCount(), true);
    }

    /**
     * So many records can be read.
     *
     * @param isAll whether there will never be more
     */
    private void raise(long count, boolean isAll) {
        synchronized (this) {
            recordCount = Math.max(recordCount, count);
            isCounted |= isAll;
        }
        logs.values().forEach(OrderedLog::wake);
    }

    /** Whether there may be more records than are known. */
    boolean hasMoreToFind() {
        return !isCounted;
    }

    boolean isPinned() {
        return !spec.pins().isEmpty();
    }

    /** Offset behind the last record of a partition that can be read. */
    long endOffset(int partition) {
        long count = recordCount;
        return count <= partition ? 0 : (count - partition + partitionCount - 1) / partitionCount;
    }

    /** Somebody wants to know how far the view goes: what that takes is begun, or goes on. */
    void ask() {
        askedAtMs = sources.elapsedMs();
        if (isCounted) {
            return;
        }
        if (isPinned()) {
            count();
        } else if (!isStepDue.get()) {
            step();
        }
    }

    /** Somebody wants to read: for that the order has to be known as well. */
    private void askToRead() {
        askedAtMs = sources.elapsedMs();
        readAtMs = askedAtMs;
        if (!isReady() && !isStepDue.get()) {
            step();
        }
    }

    /** Whether the order is known of all that the view has, and of what it will have. */
    private boolean isReady() {
        Ready current = ready;
        return current != null && current.isWhole();
    }

    /** One step towards the order, and the next one after a while. */
    private void step() {
        if (isEnded || isReady() || !isStepping.compareAndSet(false, true)) {
            return;
        }
        if (!execute(this::stepHere)) { // full, or closing
            isStepping.set(false);
            refuseWaiting(Unavailable.STORE_ERROR);
            if (!isEnded && isStepDue.compareAndSet(false, true)) {
                sources.later(this::stepDue, LOOK_MS_MAX);
            }
        }
    }

    private boolean execute(Runnable task) {
        try {
            sources.assembler().execute(task);
            return true;
        } catch (RejectedExecutionException closing) {
            return false;
        }
    }

    private void stepHere() {
        boolean isDone = false;
        long pauseMs = lookMs;
        lookMs = Math.min(LOOK_MS_MAX, 2 * pauseMs);
        try {
            isDone = isPinned() ? prepare() : look();
        } catch (RuntimeException | Error failed) {
            complain("cause=" + failed);
            refuseWaiting(Unavailable.STORE_ERROR);
            pauseMs = LOOK_AFTER_FAILURE_MS;
        }
        isStepping.set(false);
        if (!isDone
                && !isEnded
                && sources.elapsedMs() - askedAtMs < FORGOTTEN_MS
                && isStepDue.compareAndSet(false, true)) {
            sources.later(this::stepDue, pauseMs);
        }
    }

    private void stepDue() {
        isStepDue.set(false);
        step();
    }

    /** Says each thing once. */
    private void complain(String what) {
        if (!what.equals(complaint)) {
            complaint = what;
            LOGGER.error("shuffle or mix view cannot be read: topic={} {}", topic.name(), what);
        }
    }

    private List<Topic> bases() {
        List<Topic> bases = new ArrayList<>();
        for (String name : spec.topics()) {
            Topic base = sources.topic(name);
            if (base == null) {
                throw new IllegalStateException("topic below a view is gone: topic=" + name);
            }
            bases.add(base);
        }
        return bases;
    }

    /** Looks at an index that is not complete; false, as there is more to look after. */
    private boolean look() {
        // What can be read is never more than what is pinned: it is looked at first, and not again.
        if (spec.isReadEarly() && !isPinning) {
            growIfPossible();
        }
        return pin();
    }

    /** Readers of what there is already have nothing to do with a limit that comes later. */
    private void growIfPossible() {
        try {
            grow();
        } catch (IllegalStateException limited) {
            if (ready == null) {
                throw limited;
            }
            complain("cause=" + limited);
        }
    }

    /** Has read what is known of the sources by now, as far as that is in order. */
    private void grow() {
        List<Topic> bases = bases();
        Ready before = ready;
        Beginning known = before != null && before.order instanceof Beginning first ? first : null;
        List<SourceTable> tables = new ArrayList<>();
        for (int i = 0; i < bases.size(); i++) {
            SourceTable table =
                    blocks.table(bases.get(i), known == null ? null : known.tables().get(i));
            if (table == null) {
                return;
            }
            tables.add(table);
        }
        if (known != null && known.tables().equals(tables)) {
            return;
        }
        Beginning longer = spec.beginning(tables, known);
        List<Long> ids = bases.stream().map(Topic::id).toList();
        // What was made with other samples left out is still noticed.
        List<String> skipped = before == null ? skipped(ids) : before.skipped;
        synchronized (this) {
            ready = new Ready(longer, ids, List.of(), skipped);
        }
        if (longer.count() > recordCount) {
            lookMs = LOOK_MS;
            raise(longer.count(), false);
        }
        resume();
    }

    /** Pins the view if all sources are indexed; true if there is nothing more to look after. */
    private boolean pin() {
        List<OrderedSpec.Pin> pins = new ArrayList<>();
        for (Topic base : bases()) {
            Extent extent = blocks.extent(base);
            if (extent.isComplete()) {
                pins.add(
                        new OrderedSpec.Pin(
                                base.name(),
                                extent.generation(),
                                extent.objectCount(),
                                extent.recordCount()));
            } else {
                blocks.index(base);
            }
        }
        if (pins.size() == spec.topics().size() && !isPinning) {
            isPinning = true;
            String value = String.join(",", pins.stream().map(OrderedSpec.Pin::toString).toList());
            sources.alter(topic.id(), Map.of(OrderedSpec.PINNED_CONFIG, value))
                    .whenComplete((result, failure) -> pinned(result, failure));
        }
        return false; // until the topic says that it is
    }

    private void pinned(@Nullable Object result, @Nullable Throwable failure) {
        if (failure != null) {
            isPinning = false;
            complain("it cannot be pinned: cause=" + failure);
        } else if (result instanceof CatalogResult refusal && refusal.topic() == null) {
            isPinning = false;
            complain("it cannot be pinned: " + refusal);
        }
    }

    private boolean prepare() {
        List<Topic> bases = bases();
        List<SourceTable> tables = new ArrayList<>();
        for (int i = 0; i < bases.size(); i++) {
            OrderedSpec.Pin pin = spec.pins().get(i);
            SourceTable table = blocks.table(bases.get(i), pin.objectCount());
            if (table.recordCount() != pin.recordCount()) {
                blocks.index(bases.get(i));
                complain(
                        "its source has other records than it is pinned to: pinned="
                                + pin
                                + " records="
                                + table.recordCount());
                refuseWaiting(Unavailable.STORE_ERROR);
                return false;
            }
            tables.add(table);
        }
        List<Long> ids = bases.stream().map(Topic::id).toList();
        RecordOrder order = spec.order(tables);
        if (!isCounted) {
            countPinned();
        }
        if (order.count() < recordCount) {
            complain(
                    "it is pinned to less than was shown: records="
                            + order.count()
                            + " shown="
                            + recordCount);
            refuseWaiting(Unavailable.STORE_ERROR);
            return false;
        }
        Ready before = ready;
        List<String> skipped = before == null ? skipped(ids) : before.skipped;
        Ready made = new Ready(order, ids, order.told(), skipped);
        synchronized (this) {
            ready = made;
        }
        resume();
        return true;
    }

    /** A stretch is made: from now on the caches go by the order. */
    private void tell(Ready current, long record) {
        readAtMs = sources.elapsedMs();
        if (current.told.isEmpty()) {
            return;
        }
        current.order.tell(record, current.told, blocks.nanoTime());
        synchronized (this) {
            // Samples that are skipped are no other order.
            if (toldOf != null && toldOf.told.equals(current.told)) {
                return;
            }
            toldOf = current;
            for (int i = 0; i < current.topicIds.size(); i++) {
                Topic base = sources.topic(current.topicIds.get(i));
                if (base != null) {
                    blocks.tell(base, current.told.get(i));
                }
            }
        }
        if (isEnded) {
            forgetTold();
        }
    }

    /** The caches need not go by the order any more. */
    private synchronized void forgetTold() {
        Ready gone = toldOf;
        toldOf = null;
        for (int i = 0; gone != null && i < gone.topicIds.size(); i++) {
            gone.told.get(i).forget();
            Topic base = sources.topic(gone.topicIds.get(i));
            if (base != null) {
                blocks.forget(base, gone.told.get(i));
            }
        }
    }

    private List<String> skipped(List<Long> topicIds) {
        List<String> skipped = new ArrayList<>();
        for (long id : topicIds) {
            Topic base = sources.topic(id);
            Map<String, String> configs = base == null ? Map.of() : base.configs();
            skipped.add(configs.getOrDefault(SourceSpec.SKIP_OFFSETS_CONFIG, ""));
        }
        return skipped;
    }

    /** Drops what was made if a source sends other samples without their value now. */
    private void checkSkipped() {
        Ready current = ready;
        if (current == null) {
            return;
        }
        List<String> skipped = skipped(current.topicIds);
        if (!skipped.equals(current.skipped)) {
            synchronized (this) {
                if (ready == current) {
                    ready = new Ready(current.order, current.topicIds, current.told, skipped);
                }
            }
            cache.dropAll(this);
        }
    }

    private long record(Waiting read) {
        return record(read.partition, read.offset);
    }

    private long record(int partition, long offset) {
        return offset * partitionCount + partition;
    }

    /** What is in memory, or {@link Unavailable#COLD}. */
    ReadResult read(int partition, long offset, int lengthMax) {
        long record = record(partition, offset);
        Stretch stretch = stretchAt(record);
        ReadResult result =
                stretch == null ? null : stretch.read(partition, offset, record, lengthMax);
        if (stretch == null || result == null) {
            return Unavailable.COLD;
        }
        used(stretch, partition, offset, result);
        return result;
    }

    /** Notes that a stretch is read, and has the next one made if its reader goes on. */
    private void used(Stretch stretch, int partition, long offset, ReadResult result) {
        long now = sources.elapsedMs();
        boolean isContinued =
                result instanceof RecordsLease lease
                        && stretch.continues(partition, offset, lease.nextOffset());
        stretch.used(now);
        readAtMs = now;
        if (stretch.to() < recordCount
                && !stretch.isFollowed()
                && (isContinued && isFar(stretch, record(partition, offset))
                        || comesFromBefore(stretch, now))
                && stretch.takeFollowing()
                && !execute(() -> makeAhead(stretch))) {
            stretch.offerFollowing();
        }
    }

    private static boolean isFar(Stretch stretch, long record) {
        return (record - stretch.from()) * GOING_ON_SHARE >= stretch.to() - stretch.from();
    }

    /** Whether the stretch before one was read lately. */
    private boolean comesFromBefore(Stretch stretch, long now) {
        for (Stretch other : stretches) {
            if (other.to() == stretch.from()
                    && other.isRead()
                    && now - other.usedAtMs() < StretchCache.IN_USE_MS) {
                return true;
            }
        }
        return false;
    }

    private void makeAhead(Stretch stretch) {
        Ready current = ready;
        if (current == null || isEnded) {
            return;
        }
        if (stretch.to() >= current.order.count()) { // not known yet
            stretch.offerFollowing();
            return;
        }
        boolean isThere;
        synchronized (this) {
            isThere = stretchAt(stretch.to()) != null || isFlying(stretch.to());
        }
        // Where others need the room it is made when it is asked for.
        if (!isThere && cache.hasRoomBehind(this, stretch) && !fly(current, stretch.to())) {
            stretch.offerFollowing();
        }
    }

    /** As {@link #read}, once the stretch is made. */
    void readCold(int partition, long offset, int lengthMax, ReadCallback whenRead) {
        if (!await(new Waiting(partition, offset, lengthMax, whenRead))) {
            whenRead.onRead(isEnded ? Unavailable.CLOSED : Unavailable.STORE_ERROR);
            return;
        }
        askToRead();
        if (ready != null) { // it may have become so meanwhile
            resume();
        }
    }

    private synchronized boolean await(Waiting read) {
        return !isEnded && waiting.size() < READS_MAX && waiting.add(read);
    }

    /** Has those who wait looked at, once for all who came until that is done. */
    @Override
    public void resume() {
        if (isResumeDue.compareAndSet(false, true) && !execute(this::resumeHere)) {
            isResumeDue.set(false);
            refuseWaiting(Unavailable.STORE_ERROR);
        }
    }

    /** Answers who waits for what is there, and has the rest made. */
    private void resumeHere() {
        isResumeDue.set(false);
        Ready current = ready;
        if (current == null) {
            return;
        }
        for (Waiting read : taken(read -> stretchAt(record(read)) != null)) {
            ReadResult result = read(read.partition, read.offset, read.lengthMax);
            if (result == Unavailable.COLD) { // it went meanwhile
                readCold(read.partition, read.offset, read.lengthMax, read.whenRead);
            } else {
                deliver(read, result);
            }
        }
        try {
            long end = current.order.count();
            long record = firstToMake(end);
            while (record >= 0 && fly(current, record)) {
                record = firstToMake(end);
            }
        } catch (RuntimeException | Error failed) {
            complain("cause=" + failed);
            refuseWaiting(Unavailable.STORE_ERROR);
        }
    }

    /**
     * A record that somebody waits for and nothing is made for; −1 if there is none.
     *
     * @param end behind the last one whose place is known
     */
    private synchronized long firstToMake(long end) {
        for (Waiting read : waiting) {
            long record = record(read);
            if (record < end && !isFlying(record) && stretchAt(record) == null) {
                return record;
            }
        }
        return -1;
    }

    /** Those who wait and satisfy a condition; they do not wait any more. */
    private synchronized List<Waiting> taken(Predicate<Waiting> condition) {
        List<Waiting> taken = new ArrayList<>();
        waiting.removeIf(read -> condition.test(read) && taken.add(read));
        return taken;
    }

    /** Whatever a reader makes of it, the others get theirs. */
    private static void deliver(Waiting read, ReadResult result) {
        try {
            read.whenRead.onRead(result);
        } catch (RuntimeException | Error failed) {
            LOGGER.error("a reader of a view failed", failed);
        }
    }

    private @Nullable Stretch stretchAt(long record) {
        for (Stretch stretch : stretches) {
            if (stretch.holds(record) && !cache.isStale(stretch, record)) {
                return stretch;
            }
        }
        return null;
    }

    private boolean isFlying(long record) {
        return flights.stream().anyMatch(flight -> flight.holds(record));
    }

    /** Begins to make the stretch that holds a record; false if too many are being made. */
    private boolean fly(Ready current, long record) {
        int halved;
        synchronized (this) {
            if (flights.size() >= FLIGHTS_MAX) {
                return false;
            }
            halved = halvings;
        }
        StretchPart whole = // may take a while
                StretchPart.of(current.order, record, cache.stretchLengthMax(this), halved);
        StretchPart flight;
        synchronized (this) {
            if (isEnded || flights.size() >= FLIGHTS_MAX || !cache.beginFlight()) {
                return false;
            }
            if (isFlying(record) || stretchAt(record) != null) {
                cache.cancelFlight();
                return true; // somebody was faster
            }
            flight = clipped(whole, record);
            flights.add(flight);
        }
        if (!execute(() -> begin(current, flight))) {
            synchronized (this) {
                flights.remove(flight);
            }
            cache.cancelFlight();
            refuseWaiting(Unavailable.STORE_ERROR); // who waits asks again
            return false;
        }
        return true;
    }

    /** What of a flight is neither kept nor being made, around a record. Under the lock. */
    private StretchPart clipped(StretchPart whole, long record) {
        StretchPart left = whole;
        for (Stretch stretch : stretches) {
            if (!stretch.isIncomplete()) {
                left = left.without(stretch.from(), stretch.to(), record);
            }
        }
        for (StretchPart other : flights) {
            left = left.without(other.from(), other.to(), record);
        }
        return left;
    }

    private void begin(Ready current, StretchPart flight) {
        try {
            StretchPlan plan = new StretchPlan((int) (flight.to() - flight.from()));
            current.order.plan(flight.from(), flight.to(), 0, plan);
            long lengthMax = flight.lengthMax();
            int[] counts = plan.counts();
            long length = plan.length(counts);
            if (plan.count() > 1 && length > lengthMax + lengthMax / 2) {
                // Before anything else has to go for it.
                landed(current, flight, null, new StretchWriter.NoRoomException(length));
                return;
            }
            tell(current, flight.from());
            StretchWriter writer =
                    new StretchWriter(
                            plan,
                            flight.from(),
                            partitionCount,
                            leaderEpoch(),
                            spec.marks(),
                            length,
                            slabLength -> cache.allocate(this, slabLength));
            boolean[] isAsked = new boolean[counts.length];
            new StretchFlight(
                            plan,
                            writer,
                            (slot, whenRead) -> {
                                // From here on it has it: the block's room is another's.
                                isAsked[slot] = true;
                                noteRead(current, plan, slot, counts[slot]);
                                read(current, plan.slots().get(slot), whenRead);
                            },
                            (int) Math.max(1, Math.min(DEPTH_MAX, lengthMax / LENGTH_PER_DEPTH)),
                            sources.assembler(),
                            (stretch, failure) -> {
                                boolean isMade = stretch != null && !stretch.isIncomplete();
                                for (int i = 0; !isMade && i < counts.length; i++) {
                                    if (isAsked[i]) { // it is made again
                                        noteRead(current, plan, i, -counts[i]);
                                    }
                                }
                                landed(current, flight, stretch, failure);
                            })
                    .start();
        } catch (RuntimeException | Error failed) {
            landed(current, flight, null, failed);
        }
    }

    private void noteRead(Ready current, StretchPlan plan, int slotIndex, int count) {
        if (current.told.isEmpty()) {
            return;
        }
        StretchPlan.Slot slot = plan.slots().get(slotIndex);
        current.told.get(slot.side()).read(slot.block(), count, blocks.nanoTime());
    }

    private void read(Ready current, StretchPlan.Slot slot, ReadCallback whenRead) {
        Topic base = isEnded ? null : sources.topic(current.topicIds.get(slot.side()));
        if (base == null) {
            whenRead.onRead(Unavailable.CLOSED);
            return;
        }
        blocks.read(
                base,
                slot.table().partition(slot.block()),
                slot.table().firstOffset(slot.block()),
                whenRead);
    }

    private void landed(
            Ready current,
            StretchPart flight,
            @Nullable Stretch stretch,
            @Nullable Throwable failure) {
        try {
            landedHere(current, flight, stretch, failure);
        } catch (RuntimeException | Error failed) {
            LOGGER.error("records of a view cannot be made: topic=" + topic.name(), failed);
            refuseWaiting(flight, Unavailable.STORE_ERROR);
        } finally {
            synchronized (this) {
                flights.remove(flight); // no sooner: what it has made would be made again
            }
            cache.endFlight();
        }
    }

    private void landedHere(
            Ready current,
            StretchPart flight,
            @Nullable Stretch stretch,
            @Nullable Throwable failure) {
        boolean isGivenUp = failure != null;
        synchronized (this) {
            if (failure instanceof StretchWriter.NoRoomException) {
                isGivenUp = flight.to() - flight.from() <= 1 || halvings >= HALVINGS_MAX;
                halvings = Math.min(HALVINGS_MAX, halvings + 1);
                stretchesInARow = 0;
            } else if (halvings > 0 && ++stretchesInARow >= STRETCHES_BEFORE_DOUBLING) {
                halvings--;
                stretchesInARow = 0;
            }
        }
        if (isGivenUp) {
            LOGGER.error(
                    "records of a view cannot be made: topic=" + topic.name() + " " + flight,
                    failure);
            refuseWaiting(flight, Unavailable.STORE_ERROR);
        }
        if (stretch != null) {
            checkSkipped();
            Ready now = ready;
            if (now != null && !now.skipped.equals(current.skipped)) {
                stretch.release(); // and made again
                return;
            }
            land(stretch);
        }
    }

    /** Whoever waits for it is answered before it may go. */
    private void land(Stretch stretch) {
        if (isEnded || !stretch.retain()) {
            stretch.release();
            return;
        }
        for (Stretch older : stretches) {
            if (older.isIncomplete()
                    && older.from() < stretch.to()
                    && stretch.from() < older.to()) {
                stretch.replaces(older);
                cache.remove(older);
            }
        }
        try {
            remember(stretch);
            if (!cache.add(this, stretch)) {
                forget(stretch);
                stretch.release();
            }
            answer(stretch);
        } finally {
            stretch.release();
        }
        if (isEnded) {
            cache.dropAll(this);
        }
    }

    private void answer(Stretch stretch) {
        for (Waiting read : taken(read -> stretch.holds(record(read)))) {
            long record = record(read);
            ReadResult result = stretch.read(read.partition, read.offset, record, read.lengthMax);
            if (result != null) {
                used(stretch, read.partition, read.offset, result);
            }
            deliver(read, result == null ? Unavailable.STORE_ERROR : result);
        }
    }

    private synchronized void remember(Stretch stretch) {
        Stretch[] more = Arrays.copyOf(stretches, stretches.length + 1);
        more[stretches.length] = stretch;
        stretches = more;
    }

    /** A stretch is not kept any more. */
    synchronized void forget(Stretch gone) {
        stretches =
                Arrays.stream(stretches).filter(stretch -> stretch != gone).toArray(Stretch[]::new);
    }

    private void refuseWaiting(Unavailable reason) {
        taken(read -> true).forEach(read -> deliver(read, reason));
    }

    private void refuseWaiting(StretchPart flight, Unavailable reason) {
        taken(read -> flight.holds(record(read))).forEach(read -> deliver(read, reason));
    }

    @Override
    public CompletableFuture<Progress> progress() {
        CompletableFuture<Progress> answer = new CompletableFuture<>();
        ask();
        boolean isTaken =
                execute(
                        () -> {
                            try {
                                answer.complete(progressHere());
                            } catch (RuntimeException | Error failed) {
                                answer.completeExceptionally(failed);
                            }
                        });
        if (!isTaken) {
            answer.completeExceptionally(new RejectedExecutionException());
        }
        return answer;
    }

    private Progress progressHere() {
        List<Side> sides = new ArrayList<>();
        List<OrderedSpec.Pin> pins = spec.pins();
        if (!pins.isEmpty() && !isCounted) {
            countPinned();
        }
        List<Topic> bases = bases();
        for (int i = 0; i < bases.size(); i++) {
            if (pins.isEmpty()) {
                Extent extent = blocks.extent(bases.get(i));
                sides.add(
                        new Side(
                                bases.get(i).name(),
                                extent.isListed(),
                                extent.objectCount(),
                                extent.indexedCount(),
                                extent.recordCount()));
            } else {
                OrderedSpec.Pin pin = pins.get(i);
                sides.add(
                        new Side(
                                pin.topic(),
                                true,
                                pin.objectCount(),
                                pin.objectCount(),
                                pin.recordCount()));
            }
        }
        return new Progress(!pins.isEmpty(), Math.max(0, recordCount), sides);
    }

    /** Whether the caches go by the order. */
    synchronized boolean isTold() {
        return toldOf != null;
    }

    @Override
    public void sweep() {
        checkSkipped();
        synchronized (this) {
            long unreadMs = sources.elapsedMs() - readAtMs;
            boolean isIdle = flights.isEmpty() && waiting.isEmpty();
            if (unreadMs >= UNREAD_MS && isIdle) {
                forgetTold();
            }
            // What grows is made from the beginning again, for whoever waits at its end.
            boolean isGrowing = ready != null && ready.order instanceof Beginning;
            long unusedMs = isGrowing ? sources.elapsedMs() - askedAtMs : unreadMs;
            if (unusedMs >= IDLE_MS && isIdle) {
                ready = null;
            }
        }
    }

    @Override
    public void end() {
        isEnded = true;
        logs.values().forEach(OrderedLog::wake);
        refuseWaiting(Unavailable.CLOSED);
        cache.dropAll(this);
        forgetTold();
    }
}
