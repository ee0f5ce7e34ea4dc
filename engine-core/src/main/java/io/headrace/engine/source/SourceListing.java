package io.headrace.engine.source;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the objects of a source their ordinals: a page of the store's listing becomes a journal
 * entry, and what is durable is applied. A listing that was broken off goes on behind its last key;
 * one that was complete is followed by another, which appends the keys that are new as a generation
 * of their own. So an ordinal never changes its object.
 *
 * <p>Runs in steps on cold threads, one step at a time.
 */
final class SourceListing {
    private static final Logger LOGGER = LoggerFactory.getLogger(SourceListing.class);

    /** Objects per journal entry; what S3 gives in one answer. */
    private static final int PAGE_LIMIT = 1000;

    private final SourceTopic topic;
    private final SourceLogs logs;
    private final Pause pause;
    private final AtomicBoolean isRunning = new AtomicBoolean();

    // of the listing that runs; handed from step to step
    private boolean isBegun;
    private boolean isResumed;
    private int generation;
    private long objectCount;
    private boolean hasAppended;
    private @Nullable String afterKey;
    private volatile boolean isDone;
    private volatile boolean isWantedAgain;

    SourceListing(SourceTopic topic, SourceLogs logs) {
        this.topic = topic;
        this.logs = logs;
        this.pause = new Pause(logs.nanoClock());
    }

    /** Whether this process has listed the source to its end. */
    boolean isDone() {
        return isDone;
    }

    /** Goes on, if it is neither running, nor done, nor has just failed. */
    void start() {
        if (!isDone && !pause.isOn() && isRunning.compareAndSet(false, true)) {
            logs.runCold(this::step, () -> isRunning.set(false));
        }
    }

    /** Lists again from the beginning, once what runs is done. */
    void startAgain() {
        isWantedAgain = true;
        isDone = false;
        start();
    }

    private void step() {
        try {
            if (topic.isClosed()) {
                isRunning.set(false);
                return;
            }
            if (!isBegun) {
                isWantedAgain = false;
                begin();
            }
            appendPage();
        } catch (IOException | RuntimeException failed) {
            stopFor("listing failed", failed);
        }
    }

    private void begin() {
        SourceIndex.State state = logs.index().state(topic.id());
        generation = state.isComplete() ? state.generation() + 1 : state.generation();
        objectCount = state.objectCount();
        afterKey = state.lastKey().isEmpty() ? null : state.lastKey();
        hasAppended = !state.isComplete();
        isResumed = afterKey != null;
        isBegun = true;
    }

    private void appendPage() throws IOException {
        List<StoredObject> found = new ArrayList<>();
        boolean isLast = false;
        while (found.isEmpty() && !isLast) {
            List<StoredObject> page = page();
            isLast = page.size() < PAGE_LIMIT;
            page.stream().filter(this::isWanted).forEach(found::add);
        }
        if (!found.isEmpty()) {
            append(
                    new SourceEntries.Objects(
                                    topic.spec().format(),
                                    topic.partitionCount(),
                                    generation,
                                    objectCount,
                                    found)
                            .encode(),
                    isLast,
                    found.size());
        } else if (hasAppended) {
            append(new SourceEntries.GenerationEnd(generation, objectCount).encode(), true, 0);
        } else {
            finish();
        }
    }

    /** The next page of the object or the folder of objects that the path names. */
    private List<StoredObject> page() throws IOException {
        String path = topic.spec().path();
        List<StoredObject> page = new ArrayList<>();
        if (!path.isEmpty() && afterKey == null) {
            topic.spec().store().list(path, null, 1).stream()
                    .filter(object -> object.key().equals(path))
                    .forEach(page::add);
        }
        String folder = path.isEmpty() ? "" : path + "/";
        String after = path.equals(afterKey) ? null : afterKey;
        page.addAll(topic.spec().store().list(folder, after, PAGE_LIMIT - page.size()));
        if (!page.isEmpty()) {
            afterKey = page.get(page.size() - 1).key();
        }
        return page;
    }

    private boolean isWanted(StoredObject object) {
        if (object.key().endsWith("/")) {
            return false; // the marker of a folder, as some S3 tools leave them
        }
        if (generation > 0 && logs.index().ordinal(topic.id(), object.key()) >= 0) {
            return false;
        }
        if (topic.spec().format() == SourceFormat.FILES
                && object.length() > topic.spec().recordLengthMax()) {
            logs.complaints()
                    .error(
                            "object left out, longer than "
                                    + SourceSpec.RECORD_MAX_CONFIG
                                    + ": topic="
                                    + topic.name()
                                    + " key="
                                    + object.key()
                                    + " length="
                                    + object.length()
                                    + " max="
                                    + topic.spec().recordLengthMax());
            return false;
        }
        return true;
    }

    private void append(ByteBuffer payload, boolean isLast, int count) {
        logs.append(
                topic.id(),
                payload,
                () -> {
                    objectCount += count;
                    hasAppended = count > 0;
                    topic.onIndexed();
                    if (isLast && count == 0) {
                        finish();
                    } else if (isLast) {
                        appendEnd();
                    } else {
                        step();
                    }
                },
                failed -> stopFor("listing could not be journaled", failed));
    }

    private void appendEnd() {
        append(new SourceEntries.GenerationEnd(generation, objectCount).encode(), true, 0);
    }

    private void finish() {
        LOGGER.info(
                "source listed: topic={} generation={} objects={}",
                topic.name(),
                generation,
                objectCount);
        isBegun = false;
        if (isResumed) {
            step(); // what came before the place where it broke off
            return;
        }
        isDone = true;
        isRunning.set(false);
        if (isWantedAgain) {
            startAgain();
        }
    }

    private void stopFor(String what, Throwable failed) {
        if (!topic.isClosed()) {
            logs.complaints().error(what + ": topic=" + topic.name() + " cause=" + failed);
        }
        isBegun = false;
        pause.begin();
        isRunning.set(false);
    }
}
