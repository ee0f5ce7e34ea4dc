package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.engine.Views;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The views of an engine that are in use. Owned by the engine, which calls {@link #sweep} now and
 * then, and {@link #topicDeleted} and {@link #topicAltered} when the catalog has changed.
 * Thread-safe.
 */
public final class ViewLogs implements Views {
    /** Views that have series of their own among the metrics. */
    private static final int METRIC_VIEWS_MAX = 20;

    private final ViewSources sources;
    private final LoadedRecords loaded;
    private final StretchCache stretches;
    private final OverlayMemory patches;
    private final Map<Long, ShareView> shares = new ConcurrentHashMap<>();
    private final Map<Long, DerivedView> derived = new ConcurrentHashMap<>();

    /**
     * @param sources what views are over, and where they run
     */
    public ViewLogs(ViewSources sources) {
        this.sources = sources;
        loaded = new LoadedRecords(sources.loadedLengthMax());
        stretches =
                new StretchCache(
                        sources.stretchesLengthMax(),
                        sources.sourceBlocks(),
                        sources::elapsedMs,
                        () -> derived.values().forEach(DerivedView::resume));
        patches = new OverlayMemory(sources.sourceBlocks(), sources.stretchesLengthMax());
    }

    @Override
    public @Nullable Share share(Topic topic) {
        return Views.isShare(topic) ? view(topic) : null;
    }

    @Override
    public CompletableFuture<UnionStatus> unionStatus(Topic union) {
        return sources.unionStatus(union);
    }

    private ShareView view(Topic topic) {
        ShareView known = shares.get(topic.id());
        if (known != null) {
            return known;
        }
        ShareView view =
                shares.computeIfAbsent(
                        topic.id(),
                        id -> new ShareView(sources, loaded, topic, ShareSpec.of(topic.configs())));
        // Whoever calls may have the topic as it was a while ago.
        Topic current = sources.topic(topic.id());
        if (current == null) {
            topicDeleted(topic.id());
        } else {
            view.topic(current);
        }
        return view;
    }

    private DerivedView derived(Topic topic) {
        DerivedView view =
                derived.computeIfAbsent(
                        topic.id(), id -> open(topic, ViewSpec.of(topic.configs())));
        if (sources.topic(topic.id()) == null) {
            topicDeleted(topic.id());
        }
        return view;
    }

    @Override
    public @Nullable Ordered ordered(Topic topic) {
        return Views.isOrdered(topic) && derived(topic) instanceof Ordered ordered ? ordered : null;
    }

    private DerivedView open(Topic topic, ViewSpec spec) {
        if (spec instanceof ReplaySpec replay) {
            return new ReplayView(sources, topic, replay);
        }
        if (spec instanceof UnionSpec) {
            return new UnionView(sources, topic);
        }
        if (spec instanceof OrderedSpec ordered) {
            return new OrderedView(sources, stretches, topic, ordered);
        }
        if (spec instanceof OverlaySpec overlay) {
            return new OverlayView(sources, patches, topic, overlay);
        }
        throw new IllegalStateException("topic=" + topic.name() + " view=" + spec);
    }

    /** The log of a view's partition as its readers see it; null if it is gone. */
    public @Nullable PartitionLog log(Topic topic, int partition) {
        if (Views.isShare(topic)) {
            return lane(topic, partition);
        }
        return Alias.isAlias(topic)
                ? AliasLog.open(sources, topic, partition)
                : derived(topic).log(partition);
    }

    private @Nullable PartitionLog lane(Topic topic, int lane) {
        PartitionLog references = sources.references(topic, lane);
        return references == null ? null : view(topic).log(lane, references);
    }

    /**
     * There is a view, a new one or one that was there at the start: what it has is decided now,
     * not when somebody reads it.
     */
    public void topicCreated(Topic topic) {
        if (Views.isUnpinnedOverlay(topic) && derived(topic) instanceof OverlayView overlay) {
            overlay.ask();
        }
    }

    /** A view's configs or its number of lanes were altered. */
    public void topicAltered(Topic topic) {
        ShareView view = shares.get(topic.id());
        if (view != null) {
            view.topic(topic);
        }
        DerivedView other = derived.get(topic.id());
        if (other != null) {
            other.topic(topic);
        }
    }

    /** A topic is gone. */
    public void topicDeleted(long topicId) {
        ShareView gone = shares.remove(topicId);
        if (gone != null) {
            gone.end();
        }
        DerivedView other = derived.remove(topicId);
        if (other != null) {
            other.end();
        }
    }

    /** Calls the consumer with the backlog of some views in use, as it was when last asked for. */
    public void forEachMetric(ObjLongConsumer<String> consumer) {
        consumer.accept("headrace_view_stretches_made_total", stretches.madeCount());
        consumer.accept("headrace_view_stretch_bytes", stretches.bytes());
        patches.forEachMetric(consumer);
        consumer.accept("headrace_view_orders_told", ordersTold());
        shares.values().stream()
                .limit(METRIC_VIEWS_MAX)
                .forEach(
                        view -> {
                            Backlog backlog = view.lastBacklog();
                            if (backlog != null) {
                                count(view.topic().name(), backlog, consumer);
                            }
                        });
    }

    /** Views by whose order the caches of their sources go. */
    private long ordersTold() {
        return derived.values().stream()
                .filter(view -> view instanceof OrderedView ordered && ordered.isTold())
                .count();
    }

    private static void count(String topic, Backlog backlog, ObjLongConsumer<String> consumer) {
        String labels = "{topic=\"" + topic + "\"}";
        consumer.accept("headrace_view_uncommitted_records" + labels, backlog.uncommitted());
        consumer.accept("headrace_view_undispatched_records" + labels, backlog.undispatched());
    }

    /** Tries again what failed, and takes back what nobody gets on with. */
    public void sweep() {
        loaded.expire(sources.elapsedMs());
        stretches.sweep();
        shares.values().forEach(ShareView::sweep);
        derived.values().forEach(DerivedView::sweep);
    }

    /** Gives back what is kept for readers; none comes any more. */
    public void close() {
        loaded.close();
        derived.values().forEach(DerivedView::end);
        stretches.close();
    }
}
