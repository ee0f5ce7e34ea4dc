package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Samples that are sent without their value, because somebody cannot live with it. Immutable. */
public final class SkippedOffsets {
    static final SkippedOffsets NONE = new SkippedOffsets(Map.of());

    /** Name of the header of a record whose value was taken out. */
    static final String HEADER = "headrace.skipped";

    /** Most of them in one topic; they are in its config. */
    private static final int COUNT_MAX = 10_000;

    private static final long[] EMPTY = {};

    /** In order, by partition. */
    private final Map<Integer, long[]> offsets;

    private SkippedOffsets(Map<Integer, long[]> offsets) {
        this.offsets = offsets;
    }

    /**
     * Of a config: a list of {@code PARTITION:OFFSET}.
     *
     * @throws InvalidConfigException if it is none
     */
    static SkippedOffsets of(String value) {
        if (value.isBlank()) {
            return NONE;
        }
        String[] places = value.split(",");
        if (places.length > COUNT_MAX) {
            throw refused(value);
        }
        Map<Integer, long[]> offsets = new HashMap<>();
        for (String place : places) {
            int colon = place.indexOf(':');
            try {
                int partition = Integer.parseInt(place.substring(0, Math.max(0, colon)).trim());
                long offset = Long.parseLong(place.substring(colon + 1).trim());
                if (partition < 0 || offset < 0) {
                    throw refused(value);
                }
                offsets.merge(partition, new long[] {offset}, SkippedOffsets::merged);
            } catch (NumberFormatException notNumbers) {
                throw refused(value);
            }
        }
        offsets.values().forEach(Arrays::sort);
        return new SkippedOffsets(offsets);
    }

    private static long[] merged(long[] some, long[] one) {
        long[] all = Arrays.copyOf(some, some.length + 1);
        all[some.length] = one[0];
        return all;
    }

    private static InvalidConfigException refused(String value) {
        return new InvalidConfigException(
                SourceSpec.SKIP_OFFSETS_CONFIG,
                value,
                "at most " + COUNT_MAX + " of PARTITION:OFFSET, with commas between them");
    }

    /** Those of a partition. */
    Of of(int partition) {
        return new Of(offsets.getOrDefault(partition, EMPTY));
    }

    /** Calls the consumer with each partition and offset that is in one of the two and not both. */
    void forEachDifference(@Nullable SkippedOffsets before, BiConsumer<Integer, Long> consumer) {
        SkippedOffsets other = before == null ? NONE : before;
        forEachNotIn(other, consumer);
        other.forEachNotIn(this, consumer);
    }

    private void forEachNotIn(SkippedOffsets other, BiConsumer<Integer, Long> consumer) {
        offsets.forEach(
                (partition, ofPartition) -> {
                    Of known = other.of(partition);
                    for (long offset : ofPartition) {
                        if (!known.contains(offset)) {
                            consumer.accept(partition, offset);
                        }
                    }
                });
    }

    /** Those of one partition. */
    static final class Of {
        private final long[] offsets;

        private Of(long[] offsets) {
            this.offsets = offsets;
        }

        boolean contains(long offset) {
            return offsets.length > 0 && Arrays.binarySearch(offsets, offset) >= 0;
        }
    }
}
