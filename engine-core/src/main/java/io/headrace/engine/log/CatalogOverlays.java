package io.headrace.engine.log;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.engine.spi.MetadataStore;
import io.headrace.engine.view.OverlaySpec;
import io.headrace.engine.view.OverlaySpec.Pin;
import io.headrace.engine.view.OverlaySpec.Span;
import io.headrace.engine.view.ViewSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What an overlay may be over, and what may not lose records as one is over it. Used by the
 * catalog's thread, {@link #isOver} by any.
 */
final class CatalogOverlays {
    private static final String KEEPING =
            "keeping its records: retention.ms=-1, retention.bytes=-1, flush.messages=1 and no"
                    + " compaction";

    private final Function<String, @Nullable Topic> byName;
    private final MetadataStore store;
    private final Predicate<Topic> settles;
    private final OverlaidTopics overlaid = new OverlaidTopics();

    /** Overlays that the group of changes creates or deletes, also in vain. */
    private final Set<Long> drafted = new HashSet<>();

    /**
     * @param byName the topic of a name, as it will be
     * @param settles as {@link ModeChanges#settle}
     */
    CatalogOverlays(
            Function<String, @Nullable Topic> byName,
            MetadataStore store,
            Predicate<Topic> settles) {
        this.byName = byName;
        this.store = store;
        this.settles = settles;
    }

    /** Whether a topic has to keep its records, as an overlay is over it, or is about to be. */
    boolean isOver(long topicId) {
        return overlaid.has(topicId);
    }

    /** There is a view from before the start; not all are overlays. */
    void recovered(Topic view) {
        if (!Views.isOverlay(view)) {
            return;
        }
        OverlaySpec spec = (OverlaySpec) ViewSpec.of(view.configs());
        Topic base = byName.apply(spec.base());
        Topic patch = byName.apply(spec.patch());
        if (base != null && patch != null) {
            overlaid.put(view.id(), base.id(), patch.id());
        }
    }

    /** An overlay will be gone, if the change comes to that. */
    void deleted(Topic overlay) {
        drafted.add(overlay.id());
    }

    /**
     * A group of changes has come to its end, or has failed.
     *
     * @param byId the topic of an id, as it is
     */
    void endGroup(LongFunction<@Nullable Topic> byId) {
        for (long id : drafted) {
            Topic topic = byId.apply(id);
            if (topic == null || !Views.isOverlay(topic)) {
                overlaid.remove(id);
            }
        }
        drafted.clear();
    }

    /**
     * @param before the overlay as it was; null if it is new: from here on what it is over keeps
     *     its records, until {@link #endGroup} finds that it is not there
     * @throws InvalidConfigException naming the config that says otherwise
     */
    void check(Topic overlay, @Nullable Topic before, boolean hasFilter) {
        OverlaySpec spec = (OverlaySpec) ViewSpec.of(overlay.configs());
        if (!hasFilter) {
            throw new InvalidConfigException(
                    ViewSpec.TYPE_CONFIG,
                    Views.OVERLAY,
                    "another, in an engine whose context has no recordFilter");
        }
        Topic base = base(spec, overlay);
        Topic patch = patch(spec);
        if (before == null) {
            requireKeeping(ViewSpec.TOPICS_CONFIG, base);
            requireKeeping(OverlaySpec.PATCH_CONFIG, patch);
        }
        checkLimits(spec, base, patch);
        spec.requirePinOf(base, patch, overlay.configs());
        if (before == null) {
            drafted.add(overlay.id());
            overlaid.put(overlay.id(), base.id(), patch.id());
        }
        if (before == null || Views.isUnpinnedOverlay(before) && spec.pin() != null) {
            checkRecords(overlay, spec, base, patch);
        }
    }

    /** Afterwards it keeps them because the overlay is there. */
    private static void requireKeeping(String key, Topic below) {
        if (!Versions.keepsRecords(below)) {
            throw new InvalidConfigException(key, below.name(), KEEPING);
        }
    }

    private Topic base(OverlaySpec spec, Topic overlay) {
        Topic base = byName.apply(spec.base());
        if (base == null
                || !Views.isOverlay(base)
                        && base.storageMode() != StorageMode.PERSISTENT
                        && base.storageMode() != StorageMode.SOURCE) {
            throw new InvalidConfigException(
                    ViewSpec.TOPICS_CONFIG,
                    spec.base(),
                    "the name of a source, a persistent topic or an overlay that exists; of an"
                            + " alias, name the version");
        }
        if (base.partitionCount() != overlay.partitionCount()) {
            throw new InvalidConfigException(
                    ViewSpec.TOPICS_CONFIG,
                    spec.base(),
                    "a topic with as many partitions as the overlay: base="
                            + base.partitionCount()
                            + " overlay="
                            + overlay.partitionCount());
        }
        return base;
    }

    private Topic patch(OverlaySpec spec) {
        Topic patch = byName.apply(spec.patch());
        if (patch == null || patch.storageMode() != StorageMode.PERSISTENT) {
            throw new InvalidConfigException(
                    OverlaySpec.PATCH_CONFIG,
                    spec.patch(),
                    "the name of a persistent topic that exists");
        }
        return patch;
    }

    /**
     * What was done to the records before they had to stay is in the rows first: a deletion or a
     * pass of compaction that was under way.
     */
    private void checkRecords(Topic overlay, OverlaySpec spec, Topic base, Topic patch) {
        List<PartitionState> ofBase = settled(ViewSpec.TOPICS_CONFIG, base);
        List<PartitionState> ofPatch = settled(OverlaySpec.PATCH_CONFIG, patch);
        // Whose offsets have holes would look as if records were lost.
        if (ofBase.stream().anyMatch(state -> state.thinnedOffset > state.logStartOffset)) {
            throw new InvalidConfigException(
                    ViewSpec.TOPICS_CONFIG,
                    spec.base(),
                    "a topic from which nothing was taken by compaction or a repair");
        }
        Pin pin = spec.pin();
        if (pin != null
                && !(holds(ofPatch, pin.patch())
                        && (base.storageMode() == StorageMode.PERSISTENT
                                ? holds(ofBase, pin.base())
                                : isPinOf(base, pin)))) {
            throw new InvalidConfigException(
                    Views.PINNED_CONFIG,
                    overlay.configs().getOrDefault(Views.PINNED_CONFIG, ""),
                    "left to the server, or offsets that base and patch have");
        }
    }

    /** Of a topic that has no rows of its own, nothing. */
    private List<PartitionState> settled(String key, Topic topic) {
        if (topic.storageMode() != StorageMode.PERSISTENT) {
            return List.of();
        }
        if (!settles.test(topic)) {
            throw new InvalidConfigException(
                    key, topic.name(), "a topic that the index keeps up with, retry");
        }
        List<PartitionState> states = new ArrayList<>();
        for (int partition = 0; partition < topic.partitionCount(); partition++) {
            states.add(PartitionState.decode(store.get(Rows.partitionKey(topic.id(), partition))));
        }
        return states;
    }

    private static boolean holds(List<PartitionState> states, List<Span> spans) {
        if (spans.size() != states.size()) {
            return false;
        }
        for (int i = 0; i < spans.size(); i++) {
            Span span = spans.get(i);
            PartitionState state = states.get(i);
            boolean isThere =
                    span.fromOffset() >= Math.min(state.logStartOffset, state.logEndOffset)
                            && span.toOffset() <= state.logEndOffset;
            if (!isThere) {
                return false;
            }
        }
        return true;
    }

    /** What stays as it is by itself has no offsets in a pin. */
    private static boolean isPinOf(Topic base, Pin pin) {
        if (Views.isOverlay(base)) {
            Pin below = ((OverlaySpec) ViewSpec.of(base.configs())).pin();
            return below != null && below.base().equals(pin.base());
        }
        return Versions.isPublished(base) == pin.base().isEmpty();
    }

    private void checkLimits(OverlaySpec spec, Topic base, Topic patch) {
        requirePartitions(ViewSpec.TOPICS_CONFIG, base);
        requirePartitions(OverlaySpec.PATCH_CONFIG, patch);
        long length =
                OverlaySpec.pinLengthMax(
                        base.storageMode() == StorageMode.SOURCE && Versions.isPublished(base)
                                ? 0
                                : base.partitionCount(),
                        patch.partitionCount());
        if (length > Catalog.CONFIG_LENGTH_MAX) {
            throw new InvalidConfigException(
                    OverlaySpec.PATCH_CONFIG,
                    patch.name(),
                    "a topic with fewer partitions: what an overlay has may take "
                            + length
                            + " characters to say, of "
                            + Catalog.CONFIG_LENGTH_MAX
                            + ", base="
                            + base.partitionCount()
                            + " patch="
                            + patch.partitionCount());
        }
        int depth = 1;
        Topic below = base;
        while (below != null && Views.isOverlay(below)) {
            if (++depth > OverlaySpec.DEPTH_MAX) {
                throw new InvalidConfigException(
                        ViewSpec.TOPICS_CONFIG,
                        spec.base(),
                        "the uppermost of fewer than " + OverlaySpec.DEPTH_MAX + " overlays");
            }
            below = byName.apply(((OverlaySpec) ViewSpec.of(below.configs())).base());
        }
    }

    private static void requirePartitions(String key, Topic topic) {
        if (topic.partitionCount() > OverlaySpec.PARTITIONS_MAX) {
            throw new InvalidConfigException(
                    key,
                    topic.name(),
                    "a topic of at most " + OverlaySpec.PARTITIONS_MAX + " partitions");
        }
    }

    /** Whether a change would have a topic not keep its records any more. */
    static boolean losesRecords(Topic before, Topic after) {
        // It may have kept them by defaults of the server that are others since it was started.
        return !Versions.keepsRecords(after)
                && (Versions.keepsRecords(before) || !isKeptAlike(before, after));
    }

    private static boolean isKeptAlike(Topic before, Topic after) {
        TopicConfig was = before.config();
        TopicConfig is = after.config();
        return was.storageMode() == is.storageMode()
                && was.retentionMs() == is.retentionMs()
                && was.retentionBytes() == is.retentionBytes()
                && was.flushMessages() == is.flushMessages()
                && was.compact() == is.compact();
    }
}
