package io.headrace.engine.log;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Ids of the topics that overlays are over. Their records stay, from before the overlay is in the
 * catalog until it is not any more; two numbers for each overlay.
 *
 * <p>Changed by the catalog's thread, looked at by any, also under the lock of a log.
 */
final class OverlaidTopics {
    /** How many overlays are over a topic. */
    private final Map<Long, Integer> counts = new ConcurrentHashMap<>();

    private final Map<Long, Below> overlays = new HashMap<>();

    private record Below(long baseId, long patchId) {}

    /** Whether an overlay is over the topic, or is about to be. */
    boolean has(long topicId) {
        return counts.containsKey(topicId);
    }

    /** An overlay is over these, instead of those that were said before. */
    void put(long overlayId, long baseId, long patchId) {
        count(baseId, 1);
        count(patchId, 1);
        uncount(overlays.put(overlayId, new Below(baseId, patchId)));
    }

    /** There is no such overlay any more. */
    void remove(long overlayId) {
        uncount(overlays.remove(overlayId));
    }

    private void uncount(@Nullable Below below) {
        if (below != null) {
            count(below.baseId, -1);
            count(below.patchId, -1);
        }
    }

    private void count(long topicId, int change) {
        counts.merge(
                topicId, change, (before, added) -> before + added == 0 ? null : before + added);
    }
}
