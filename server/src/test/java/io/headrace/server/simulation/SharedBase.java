package io.headrace.server.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A topic below a share view, and what clients know of its offsets. */
final class SharedBase {
    final String name;
    final Map<String, String> configs;

    /** What was acknowledged stays there until it is deleted. */
    final boolean isLasting;

    /** Records have keys, and older ones of a key go. */
    final boolean isKeyed;

    /** What each offset holds, as far as somebody was told; by partition. */
    private final List<TreeMap<Long, SharedRecords.Sent>> partitions = new ArrayList<>();

    SharedBase(String name, Map<String, String> configs, boolean isLasting, boolean isKeyed) {
        this.name = name;
        this.configs = configs;
        this.isLasting = isLasting;
        this.isKeyed = isKeyed;
    }

    TreeMap<Long, SharedRecords.Sent> known(int partition) {
        while (partitions.size() <= partition) {
            partitions.add(new TreeMap<>());
        }
        return partitions.get(partition);
    }
}
