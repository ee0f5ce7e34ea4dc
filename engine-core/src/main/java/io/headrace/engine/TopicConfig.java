package io.headrace.engine;

import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The topic configs that the engine acts upon, parsed, defaults applied. Names are Kafka's where
 * Kafka has one.
 *
 * @param storageMode {@code headrace.storage.mode}
 * @param retentionMs {@code retention.ms}; −1 keeps for ever
 * @param retentionBytes {@code retention.bytes}, per partition; −1 is without limit
 * @param flushMessages {@code flush.messages}: 1 means that an acks=all answer follows the sync
 * @param flushMs {@code flush.ms}: the longest time that an appended record stays unsynced; {@link
 *     Long#MAX_VALUE} leaves it to the server
 * @param maxMessageBytes {@code max.message.bytes}: largest record batch accepted
 * @param logAppendTime {@code message.timestamp.type=LogAppendTime}
 * @param compact {@code cleanup.policy} contains {@code compact}
 * @param delete {@code cleanup.policy} contains {@code delete}
 * @param spillMs {@code headrace.spill.ms}: window of a hybrid topic, in which what was
 *     acknowledged is written to disk
 * @param memoryBudgetBytes {@code headrace.memory.topic.budget.bytes}: most bytes of memory that a
 *     partition of a memory or hybrid topic holds; −1 for the engine's default
 * @param compaction when a topic with {@code compact} is compacted
 */
@Stable
public record TopicConfig(
        StorageMode storageMode,
        long retentionMs,
        long retentionBytes,
        long flushMessages,
        long flushMs,
        int maxMessageBytes,
        boolean logAppendTime,
        boolean compact,
        boolean delete,
        long spillMs,
        long memoryBudgetBytes,
        CompactionConfig compaction) {

    private static final String CLEANUP_POLICY = "cleanup.policy";
    private static final String SPILL_MS = "headrace.spill.ms";
    private static final String MEMORY_BUDGET = "headrace.memory.topic.budget.bytes";

    /** Longest window: beyond it, a topic is better off in mode memory. */
    private static final long SPILL_MS_MAX = 60_000;

    /** Defaults as Kafka has them, except that we sync before we acknowledge. */
    public static final TopicConfig DEFAULTS =
            new TopicConfig(
                    StorageMode.PERSISTENT,
                    7L * 24 * 3600 * 1000,
                    -1,
                    1,
                    Long.MAX_VALUE,
                    1_048_588,
                    false,
                    false,
                    true,
                    10,
                    -1,
                    CompactionConfig.DEFAULTS);

    private static final String SOURCE_URI = "headrace.source.uri";

    /** Configs of versions of datasets; {@link Versions} checks their values. */
    private static final Set<String> OF_VERSIONS =
            Set.of(
                    Versions.OF_CONFIG,
                    Versions.NAME_CONFIG,
                    Versions.PROTECTED_CONFIG,
                    Versions.PUBLISHED_CONFIG);

    /** Configs of views, besides their type; the view checks their values. */
    private static final Set<String> OF_VIEWS =
            Set.of(
                    Alias.CURRENT_CONFIG,
                    Alias.VERSIONS_CONFIG,
                    Alias.PREVIOUS_CONFIG,
                    "headrace.view.topics",
                    "headrace.view.group",
                    "headrace.view.window.records",
                    "headrace.view.takeback.ms",
                    "headrace.view.ranges",
                    "headrace.view.patch",
                    "headrace.view.seed",
                    "headrace.view.window.blocks",
                    "headrace.view.pinned",
                    "headrace.view.epochs",
                    "headrace.view.first.epoch.units",
                    "headrace.view.end",
                    "headrace.view.sides",
                    "headrace.view.shuffle",
                    "headrace.view.weights.from");

    /** Configs of source topics, besides the URI; the source checks their values. */
    private static final Set<String> OF_SOURCES =
            Set.of(
                    "headrace.source.format",
                    "headrace.source.record.max.bytes",
                    "headrace.source.record.bytes",
                    "headrace.source.parts",
                    "headrace.source.join",
                    "headrace.source.join.required",
                    "headrace.source.oversize",
                    "headrace.source.bad",
                    "headrace.source.skip.offsets",
                    "headrace.source.refresh.ms");

    /**
     * Configs that a topic may carry without any effect on the engine; kept and described as they
     * are.
     */
    private static final Set<String> WITHOUT_EFFECT =
            Set.of(
                    "compression.type",
                    "file.delete.delay.ms",
                    "index.interval.bytes",
                    "message.timestamp.before.max.ms",
                    "message.timestamp.after.max.ms",
                    "min.insync.replicas",
                    "preallocate",
                    "segment.bytes",
                    "segment.index.bytes",
                    "segment.jitter.ms",
                    "segment.ms",
                    "unclean.leader.election.enable",
                    "compression.gzip.level",
                    "compression.lz4.level",
                    "compression.zstd.level",
                    "message.downconversion.enable",
                    "follower.replication.throttled.replicas",
                    "leader.replication.throttled.replicas",
                    "local.retention.bytes",
                    "local.retention.ms",
                    "remote.log.copy.disable",
                    "remote.log.delete.on.disable");

    /**
     * These configs with a topic's own settings applied.
     *
     * @throws InvalidConfigException naming the first key that is unknown or has a value it cannot
     *     have
     */
    public TopicConfig with(Map<String, String> overrides) {
        TopicConfig config = this;
        for (Map.Entry<String, String> override : overrides.entrySet()) {
            config = config.with(override.getKey(), override.getValue());
        }
        config.compaction.checkLags();
        config.checkCompactable();
        config =
                config.with(StorageMode.SOURCE, SOURCE_URI, overrides)
                        .with(StorageMode.VIEW, Views.TYPE_CONFIG, overrides);
        return overrides.containsKey(Versions.OF_CONFIG) ? config.published() : config;
    }

    /**
     * A version keeps what it holds, whatever its configs and the defaults say: all that trims or
     * compacts goes by what is said here.
     */
    private TopicConfig published() {
        return withRetentionMs(-1)
                .withRetentionBytes(-1)
                .withFlushMessages(1)
                .withCleanupPolicy("delete");
    }

    /** What is in memory alone is overwritten from its start, and never written again. */
    private void checkCompactable() {
        if (compact && storageMode == StorageMode.MEMORY) {
            throw new InvalidConfigException(
                    CLEANUP_POLICY, "compact", "delete, in a topic of mode memory");
        }
    }

    /**
     * One config decides that a topic is a source, and one that it is a view. Both it and the mode
     * may be given, if they agree.
     */
    private TopicConfig with(StorageMode mode, String key, Map<String, String> overrides) {
        boolean isGiven = overrides.containsKey(key);
        String asked = overrides.get(StorageMode.CONFIG);
        boolean isOther = storageMode == StorageMode.SOURCE || storageMode == StorageMode.VIEW;
        if (isGiven && storageMode != mode && (asked != null || isOther)) {
            throw new InvalidConfigException(
                    StorageMode.CONFIG,
                    storageMode.configValue(),
                    mode.configValue() + ", as " + key + " is set");
        }
        if (!isGiven && storageMode == mode) {
            throw new InvalidConfigException(
                    key, "", "set, in a topic of mode " + mode.configValue());
        }
        return isGiven ? withStorageMode(mode) : this;
    }

    private TopicConfig with(String key, String value) {
        return switch (key) {
            case StorageMode.CONFIG -> withStorageMode(StorageMode.of(value));
            case "retention.ms" -> withRetentionMs(longOf(key, value, -1));
            case "retention.bytes" -> withRetentionBytes(longOf(key, value, -1));
            case "flush.messages" -> withFlushMessages(longOf(key, value, 1));
            case "flush.ms" -> withFlushMs(longOf(key, value, 0));
            case "max.message.bytes" -> withMaxMessageBytes(intOf(key, value, 0));
            case "message.timestamp.type" -> withLogAppendTime(isLogAppendTime(value));
            case CLEANUP_POLICY -> withCleanupPolicy(value);
            case SPILL_MS -> withSpillMs(spillMsOf(value));
            case MEMORY_BUDGET -> withMemoryBudgetBytes(longOf(key, value, -1));
            case CompactionConfig.DIRTY_RATIO,
                    CompactionConfig.MIN_LAG,
                    CompactionConfig.MAX_LAG,
                    CompactionConfig.DELETE_RETENTION ->
                    withCompaction(compaction.with(key, value));
            default -> {
                if (key.equals(SOURCE_URI)
                        || key.equals(Views.TYPE_CONFIG)
                        || OF_SOURCES.contains(key)
                        || OF_VIEWS.contains(key)
                        || OF_VERSIONS.contains(key)
                        || WITHOUT_EFFECT.contains(key)) {
                    yield this;
                }
                throw new InvalidConfigException(key, value, "a known topic config");
            }
        };
    }

    private static boolean isLogAppendTime(String value) {
        return switch (value) {
            case "LogAppendTime" -> true;
            case "CreateTime" -> false;
            default ->
                    throw new InvalidConfigException(
                            "message.timestamp.type", value, "CreateTime or LogAppendTime");
        };
    }

    private TopicConfig withCleanupPolicy(String value) {
        boolean wantsCompact = false;
        boolean wantsDelete = false;
        for (String policy : value.toLowerCase(Locale.ROOT).split(",")) {
            switch (policy.trim()) {
                case "compact" -> wantsCompact = true;
                case "delete" -> wantsDelete = true;
                case "" -> {}
                default ->
                        throw new InvalidConfigException(
                                CLEANUP_POLICY, value, "a list of compact, delete");
            }
        }
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                wantsCompact,
                wantsDelete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    static long longOf(String key, String value, long min) {
        try {
            long parsed = Long.parseLong(value.trim());
            if (parsed >= min) {
                return parsed;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(key, value, "an integer of at least " + min);
    }

    private static int intOf(String key, String value, int min) {
        long parsed = longOf(key, value, min);
        if (parsed > Integer.MAX_VALUE) {
            throw new InvalidConfigException(key, value, "at most " + Integer.MAX_VALUE);
        }
        return (int) parsed;
    }

    /** Copy with another storage mode. */
    public TopicConfig withStorageMode(StorageMode mode) {
        return new TopicConfig(
                mode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /** Copy with another retention time, in milliseconds; −1 keeps for ever. */
    public TopicConfig withRetentionMs(long ms) {
        return new TopicConfig(
                storageMode,
                ms,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /** Copy with another retention size, in bytes per partition; −1 is without limit. */
    public TopicConfig withRetentionBytes(long bytes) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                bytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /**
     * Copy with another count of records after which a sync follows; 1 syncs before acknowledging.
     */
    public TopicConfig withFlushMessages(long messages) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                messages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /** Copy with another longest time that an appended record stays unsynced, in milliseconds. */
    public TopicConfig withFlushMs(long ms) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                ms,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /** Copy with another largest record batch, in bytes. */
    public TopicConfig withMaxMessageBytes(int bytes) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                bytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    private static long spillMsOf(String value) {
        long ms = longOf(SPILL_MS, value, 1);
        if (ms > SPILL_MS_MAX) {
            throw new InvalidConfigException(SPILL_MS, value, "1 to " + SPILL_MS_MAX);
        }
        return ms;
    }

    /** Copy with another window of hybrid topics, in milliseconds. */
    public TopicConfig withSpillMs(long ms) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                ms,
                memoryBudgetBytes,
                compaction);
    }

    /** Copy with another budget of memory, in bytes per partition; −1 for the engine's default. */
    public TopicConfig withMemoryBudgetBytes(long bytes) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                bytes,
                compaction);
    }

    /** Copy with other rules of when it is compacted. */
    public TopicConfig withCompaction(CompactionConfig rules) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                logAppendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                rules);
    }

    private TopicConfig withLogAppendTime(boolean appendTime) {
        return new TopicConfig(
                storageMode,
                retentionMs,
                retentionBytes,
                flushMessages,
                flushMs,
                maxMessageBytes,
                appendTime,
                compact,
                delete,
                spillMs,
                memoryBudgetBytes,
                compaction);
    }

    /** Whether an acks=all answer follows the sync. */
    public boolean syncsBeforeAcknowledging() {
        return storageMode == StorageMode.VIEW
                || storageMode == StorageMode.PERSISTENT && flushMessages == 1;
    }
}
