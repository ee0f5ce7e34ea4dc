package io.headrace.kafka.group;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * Who has been in a group since it was placed. One of them who comes back to find it empty was only
 * put out, as who has not polled for too long or whose path was broken is: the group goes on in the
 * version in which he was. A member is known by its id, if it keeps that, and by its connection;
 * after a restart of the server nobody is.
 *
 * <p>Thread-safe.
 */
final class AliasStays {
    /** The longest unused are forgotten first: they are placed anew. */
    private static final int GROUPS_MAX = 10_000;

    /** Of members that come later nobody knows. */
    private static final int NAMES_MAX = 1000;

    /** Characters; who is called longer is not known. */
    private static final int NAME_LENGTH_MAX = 1024;

    private final Map<String, Stay> stays =
            new LinkedHashMap<>(16, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Stay> eldest) {
                    return size() > GROUPS_MAX;
                }
            };

    /** From one placing of a group to the next. */
    private static final class Stay {
        private final Set<String> names = new HashSet<>();
        private final Set<Long> aliases = new HashSet<>();

        /** Whether it may be in any alias: a member subscribes to what there is of a pattern. */
        private boolean isInAny;
    }

    /**
     * The ids of the aliases in which a group stays although it is empty; none if it does not know
     * who comes.
     *
     * @param names by any of which a member is known
     */
    synchronized LongPredicate kept(String group, Set<String> names) {
        Stay stay = stays.get(group);
        if (stay == null || names.stream().noneMatch(stay.names::contains)) {
            return id -> false;
        }
        if (stay.isInAny) {
            return id -> true;
        }
        return Set.copyOf(stay.aliases)::contains;
    }

    /** Whether a group knows who comes. */
    synchronized boolean isKnown(String group, Set<String> names) {
        Stay stay = stays.get(group);
        return stay != null && names.stream().anyMatch(stay.names::contains);
    }

    /**
     * A group was placed because a member came.
     *
     * @param isInAny whether he reads what a pattern matches, now or later
     */
    synchronized void begin(String group, Set<String> names, Set<Long> aliases, boolean isInAny) {
        stays.remove(group);
        join(group, names, aliases, isInAny);
    }

    /**
     * A member has come to a group, or come back.
     *
     * @param isInAny whether he reads what a pattern matches, now or later
     */
    synchronized void join(String group, Set<String> names, Set<Long> aliases, boolean isInAny) {
        boolean isNothing = aliases.isEmpty() && !isInAny && !stays.containsKey(group);
        boolean isLong = names.stream().anyMatch(name -> name.length() > NAME_LENGTH_MAX);
        if (isNothing || isLong || group.length() > NAME_LENGTH_MAX) {
            return;
        }
        Stay stay = stays.computeIfAbsent(group, key -> new Stay());
        stay.isInAny |= isInAny;
        if (stay.names.size() + names.size() <= NAMES_MAX) {
            stay.names.addAll(names);
        }
        if (stay.aliases.size() + aliases.size() <= NAMES_MAX) {
            stay.aliases.addAll(aliases);
        }
    }
}
