package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.source.SourceTable;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the configs of a shuffle view say.
 *
 * @param topics name of the source that it is over
 * @param seed of all permutations
 * @param epochs how often all records come
 * @param windowBlocks consecutive blocks whose records are permuted together
 * @param firstEpochUnits consecutive units that are permuted among themselves in the first epoch,
 *     so that it can be read before all are known; 0 if it is permuted as a whole
 * @param pins how much of the source it has; empty if that is not decided yet
 */
record ShuffleSpec(
        List<String> topics,
        long seed,
        long epochs,
        int windowBlocks,
        int firstEpochUnits,
        List<Pin> pins)
        implements OrderedSpec {
    private static final int EPOCHS_MAX = 1_000_000;

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    static ShuffleSpec of(Map<String, String> configs) {
        List<String> topics = ViewSpec.topics(configs);
        if (topics.size() != 1) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG, topics.toString(), "the name of one topic");
        }
        OrderedSpec.checkUncompressed(configs);
        return new ShuffleSpec(
                topics,
                OrderedSpec.seed(configs),
                OrderedSpec.epochs(configs, EPOCHS_MAX),
                OrderedSpec.windowBlocks(configs),
                OrderedSpec.firstEpochUnits(configs),
                OrderedSpec.pins(configs, topics));
    }

    @Override
    public RecordOrder order(List<SourceTable> tables) {
        return new ShuffleOrder(tables.get(0), seed, windowBlocks, epochs, firstEpochUnits);
    }

    @Override
    public boolean isReadEarly() {
        return firstEpochUnits > 0;
    }

    @Override
    public Beginning beginning(List<SourceTable> tables, @Nullable Beginning known) {
        SourceTable table = tables.get(0);
        return known instanceof FirstRuns shorter
                ? shorter.grown(table)
                : FirstRuns.of(table, seed, windowBlocks, firstEpochUnits);
    }

    @Override
    public long recordCount() {
        return pins.isEmpty() ? 0 : Math.multiplyExact(pins.get(0).recordCount(), epochs);
    }

    /** It is a product. */
    @Override
    public boolean isCountedAtOnce() {
        return true;
    }

    @Override
    public List<String> marks() {
        return List.of();
    }
}
