package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.ReadCallback;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog.CatalogResult;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.engine.source.SourceBlocks.Extent;
import io.headrace.engine.view.OverlayBuild.PatchGoneException;
import io.headrace.engine.view.OverlayMemory.TooLongException;
import io.headrace.engine.view.OverlaySpec.Pin;
import io.headrace.engine.view.OverlaySpec.Span;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A base with the records of a patch in the place of those that have the same keys
 * (docs/design/overlay.md). When it is made it is pinned to what both hold and to a checksum of the
 * patch; whenever somebody reads after that, the patch is read into an {@link OverlayIndex}, and
 * has to have that checksum.
 *
 * <p>Thread-safe; no call blocks. What takes a while runs on {@link ViewSources#assembler}.
 */
final class OverlayView implements DerivedView {
    private static final Logger LOGGER = LoggerFactory.getLogger(OverlayView.class);

    /** Pause between two looks at a base that cannot be pinned yet. */
    private static final long LOOK_MS = 200;

    /** The same after a look that failed. */
    private static final long LOOK_AFTER_FAILURE_MS = 5_000;

    /** After so many looks in a row that failed, the pause is not doubled any more: 5 minutes. */
    private static final int DOUBLINGS_MAX = 6;

    /** After this time without anybody asking, nobody waits any more for the index. */
    private static final long FORGOTTEN_MS = 60_000;

    /** Where another patch needs the room, after this time already. */
    private static final long IDLE_WHERE_FULL_MS = 10_000;

    /** Reads that are begun in a row; then it is the turn of what they need the assembler for. */
    private static final int READS_AT_ONCE = 64;

    /** After this time without a read the index is let go of; it is made again. */
    private static final long IDLE_MS = 600_000;

    /** Reads that wait for the index, at most; who is refused asks again. */
    private static final int READS_MAX = 4096;

    private final ViewSources sources;
    private final OverlayMemory memory;
    private final List<OverlayLog> logs = new ArrayList<>();
    private final AtomicBoolean isStepping = new AtomicBoolean();

    /** A step will follow after a while: there is one such at most. */
    private final AtomicBoolean isStepDue = new AtomicBoolean();

    private volatile Topic topic;
    private volatile OverlaySpec spec;
    private volatile long askedAtMs;
    private volatile boolean isEnded;

    /** Looks in a row that failed; of the one who steps. */
    private int failuresInARow;

    /** What the log says already. */
    private volatile String complaint = "";

    // guarded by this
    private @Nullable OverlayIndex index;
    private final List<Waiting> waiting = new ArrayList<>();

    private record Waiting(Consumer<OverlayIndex> read, ReadCallback whenRead) {}

    OverlayView(ViewSources sources, OverlayMemory memory, Topic topic, OverlaySpec spec) {
        this.sources = sources;
        this.memory = memory;
        this.topic = topic;
        this.spec = spec;
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            logs.add(new OverlayLog(this, partition));
        }
        askedAtMs = sources.elapsedMs();
        memory.add(this);
    }

    Topic topic() {
        return topic;
    }

    boolean isEnded() {
        return isEnded;
    }

    OverlayMemory memory() {
        return memory;
    }

    ViewSources sources() {
        return sources;
    }

    /** What the view has; null as long as that is not decided. */
    @Nullable Pin pin() {
        return spec.pin();
    }

    /** None until the view is pinned: who takes it for empty would lose his place in it. */
    @Override
    public @Nullable PartitionLog log(int partition) {
        if (isEnded || partition < 0 || partition >= logs.size()) {
            return null;
        }
        if (pin() == null) {
            ask();
            return null;
        }
        return logs.get(partition);
    }

    @Override
    public void topic(Topic altered) {
        topic = altered;
        spec = (OverlaySpec) ViewSpec.of(altered.configs());
    }

    /** The log of a partition of the base; null if it is out of reach for a moment. */
    @Nullable PartitionLog base(int partition) {
        Pin pin = pin();
        Topic base = pin == null ? sources.topic(spec.base()) : sources.topic(pin.baseId());
        return base == null ? null : sources.log(base, partition);
    }

    boolean execute(Runnable task) {
        try {
            sources.assembler().execute(task);
            return true;
        } catch (RejectedExecutionException closing) {
            return false;
        }
    }

    /** Somebody wants to read: what that takes is begun, or goes on. */
    void ask() {
        askedAtMs = sources.elapsedMs();
        if (!isStepDue.get() && (pin() == null || !hasIndex())) {
            step();
        }
    }

    private synchronized boolean hasIndex() {
        return index != null;
    }

    /**
     * Has something read once the index is there; it gets a reference, and gives it back.
     *
     * @param whenRead is told if that is not to be
     */
    void whenReady(Consumer<OverlayIndex> read, ReadCallback whenRead) {
        askedAtMs = sources.elapsedMs();
        OverlayIndex ready;
        boolean isRefused = false;
        synchronized (this) {
            ready = index;
            if (ready != null) {
                ready.retain();
            } else {
                isRefused = isEnded || waiting.size() >= READS_MAX;
                if (!isRefused) {
                    waiting.add(new Waiting(read, whenRead));
                }
            }
        }
        if (ready != null) {
            read.accept(ready);
        } else if (isRefused) {
            whenRead.onRead(whyRefused());
        } else {
            ask();
        }
    }

    /** Why a read is not taken, where what takes it is full or is being closed. */
    Unavailable whyRefused() {
        return isEnded ? Unavailable.CLOSED : Unavailable.BUSY;
    }

    /** One step towards the index, and the next one after a while. */
    private void step() {
        if (!isEnded && isStepping.compareAndSet(false, true) && !execute(this::stepHere)) {
            refuseWaiting(whyRefused());
            again(LOOK_AFTER_FAILURE_MS);
        }
    }

    private void stepHere() {
        try {
            if (isEnded || pin() != null && hasIndex()) {
                isStepping.set(false);
                return;
            }
            Pin pin = pin();
            if (pin != null) {
                build(pin.patchId(), pin.patch(), null);
            } else {
                beginPin();
            }
        } catch (RuntimeException | Error failed) {
            failed(failed);
        }
    }

    private Topic required(String name) {
        Topic found = sources.topic(name);
        if (found == null) {
            throw new IllegalStateException("topic below a view is gone: topic=" + name);
        }
        return found;
    }

    /** Decides what the view has, if the base says what that is; looks again after a while else. */
    private void beginPin() {
        Topic base = required(spec.base());
        Topic patch = required(spec.patch());
        List<Span> spans = baseSpans(base);
        if (spans == null) {
            again(LOOK_MS);
        } else {
            build(patch.id(), spans(patch), new Pin(base.id(), spans, patch.id(), 0, List.of()));
        }
    }

    /** What a base holds; nothing if it stays as it is, null if that is not known yet. */
    private @Nullable List<Span> baseSpans(Topic base) {
        if (base.storageMode() == StorageMode.SOURCE) {
            if (Versions.isPublished(base)) {
                return List.of();
            }
            return sourceSpans(base);
        } else if (Views.isOverlay(base)) {
            Pin below = OverlaySpec.of(base.configs()).pin();
            if (below == null) {
                sources.log(base, 0); // has it pinned
                return null;
            }
            return below.base(); // as it may not be found as far as that yet
        }
        return spans(base);
    }

    /** The index may be ahead of the logs: what is not in them yet would be cut off for good. */
    private @Nullable List<Span> sourceSpans(Topic base) {
        Extent extent = sources.sourceBlocks().extent(base);
        if (extent.isComplete()) {
            List<Span> spans = spans(base);
            if (spans.stream().mapToLong(Span::toOffset).sum() == extent.recordCount()) {
                return spans;
            }
        }
        sources.sourceBlocks().index(base);
        return null;
    }

    private List<Span> spans(Topic below) {
        List<Span> spans = new ArrayList<>();
        for (int partition = 0; partition < below.partitionCount(); partition++) {
            PartitionLog log = sources.log(below, partition);
            if (log == null) {
                throw new IllegalStateException(
                        "topic below a view cannot be opened: topic=" + below.name());
            }
            long end = log.highWatermark();
            spans.add(new Span(Math.min(log.logStartOffset(), end), end));
        }
        return spans;
    }

    /**
     * @param unpinned the pin without what the patch is found to hold; null if there is one
     */
    private void build(long patchId, List<Span> spans, @Nullable Pin unpinned) {
        Topic patch = sources.topic(patchId);
        if (patch == null) {
            throw new IllegalStateException("patch of a view is gone: topic=" + spec.patch());
        }
        new OverlayBuild(
                        sources,
                        memory,
                        patch,
                        spans,
                        () -> isEnded,
                        (built, crc, failure) -> built(built, crc, failure, spans, unpinned))
                .run();
    }

    private void built(
            @Nullable OverlayIndex built,
            int crc,
            @Nullable Throwable failure,
            List<Span> spans,
            @Nullable Pin unpinned) {
        if (built == null) {
            failed(failure == null ? new IllegalStateException("no index") : failure);
            return;
        }
        Pin pin = pin();
        if (unpinned == null && (pin == null || pin.patchCrc() != crc)) {
            built.release();
            failed(new PatchGoneException("patch has other records than it was pinned to"));
            return;
        }
        if (unpinned == null) {
            ready(built);
            return;
        }
        Pin made = new Pin(unpinned.baseId(), unpinned.base(), unpinned.patchId(), crc, spans);
        sources.alter(topic.id(), Map.of(OrderedSpec.PINNED_CONFIG, made.toString()))
                .whenComplete((result, refused) -> pinned(built, made, result, refused));
    }

    private void pinned(
            OverlayIndex built, Pin made, @Nullable Object result, @Nullable Throwable failure) {
        if (made.toString().equals(String.valueOf(pin()))) {
            ready(built);
            return;
        }
        built.release();
        failed(
                failure != null
                        ? failure
                        : new IllegalStateException("it cannot be pinned: " + reason(result)));
    }

    private static String reason(@Nullable Object result) {
        return result instanceof CatalogResult refusal ? refusal.message() : "" + result;
    }

    private void ready(OverlayIndex built) {
        LOGGER.info(
                "overlay can be read: topic={} keys={} records={}",
                topic.name(),
                built.keyCount(),
                built.recordCount());
        synchronized (this) {
            if (isEnded) {
                built.release();
                return;
            }
            index = built;
        }
        complaint = "";
        failuresInARow = 0;
        isStepping.set(false);
        beginWaiting();
    }

    /** Begins the reads that waited, a portion at a time: each takes a place in a queue. */
    private void beginWaiting() {
        OverlayIndex ready;
        List<Waiting> reads;
        boolean isAll;
        synchronized (this) {
            ready = index;
            if (ready == null) {
                return; // who ends it refuses them
            }
            List<Waiting> first = waiting.subList(0, Math.min(READS_AT_ONCE, waiting.size()));
            reads = List.copyOf(first);
            first.clear();
            reads.forEach(read -> ready.retain());
            isAll = waiting.isEmpty();
        }
        for (Waiting read : reads) {
            try {
                read.read.accept(ready);
            } catch (RuntimeException | Error failed) { // the others get theirs
                LOGGER.error("a reader of a view failed", failed);
            }
        }
        if (!isAll && !execute(this::beginWaiting)) {
            sources.later(this::beginWaiting, LOOK_MS);
        }
    }

    private void failed(Throwable failure) {
        if (!isEnded) {
            complain("cause=" + failure);
        }
        refuseWaiting(isEnded ? Unavailable.CLOSED : whyNot(failure));
        int doublings = pin() == null ? failuresInARow : 0; // nobody waits for it
        failuresInARow = Math.min(DOUBLINGS_MAX, failuresInARow + 1);
        again(LOOK_AFTER_FAILURE_MS << doublings);
    }

    /** What is gone does not come again, and who asks for it is to know. */
    private static Unavailable whyNot(Throwable failure) {
        if (failure instanceof PatchGoneException) {
            return Unavailable.CORRUPT;
        }
        return failure instanceof TooLongException ? Unavailable.BUSY : Unavailable.STORE_ERROR;
    }

    /** Says each thing once. */
    private void complain(String what) {
        if (!what.equals(complaint)) {
            complaint = what;
            LOGGER.error("overlay cannot be read: topic={} {}", topic.name(), what);
        }
    }

    /** Another step follows: until the view is pinned, and then as long as somebody asks. */
    private void again(long pauseMs) {
        boolean isAwaited = sources.elapsedMs() - askedAtMs < FORGOTTEN_MS;
        if (!isEnded && (isAwaited || pin() == null) && isStepDue.compareAndSet(false, true)) {
            sources.later(
                    this::stepDue, isAwaited ? pauseMs : Math.max(pauseMs, LOOK_AFTER_FAILURE_MS));
        }
        isStepping.set(false);
    }

    private void stepDue() {
        isStepDue.set(false);
        step();
    }

    private void refuseWaiting(Unavailable why) {
        List<Waiting> refused;
        synchronized (this) {
            refused = List.copyOf(waiting);
            waiting.clear();
        }
        for (Waiting read : refused) {
            try {
                read.whenRead.onRead(why);
            } catch (RuntimeException | Error failed) { // the others get theirs
                LOGGER.error("a reader of a view failed", failed);
            }
        }
    }

    @Override
    public void sweep() {
        letGo(IDLE_MS);
    }

    /**
     * Since when nobody has asked, where there is an index that may go; otherwise the end of time.
     */
    long idleSinceMs() {
        long since = askedAtMs;
        return hasIndex() && sources.elapsedMs() - since >= IDLE_WHERE_FULL_MS
                ? since
                : Long.MAX_VALUE;
    }

    /** Another patch needs the room; false if it is not given. */
    boolean makeRoom() {
        return letGo(IDLE_WHERE_FULL_MS);
    }

    private boolean letGo(long idleMs) {
        OverlayIndex idle = null;
        synchronized (this) {
            if (sources.elapsedMs() - askedAtMs >= idleMs && waiting.isEmpty()) {
                idle = index;
                index = null;
            }
        }
        if (idle == null) {
            return false;
        }
        idle.release();
        return true;
    }

    @Override
    public void end() {
        OverlayIndex last;
        synchronized (this) {
            isEnded = true;
            last = index;
            index = null;
        }
        if (last != null) {
            last.release();
        }
        memory.remove(this);
        refuseWaiting(Unavailable.CLOSED);
    }
}
