package io.headrace.testing.history;

import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Stretches of a log that readers passed over and of which nothing is known, whole pages of them: a
 * crash leaves one where offsets had been reserved. Guarded by the history's lock.
 */
final class Passed {
    /** More than crashes and reserves can make. */
    private static final int STRETCHES_MAX = 100_000;

    /**
     * @param to exclusive
     * @param ns when the last reader passed
     * @param assignment that reader
     * @param isSilent whether it saw one leader epoch before and behind
     */
    record Stretch(long from, long to, long ns, int assignment, boolean isSilent) {}

    private final NavigableMap<Long, Stretch> stretches = new TreeMap<>();

    void add(Stretch stretch) {
        Stretch before = stretches.get(stretch.from);
        if (before == null || before.to <= stretch.to) {
            stretches.put(stretch.from, stretch);
        }
        if (stretches.size() > STRETCHES_MAX) {
            throw new IllegalStateException("too many gaps to remember: " + stretch);
        }
    }

    Iterable<Stretch> all() {
        return stretches.values();
    }

    /** Those that begin before the offset. */
    Iterable<Stretch> startingBefore(long offset) {
        return stretches.headMap(offset).values();
    }

    void dropBefore(long offset) {
        stretches.headMap(offset).values().removeIf(stretch -> stretch.to <= offset);
    }
}
