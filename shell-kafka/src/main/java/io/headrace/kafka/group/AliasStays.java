package io.headrace.kafka.group;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

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
    }

    /**
     * The aliases in which a group stays although it is empty; none if it does not know who comes.
     *
     * @param names by any of which a member is known
     */
    synchronized Set<Long> kept(String group, Set<String> names) {
        Stay stay = stays.get(group);
        return stay != null && names.stream().anyMatch(stay.names::contains)
                ? Set.copyOf(stay.aliases)
                : Set.of();
    }

    /** A group was placed because a member came. */
    synchronized void begin(String group, Set<String> names, Set<Long> aliases) {
        stays.remove(group);
        join(group, names, aliases);
    }

    /** A member has come to a group, or come back. */
    synchronized void join(String group, Set<String> names, Set<Long> aliases) {
        boolean isNothing = aliases.isEmpty() && !stays.containsKey(group);
        boolean isLong = names.stream().anyMatch(name -> name.length() > NAME_LENGTH_MAX);
        if (isNothing || isLong || group.length() > NAME_LENGTH_MAX) {
            return;
        }
        Stay stay = stays.computeIfAbsent(group, key -> new Stay());
        if (stay.names.size() + names.size() <= NAMES_MAX) {
            stay.names.addAll(names);
        }
        if (stay.aliases.size() + aliases.size() <= NAMES_MAX) {
            stay.aliases.addAll(aliases);
        }
    }
}
