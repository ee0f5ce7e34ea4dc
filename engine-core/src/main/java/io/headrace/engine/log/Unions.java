package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.log.UnionAgenda.Trouble;
import io.headrace.engine.log.UnionCounts.Skipped;
import io.headrace.engine.log.UnionReader.Loaded;
import io.headrace.engine.spi.MetadataStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies what comes to topics into the unions that are over them (docs/design/union.md). One worker
 * for all, which runs from the first union on: what has risen comes through the {@link UnionTap},
 * what nobody has told of from {@link UnionScans}; both wait in the {@link UnionAgenda}. The {@link
 * UnionReader} reads what is not in memory, the {@link UnionCopier} copies record by record, the
 * {@link UnionWriter} appends.
 *
 * <p>Owned by the engine: {@link #start}, {@link #stop} before logs refuse appends, {@link #close}
 * when nothing is read any more. {@link #onCatalogChange} comes from the catalog's thread, {@link
 * #attach}, {@link UnionTap#onRisen}, {@link #status} and {@link #forEachMetric} from any; all else
 * is the worker's.
 */
final class Unions implements Background.Work {
    private static final Logger LOGGER = LoggerFactory.getLogger(Unions.class);

    /** Partitions of each kind that are looked at in a turn. */
    private static final int TURN_PARTS = 4096;

    /** Between two looks whether the backlog may go on, twice as long each time. */
    private static final long PAUSE_MIN_NS = TimeUnit.MILLISECONDS.toNanos(25);

    private static final long PAUSE_MAX_NS = TimeUnit.SECONDS.toNanos(1);

    private final MetadataStore store;
    private final Catalog catalog;
    private final CatalogState catalogState;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final BiFunction<Topic, Integer, @Nullable PartitionLogBase> opener;
    private final Projector projector;
    private final BooleanSupplier isLagging;
    private final UnionBounds bounds;
    private final Background background;
    private final Consumer<Throwable> failureHandler;
    private final Doorbell bell = new Doorbell();
    private final UnionTap tap;
    private final UnionPositions positions;
    private final UnionReader reader;
    private final UnionRowSweep sweep;

    /** What there is; written by the catalog's thread, read by any. */
    private volatile List<Union> unions = List.of();

    /** Unions whose topics are to be looked through, some more than there may be at most. */
    private final Queue<Union> added = new ConcurrentLinkedQueue<>();

    /** Ids of unions that are gone, as many. */
    private final Queue<Long> removed = new ConcurrentLinkedQueue<>();

    /** Null before the first union. Guarded by this. */
    private Background.@Nullable Worker worker;

    private volatile boolean isClosed;

    /** When nothing was left to copy the last time. */
    private volatile long caughtUpNs;

    private volatile boolean isCaughtUp = true;

    // Of the worker alone.
    private final UnionAgenda agenda;
    private final UnionGoes goes;
    private final UnionScans scans;
    private final UnionWriter writer;
    private final UnionCopier copier;
    private long turnLength;
    private long pauseNs = PAUSE_MIN_NS;

    /**
     * @param logs those in use
     * @param opener opens the log of a partition; null if that cannot be had now
     * @param batchLengthMax longest batch that a journal takes
     * @param isLagging whether the index lags so far behind the journals that producers come first
     */
    Unions(
            MetadataStore store,
            Catalog catalog,
            CatalogState catalogState,
            Projector projector,
            Map<PartitionKey, PartitionLogBase> logs,
            BiFunction<Topic, Integer, @Nullable PartitionLogBase> opener,
            @Nullable RecordFilter recordFilter,
            int batchLengthMax,
            BooleanSupplier isLagging,
            UnionBounds bounds,
            Background background,
            Consumer<Throwable> failureHandler) {
        this.store = store;
        this.catalog = catalog;
        this.catalogState = catalogState;
        this.projector = projector;
        this.logs = logs;
        this.opener = opener;
        this.isLagging = isLagging;
        this.bounds = bounds;
        this.background = background;
        this.failureHandler = failureHandler;
        this.agenda = new UnionAgenda(bounds.waitingMax(), bounds.troubledMax());
        this.goes = new UnionGoes(bounds.knownMax(), bounds.goesMax());
        this.reader = new UnionReader(bell, bounds.readsMax());
        this.tap = new UnionTap(bell, bounds.waitingMax());
        this.positions = new UnionPositions(store, bounds.knownMax());
        this.sweep = new UnionRowSweep(store, positions, projector, background);
        this.scans = new UnionScans(this::scan);
        this.writer =
                new UnionWriter(
                        this::union,
                        opener,
                        positions,
                        batchLengthMax,
                        bounds,
                        background,
                        scans::requestLater);
        this.copier =
                new UnionCopier(
                        writer, recordFilter, bounds.goLength(), background, () -> isClosed);
        this.caughtUpNs = background.nanoTime();
    }

    /** Goes on with the unions that there are; before anybody asks for a log. */
    synchronized void start() {
        goes.begin(catalogState.nextTopicId);
        for (long id : catalogState.unionIds()) {
            Topic topic = catalog.find(id);
            if (topic != null) {
                add(topic);
            }
        }
    }

    private synchronized void add(Topic topic) {
        Union union = Union.of(topic);
        List<Union> more = new ArrayList<>(unions);
        more.add(union);
        unions = List.copyOf(more);
        // Whoever activates a log from now on sees the union; those that are active are told here,
        // and what they hold is found by the look through the catalog, which begins later.
        logs.values().forEach(this::retap);
        added.add(union);
        sweep.request();
        if (worker == null && !isClosed) {
            worker = background.worker("headrace-unions", this, failureHandler);
            worker.start();
        }
        bell.ring(1);
    }

    private void remove(long viewId) {
        unions = unions.stream().filter(union -> union.id() != viewId).toList();
        logs.values().forEach(this::retap);
        removed.add(viewId);
        bell.ring(1);
    }

    /** On the catalog's thread, after the change is visible. */
    void onCatalogChange(CatalogChange change) {
        Topic topic = change.topic();
        if (change.kind() == CatalogChange.Kind.CREATED && Views.isUnion(topic)) {
            add(topic);
        } else if (change.kind() == CatalogChange.Kind.DELETED) {
            if (Views.isUnion(topic)) {
                remove(topic.id());
            } else if (isBelowUnion(topic)) {
                sweep.request();
                bell.ring(1);
            }
        }
    }

    /**
     * Has a log tell when it has something new, if a union is over it; once it is among those in
     * use. What it was appended to before that, it tells of now.
     */
    void attach(PartitionLogBase log) {
        retap(log);
        if (log.highWatermark() > log.logStartOffset() && isBelowUnion(log.topic())) {
            tap.onRisen(log);
        }
    }

    /**
     * Of several threads, the last to write has seen the unions that there are: it looks at them
     * again when it has written.
     */
    private void retap(PartitionLogBase log) {
        List<Union> seen;
        do {
            seen = unions;
            log.tap(isBelowUnion(log.topic()) ? tap : null);
        } while (seen != unions);
    }

    private boolean isBelowUnion(Topic topic) {
        for (Union union : unions) {
            if (union.spec().isOver(topic)) {
                return true;
            }
        }
        return false;
    }

    private @Nullable Union union(long viewId) {
        for (Union union : unions) {
            if (union.id() == viewId) {
                return union;
            }
        }
        return null;
    }

    @Override
    public boolean isDue() {
        if (isClosed) {
            return false;
        }
        long nowNs = background.nanoTime();
        return !tap.isEmpty()
                || agenda.hasRisen()
                || agenda.hasUnread() && reader.mayRead(true)
                || !added.isEmpty()
                || !removed.isEmpty()
                || agenda.isDue(nowNs)
                || sweep.isDue()
                || !reader.isEmpty()
                || isBacklogDue(nowNs);
    }

    private boolean isBacklogDue(long nowNs) {
        boolean isWaiting =
                agenda.hasBacklog() && reader.mayRead(false)
                        || agenda.hasRoomForFound() && scans.isDue(nowNs);
        return isWaiting && !isLagging.getAsBoolean();
    }

    @Override
    public void await() {
        bell.await(() -> isDue() || isClosed ? 1 : 0, 1, waitNs());
    }

    /** Until something is due that waits for its time; all else rings the bell, but the index. */
    private long waitNs() {
        long nowNs = background.nanoTime();
        long scanNs = scans.untilDueNs(nowNs);
        long waitNs = Math.min(agenda.untilDueNs(nowNs), sweep.untilDueNs());
        if (!agenda.hasBacklog() && scanNs > 0) {
            return Math.min(waitNs, scanNs);
        }
        // The backlog waits for the index, which tells nobody how far it is.
        long pause = pauseNs;
        pauseNs = Math.min(2 * pause, PAUSE_MAX_NS);
        return Math.min(waitNs, pause);
    }

    @Override
    public void turn() {
        long nowNs = background.nanoTime();
        turnLength = 0;
        pauseNs = PAUSE_MIN_NS;
        takeChanges();
        agenda.takeDue(nowNs, goes::hasAny);
        takeRisen();
        copyRisen();
        long lengthMax = Math.max(bounds.turnLength(), turnLength + bounds.backlogLength());
        copyLoaded(lengthMax);
        if (!isLagging.getAsBoolean()) {
            copyBacklog(nowNs, lengthMax);
        }
        if (agenda.hasDropped()) {
            unions.forEach(scans::request);
        }
        writer.flushAll();
        sweep.next();
        positions.trim(projector);
        publish(nowNs);
    }

    private void takeChanges() {
        for (Long viewId = removed.poll(); viewId != null; viewId = removed.poll()) {
            scans.remove(viewId);
            writer.remove(viewId);
        }
        for (Union union = added.poll(); union != null; union = added.poll()) {
            if (union(union.id()) != null) {
                scans.request(union);
            }
        }
    }

    /** As many logs as all unions over them have room for. */
    private void takeRisen() {
        tap.take(agenda.risenRoom() / Math.max(1, unions.size()), this::take);
        if (tap.takeOverflow()) {
            unions.forEach(scans::request);
        }
    }

    private void take(PartitionLogBase log) {
        for (Union union : unions) {
            if (union.spec().isOver(log.topic())) {
                UnionPart part = new UnionPart(union.id(), log.topic().id(), log.partition());
                agenda.risen(part, !goes.hasAny(part));
            }
        }
    }

    private void copyRisen() {
        int left = Math.min(agenda.risenCount(), TURN_PARTS);
        while (left-- > 0 && turnLength < bounds.turnLength() && !isClosed) {
            boolean isUnread = agenda.hasUnread() && reader.mayRead(true);
            UnionPart part = isUnread ? agenda.nextUnread() : agenda.nextRisen();
            if (part != null) {
                copy(part, true);
            }
        }
    }

    /** What was read, which is given back so. */
    private void copyLoaded(long lengthMax) {
        while (turnLength < lengthMax && !isClosed) {
            Loaded read = reader.poll();
            if (read == null) {
                break;
            }
            copyLoaded(read);
        }
    }

    private void copyBacklog(long nowNs, long lengthMax) {
        if (agenda.hasRoomForFound()) {
            scans.next(nowNs, this::onFound);
        }
        int left = Math.min(agenda.backlogCount(), TURN_PARTS);
        while (left-- > 0 && turnLength < lengthMax && reader.mayRead(false) && !isClosed) {
            UnionPart part = agenda.nextOfBacklog();
            if (part != null) {
                copy(part, false);
            }
        }
    }

    private UnionScan scan(Union union) {
        return new UnionScan(union, catalog::list, store, logs, bounds.pageParts());
    }

    private void onFound(UnionPart part, long startOffset, long endOffset) {
        if (endOffset > startOffset && endOffset > positions.nextOffset(part)) {
            agenda.more(part);
        }
    }

    private void copyLoaded(Loaded read) {
        try (ReadResult result = read.result()) {
            UnionPart part = read.part();
            Topic topic = catalog.find(part.topicId());
            Union union = union(part.viewId());
            if (topic == null || union == null) {
                forget(part);
                return;
            }
            PartitionLogBase log = opener.apply(topic, part.partition());
            if (log == null) {
                putOff(union, topic, part, Trouble.BUSY);
            } else if (writer.nextOffset(union, part) < read.from()) {
                goOn(part); // what was to come before it has been refused meanwhile
            } else if (!writer.isRefusing(union)) {
                take(union, topic, part, log, log.highWatermark(), result);
            }
        }
    }

    private void forget(UnionPart part) {
        agenda.forget(part);
        positions.forget(part);
    }

    /** What is left of the part comes behind the others. */
    private void copy(UnionPart part, boolean isRisen) {
        Union union = union(part.viewId());
        Topic topic = catalog.find(part.topicId());
        if (union == null || topic == null) {
            forget(part);
            return;
        }
        if (reader.isReading(part) || writer.isRefusing(union)) {
            return; // looked at when it was read; found again when the union takes something
        }
        PartitionLogBase log = opener.apply(topic, part.partition());
        if (log == null) {
            putOff(union, topic, part, Trouble.BUSY); // its mode is being changed, or the end
            return;
        }
        long next = begin(union, topic, part, log);
        long end = log.highWatermark();
        try (ReadResult result = log.read(next, bounds.readLength())) {
            if (result != Unavailable.COLD) {
                take(union, topic, part, log, end, result);
            } else if (reader.mayRead(isRisen)) {
                reader.read(part, log, next, bounds.readLength());
            } else if (isRisen) {
                agenda.awaitRead(part);
            } else {
                agenda.more(part);
            }
        }
    }

    /** There is more of it. */
    private void goOn(UnionPart part) {
        if (goes.take(part)) {
            agenda.again(part);
        } else {
            agenda.more(part);
        }
    }

    /** The next offset to copy; where the log begins behind it, that is noted. */
    private long begin(Union union, Topic topic, UnionPart part, PartitionLogBase log) {
        long next = writer.nextOffset(union, part);
        long start = log.logStartOffset();
        if (next >= start) {
            return next;
        }
        long lost = next == UnionPositions.NONE ? 0 : lost(log, next, start);
        if (lost > 0) {
            String why = "deleted before they were copied";
            copier.skip(union, topic, part, next, start, lost, Skipped.DELETED, why);
        }
        writer.pass(union, part, start);
        return start;
    }

    /**
     * How many offsets are gone from there to there. What memory alone held before the log was made
     * is not among them: it went with that, behind what the journal had of another mode.
     */
    private static long lost(PartitionLogBase log, long from, long to) {
        if (log.storageMode() != StorageMode.MEMORY) {
            return to - from;
        }
        long inJournal = Math.max(0, Math.min(to, log.earlierEndOffset()) - from);
        return inJournal + Math.max(0, to - Math.max(from, log.beginOffset()));
    }

    /**
     * @param end where the log ended before it was read: what comes meanwhile is no backlog
     */
    private void take(
            Union union,
            Topic topic,
            UnionPart part,
            PartitionLogBase log,
            long end,
            ReadResult result) {
        if (result instanceof RecordsLease lease) {
            settled(union, topic, part);
            turnLength += copier.copy(union, topic, part, lease);
        } else if (result == Unavailable.CORRUPT) {
            putOff(union, topic, part, Trouble.DAMAGED);
            return;
        } else if (result == Unavailable.OFFSET_OUT_OF_RANGE
                && writer.nextOffset(union, part) > log.logEndOffset()) {
            putOff(union, topic, part, Trouble.SHORTER);
            return;
        } else if (isInAMoment(result)) {
            putOff(union, topic, part, Trouble.BUSY);
            return;
        }
        long next = writer.nextOffset(union, part);
        if (next >= end) {
            settled(union, topic, part);
            goes.renew(part);
        }
        if (next >= log.highWatermark()) {
            return;
        }
        if (writer.isRefusing(union) || result == Unavailable.CUT_OUT) {
            return;
        }
        if (result == Unavailable.CAUGHT_UP) {
            putOff(union, topic, part, Trouble.BUSY); // nothing to read up to there yet
        } else {
            goOn(part);
        }
    }

    private static boolean isInAMoment(ReadResult result) {
        return result instanceof Unavailable
                && result != Unavailable.CAUGHT_UP
                && result != Unavailable.CUT_OUT
                && result != Unavailable.OFFSET_OUT_OF_RANGE;
    }

    /** One line for each that is put off for a reason that does not pass by itself. */
    private void putOff(Union union, Topic topic, UnionPart part, Trouble trouble) {
        boolean isNews = agenda.putOff(part, trouble, background.nanoTime());
        if (!isNews || trouble == Trouble.BUSY) {
            return;
        }
        String name = union.topic().name();
        int partition = part.partition();
        long offset = writer.nextOffset(union, part);
        if (trouble == Trouble.DAMAGED) {
            LOGGER.warn(
                    "union waits for a damaged topic: union={} topic={} partition={} offset={}",
                    name,
                    topic.name(),
                    partition,
                    offset);
        } else {
            LOGGER.warn(
                    "union is ahead of a topic: union={} topic={} partition={} offset={}",
                    name,
                    topic.name(),
                    partition,
                    offset);
        }
    }

    private void settled(Union union, Topic topic, UnionPart part) {
        Trouble before = agenda.settled(part);
        if (before != null && before != Trouble.BUSY) {
            LOGGER.info(
                    "union goes on with a topic: union={} topic={} partition={} offset={}",
                    union.topic().name(),
                    topic.name(),
                    part.partition(),
                    writer.nextOffset(union, part));
        }
    }

    private void publish(long turnBeganNs) {
        agenda.publishCounts();
        boolean isNow = agenda.isIdle() && scans.isEmpty() && tap.isEmpty() && reader.isIdle();
        if (isCaughtUp || isNow) {
            caughtUpNs = isNow ? background.nanoTime() : turnBeganNs;
        }
        isCaughtUp = isNow;
    }

    /** A look at everything that a union is over, some topics at a time, on any thread. */
    final class Look {
        private final Union union;
        private final UnionScan scan;
        private long topics;
        private long behind;

        private Look(Union union) {
            this.union = union;
            this.scan = scan(union);
        }

        /** Goes on by some topics; null as long as there are more. */
        @Nullable UnionStatus next() {
            scan.next(
                    new UnionScan.Consumer() {
                        @Override
                        public void onTopic() {
                            topics++;
                        }

                        @Override
                        public void onPart(UnionPart part, long startOffset, long endOffset) {
                            long next = positions.published(part);
                            behind += Math.max(0, endOffset - Math.max(next, startOffset));
                        }
                    });
            UnionCounts counts = union.counts();
            return scan.isDone() || isClosed
                    ? new UnionStatus(topics, behind, counts.copied.sum(), counts.skipped())
                    : null;
        }
    }

    /** Begins to look at everything that a union is over. */
    Look status(Topic topic) {
        Union union = union(topic.id());
        if (union == null) {
            throw new EngineException("not a union: topic=" + topic.name());
        }
        return new Look(union);
    }

    void forEachMetric(ObjLongConsumer<String> consumer) {
        List<Union> there = unions;
        if (there.isEmpty()) {
            return;
        }
        long uncopiedNs = isCaughtUp ? 0 : background.nanoTime() - caughtUpNs;
        consumer.accept("headrace_union_waiting_partitions", agenda.waitingCount());
        consumer.accept("headrace_union_unreadable_partitions", agenda.troubledCount());
        consumer.accept("headrace_union_overflows_total", tap.overflowCount());
        consumer.accept(
                "headrace_union_uncopied_milliseconds", TimeUnit.NANOSECONDS.toMillis(uncopiedNs));
        there.forEach(union -> count(union, consumer));
    }

    private static void count(Union union, ObjLongConsumer<String> consumer) {
        String label = "topic=\"" + union.topic().name() + "\"";
        String labels = "{" + label + "}";
        UnionCounts counts = union.counts();
        consumer.accept("headrace_union_copied_records_total" + labels, counts.copied.sum());
        consumer.accept("headrace_union_copied_bytes_total" + labels, counts.copiedBytes.sum());
        consumer.accept("headrace_union_refused_appends_total" + labels, counts.refused.sum());
        for (Skipped reason : Skipped.values()) {
            consumer.accept(
                    "headrace_union_skipped_records_total{"
                            + label
                            + ",reason=\""
                            + reason.label
                            + "\"}",
                    counts.skipped(reason));
        }
    }

    @Override
    public void end() {
        // What is not copied yet is found by the next start.
    }

    /** Copies nothing any more. */
    void stop() {
        Background.Worker started;
        synchronized (this) {
            isClosed = true;
            started = worker;
        }
        if (started != null) {
            started.close();
        }
    }

    /** Gives back what was read and not copied; nothing is read any more. */
    void close() {
        reader.close();
    }
}
