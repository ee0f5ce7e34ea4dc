package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.engine.spi.MemoryStore.Slab;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands out the records of some topics among lanes (docs/design/views.md).
 *
 * <p>What it knows is in the lanes: each reference carries the state of the view as it is with it,
 * and all lanes are in one journal, so that what a crash leaves is a prefix of all references, the
 * newest of which says how far everything is handed out. Nothing else is written.
 *
 * <p>Everything but reading lanes is done by the dispatcher, one task after the other, so that
 * there is no lock that somebody could wait for.
 */
final class ShareView implements Share {
    private static final Logger LOGGER = LoggerFactory.getLogger(ShareView.class);

    /** What is handed out at a time while many wait. */
    private static final int CHUNK_LENGTH_MIN = 64 << 10;

    /** Stretches that are taken back and not given again, at which no more are taken back. */
    private static final int RETURNED_MAX = 1000;

    /** Between two looks at what is too old. */
    private static final long TRIM_INTERVAL_MS = 60_000;

    private final ViewSources sources;
    private final ViewSpec spec;
    private final Executor dispatcher;
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private volatile Topic topic;
    private volatile @Nullable ShareLoad loaded;

    /** Read by the readers of lanes. */
    private final Map<Integer, VoidOffsets> voids = new ConcurrentHashMap<>();

    private final Map<Integer, LaneLog> logs = new ConcurrentHashMap<>();

    // of the dispatcher

    private final List<Lane> lanes = new ArrayList<>();

    /** What it is over, by topic and partition; in the order of the config. */
    private final List<Base> bases = new ArrayList<>();

    /** Where there may be records to hand out; what was taken back comes first. */
    private final Deque<Origin> ready = new ArrayDeque<>();

    /** What was taken back and not given again. */
    private final List<Origin> returned = new ArrayList<>();

    private final Set<Wish> wishes = new LinkedHashSet<>();
    private final List<Runnable> awaitingLoad = new ArrayList<>();
    private long sequence;
    private boolean isLoading;
    private long trimmedMs;

    /** What has to be tried again, as it failed for a reason that passes. */
    private final Set<Origin> paused = new LinkedHashSet<>();

    private volatile Backlog backlog = new Backlog(0, 0);

    private ByteBuffer encoded = ByteBuffer.allocateDirect(4096);

    ShareView(ViewSources sources, Topic topic, ViewSpec spec) {
        this.sources = sources;
        this.topic = topic;
        this.spec = spec;
        this.dispatcher = sources.dispatcher();
    }

    private static final class Lane {
        /** Behind the last reference. */
        long endOffset;

        /** Of the last reference. */
        long lastOffset;

        /** What the group has committed; −1 as long as nobody has said. */
        long committed = -1;

        /** Everything before was committed or taken back. */
        long voidEnd;

        long takenBackAt = -1;

        boolean isBeingTakenBack;

        /** When it last got on: something was committed, or given where nothing was to commit. */
        long progressMs;

        /** First offset that somebody may have in hand. */
        long givenFrom() {
            return Math.max(committed, voidEnd);
        }

        long uncommitted() {
            return Math.max(0, endOffset - givenFrom());
        }
    }

    /** A topic that it is over. */
    private static final class Base {
        final long topicId;
        final List<Origin> partitions = new ArrayList<>();

        Base(long topicId) {
            this.topicId = topicId;
        }
    }

    /** Where stretches come from: the rest of a partition, or what was taken back. */
    private static final class Origin {
        final long topicId;
        final int partition;
        long next;
        final long end;

        /** Where the batches lie that were found from {@link #next} on. */
        long foundStart;

        private long foundEnd;

        Origin(long topicId, int partition, long next, long end) {
            this.topicId = topicId;
            this.partition = partition;
            this.next = next;
            this.end = end;
        }

        static Origin of(ShareState.Stretch stretch) {
            return new Origin(
                    stretch.topicId(),
                    stretch.partition(),
                    stretch.fromOffset(),
                    stretch.endOffset());
        }

        void found(RecordsLease lease) {
            ByteBuffer first = lease.slice(0);
            foundStart = Math.min(next, RecordBatch.baseOffset(first, first.position()));
            foundEnd = lease.nextOffset();
        }

        void forget() {
            foundEnd = 0;
        }

        /** Whether a stretch was found that was not handed out yet. */
        boolean hasFound() {
            return foundEnd > next;
        }

        long foundEnd() {
            return Math.min(foundEnd, end);
        }

        boolean isReturned() {
            return end != Long.MAX_VALUE;
        }

        @Override
        public String toString() {
            return "topicId=" + topicId + " partition=" + partition + " offset=" + next;
        }
    }

    @Override
    public String group() {
        return spec.group();
    }

    Topic topic() {
        return topic;
    }

    void topic(Topic altered) {
        topic = altered;
    }

    /** The log of a lane; the same as long as that of its references is. */
    LaneLog log(int lane, PartitionLog references) {
        LaneLog log = logs.get(lane);
        if (log == null || log.references() != references) {
            log = new LaneLog(this, references);
            logs.put(lane, log);
        }
        return log;
    }

    boolean isLoaded() {
        return loaded != null;
    }

    VoidOffsets voidOffsets(int lane) {
        return voids.getOrDefault(lane, VoidOffsets.NONE);
    }

    @Nullable PartitionLog base(long topicId, int partition) {
        Topic base = sources.topic(topicId);
        return base == null ? null : sources.log(base, partition);
    }

    @Nullable Slab allocate(int length) {
        return sources.allocate(length);
    }

    private void post(Runnable task, Runnable otherwise) {
        try {
            dispatcher.execute(task);
        } catch (RejectedExecutionException closing) {
            otherwise.run();
        }
    }

    private void post(Runnable task, ReadResult closedOtherwise) {
        post(task, closedOtherwise::close);
    }

    private void post(Runnable task) {
        post(task, () -> {});
    }

    /** Runs a task once it is known how far everything is handed out. */
    void whenLoaded(Runnable task, Runnable otherwise) {
        if (isLoaded()) {
            task.run();
            return;
        }
        post(
                () -> {
                    if (isLoaded()) {
                        task.run();
                    } else {
                        awaitingLoad.add(task);
                        load();
                    }
                },
                otherwise);
    }

    @Override
    public void wish(Wish wish) {
        post(
                () -> {
                    wishes.add(wish);
                    dispatch();
                });
    }

    @Override
    public void withdraw(Wish wish) {
        post(() -> wishes.remove(wish));
    }

    @Override
    public void committed(int lane, long offset) {
        post(
                () -> {
                    Lane known = lane(lane);
                    known.committed = offset;
                    known.progressMs = sources.elapsedMs();
                    dispatch();
                });
    }

    @Override
    public Backlog backlog() {
        post(this::countBacklog);
        return backlog;
    }

    private Lane lane(int number) {
        while (lanes.size() <= number) {
            lanes.add(new Lane());
        }
        return lanes.get(number);
    }

    /** Reads the newest references, on a thread that may wait for the disk. */
    private void load() {
        if (isLoading) {
            return;
        }
        isLoading = true;
        try {
            sources.reader().execute(this::read);
        } catch (RejectedExecutionException closing) {
            isLoading = false;
        }
    }

    private void read() {
        ShareLoad read = null;
        try {
            read = ShareLoad.read(sources, topic);
        } catch (RuntimeException failed) {
            LOGGER.error("view cannot be read: topic={}", topic.name(), failed);
        }
        ShareLoad result = read;
        post(() -> take(result));
    }

    private void take(@Nullable ShareLoad read) {
        isLoading = false;
        if (read != null) {
            sequence = read.sequence();
            read.lanes().forEach(this::take);
            for (ShareState.Cursor cursor : read.state().cursors()) {
                Base base = new Base(cursor.topicId());
                for (long next : cursor.nextOffsets()) {
                    add(base, next);
                }
                bases.add(base);
            }
            for (ShareState.Stretch stretch : read.state().returned()) {
                returned.add(Origin.of(stretch));
            }
            for (int i = returned.size() - 1; i >= 0; i--) {
                ready.addFirst(returned.get(i));
            }
            loaded = read;
        }
        List<Runnable> tasks = List.copyOf(awaitingLoad);
        awaitingLoad.clear();
        tasks.forEach(Runnable::run);
        dispatch();
    }

    private void take(ShareLoad.LoadedLane read) {
        Lane lane = lane(read.number());
        lane.endOffset = read.endOffset();
        lane.lastOffset = read.lastOffset();
        lane.takenBackAt = read.takenBackAt();
        lane.voidEnd = read.takenBackAt() + 1;
        lane.progressMs = sources.elapsedMs();
        voids.put(read.number(), read.voids());
    }

    private Origin add(Base base, long next) {
        Origin origin = new Origin(base.topicId, base.partitions.size(), next, Long.MAX_VALUE);
        base.partitions.add(origin);
        ready.add(origin);
        return origin;
    }

    /** Partitions that were added, and topics that are new to it. */
    private void refreshBases() {
        for (String name : spec.topics()) {
            Topic found = sources.topic(name);
            if (found == null) {
                continue;
            }
            Base base = null;
            for (Base known : bases) {
                if (known.topicId == found.id()) {
                    base = known;
                }
            }
            if (base == null) {
                base = new Base(found.id());
                bases.add(base);
            }
            while (base.partitions.size() < found.partitionCount()) {
                add(base, 0);
            }
        }
    }

    /** Gives as long as there is something to give, and somebody who may have it. */
    private void dispatch() {
        if (!isLoaded()) {
            if (!wishes.isEmpty()) {
                load();
            }
            return;
        }
        if (bases.isEmpty()) {
            refreshBases();
        }
        Iterator<Wish> waiting = wishes.iterator();
        while (waiting.hasNext() && !ready.isEmpty()) {
            Wish wish = waiting.next();
            int lane = leastBusy(wish);
            if (lane >= 0) {
                Given given = giveNext(lane, wish.lengthMax());
                if (given == Given.SPENT) {
                    waiting.remove();
                } else if (given == Given.NOT_NOW) {
                    return;
                }
            }
        }
    }

    /** The lane with the least to commit; −1 if all have as much as they may. */
    private int leastBusy(Wish wish) {
        int found = -1;
        long least = spec.windowRecords();
        for (int i = 0; i < wish.laneCount(); i++) {
            long uncommitted = lane(wish.lane(i)).uncommitted();
            if (uncommitted < least) {
                least = uncommitted;
                found = wish.lane(i);
            }
        }
        return found;
    }

    private enum Given {
        SPENT,
        NOTHING,
        NOT_NOW
    }

    private Given giveNext(int lane, int lengthMax) {
        int length =
                Math.min(lengthMax, Math.max(CHUNK_LENGTH_MIN, CHUNK_LENGTH_MAX / wishes.size()));
        for (Origin origin = ready.peek(); origin != null; origin = ready.peek()) {
            PartitionLog log = base(origin.topicId, origin.partition);
            if (log == null) {
                ready.remove(); // the topic is gone
            } else if (origin.hasFound() || find(origin, log, length)) {
                return give(lane, origin);
            }
        }
        return Given.NOTHING;
    }

    /** Looks for the next stretch; takes the origin out of {@link #ready} if there is none now. */
    private boolean find(Origin origin, PartitionLog log, int length) {
        ReadResult read = log.read(origin.next, length);
        if (read instanceof RecordsLease lease) {
            origin.found(lease);
            lease.close();
            return true;
        }
        ready.remove();
        waitFor(origin, log, (Unavailable) read, length);
        return false;
    }

    /** What cannot be read now comes back to {@link #ready} when it can. */
    private void waitFor(Origin origin, PartitionLog log, Unavailable why, int length) {
        switch (why) {
            case CAUGHT_UP -> {
                if (!origin.isReturned()) {
                    log.onHighWatermark(origin.next + 1, () -> post(() -> makeReady(origin)));
                }
                // What was returned and is not there any more was lost with the end of its log.
            }
            case COLD ->
                    log.readCold(
                            origin.next, length, read -> post(() -> onLoaded(origin, read), read));
            case OFFSET_OUT_OF_RANGE -> skipDeleted(origin, log.logStartOffset());
            case CLOSED -> paused.add(origin);
            default -> pause(origin, why);
        }
    }

    private void onLoaded(Origin origin, ReadResult read) {
        if (read instanceof RecordsLease lease) {
            origin.found(lease);
            makeReady(origin);
        } else if (read == Unavailable.CAUGHT_UP || read == Unavailable.OFFSET_OUT_OF_RANGE) {
            makeReady(origin); // it has changed meanwhile
        } else {
            pause(origin, (Unavailable) read);
        }
        read.close();
    }

    private void makeReady(Origin origin) {
        if (origin.isReturned()) {
            ready.addFirst(origin);
        } else {
            ready.add(origin);
        }
        dispatch();
    }

    private void pause(Origin origin, Unavailable why) {
        LOGGER.warn("view is held up: topic={} {} reason={}", topic.name(), origin, why);
        paused.add(origin);
    }

    /** Records that were deleted below before anybody was given them. */
    private void skipDeleted(Origin origin, long logStartOffset) {
        if (logStartOffset <= origin.next) {
            pause(origin, Unavailable.OFFSET_OUT_OF_RANGE);
            return;
        }
        long end = Math.min(logStartOffset, origin.end);
        LOGGER.warn(
                "records were deleted before they were handed out: topic={} {} count={}",
                topic.name(),
                origin,
                end - origin.next);
        origin.next = end;
        if (origin.next < origin.end) {
            ready.addFirst(origin);
        } else {
            returned.remove(origin);
        }
    }

    private Given give(int lane, Origin origin) {
        PartitionLog references = sources.references(topic, lane);
        if (references == null) {
            return Given.NOT_NOW;
        }
        Lane known = lane(lane);
        long from = origin.next;
        long end = origin.foundEnd();
        if (origin.foundStart < from) {
            // The batch begins before: the offsets that its first records would have are skipped.
            Reference gap = reference(Reference.Kind.GAP, known, 0, 0, origin.foundStart, from);
            if (!append(references, known, gap)) {
                return Given.NOT_NOW;
            }
        }
        origin.next = end;
        boolean isDone = end == origin.end;
        if (isDone) {
            returned.remove(origin);
        }
        Reference given =
                reference(Reference.Kind.GIVEN, known, origin.topicId, origin.partition, from, end);
        if (!append(references, known, given)) {
            origin.next = from;
            origin.forget(); // so that a gap is left again, wherever it goes
            if (isDone) {
                returned.add(0, origin);
            }
            return Given.NOT_NOW;
        }
        ready.remove();
        if (origin.isReturned() && !isDone) {
            ready.addFirst(origin);
        } else if (!isDone) {
            ready.add(origin); // others have their turn before
        }
        return Given.SPENT;
    }

    private Reference reference(
            Reference.Kind kind, Lane lane, long topicId, int partition, long from, long end) {
        return new Reference(kind, sequence + 1, lane.takenBackAt, topicId, partition, from, end);
    }

    /**
     * Appends a reference with the state as it is with it; false if there is no room for it now.
     */
    private boolean append(PartitionLog references, Lane lane, Reference reference) {
        ShareState state = state();
        int length = RecordBatchWriter.lengthMax(0, Reference.LENGTH + state.encodedLength());
        if (encoded.capacity() < RecordBatch.HEADER_LENGTH + length) {
            encoded = ByteBuffer.allocateDirect(2 * (RecordBatch.HEADER_LENGTH + length));
        }
        long nowMs = sources.nowMs();
        ByteBuffer batch = reference.encode(encoded.clear(), writer, state, nowMs);
        long offset = references.append(batch, nowMs);
        if (offset < 0) {
            return false;
        }
        if (lane.uncommitted() == 0) {
            lane.progressMs = sources.elapsedMs();
        }
        lane.lastOffset = offset;
        lane.endOffset = offset + reference.offsetCount();
        sequence++;
        return true;
    }

    private ShareState state() {
        List<ShareState.Cursor> cursors = new ArrayList<>(bases.size());
        for (Base base : bases) {
            long[] next = new long[base.partitions.size()];
            for (int i = 0; i < next.length; i++) {
                next[i] = base.partitions.get(i).next;
            }
            cursors.add(new ShareState.Cursor(base.topicId, next));
        }
        List<ShareState.Stretch> stretches = new ArrayList<>(returned.size());
        for (Origin origin : returned) {
            stretches.add(
                    new ShareState.Stretch(
                            origin.topicId, origin.partition, origin.next, origin.end));
        }
        return new ShareState(cursors, stretches);
    }

    private void countBacklog() {
        long uncommitted = 0;
        for (Lane lane : lanes) {
            uncommitted += lane.uncommitted();
        }
        long undispatched = 0;
        for (Base base : bases) {
            for (Origin origin : base.partitions) {
                PartitionLog log = base(origin.topicId, origin.partition);
                if (log != null) {
                    long from = Math.max(origin.next, log.logStartOffset());
                    undispatched += Math.max(0, log.highWatermark() - from);
                }
            }
        }
        for (Origin origin : returned) {
            undispatched += origin.end - origin.next;
        }
        backlog = new Backlog(uncommitted, undispatched);
    }

    /**
     * Tries again what failed, looks for new partitions, and takes back what nobody gets on with.
     */
    void sweep() {
        post(this::sweepNow);
    }

    private void sweepNow() {
        if (!isLoaded()) {
            return;
        }
        refreshBases();
        ready.addAll(paused);
        paused.clear();
        if (spec.takeBackMs() > 0) {
            takeBackFromStuck();
        }
        trim();
        dispatch();
    }

    /** References live as long as the topic's retention says; the newest of a lane stays. */
    private void trim() {
        long elapsedMs = sources.elapsedMs();
        long retentionMs = topic.config().retentionMs();
        if (retentionMs < 0 || elapsedMs - trimmedMs < TRIM_INTERVAL_MS) {
            return;
        }
        trimmedMs = elapsedMs;
        long keptFromMs = sources.retentionNowMs() - retentionMs;
        for (int i = 0; i < lanes.size(); i++) {
            PartitionLog references = sources.references(topic, i);
            long last = lanes.get(i).lastOffset;
            if (references != null && references.logStartOffset() < last) {
                references
                        .offsetForTimestamp(keptFromMs)
                        .thenAccept(found -> trim(references, found, last));
            }
        }
    }

    private static void trim(
            PartitionLog references, PartitionLog.@Nullable TimestampedOffset found, long last) {
        long start = found == null ? last : Math.min(found.offset(), last);
        if (start > references.logStartOffset()) {
            references.deleteRecords(start);
        }
    }

    private void takeBackFromStuck() {
        long before = sources.elapsedMs() - spec.takeBackMs();
        for (int i = 0; i < lanes.size() && returned.size() < RETURNED_MAX; i++) {
            Lane lane = lanes.get(i);
            if (lane.uncommitted() > 0
                    && lane.committed >= 0
                    && lane.progressMs < before
                    && !lane.isBeingTakenBack) {
                lane.isBeingTakenBack = true;
                takeBack(i, lane);
            }
        }
    }

    private void takeBack(int number, Lane lane) {
        long from = lane.givenFrom();
        long end = lane.endOffset;
        try {
            sources.reader()
                    .execute(
                            () -> {
                                List<ShareState.Stretch> given = null;
                                try {
                                    given = ShareLoad.given(sources, topic, number, from, end);
                                } catch (RuntimeException failed) {
                                    LOGGER.error(
                                            "lane cannot be read: topic={} lane={}",
                                            topic.name(),
                                            number,
                                            failed);
                                }
                                List<ShareState.Stretch> result = given;
                                post(() -> takeBack(number, lane, from, end, result));
                            });
        } catch (RejectedExecutionException closing) {
            lane.isBeingTakenBack = false;
        }
    }

    /** Unless somebody has got on meanwhile. */
    private void takeBack(
            int number, Lane lane, long from, long end, @Nullable List<ShareState.Stretch> given) {
        lane.isBeingTakenBack = false;
        PartitionLog references = sources.references(topic, number);
        if (given == null
                || references == null
                || lane.givenFrom() != from
                || lane.endOffset != end) {
            return;
        }
        List<Origin> origins = new ArrayList<>();
        for (ShareState.Stretch stretch : given) {
            origins.add(Origin.of(stretch));
        }
        returned.addAll(origins);
        Reference takenBack = reference(Reference.Kind.TAKEN_BACK, lane, 0, 0, from, end);
        if (!append(references, lane, takenBack)) {
            returned.removeAll(origins);
            return;
        }
        lane.takenBackAt = lane.endOffset - 1;
        lane.voidEnd = lane.endOffset;
        voids.merge(
                number, VoidOffsets.NONE.with(from, end), (known, more) -> known.with(from, end));
        for (int i = origins.size() - 1; i >= 0; i--) {
            ready.addFirst(origins.get(i));
        }
        LOGGER.info(
                "taken back from a lane whose owner commits nothing: topic={} lane={}"
                        + " offsets={}-{}",
                topic.name(),
                number,
                from,
                end);
        dispatch();
    }
}
