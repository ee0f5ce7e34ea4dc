package io.headrace.engine.source;

import io.headrace.engine.SourceStatus;
import io.headrace.engine.Versions;
import io.headrace.engine.source.SourceEntries.Rule;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the objects of a source their ordinals: a page of the store's listing becomes journal
 * entries, and what is durable is applied. A listing that was broken off goes on behind its last
 * key; one that was complete is followed by another, which appends the keys that are new as a
 * generation of their own. So an ordinal never changes its object.
 *
 * <p>Runs in steps on threads of its store's, one step at a time; holds one page.
 */
final class SourceListing {
    private static final Logger LOGGER = LoggerFactory.getLogger(SourceListing.class);

    /** Objects per request; what S3 gives in one answer. */
    static final int PAGE_LIMIT = 1000;

    /** Bytes of one journal entry, unless one object has more. */
    private static final int ENTRY_LENGTH_MAX = 128 << 10;

    /** Records of one journal entry, unless one object has more. */
    private static final int ENTRY_RECORDS_MAX = 10_000;

    private final SourceTopic topic;
    private final SourceLogs logs;
    private final Pause pause;
    private final AtomicBoolean isRunning = new AtomicBoolean();

    // of the listing that runs; handed from step to step
    private @Nullable ObjectPages pages;
    private boolean isResumed;
    private int generation;
    private long objectCount;
    private long byteCount;
    private boolean hasAppended;

    /** Objects that have no ordinals yet. */
    private final Deque<ListedObject> found = new ArrayDeque<>();

    private volatile boolean isBegun;
    private volatile boolean isDone;
    private volatile boolean isWantedAgain;
    private volatile String failure = "";

    /** When the last one came to its end, by the engine's clock. */
    private volatile long doneAtNanos;

    SourceListing(SourceTopic topic, SourceLogs logs) {
        this.topic = topic;
        this.logs = logs;
        this.pause = new Pause(logs.nanoClock());
    }

    /** Whether this process has listed the source to its end. */
    boolean isDone() {
        return isDone;
    }

    boolean isRunning() {
        return isRunning.get();
    }

    /** Why it stands still; empty if it does not. */
    String failure() {
        return failure;
    }

    SourceStatus.Listing status() {
        if (isRunning.get()) {
            return SourceStatus.Listing.RUNNING;
        }
        if (!failure.isEmpty()) {
            return SourceStatus.Listing.FAILED;
        }
        return isDone ? SourceStatus.Listing.DONE : SourceStatus.Listing.NOT_BEGUN;
    }

    /** Goes on, if it is neither running, nor done, nor has just failed. */
    void start() {
        if (!isDone && !pause.isOn() && isRunning.compareAndSet(false, true)) {
            topic.run(this::step, () -> isRunning.set(false));
        }
    }

    /** Goes on at once, although it has just failed: something was changed. */
    void retry() {
        pause.end();
        if (!failure.isEmpty()) {
            start();
        }
    }

    /** Lists again from the beginning, once what runs is done. */
    void startAgain() {
        isWantedAgain = true;
        isDone = false;
        start();
    }

    /** Lists again if the topic says so and it is time to. */
    void startIfDue() {
        long refreshMs = topic.spec().refreshMs();
        long sinceMs = (logs.nanoClock().getAsLong() - doneAtNanos) / 1_000_000;
        if (refreshMs > 0 && isDone && sinceMs >= refreshMs) {
            startAgain();
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    /** Whatever fails ends the listing, so that it is tried again. */
    private void guarded(Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException | Error failed) {
            stopFor("listing failed", failed);
        }
    }

    private void step() {
        guarded(this::goOnIfOpen);
    }

    private void goOnIfOpen() throws IOException {
        if (topic.isClosed()) {
            isRunning.set(false);
            return;
        }
        goOn();
    }

    private void goOn() throws IOException {
        if (!isBegun) {
            isWantedAgain = false;
            if (isFrozen()) {
                end();
                return;
            }
            begin();
        }
        ObjectPages from = pages;
        while (from != null && found.isEmpty() && from.hasNext()) {
            List<StoredObject> waiting = from.next(found);
            if (!waiting.isEmpty()) {
                appendWaiting(new SourceEntries.Waiting(from.tree(), waiting));
                return;
            }
        }
        if (!found.isEmpty()) {
            appendFound();
        } else if (hasAppended) {
            appendEnd();
        } else {
            finish();
        }
    }

    /** A version of a dataset holds what was listed when it was published, or first after that. */
    private boolean isFrozen() {
        return Versions.isPublished(topic.topic()) && logs.index().state(topic.id()).isComplete();
    }

    private void appendWaiting(SourceEntries.Waiting entry) {
        append(
                entry.encode(),
                () -> {
                    hasAppended = true; // how many wait is part of the listing's end
                    step();
                });
    }

    private void begin() {
        SourceIndex.State state = logs.index().state(topic.id());
        generation = state.isComplete() ? state.generation() + 1 : state.generation();
        objectCount = state.objectCount();
        byteCount = state.byteCount();
        String afterKey = state.lastKey().isEmpty() ? null : state.lastKey();
        hasAppended = !state.isComplete();
        isResumed = afterKey != null;
        found.clear();
        pages = ObjectPages.of(topic, logs, afterKey, generation > 0 || isResumed);
        failure = "";
        isBegun = true;
    }

    private void appendFound() throws IOException {
        SourceSpec spec = topic.spec();
        Rule rule = rule(spec);
        List<ListedObject> objects = takeFound(spec, rule);
        if (objects.isEmpty()) {
            throw new IOException(
                    "object is longer than a record may be: key="
                            + found.element().object().key()
                            + " length="
                            + found.element().length()
                            + " max="
                            + spec.recordLengthMax());
        }
        int step = topic.partitionCount();
        List<SourceEnd> ends = new ArrayList<>();
        for (int i = 0; i < SourceEntries.Objects.endCount(rule, step, objects.size()); i++) {
            ends.add(logs.index().end(topic.id(), (int) ((objectCount + i) % step)));
        }
        SourceEntries.Objects entry =
                new SourceEntries.Objects(
                        rule,
                        step,
                        generation,
                        objectCount,
                        byteCount,
                        spec.recordLengthMax(),
                        objects,
                        ends);
        append(entry.encode(), () -> onAppended(objects));
    }

    private static Rule rule(SourceSpec spec) {
        if (!spec.isListedOnly()) {
            return Rule.SCANNED;
        }
        if (spec.join() != null) {
            return Rule.JOINED;
        }
        return spec.oversize() == SourceSpec.Oversize.SPLIT ? Rule.SPLIT_FILES : Rule.FILES;
    }

    /** What makes one entry; none if the first one ends the topic. */
    private List<ListedObject> takeFound(SourceSpec spec, Rule rule) {
        List<ListedObject> objects = new ArrayList<>();
        long length = 0;
        long records = 0;
        while (!found.isEmpty()) {
            ListedObject next = found.element();
            boolean isLong = rule != Rule.SCANNED && next.length() > spec.recordLengthMax();
            if (isLong && spec.oversize() == SourceSpec.Oversize.FAIL) {
                return objects;
            }
            length += next.encodedLength();
            records += rule == Rule.SPLIT_FILES ? 1 + next.length() / spec.recordLengthMax() : 1;
            boolean isFull = length > ENTRY_LENGTH_MAX || records > ENTRY_RECORDS_MAX;
            if (isFull && !objects.isEmpty()) {
                return objects;
            }
            if (isLong && rule != Rule.SPLIT_FILES) {
                complain(next);
            }
            objects.add(found.remove());
        }
        return objects;
    }

    private void complain(ListedObject leftOut) {
        logs.complaints()
                .error(
                        "object left out, longer than "
                                + SourceSpec.RECORD_MAX_CONFIG
                                + ": topic="
                                + topic.name()
                                + " key="
                                + leftOut.object().key()
                                + " length="
                                + leftOut.length()
                                + " max="
                                + topic.spec().recordLengthMax());
    }

    private void onAppended(List<ListedObject> objects) {
        objectCount += objects.size();
        for (ListedObject object : objects) {
            byteCount += object.length();
        }
        hasAppended = true;
        topic.onIndexed();
        step();
    }

    /** Journals an entry, and goes on when it is durable and applied. */
    private void append(ByteBuffer payload, Runnable whenApplied) {
        logs.append(topic.id(), payload)
                .whenComplete(
                        (done, failed) -> {
                            if (failed == null) {
                                topic.run(
                                        () -> guarded(whenApplied::run),
                                        () -> notJournaled(new RejectedExecutionException()));
                            } else {
                                notJournaled(failed);
                            }
                        });
    }

    private void notJournaled(Throwable failed) {
        stopFor("listing could not be journaled", failed);
    }

    private void appendEnd() {
        long orphans = topic.spec().join() == null ? 0 : logs.index().waitingCount(topic.id());
        append(
                new SourceEntries.GenerationEnd(generation, objectCount, byteCount, orphans)
                        .encode(),
                () -> {
                    hasAppended = false;
                    finish();
                });
    }

    private void finish() {
        LOGGER.info(
                "source listed: topic={} generation={} objects={}",
                topic.name(),
                generation,
                objectCount);
        topic.onIndexed(); // again, in case that somebody could not be told before
        isBegun = false;
        pages = null;
        if (isResumed) {
            step(); // what came before the place where it broke off
            return;
        }
        end();
    }

    private void end() {
        doneAtNanos = logs.nanoClock().getAsLong();
        isDone = true;
        isRunning.set(false);
        topic.onIndexed(); // what stands at the end may know now that it is the end
        if (isWantedAgain) {
            startAgain();
        }
    }

    private void stopFor(String what, Throwable failed) {
        if (!topic.isClosed()) {
            failure = what + ": topic=" + topic.name() + " cause=" + failed;
            logs.complaints().error(failure);
        }
        isBegun = false;
        pages = null;
        found.clear();
        pause.begin();
        isRunning.set(false);
    }
}
