package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.Views.Share;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a share view has to hand out: of each partition below what is left, and what was taken back.
 * Used by the dispatcher.
 */
final class Supply {
    private static final Logger LOGGER = LoggerFactory.getLogger(ShareView.class);

    /** What is handed out at a time at least, if it is there. */
    private static final int STRETCH_LENGTH_MIN = 64 << 10;

    /** With so many bytes to hand out somebody may be given some before he asks. */
    private static final long PLENTY_LENGTH = 32 << 20;

    /** After so long what cannot be read for a reason that has a name is tried again. */
    private static final long HELD_UP_MS = 1000;

    private final ShareView view;
    private final LoadedRecords loaded;

    /** By topic id, in the order of the config; by partition. */
    private final Map<Long, List<Origin>> bases = new LinkedHashMap<>();

    /** What was taken back and not given again. */
    private final Set<Origin> returned = new LinkedHashSet<>();

    /** Where there may be records to hand out; what was taken back comes first. */
    private final Deque<Origin> ready = new ArrayDeque<>();

    Supply(ShareView view, LoadedRecords loaded) {
        this.view = view;
        this.loaded = loaded;
    }

    /** Takes over how far everything was handed out when the view was in use last. */
    void take(ShareState state) {
        for (ShareState.Cursor cursor : state.cursors()) {
            for (long next : cursor.nextOffsets()) {
                add(cursor.topicId(), next);
            }
        }
        for (ShareState.Stretch stretch : state.returned()) {
            returned.add(Origin.of(stretch));
        }
        returned.forEach(ready::addFirst);
        refresh();
    }

    private void add(long topicId, long next) {
        List<Origin> partitions = bases.computeIfAbsent(topicId, id -> new ArrayList<>());
        Origin origin = Origin.from(topicId, partitions.size(), next);
        partitions.add(origin);
        ready.add(origin);
    }

    /** Takes in partitions that were added below. */
    void refresh() {
        for (String name : view.spec().topics()) {
            Topic found = view.sources().topic(name);
            int known = found == null ? 0 : bases.getOrDefault(found.id(), List.of()).size();
            while (found != null && known < found.partitionCount()) {
                add(found.id(), 0);
                known++;
            }
        }
    }

    /**
     * Somebody waits for records: shuffle and mix views have their sources indexed as long as they
     * are asked.
     */
    void askBases() {
        bases.keySet()
                .forEach(
                        topicId -> {
                            Topic base = view.sources().topic(topicId);
                            if (base != null && OrderedSpec.isAwaited(base)) {
                                view.base(topicId, 0);
                            }
                        });
    }

    /** Whether there is nothing to hand out now. */
    boolean isEmpty() {
        return ready.isEmpty();
    }

    /** Whether handing out ahead takes nothing from anybody. */
    boolean isPlenty() {
        Origin next = ready.peek();
        PartitionLog log = next == null ? null : view.base(next.topicId, next.partition);
        return next != null
                && log != null
                && next.available(log) * next.recordLength() >= PLENTY_LENGTH;
    }

    /**
     * Where the next stretch is from, found but not handed out; null if there is none now.
     *
     * @param lengthMax most bytes of it; one batch may be longer
     * @param takerCount who waits, himself included
     */
    @Nullable Origin next(int lengthMax, int takerCount) {
        for (Origin origin = ready.peek(); origin != null; origin = ready.peek()) {
            if (origin.hasFound() || find(origin, lengthMax, takerCount)) {
                return origin;
            }
        }
        return null;
    }

    /** The stretch that was the {@link #next} was handed out: others have their turn before. */
    void given(Origin origin) {
        ready.remove();
        if (origin.isDone()) {
            returned.remove(origin);
        } else if (origin.isReturned()) {
            ready.addFirst(origin);
        } else {
            ready.add(origin);
        }
    }

    /** Offers what was taken back, to others first. */
    void offer(List<Origin> origins) {
        for (int i = origins.size() - 1; i >= 0; i--) {
            ready.addFirst(origins.get(i));
        }
    }

    /** Stretches that are, or are about to be, given again. */
    Set<Origin> returned() {
        return returned;
    }

    /** Offsets that nobody was given yet. */
    long offsetCount() {
        long count = 0;
        for (List<Origin> partitions : bases.values()) {
            for (Origin origin : partitions) {
                PartitionLog log = view.base(origin.topicId, origin.partition);
                if (log != null) {
                    long from = Math.max(origin.next, log.logStartOffset());
                    count += Math.max(0, log.highWatermark() - from);
                }
            }
        }
        for (Origin origin : returned) {
            count += origin.end() - origin.next;
        }
        return count;
    }

    /** Nobody has to be woken for it any more. */
    void end() {
        bases.values().forEach(partitions -> partitions.forEach(Origin::cancel));
        returned.forEach(Origin::cancel);
    }

    /** How far everything is handed out. */
    ShareState state() {
        List<ShareState.Cursor> cursors = new ArrayList<>(bases.size());
        bases.forEach(
                (topicId, partitions) -> {
                    long[] next = new long[partitions.size()];
                    for (int i = 0; i < next.length; i++) {
                        next[i] = partitions.get(i).next;
                    }
                    cursors.add(new ShareState.Cursor(topicId, next));
                });
        List<ShareState.Stretch> stretches = new ArrayList<>(returned.size());
        for (Origin origin : returned) {
            if (!origin.isDone()) {
                stretches.add(origin.stretch());
            }
        }
        return new ShareState(cursors, stretches);
    }

    /** What is wrong with one partition must not keep the others back. */
    private boolean find(Origin origin, int lengthMax, int takerCount) {
        try {
            PartitionLog log = view.base(origin.topicId, origin.partition);
            if (log != null) {
                return find(origin, log, stretchLength(origin, log, lengthMax, takerCount));
            }
            ready.remove(origin);
            Topic base = view.sources().topic(origin.topicId);
            // Of a shuffle or mix view it takes a moment after a start until it is known how long.
            boolean isOfNow = base != null && Views.isOrdered(base);
            putOff(origin, isOfNow ? "" : "its topic is out of reach");
        } catch (RuntimeException failed) {
            ready.remove(origin);
            putOff(origin, failed);
        }
        return false;
    }

    /** Looks for the next stretch; takes the origin out of {@link #ready} if there is none now. */
    private boolean find(Origin origin, PartitionLog log, int length) {
        ReadResult read = log.read(origin.next, length);
        if (read instanceof RecordsLease lease) {
            origin.found(lease, log instanceof OrderedLog);
            lease.close();
            forgetIfDone(origin);
            return origin.hasFound();
        }
        if (!skipGone(origin, log, (Unavailable) read)) {
            ready.remove();
            waitFor(origin, log, (Unavailable) read, length);
        }
        return false;
    }

    /** Goes on behind records that have gone before anybody was given them. */
    private boolean skipGone(Origin origin, PartitionLog log, Unavailable why) {
        // Behind the last record of a partition there will be more.
        long end = origin.isReturned() ? origin.end() : log.logStartOffset();
        long gone = Gone.end(log, origin.next, end, why);
        if (gone <= origin.next) {
            return false;
        }
        skip(origin, gone);
        return true;
    }

    /** What is there is shared among those who wait, in pieces that are worth a reference. */
    private static int stretchLength(
            Origin origin, PartitionLog log, int lengthMax, int takerCount) {
        double there = origin.available(log) * origin.recordLength();
        long share = (long) (there / Math.max(1, takerCount));
        long bounded = Math.min(Share.CHUNK_LENGTH_MAX, Math.max(STRETCH_LENGTH_MIN, share));
        return (int) Math.min(bounded, lengthMax);
    }

    /** What cannot be read now comes back to {@link #ready} when it can. */
    private void waitFor(Origin origin, PartitionLog log, Unavailable why, int length) {
        switch (why) {
            case CAUGHT_UP -> {
                if (log.highWatermark() > origin.next) {
                    putOff(origin, ""); // for a moment only
                } else {
                    origin.await(log, () -> view.post(() -> makeReady(origin)));
                }
            }
            case COLD ->
                    log.readCold(
                            origin.next,
                            length,
                            read -> view.post(() -> onLoaded(origin, read), read::close));
            case CLOSED -> putOff(origin, "");
            default -> putOff(origin, why.name());
        }
    }

    private void onLoaded(Origin origin, ReadResult read) {
        if (read instanceof RecordsLease lease) {
            onLoaded(origin, lease);
            return;
        }
        PartitionLog log = view.base(origin.topicId, origin.partition);
        if (log == null || !skipGone(origin, log, (Unavailable) read)) {
            putOff(origin, read == Unavailable.CAUGHT_UP ? "" : String.valueOf(read));
        } else if (!origin.isDone()) {
            makeReady(origin);
        }
    }

    private void onLoaded(Origin origin, RecordsLease lease) {
        try {
            boolean isCut = view.base(origin.topicId, origin.partition) instanceof OrderedLog;
            origin.found(lease, isCut);
        } catch (RuntimeException failed) {
            lease.close();
            putOff(origin, failed);
            return;
        }
        if (origin.isDone()) {
            lease.close();
            forgetIfDone(origin);
            view.dispatch();
            return;
        }
        loaded.keep(
                origin.topicId, origin.partition, origin.next, lease, view.sources().elapsedMs());
        makeReady(origin);
    }

    private void makeReady(Origin origin) {
        if (origin.isReturned()) {
            ready.addFirst(origin);
        } else {
            ready.add(origin);
        }
        view.dispatch();
    }

    private void putOff(Origin origin, RuntimeException failed) {
        LOGGER.error(
                "partition cannot be handed out: topic={} {}", view.topic().name(), origin, failed);
        putOff(origin, "");
    }

    /**
     * @param why empty where that is nothing to speak of
     */
    private void putOff(Origin origin, String why) {
        if (origin.isHeldUpAnew(why)) {
            LOGGER.warn("view is held up: topic={} {} reason={}", view.topic().name(), origin, why);
        }
        view.later(() -> makeReady(origin), why.isEmpty() ? ShareView.RETRY_MS : HELD_UP_MS);
    }

    /** Records that were lost or deleted before anybody was given them. */
    private void skip(Origin origin, long to) {
        LOGGER.warn(
                "records have gone before they were handed out: topic={} {} count={}",
                view.topic().name(),
                origin,
                to - origin.next);
        origin.advance(to);
        forgetIfDone(origin);
    }

    /** Nothing is left of what was taken back. */
    private void forgetIfDone(Origin origin) {
        if (origin.isDone()) {
            ready.remove(origin);
            returned.remove(origin);
        }
    }
}
