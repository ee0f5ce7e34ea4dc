package io.headrace.engine.log;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which partitions below unions have newly risen, and are no backlog, although there is more of
 * them than one go: all of what they had was copied, be it that they had nothing when the union was
 * made. Each has some goes from then on, beside the backlog; what it has beyond these is backlog.
 *
 * <p>Used by the thread that copies.
 */
final class UnionGoes {
    private final int partsMax;
    private final int goesMax;
    private final Map<UnionPart, Integer> left = new LinkedHashMap<>(16, 0.75f, true);

    /** Topics with lower ids may have had records before this was made. */
    private long newSince;

    /** One was forgotten: who is not known may be one that has none left. */
    private boolean isOneForgotten;

    /**
     * @param partsMax partitions that are remembered: the newest
     */
    UnionGoes(int partsMax, int goesMax) {
        this.partsMax = partsMax;
        this.goesMax = goesMax;
    }

    /**
     * @param topicId of the next topic that is made; nothing was asked before
     */
    void begin(long topicId) {
        newSince = topicId;
    }

    /** All of it was copied. */
    void renew(UnionPart part) {
        set(part, goesMax);
    }

    private void set(UnionPart part, int goes) {
        left.put(part, goes);
        if (left.size() > partsMax) {
            left.remove(left.keySet().iterator().next());
            isOneForgotten = true;
        }
    }

    boolean hasAny(UnionPart part) {
        return of(part) > 0;
    }

    /** Takes one; false if there is none left. */
    boolean take(UnionPart part) {
        int goes = of(part);
        if (goes > 0) {
            set(part, goes - 1);
        }
        return goes > 0;
    }

    /** Of a topic that was made after the union, and since the start, there was nothing before. */
    private int of(UnionPart part) {
        Integer goes = left.get(part);
        if (goes != null) {
            return goes;
        }
        boolean isNew = part.topicId() > part.viewId() && part.topicId() >= newSince;
        return isNew && !isOneForgotten ? goesMax : 0;
    }
}
