package io.headrace.engine;

/**
 * When a topic whose {@code cleanup.policy} contains {@code compact} is compacted. Names are
 * Kafka's.
 *
 * @param dirtyRatio {@code min.cleanable.dirty.ratio}: the part of a partition that may wait to be
 *     compacted, 0 to 1
 * @param minLagMs {@code min.compaction.lag.ms}: a record stays for so long at least
 * @param maxLagMs {@code max.compaction.lag.ms}: a record is compacted after that, however little
 *     waits; {@link Long#MAX_VALUE} for never
 * @param deleteRetentionMs {@code delete.retention.ms}: how long a tombstone stays after what it
 *     deleted is gone
 */
@Stable
public record CompactionConfig(
        double dirtyRatio, long minLagMs, long maxLagMs, long deleteRetentionMs) {
    static final String DIRTY_RATIO = "min.cleanable.dirty.ratio";
    static final String MIN_LAG = "min.compaction.lag.ms";
    static final String MAX_LAG = "max.compaction.lag.ms";
    static final String DELETE_RETENTION = "delete.retention.ms";

    /** As Kafka has them. */
    public static final CompactionConfig DEFAULTS =
            new CompactionConfig(0.5, 0, Long.MAX_VALUE, 24L * 3600 * 1000);

    CompactionConfig with(String key, String value) {
        return switch (key) {
            case DIRTY_RATIO ->
                    new CompactionConfig(ratioOf(value), minLagMs, maxLagMs, deleteRetentionMs);
            case MIN_LAG ->
                    new CompactionConfig(
                            dirtyRatio,
                            TopicConfig.longOf(key, value, 0),
                            maxLagMs,
                            deleteRetentionMs);
            case MAX_LAG ->
                    new CompactionConfig(
                            dirtyRatio,
                            minLagMs,
                            TopicConfig.longOf(key, value, 1),
                            deleteRetentionMs);
            case DELETE_RETENTION ->
                    new CompactionConfig(
                            dirtyRatio, minLagMs, maxLagMs, TopicConfig.longOf(key, value, 0));
            default -> throw new IllegalArgumentException("not about compaction: key=" + key);
        };
    }

    private static double ratioOf(String value) {
        try {
            double ratio = Double.parseDouble(value.trim());
            if (ratio >= 0 && ratio <= 1) {
                return ratio;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(DIRTY_RATIO, value, "a number from 0 to 1");
    }

    void checkLags() {
        if (minLagMs > maxLagMs) {
            throw new InvalidConfigException(
                    MIN_LAG, Long.toString(minLagMs), "at most " + MAX_LAG + ", " + maxLagMs);
        }
    }
}
