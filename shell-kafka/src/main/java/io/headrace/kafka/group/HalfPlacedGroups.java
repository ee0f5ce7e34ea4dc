package io.headrace.kafka.group;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Groups of which some partitions are in the version of an alias in which they should be, and some
 * are not yet: a placing in several commits is under way, or has failed. Nobody joins them before
 * that is whole. Thread-safe.
 */
final class HalfPlacedGroups {
    /** Of more, the one that has been so for longest is forgotten, as all are by a kill. */
    private static final int GROUPS_MAX = 1000;

    private final Map<String, Set<Long>> aliases = new LinkedHashMap<>();

    /**
     * @param aliasIds those in which the group is being placed
     */
    synchronized void put(String group, Set<Long> aliasIds) {
        aliases.put(group, Set.copyOf(aliasIds));
        if (aliases.size() > GROUPS_MAX) {
            aliases.remove(aliases.keySet().iterator().next());
        }
    }

    /** It is whole. */
    synchronized void remove(String group) {
        aliases.remove(group);
    }

    synchronized boolean contains(String group) {
        return aliases.containsKey(group);
    }

    /** Ids of the aliases in which a group is half placed, perhaps. */
    synchronized Set<Long> aliases(String group) {
        return aliases.getOrDefault(group, Set.of());
    }
}
