package io.headrace.kafka.group;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * In which version of an alias a group was placed last: what is remembered here can be found out
 * again from what the group has committed, if it has. Thread-safe.
 */
final class AliasPins {
    /** The longest unused are forgotten first. */
    private static final int PINS_MAX = 100_000;

    private final Map<Pin, Integer> ordinals =
            new LinkedHashMap<>(16, 0.75f, true) {
                @Override
                protected boolean removeEldestEntry(Map.Entry<Pin, Integer> eldest) {
                    return size() > PINS_MAX;
                }
            };

    private record Pin(String group, long aliasId) {}

    synchronized void put(String group, long aliasId, int ordinal) {
        ordinals.put(new Pin(group, aliasId), ordinal);
    }

    synchronized @Nullable Integer get(String group, long aliasId) {
        return ordinals.get(new Pin(group, aliasId));
    }
}
