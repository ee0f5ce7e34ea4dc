package io.headrace.engine.log;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Versions;
import io.headrace.engine.Views;
import io.headrace.engine.view.OverlaySpec;
import io.headrace.engine.view.ViewSpec;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What an overlay may be over. Used by the catalog's thread. */
final class CatalogOverlays {
    private static final String KEEPING =
            "keeping its records: retention.ms=-1, retention.bytes=-1, flush.messages=1 and no"
                    + " compaction";

    private final Function<String, @Nullable Topic> byName;
    private final Predicate<Topic> isCompacted;

    /**
     * @param byName the topic of a name, as it will be
     * @param isCompacted whether compaction has taken records out of what a topic holds
     */
    CatalogOverlays(Function<String, @Nullable Topic> byName, Predicate<Topic> isCompacted) {
        this.byName = byName;
        this.isCompacted = isCompacted;
    }

    /**
     * @throws InvalidConfigException naming the config that says otherwise
     */
    void check(Topic overlay, boolean hasFilter) {
        OverlaySpec spec = (OverlaySpec) ViewSpec.of(overlay.configs());
        if (!hasFilter) {
            throw new InvalidConfigException(
                    ViewSpec.TYPE_CONFIG,
                    Views.OVERLAY,
                    "another, in an engine whose context has no recordFilter");
        }
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
        if (!Versions.keepsRecords(base)) {
            throw new InvalidConfigException(ViewSpec.TOPICS_CONFIG, spec.base(), KEEPING);
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
        Topic patch = byName.apply(spec.patch());
        if (patch == null || patch.storageMode() != StorageMode.PERSISTENT) {
            throw new InvalidConfigException(
                    OverlaySpec.PATCH_CONFIG,
                    spec.patch(),
                    "the name of a persistent topic that exists");
        }
        if (!Versions.keepsRecords(patch)) {
            throw new InvalidConfigException(OverlaySpec.PATCH_CONFIG, spec.patch(), KEEPING);
        }
        checkLimits(spec, base, patch);
        // Whose offsets have holes would look as if records were lost.
        if (spec.pin() == null
                && base.storageMode() == StorageMode.PERSISTENT
                && isCompacted.test(base)) {
            throw new InvalidConfigException(
                    ViewSpec.TOPICS_CONFIG,
                    spec.base(),
                    "a topic whose records were never compacted");
        }
        spec.requirePinOf(base, patch, overlay.configs());
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
        return Versions.keepsRecords(before) && !Versions.keepsRecords(after);
    }
}
