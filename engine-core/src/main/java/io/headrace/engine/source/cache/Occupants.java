package io.headrace.engine.source.cache;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * The partitions that have blocks in a tier. Who looks for a victim looks at all of them while they
 * are few, and at some drawn by lot when they are many: the best of thirty-two is on average among
 * the worst three in a hundred, and an order of all partitions by next use would have to be kept up
 * whenever any reader moves. Thread-safe.
 */
final class Occupants {
    private static final int SAMPLE_COUNT = 32;

    private final List<PartitionBlocks> partitions = new ArrayList<>();
    private final Map<PartitionBlocks, Integer> indexes = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(1);

    synchronized void add(PartitionBlocks partition) {
        if (indexes.putIfAbsent(partition, partitions.size()) == null) {
            partitions.add(partition);
        }
    }

    synchronized void remove(PartitionBlocks partition) {
        Integer index = indexes.remove(partition);
        if (index == null) {
            return;
        }
        PartitionBlocks last = partitions.remove(partitions.size() - 1);
        if (last != partition) {
            partitions.set(index, last);
            indexes.put(last, index);
        }
    }

    /** Calls the consumer with each, or with a sample. */
    synchronized void sample(Consumer<PartitionBlocks> consumer) {
        int count = partitions.size();
        if (count <= SAMPLE_COUNT) {
            partitions.forEach(consumer);
            return;
        }
        for (int i = 0; i < SAMPLE_COUNT; i++) {
            consumer.accept(partitions.get(random.nextInt(count)));
        }
    }

    synchronized List<PartitionBlocks> all() {
        return new ArrayList<>(partitions);
    }
}
