package io.headrace.engine.log;

import io.headrace.engine.EngineException;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.Views.UnionStatus;
import io.headrace.engine.batch.BatchRecords;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordFilter;
import io.headrace.engine.batch.UnreadableBatchException;
import io.headrace.engine.spi.MetadataStore;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies what comes to topics into the unions that are over them (docs/design/union.md). One worker
 * for all, which runs from the first union on.
 *
 * <p>Owned by the engine: {@link #start}, {@link #stop} before logs refuse appends, {@link #close}
 * when nothing is read any more. {@link #onCatalogChange} comes from the catalog's thread, {@link
 * #attach} and {@link UnionTap#onRisen} from any; all else is the worker's.
 */
final class Unions implements Background.Work {
    private static final Logger LOGGER = LoggerFactory.getLogger(Unions.class);

    /** Bytes of a partition that are read in one go, unless its next batch is longer. */
    private static final int READ_LENGTH = 256 << 10;

    /** Bytes that are read in a turn, about. */
    private static final long TURN_LENGTH = 4 << 20;

    /** Partitions that are looked at in a turn. */
    private static final int TURN_PARTS = 4096;

    /**
     * Partitions that have something new and wait for their turn; beyond it, more are not taken.
     */
    private static final int RISEN_MAX = 1 << 16;

    /** Partitions that a look through the catalog has found and that wait; it pauses beyond it. */
    private static final int FOUND_MAX = 1 << 14;

    /** Partitions that are read from the disk at a time. */
    private static final int LOADING_MAX = 32;

    /** Batches that are being put together at a time. */
    private static final int OPEN_MAX = 16;

    /** After an append that was refused, and for a partition that could not be read. */
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long DAMAGE_PAUSE_NS = TimeUnit.SECONDS.toNanos(30);

    /** Partitions that are put off; beyond it, all topics are looked through once more instead. */
    private static final int LATER_MAX = 1 << 14;

    private static final int ROWS_PER_WRITE = 4096;

    /** Deleted topics that wait; of more, the rows go with the next start. */
    private static final int DELETED_MAX = 1 << 14;

    /** From one message about records that were not copied to the next. */
    private static final long COMPLAINT_NS = TimeUnit.SECONDS.toNanos(10);

    private static final long IDLE_NS = TimeUnit.SECONDS.toNanos(1);

    private final MetadataStore store;
    private final Catalog catalog;
    private final CatalogState catalogState;
    private final Projector projector;
    private final Map<PartitionKey, PartitionLogBase> logs;
    private final BiFunction<Topic, Integer, @Nullable PartitionLogBase> opener;
    private final @Nullable RecordFilter recordFilter;
    private final Background background;
    private final Consumer<Throwable> failureHandler;
    private final Doorbell bell = new Doorbell();
    private final UnionTap tap;
    private final UnionPositions positions;
    private final int batchLengthMax;

    /** What there is; written by the catalog's thread, read by any. */
    private volatile List<Union> unions = List.of();

    /** By view id. */
    private final Map<Long, Counts> counts = new ConcurrentHashMap<>();

    /** Unions whose topics are to be looked through, some more than there may be at most. */
    private final Queue<Union> added = new ConcurrentLinkedQueue<>();

    private final Queue<Topic> deleted = new ArrayBlockingQueue<>(DELETED_MAX);

    /** What the cold threads have read, {@link #LOADING_MAX} at most. */
    private final Queue<Loaded> loaded = new ConcurrentLinkedQueue<>();

    /** Null before the first union. Guarded by this. */
    private Background.@Nullable Worker worker;

    private volatile boolean isClosed;

    // Of the worker alone.
    private final Set<UnionPart> risen = new LinkedHashSet<>();
    private final Set<UnionPart> found = new LinkedHashSet<>();
    private final Set<UnionPart> loading = new LinkedHashSet<>();
    private final Map<UnionPart, Long> later = new LinkedHashMap<>();
    private final ArrayDeque<UnionScan> scans = new ArrayDeque<>();
    private final Map<PartitionKey, UnionBatch> open = new LinkedHashMap<>();
    private final ArrayDeque<UnionBatch> spare = new ArrayDeque<>();
    private final BatchRecords records = new BatchRecords();
    private final UnionOrigin origin = new UnionOrigin();
    private long turnLength;
    private long pausedUntilNs;
    private boolean isPaused;
    private @Nullable UnionPart current;
    private long laterDueNs;
    private boolean isScanDue;
    private long complainedNs;

    /** What was read of a part. */
    private record Loaded(UnionPart part, ReadResult result) {}

    private static final class Counts {
        final LongAdder copied = new LongAdder();
        final LongAdder skipped = new LongAdder();
    }

    /** The union takes nothing now; what was not appended is copied again. */
    private static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        RefusedException() {
            super(null, null, false, false);
        }
    }

    /**
     * @param logs those in use
     * @param opener opens the log of a partition; null if that cannot be had now
     * @param batchLengthMax longest batch that a journal takes
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
            Background background,
            Consumer<Throwable> failureHandler) {
        this.store = store;
        this.catalog = catalog;
        this.catalogState = catalogState;
        this.projector = projector;
        this.logs = logs;
        this.opener = opener;
        this.recordFilter = recordFilter;
        this.batchLengthMax = batchLengthMax;
        this.background = background;
        this.failureHandler = failureHandler;
        this.tap = new UnionTap(bell);
        this.positions = new UnionPositions(store);
        this.complainedNs = background.nanoTime() - COMPLAINT_NS;
    }

    /** Goes on with the unions that there are; before anybody asks for a log. */
    synchronized void start() {
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
        counts.put(union.id(), new Counts());
        unions = List.copyOf(more);
        // Whoever activates a log from now on sees the union; those that are active are told here,
        // and what they hold is found by the look through the catalog, which begins later.
        logs.values().forEach(this::retap);
        added.add(union);
        if (worker == null && !isClosed) {
            worker = background.worker("headrace-unions", this, failureHandler);
            worker.start();
        }
        bell.ring(1);
    }

    private void remove(long viewId) {
        unions = unions.stream().filter(union -> union.id() != viewId).toList();
        counts.remove(viewId);
        logs.values().forEach(this::retap);
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
                deleted.offer(topic);
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
        if (isClosed || isPaused && background.nanoTime() - pausedUntilNs < 0) {
            return false;
        }
        return !tap.isEmpty()
                || !risen.isEmpty()
                || !loaded.isEmpty()
                || !added.isEmpty()
                || !deleted.isEmpty()
                || mayLoad() && (!found.isEmpty() || !scans.isEmpty())
                || isLaterDue();
    }

    private boolean mayLoad() {
        return loading.size() < LOADING_MAX;
    }

    private boolean isLaterDue() {
        return (isScanDue || !later.isEmpty()) && background.nanoTime() - laterDueNs >= 0;
    }

    @Override
    public void await() {
        long pauseNs = isPaused || !later.isEmpty() ? PAUSE_NS / 4 : IDLE_NS;
        bell.await(() -> isDue() || isClosed ? 1 : 0, 1, pauseNs);
    }

    @Override
    public void turn() {
        isPaused = false;
        turnLength = 0;
        takeChanges();
        takeLater();
        if (risen.size() < RISEN_MAX) {
            tap.take(RISEN_MAX - risen.size(), this::take);
        }
        if (tap.takeOverflow()) {
            scanAll();
        }
        try {
            copyLoaded();
            copySome(risen);
            scanSome();
            copySome(found);
            flushAll();
        } catch (RefusedException e) {
            giveUpTurn();
        }
        positions.trim(projector);
    }

    private void takeChanges() {
        for (Union union = added.poll(); union != null; union = added.poll()) {
            scans.add(scan(union));
            dropStaleRows(union.id());
        }
        for (Topic topic = deleted.poll(); topic != null; topic = deleted.poll()) {
            for (Union union : unions) {
                if (union.spec().isOver(topic)) {
                    for (int partition = 0; partition < topic.partitionCount(); partition++) {
                        dropRow(new UnionPart(union.id(), topic.id(), partition));
                    }
                }
            }
        }
        scans.removeIf(scan -> union(scan.union().id()) == null);
    }

    private void takeLater() {
        if (!isLaterDue()) {
            return;
        }
        if (isScanDue) {
            isScanDue = false;
            scanAll();
        }
        long nowNs = background.nanoTime();
        laterDueNs = nowNs + DAMAGE_PAUSE_NS;
        Iterator<Map.Entry<UnionPart, Long>> parts = later.entrySet().iterator();
        while (parts.hasNext()) {
            Map.Entry<UnionPart, Long> part = parts.next();
            if (nowNs - part.getValue() >= 0) {
                found.add(part.getKey());
                parts.remove();
            } else if (part.getValue() - laterDueNs < 0) {
                laterDueNs = part.getValue();
            }
        }
    }

    private void take(PartitionLogBase log) {
        for (Union union : unions) {
            if (union.spec().isOver(log.topic())) {
                risen.add(new UnionPart(union.id(), log.topic().id(), log.partition()));
            }
        }
    }

    private UnionScan scan(Union union) {
        return new UnionScan(union, catalog, store, logs);
    }

    private void scanAll() {
        scans.clear();
        unions.forEach(union -> scans.add(scan(union)));
    }

    /** Looks on through the catalog, as long as what it finds has room. */
    private void scanSome() {
        UnionScan scan = scans.peek();
        if (scan != null && found.size() < FOUND_MAX) {
            scan.next(this::onFound);
            if (scan.isDone()) {
                scans.poll();
            }
        }
    }

    private void onFound(UnionPart part, long startOffset, long endOffset) {
        if (endOffset > startOffset && endOffset > positions.nextOffset(part)) {
            found.add(part);
        }
    }

    private void copyLoaded() {
        for (Loaded read = loaded.poll(); read != null; read = loaded.poll()) {
            loading.remove(read.part);
            try (ReadResult result = read.result) {
                Topic topic = catalog.find(read.part.topicId());
                Union union = union(read.part.viewId());
                if (topic != null && union != null) {
                    take(union, topic, read.part, result);
                }
                if (result instanceof RecordsLease || result == Unavailable.CAUGHT_UP) {
                    risen.add(read.part); // what has come since was not looked at
                }
            }
        }
    }

    /** Takes each part at most once; what is left of it comes behind the others. */
    private void copySome(Set<UnionPart> parts) {
        for (int left = Math.min(parts.size(), TURN_PARTS); left > 0; left--) {
            boolean isLate = parts == found && !mayLoad();
            if (turnLength >= TURN_LENGTH || isLate) {
                return;
            }
            Iterator<UnionPart> first = parts.iterator();
            UnionPart part = first.next();
            first.remove();
            if (!loading.contains(part)) {
                copy(part);
            }
        }
    }

    private void copy(UnionPart part) {
        Union union = union(part.viewId());
        Topic topic = catalog.find(part.topicId());
        if (union == null || topic == null) {
            return;
        }
        PartitionLogBase log = opener.apply(topic, part.partition());
        if (log == null) {
            putOff(part, PAUSE_NS); // its mode is being changed, or the engine is being closed
            return;
        }
        long next = nextOffset(union, part);
        long start = log.logStartOffset();
        if (next < start) {
            if (next != UnionPositions.NONE) {
                skip(union, topic, part, next, start, "deleted before they were copied");
            }
            pass(union, part, start);
            next = start;
        }
        try (ReadResult result = log.read(next, READ_LENGTH)) {
            if (result == Unavailable.COLD) {
                load(part, log, next);
            } else {
                take(union, topic, part, result);
            }
        }
    }

    private void load(UnionPart part, PartitionLogBase log, long from) {
        if (!mayLoad()) {
            found.add(part);
            return;
        }
        loading.add(part);
        log.readCold(from, READ_LENGTH, result -> onLoaded(new Loaded(part, result)));
    }

    /** On a thread of the engine's. */
    private void onLoaded(Loaded read) {
        loaded.add(read);
        if (isClosed) {
            closeLoaded();
        }
        bell.ring(1);
    }

    private void closeLoaded() {
        for (Loaded read = loaded.poll(); read != null; read = loaded.poll()) {
            read.result.close();
        }
    }

    private void take(Union union, Topic topic, UnionPart part, ReadResult result) {
        if (result instanceof RecordsLease lease) {
            turnLength += lease.length();
            current = part;
            copy(union, topic, part, lease);
            current = null;
            PartitionLogBase log = logs.get(new PartitionKey(part.topicId(), part.partition()));
            if (log == null || lease.nextOffset() < log.highWatermark()) {
                risen.add(part);
            }
        } else if (result == Unavailable.CORRUPT) {
            LOGGER.warn(
                    "union waits for a damaged topic: union={} topic={} partition={} offset={}",
                    union.topic().name(),
                    topic.name(),
                    part.partition(),
                    nextOffset(union, part));
            putOff(part, DAMAGE_PAUSE_NS);
        } else if (result == Unavailable.OFFSET_OUT_OF_RANGE) {
            putOff(part, DAMAGE_PAUSE_NS);
        } else if (result != Unavailable.CAUGHT_UP && result != Unavailable.CUT_OUT) {
            putOff(part, PAUSE_NS);
        }
    }

    private void putOff(UnionPart part, long ns) {
        long dueNs = background.nanoTime() + ns;
        if (!isScanDue && later.isEmpty() || dueNs - laterDueNs < 0) {
            laterDueNs = dueNs;
        }
        if (later.size() < LATER_MAX) {
            later.put(part, dueNs);
        } else {
            isScanDue = true;
        }
    }

    private void copy(Union union, Topic topic, UnionPart part, RecordsLease lease) {
        byte[] name = topic.name().getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer batches = lease.slice(i).duplicate();
            int end = batches.limit();
            for (int at = batches.position(); at < end; at = batches.limit()) {
                batches.limit(end).position(at).limit(at + RecordBatch.length(batches, at));
                copyBatch(union, topic, name, part, batches);
            }
        }
        pass(union, part, lease.nextOffset());
    }

    private void copyBatch(
            Union union, Topic topic, byte[] name, UnionPart part, ByteBuffer batch) {
        int at = batch.position();
        long end = RecordBatch.lastOffset(batch, at) + 1;
        if (!RecordBatch.isControl(batch, at)) {
            try {
                copyRecords(union, topic, name, part, uncompressed(batch));
            } catch (UnreadableBatchException | IndexOutOfBoundsException e) {
                long from = Math.max(nextOffset(union, part), 0);
                skip(union, topic, part, from, end, e.getMessage() + ": " + e.getCause());
            }
        }
        pass(union, part, end);
    }

    private ByteBuffer uncompressed(ByteBuffer batch) {
        if (RecordBatch.compression(batch, batch.position()) == 0) {
            return batch;
        }
        RecordFilter filter = recordFilter;
        if (filter == null) {
            throw new UnreadableBatchException("no codec in this engine");
        }
        return filter.uncompressed(batch);
    }

    private void copyRecords(
            Union union, Topic topic, byte[] name, UnionPart part, ByteBuffer batch) {
        long from = nextOffset(union, part);
        records.of(batch);
        while (records.next()) {
            long offset = records.offset();
            if (offset >= from) {
                ByteBuffer headers =
                        origin.append(
                                records.headers(), name, part.topicId(), part.partition(), offset);
                add(union, topic, part, headers);
                from = offset + 1;
            }
        }
    }

    private void add(Union union, Topic topic, UnionPart part, ByteBuffer headers) {
        PartitionKey target = union.target(part);
        if (UnionBatch.lengthAlone(records, headers) > batchLengthMax) {
            long offset = records.offset();
            skip(union, topic, part, offset, offset + 1, "longer than a batch may be");
            return;
        }
        if (!openBatch(target).add(part, records, headers)) {
            flush(target);
            openBatch(target).add(part, records, headers);
        }
    }

    private UnionBatch openBatch(PartitionKey target) {
        UnionBatch batch = open.get(target);
        if (batch == null) {
            if (open.size() >= OPEN_MAX) {
                flush(open.keySet().iterator().next());
            }
            UnionBatch taken = spare.poll();
            batch = taken == null ? new UnionBatch(batchLengthMax) : taken;
            open.put(target, batch);
        }
        return batch;
    }

    private void flushAll() {
        while (!open.isEmpty()) {
            flush(open.keySet().iterator().next());
        }
    }

    /** Appends what has come together for a partition of a union. */
    private void flush(PartitionKey target) {
        UnionBatch batch = open.get(target);
        if (batch == null) {
            return;
        }
        Union union = union(target.topicId());
        if (union != null && !batch.isEmpty()) {
            append(union, target, batch);
        }
        open.remove(target);
        recycle(batch);
    }

    private void append(Union union, PartitionKey target, UnionBatch batch) {
        int count = batch.count();
        PartitionLogBase log = opener.apply(union.topic(), target.partition());
        long offset = log == null ? -1 : log.append(batch.end(), log.shard.nowMs());
        if (log == null || offset < 0) {
            throw new RefusedException();
        }
        int journal = union.topic().journal();
        long appended = log.shard.journal().appendedPosition();
        batch.nextOffsets()
                .forEach((part, next) -> positions.copied(part, next, journal, appended));
        Counts counted = counts.get(union.id());
        if (counted != null) {
            counted.copied.add(count);
        }
    }

    private void recycle(UnionBatch batch) {
        batch.clear();
        if (spare.size() < OPEN_MAX) {
            spare.add(batch);
        }
    }

    /** Nothing of what is not appended was copied: it is read again, after a while. */
    private void giveUpTurn() {
        for (UnionBatch batch : open.values()) {
            risen.addAll(batch.nextOffsets().keySet());
            recycle(batch);
        }
        open.clear();
        if (current != null) {
            risen.add(current);
            current = null;
        }
        isPaused = true;
        pausedUntilNs = background.nanoTime() + PAUSE_NS;
    }

    /** The next offset to copy, also behind what is about to be appended. */
    private long nextOffset(Union union, UnionPart part) {
        UnionBatch batch = open.get(union.target(part));
        Long next = batch == null ? null : batch.nextOffsets().get(part);
        return next == null ? positions.nextOffset(part) : next;
    }

    private void pass(Union union, UnionPart part, long nextOffset) {
        UnionBatch batch = open.get(union.target(part));
        if (batch == null || !batch.pass(part, nextOffset)) {
            if (nextOffset > positions.nextOffset(part)) {
                positions.passed(part, nextOffset);
            }
        }
    }

    private void skip(Union union, Topic topic, UnionPart part, long from, long to, String reason) {
        Counts counted = counts.get(union.id());
        if (counted != null) {
            counted.skipped.add(to - from);
        }
        if (background.nanoTime() - complainedNs < COMPLAINT_NS) {
            return;
        }
        complainedNs = background.nanoTime();
        LOGGER.warn(
                "records could not be copied into a union: union={} topic={} partition={} from={}"
                        + " to={} reason={} skippedSinceStart={}",
                union.topic().name(),
                topic.name(),
                part.partition(),
                from,
                to,
                reason,
                counted == null ? 0 : counted.skipped.sum());
    }

    /**
     * A topic is gone. Where its last copies are not projected, the row goes with the next start.
     */
    private void dropRow(UnionPart part) {
        boolean isProjected = positions.isProjected(part, projector);
        positions.forget(part);
        if (isProjected) {
            try (MetadataStore.Batch batch = store.newBatch()) {
                batch.delete(part.rowKey());
                store.write(batch);
            }
        }
    }

    /** Rows of topics that went when nobody looked. */
    private void dropStaleRows(long viewId) {
        byte[] prefix = Rows.key(Rows.UNION, viewId);
        long checked = -1;
        boolean isGone = false;
        try (MetadataStore.Cursor cursor = store.cursor(prefix);
                MetadataStore.Batch batch = store.newBatch()) {
            boolean isThere = cursor.seek(prefix);
            while (isThere) {
                long topicId = Rows.unionTopicIdOf(cursor.key());
                if (topicId != checked) {
                    checked = topicId;
                    isGone = store.get(Rows.topicKey(topicId)) == null;
                }
                if (isGone) {
                    batch.delete(cursor.key());
                }
                if (batch.count() >= ROWS_PER_WRITE) {
                    store.write(batch);
                    batch.clear();
                }
                isThere = cursor.next();
            }
            store.write(batch);
        }
    }

    /** Looks at everything that a union is over, on this thread. */
    UnionStatus status(Topic topic) {
        Union union = union(topic.id());
        Counts counted = counts.get(topic.id());
        if (union == null || counted == null) {
            throw new EngineException("not a union: topic=" + topic.name());
        }
        long[] sums = new long[2];
        UnionScan scan = scan(union);
        while (!scan.isDone() && !isClosed) {
            scan.next(
                    new UnionScan.Consumer() {
                        @Override
                        public void onTopic() {
                            sums[0]++;
                        }

                        @Override
                        public void onPart(UnionPart part, long startOffset, long endOffset) {
                            long next = UnionPositions.stored(store, part);
                            sums[1] += Math.max(0, endOffset - Math.max(next, startOffset));
                        }
                    });
        }
        return new UnionStatus(sums[0], sums[1], counted.copied.sum(), counted.skipped.sum());
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
        closeLoaded();
    }
}
