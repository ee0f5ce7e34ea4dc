package io.headrace.kafka.group;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.protocol.Errors;

/**
 * Groups of which some partitions are in the version of an alias in which they should be, and some
 * are not yet: a placing in several commits is under way, or has failed. Nobody joins them before
 * that is whole. Thread-safe.
 */
final class HalfPlacedGroups {
    /** More are not placed: those who join them are told to retry. */
    private static final int GROUPS_MAX = 1000;

    private final Map<String, Set<Long>> aliases = new HashMap<>();

    /**
     * @param aliasIds those in which the group is being placed
     * @throws RuntimeException to be answered, if there are too many groups
     */
    synchronized void put(String group, Set<Long> aliasIds) {
        if (aliases.size() >= GROUPS_MAX && !aliases.containsKey(group)) {
            throw Errors.COORDINATOR_NOT_AVAILABLE.exception();
        }
        aliases.put(group, Set.copyOf(aliasIds));
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
