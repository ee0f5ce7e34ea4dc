package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
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

    /** After so long what could not be read or written for a passing reason is tried again. */
    static final long RETRY_MS = 20;

    /** Between two looks at whether what a lane was given is still there. */
    private static final long LOOK_INTERVAL_MS = 1000;

    /** Between two looks at what is too old. */
    private static final long TRIM_INTERVAL_MS = 600_000;

    private final ViewSources sources;
    private final LoadedRecords loaded;
    private final RecordBatchWriter writer = new RecordBatchWriter();
    private volatile Topic topic;
    private volatile ShareSpec spec;
    private volatile boolean isLoaded;
    private volatile boolean hasPlenty;

    /** Read by the readers of lanes. */
    private final Map<Integer, VoidOffsets> voids = new ConcurrentHashMap<>();

    private final Map<Integer, LaneLog> logs = new ConcurrentHashMap<>();

    // of the dispatcher

    private final List<Lane> lanes = new ArrayList<>();

    private final Supply supply;
    private final Set<Wish> wishes = new LinkedHashSet<>();

    /** Those of them that nobody takes back: they go as soon as there is not plenty. */
    private final Set<Wish> ahead = new HashSet<>();

    private final List<AwaitingLoad> awaitingLoad = new ArrayList<>();
    private final TakeBack takeBack = new TakeBack(this);
    private long sequence;
    private LoadState loadState = LoadState.NONE;
    private boolean isRetrying;
    private boolean isEnded;
    private boolean isTooLargeSaid;
    private long trimmedMs;
    private ByteBuffer encoded = ByteBuffer.allocateDirect(4096);
    private volatile @Nullable Backlog lastBacklog;

    private enum LoadState {
        NONE,
        UNDER_WAY,
        /** Until the next look: what failed is not tried again at once. */
        FAILED
    }

    private record AwaitingLoad(Runnable task, Runnable otherwise) {}

    ShareView(ViewSources sources, LoadedRecords loaded, Topic topic, ShareSpec spec) {
        this.sources = sources;
        this.loaded = loaded;
        this.topic = topic;
        this.spec = spec;
        this.supply = new Supply(this, loaded);
    }

    @Override
    public String group() {
        return spec.group();
    }

    Topic topic() {
        return topic;
    }

    ShareSpec spec() {
        return spec;
    }

    ViewSources sources() {
        return sources;
    }

    void topic(Topic altered) {
        topic = altered;
        spec = ShareSpec.of(altered.configs());
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
        return isLoaded;
    }

    VoidOffsets voidOffsets(int lane) {
        return voids.getOrDefault(lane, VoidOffsets.NONE);
    }

    /** The log of a partition below; null if it is gone, or out of reach for a moment. */
    @Nullable PartitionLog base(long topicId, int partition) {
        Topic base = sources.topic(topicId);
        return base == null ? null : sources.log(base, partition);
    }

    /** What was loaded to be handed out, for the first who comes for it. */
    @Nullable RecordsLease takeLoaded(long topicId, int partition, long offset, int lengthMax) {
        return loaded.take(topicId, partition, offset, lengthMax);
    }

    boolean isThere(long topicId) {
        return sources.topic(topicId) != null;
    }

    /** Has the dispatcher do something, unless the engine closes. */
    void post(Runnable task) {
        post(task, () -> {});
    }

    /**
     * @param otherwise is run here if the engine closes
     */
    void post(Runnable task, Runnable otherwise) {
        try {
            sources.dispatcher().execute(() -> run(task));
        } catch (RejectedExecutionException closing) {
            otherwise.run();
        }
    }

    /** What one task throws must not keep the others away; nobody else would say it. */
    private void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error failed) {
            LOGGER.error("a step of a view failed: topic={}", topic.name(), failed);
        }
    }

    /** Has the dispatcher do something after a while. */
    void later(Runnable task, long ms) {
        sources.later(() -> run(task), ms);
    }

    private void retryLater() {
        if (!isRetrying) {
            isRetrying = true;
            later(
                    () -> {
                        isRetrying = false;
                        dispatch();
                    },
                    RETRY_MS);
        }
    }

    /** Runs a task once it is known how far everything is handed out. */
    void whenLoaded(Runnable task, Runnable otherwise) {
        if (isLoaded) {
            task.run();
            return;
        }
        post(
                () -> {
                    if (isLoaded) {
                        task.run();
                    } else if (loadState == LoadState.FAILED) {
                        otherwise.run();
                    } else {
                        awaitingLoad.add(new AwaitingLoad(task, otherwise));
                        load();
                    }
                },
                otherwise);
    }

    @Override
    public void wish(Wish wish) {
        post(
                () -> {
                    if (!isEnded) {
                        wishes.add(wish);
                        dispatch();
                    }
                });
    }

    @Override
    public void wishAhead(Wish wish) {
        post(
                () -> {
                    if (isLoaded && !isEnded) {
                        wishes.add(wish);
                        ahead.add(wish);
                        dispatch();
                    }
                });
    }

    @Override
    public boolean hasPlenty() {
        return hasPlenty;
    }

    @Override
    public void withdraw(Wish wish) {
        if (!wish.isSpent()) {
            post(() -> wishes.remove(wish));
        }
    }

    @Override
    public void committed(int[] ofLanes, long[] offsets, int[] owned) {
        post(
                () -> {
                    if (commit(ofLanes, offsets, false)) {
                        long nowMs = sources.elapsedMs();
                        for (int lane : owned) {
                            lane(lane).progressMs = nowMs;
                        }
                    }
                    dispatch();
                });
    }

    @Override
    public void committing(int[] ofLanes, long[] offsets) {
        post(
                () -> {
                    long nowMs = sources.elapsedMs();
                    for (int i = 0; i < ofLanes.length; i++) {
                        lane(ofLanes[i]).committing(offsets[i], nowMs);
                    }
                });
    }

    @Override
    public void committedBefore(int[] ofLanes, long[] offsets) {
        post(
                () -> {
                    commit(ofLanes, offsets, true);
                    dispatch();
                });
    }

    /** A reader of a lane has found no records between two offsets. */
    void passed(int number, long fromOffset, long endOffset) {
        post(
                () -> {
                    lane(number).passed(fromOffset, endOffset);
                    dispatch();
                });
    }

    /** Whether any of them has got on. */
    private boolean commit(int[] ofLanes, long[] offsets, boolean isOld) {
        long nowMs = sources.elapsedMs();
        boolean getsOn = false;
        for (int i = 0; i < ofLanes.length; i++) {
            Lane lane = lane(ofLanes[i]);
            if (!isOld || !lane.isCommitKnown()) {
                getsOn |= lane.committed(offsets[i], nowMs);
            }
        }
        return getsOn;
    }

    @Override
    public CompletableFuture<Backlog> backlog() {
        CompletableFuture<Backlog> counted = new CompletableFuture<>();
        Runnable otherwise =
                () ->
                        counted.completeExceptionally(
                                new EngineException(
                                        "view cannot be read now: topic=" + topic.name()));
        Runnable count =
                () -> {
                    supply.refresh(); // what was added below is backlog, noticed or not
                    dispatch();
                    counted.complete(countBacklog());
                };
        whenLoaded(() -> post(count, otherwise), otherwise);
        return counted;
    }

    /** As it was counted last; null until it first is. Has it counted again. */
    @Nullable Backlog lastBacklog() {
        backlog();
        return lastBacklog;
    }

    Lane lane(int number) {
        while (lanes.size() <= number) {
            lanes.add(new Lane());
        }
        return lanes.get(number);
    }

    int laneCount() {
        return lanes.size();
    }

    /** Reads the newest references, on a thread that may wait for the disk. */
    private void load() {
        if (loadState != LoadState.NONE) {
            return;
        }
        loadState = LoadState.UNDER_WAY;
        try {
            sources.reader().execute(this::read);
        } catch (RejectedExecutionException closing) {
            take((ShareLoad) null);
        }
    }

    private void read() {
        ShareLoad read = null;
        try {
            read = ShareLoad.read(sources, topic);
        } catch (RuntimeException | Error failed) {
            LOGGER.error("view cannot be read, tried again: topic={}", topic.name(), failed);
        }
        ShareLoad result = read;
        post(() -> take(result));
    }

    private void take(@Nullable ShareLoad read) {
        if (read == null) {
            loadState = LoadState.FAILED;
            answerAwaiting(false);
            return;
        }
        sequence = read.sequence();
        for (ShareLoad.LoadedLane lane : read.lanes()) {
            take(lane);
        }
        supply.take(read.state());
        isLoaded = true;
        answerAwaiting(true);
        dispatch();
    }

    private void take(ShareLoad.LoadedLane read) {
        Lane lane = lane(read.number());
        lane.startOffset = read.startOffset();
        lane.endOffset = read.endOffset();
        lane.lastOffset = read.lastOffset();
        lane.takenBackAt = read.takenBackAt();
        lane.voidEnd = read.voidEnd();
        lane.progressMs = sources.elapsedMs();
        voids.put(read.number(), read.voids());
    }

    private void answerAwaiting(boolean isRead) {
        List<AwaitingLoad> all = List.copyOf(awaitingLoad);
        awaitingLoad.clear();
        for (AwaitingLoad each : all) {
            run(isRead ? each.task : each.otherwise);
        }
    }

    /** Gives as long as there is something to give, and somebody who may have it. */
    void dispatch() {
        if (!isLoaded) {
            if (!wishes.isEmpty()) {
                load();
            }
            return;
        }
        Iterator<Wish> waiting = wishes.iterator();
        while (waiting.hasNext() && !supply.isEmpty()) {
            Wish wish = waiting.next();
            int lane = leastBusy(wish);
            if (ahead.contains(wish) && (lane < 0 || !supply.isPlenty())) {
                waiting.remove();
                ahead.remove(wish);
            } else if (lane < 0) {
                lookForGone(wish);
            } else {
                switch (tryToGive(lane, wish.lengthMax())) {
                    case SPENT -> {
                        wish.spend();
                        waiting.remove();
                        ahead.remove(wish);
                    }
                    case NOTHING -> {}
                    case NOT_NOW -> {
                        putLast(wish);
                        retryLater();
                        return;
                    }
                }
            }
        }
    }

    /** What fails for one of them must not keep the others back. */
    private void putLast(Wish wish) {
        wishes.remove(wish);
        wishes.add(wish);
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

    /** What fails is tried again: who waits would wait for ever. */
    private Given tryToGive(int lane, int lengthMax) {
        try {
            return giveNext(lane, lengthMax);
        } catch (RuntimeException | Error failed) {
            LOGGER.error(
                    "nothing can be handed out now: topic={} lane={}", topic.name(), lane, failed);
            return Given.NOT_NOW;
        }
    }

    /**
     * All lanes of a wish have as much as they may. What of it has gone since is nobody's work: a
     * reader who passes it says so.
     */
    private void lookForGone(Wish wish) {
        long nowMs = sources.elapsedMs();
        for (int i = 0; i < wish.laneCount(); i++) {
            Lane lane = lane(wish.lane(i));
            LaneLog log = logs.get(wish.lane(i));
            if (log != null && nowMs - lane.lookedMs >= LOOK_INTERVAL_MS) {
                lane.lookedMs = nowMs;
                log.readCold(lane.givenFrom(), 0, ReadResult::close);
                return;
            }
        }
    }

    private Given giveNext(int lane, int lengthMax) {
        Origin origin = supply.next(lengthMax, wishes.size());
        return origin == null ? Given.NOTHING : give(lane, origin);
    }

    private Given give(int number, Origin origin) {
        PartitionLog references = sources.references(topic, number);
        if (references == null) {
            return Given.NOT_NOW;
        }
        Lane lane = lane(number);
        long from = origin.next;
        long end = origin.foundEnd();
        // A batch that begins before is shown with the lane's offsets: they must not be negative.
        // Offsets without records are more than one: kafka-python takes a batch that ends at 0 for
        // none.
        boolean isShown = from - origin.foundStart() <= lane.endOffset;
        Reference given =
                new Reference(
                        Reference.Kind.GIVEN,
                        sequence + 1,
                        lane.takenBackAt,
                        origin.topicId,
                        origin.partition,
                        isShown ? from : origin.foundStart() - 1,
                        from,
                        end,
                        origin.foundLength());
        origin.advance(end);
        boolean isAppended = false;
        try {
            isAppended = append(references, lane, given);
        } finally {
            if (!isAppended) {
                origin.advance(from);
            }
        }
        if (!isAppended) {
            return Given.NOT_NOW;
        }
        supply.given(origin);
        hasPlenty = supply.isPlenty();
        return Given.SPENT;
    }

    /**
     * Appends a reference with the state as it is with it; false if there is no room for it now.
     */
    boolean append(PartitionLog references, Lane lane, Reference reference) {
        ShareState state = supply.state();
        int length =
                RecordBatch.HEADER_LENGTH
                        + RecordBatchWriter.lengthMax(0, Reference.LENGTH + state.encodedLength());
        if (encoded.capacity() < length) {
            encoded = ByteBuffer.allocateDirect(2 * length);
        }
        long nowMs = sources.nowMs();
        ByteBuffer batch = reference.encode(encoded.clear(), writer, state, nowMs);
        long offset = references.append(batch, nowMs);
        if (offset < 0) {
            noteRefusal(offset);
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

    private void noteRefusal(long status) {
        if (status == PartitionLog.BATCH_TOO_LARGE && !isTooLargeSaid) {
            isTooLargeSaid = true;
            LOGGER.error(
                    "view is over more partitions than a reference has room for, nothing is handed"
                            + " out: topic={}",
                    topic.name());
        }
        LOGGER.debug("no reference now: topic={} status={}", topic.name(), status);
    }

    private Backlog countBacklog() {
        long uncommitted = 0;
        for (Lane lane : lanes) {
            uncommitted += lane.uncommitted();
        }
        Backlog counted = new Backlog(uncommitted, supply.offsetCount());
        lastBacklog = counted;
        return counted;
    }

    /** Looks for new partitions, and takes back what nobody gets on with; now and then. */
    void sweep() {
        post(this::sweepNow);
    }

    /** The view is gone: nobody has to be woken for it. */
    void end() {
        post(
                () -> {
                    isEnded = true;
                    wishes.clear();
                    ahead.clear();
                    supply.end();
                });
    }

    private void sweepNow() {
        if (!isLoaded) {
            loadState = loadState == LoadState.FAILED ? LoadState.NONE : loadState;
            dispatch();
            return;
        }
        supply.refresh();
        if (!wishes.isEmpty()) {
            supply.askBases();
        }
        takeBack.look();
        trim();
        dispatch();
    }

    /** Notes what was taken back, once the journal has it, and offers it to others. */
    void returned(int number, VoidOffsets.Range range, List<Origin> origins) {
        Lane lane = lane(number);
        lane.takenBackAt = range.saidAt();
        lane.voidEnd = range.doneEnd();
        voids.merge(
                number,
                VoidOffsets.NONE.with(range, lane.startOffset),
                (known, more) -> known.with(range, lane.startOffset));
        supply.offer(origins);
        dispatch();
    }

    Supply supply() {
        return supply;
    }

    long nextSequence() {
        return sequence + 1;
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
            Lane lane = lanes.get(i);
            PartitionLog references =
                    lane.startOffset < lane.lastOffset ? sources.references(topic, i) : null;
            if (references != null) {
                references
                        .offsetForTimestamp(keptFromMs)
                        .thenAccept(found -> post(() -> trim(references, lane, found)));
            }
        }
    }

    private void trim(
            PartitionLog references, Lane lane, PartitionLog.@Nullable TimestampedOffset found) {
        long start = found == null ? lane.lastOffset : Math.min(found.offset(), lane.lastOffset);
        if (start > references.logStartOffset()) {
            references.deleteRecords(start).thenAccept(now -> post(() -> lane.startOffset = now));
        }
    }
}
