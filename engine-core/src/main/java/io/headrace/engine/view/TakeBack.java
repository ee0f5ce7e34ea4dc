package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes back what the owners of lanes were given and do not commit: one lane at a time, and a
 * bounded number of stretches. Used by the dispatcher.
 */
final class TakeBack {
    private static final Logger LOGGER = LoggerFactory.getLogger(TakeBack.class);

    /** Stretches that are not given again yet, at most: each reference names them. */
    private static final int STRETCHES_MAX = 200;

    private final ShareView view;
    private int nextLane;
    private boolean isReading;

    TakeBack(ShareView view) {
        this.view = view;
    }

    /** Looks for the next lane that does not get on. */
    void look() {
        long afterMs = view.spec().takeBackMs();
        int room = STRETCHES_MAX - view.supply().returned().size();
        if (afterMs == 0 || isReading || room <= 0) {
            return;
        }
        long before = view.sources().elapsedMs() - afterMs;
        for (int i = 0; i < view.laneCount(); i++) {
            int number = (nextLane + i) % view.laneCount();
            Lane lane = view.lane(number);
            if (lane.uncommitted() > 0
                    && lane.isCommitKnown()
                    && lane.progressMs < before
                    && isDurable(number, lane)) {
                nextLane = number + 1;
                read(number, lane, room);
                return;
            }
        }
    }

    /** What is not durable yet was given to nobody. */
    private boolean isDurable(int number, Lane lane) {
        PartitionLog references = view.sources().references(view.topic(), number);
        return references != null && references.highWatermark() >= lane.endOffset;
    }

    /** What was given has to be read, on a thread that may wait for the disk. */
    private void read(int number, Lane lane, int room) {
        long from = lane.givenFrom();
        long end = lane.endOffset;
        long progressMs = lane.progressMs;
        isReading = true;
        try {
            view.sources()
                    .reader()
                    .execute(
                            () -> {
                                ShareLoad.Given given = given(number, from, end, room);
                                view.post(
                                        () -> {
                                            isReading = false;
                                            if (lane.progressMs == progressMs) {
                                                take(number, from, end, given);
                                            }
                                        });
                            });
        } catch (RejectedExecutionException closing) {
            isReading = false;
        }
    }

    private ShareLoad.@Nullable Given given(int number, long from, long end, int room) {
        try {
            return ShareLoad.given(view.sources(), view.topic(), number, from, end, room);
        } catch (RuntimeException | Error failed) {
            LOGGER.error(
                    "lane cannot be read: topic={} lane={}", view.topic().name(), number, failed);
            return null;
        }
    }

    /** Unless more was given, or passed over, meanwhile. */
    private void take(int number, long from, long end, ShareLoad.@Nullable Given given) {
        Lane lane = view.lane(number);
        PartitionLog references = view.sources().references(view.topic(), number);
        if (given == null) {
            lane.progressMs = view.sources().elapsedMs(); // tried again, not at once
            return;
        }
        if (references == null || lane.givenFrom() != from || lane.endOffset != end) {
            return;
        }
        List<Origin> origins = new ArrayList<>();
        given.stretches().forEach(stretch -> origins.add(Origin.of(stretch)));
        Reference takenBack =
                new Reference(
                        Reference.Kind.TAKEN_BACK,
                        view.nextSequence(),
                        lane.takenBackAt,
                        0,
                        0,
                        from,
                        from,
                        given.endOffset(),
                        0);
        boolean isAppended = false;
        view.supply().returned().addAll(origins);
        try {
            isAppended = view.append(references, lane, takenBack);
        } finally {
            if (!isAppended) {
                origins.forEach(view.supply().returned()::remove);
            }
        }
        if (!isAppended) {
            return;
        }
        LOGGER.info(
                "taken back from a lane whose owner commits nothing: topic={} lane={}"
                        + " offsets={}-{}",
                view.topic().name(),
                number,
                from,
                given.endOffset() - 1);
        view.returned(
                number, new VoidOffsets.Range(from, given.endOffset(), lane.lastOffset), origins);
    }
}
