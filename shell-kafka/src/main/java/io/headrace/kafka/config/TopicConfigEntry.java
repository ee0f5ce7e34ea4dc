package io.headrace.kafka.config;

import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigSource;
import org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigType;
import org.jspecify.annotations.Nullable;

/**
 * One config of a topic as clients see it.
 *
 * @param name its name
 * @param type what its value is
 * @param ofEngine the value where the engine acts upon it; null where it only keeps it
 * @param defaultValue what it is where nobody said anything
 */
record TopicConfigEntry(
        String name,
        ConfigType type,
        @Nullable Function<TopicConfig, String> ofEngine,
        String defaultValue) {

    private static final String FOR_EVER = Long.toString(Long.MAX_VALUE);

    /** Configs of sources that are lists; shown only on topics that have them. */
    private static final Set<String> SOURCE_LISTS =
            Set.of(
                    "headrace.source.join",
                    "headrace.source.join.required",
                    "headrace.source.parts",
                    "headrace.source.skip.offsets");

    private static final Map<String, TopicConfigEntry> ENTRIES = entries();

    private static Map<String, TopicConfigEntry> entries() {
        Map<String, TopicConfigEntry> entries = new LinkedHashMap<>();
        addOfEngine(entries);
        addKept(entries);
        return entries;
    }

    private static void addOfEngine(Map<String, TopicConfigEntry> entries) {
        active(entries, StorageMode.CONFIG, ConfigType.STRING, c -> c.storageMode().configValue());
        active(entries, "cleanup.policy", ConfigType.LIST, TopicConfigEntry::cleanupPolicy);
        active(entries, "retention.ms", ConfigType.LONG, c -> "" + c.retentionMs());
        active(entries, "retention.bytes", ConfigType.LONG, c -> "" + c.retentionBytes());
        active(entries, "flush.messages", ConfigType.LONG, c -> "" + c.flushMessages());
        active(entries, "flush.ms", ConfigType.LONG, c -> "" + c.flushMs());
        active(entries, "headrace.spill.ms", ConfigType.LONG, c -> "" + c.spillMs());
        active(
                entries,
                "headrace.memory.topic.budget.bytes",
                ConfigType.LONG,
                c -> "" + c.memoryBudgetBytes());
        active(entries, "max.message.bytes", ConfigType.INT, c -> "" + c.maxMessageBytes());
        active(
                entries,
                "delete.retention.ms",
                ConfigType.LONG,
                c -> "" + c.compaction().deleteRetentionMs());
        active(
                entries,
                "max.compaction.lag.ms",
                ConfigType.LONG,
                c -> "" + c.compaction().maxLagMs());
        active(
                entries,
                "min.cleanable.dirty.ratio",
                ConfigType.DOUBLE,
                c -> "" + c.compaction().dirtyRatio());
        active(
                entries,
                "min.compaction.lag.ms",
                ConfigType.LONG,
                c -> "" + c.compaction().minLagMs());
        active(
                entries,
                "message.timestamp.type",
                ConfigType.STRING,
                c -> c.logAppendTime() ? "LogAppendTime" : "CreateTime");
    }

    private static String cleanupPolicy(TopicConfig config) {
        List<String> policies = new ArrayList<>(2);
        if (config.compact()) {
            policies.add("compact");
        }
        if (config.delete()) {
            policies.add("delete");
        }
        return String.join(",", policies);
    }

    /** Defaults are those of Kafka's documentation, version 4.4. */
    private static void addKept(Map<String, TopicConfigEntry> entries) {
        kept(entries, "compression.type", ConfigType.STRING, "producer");
        kept(entries, "compression.gzip.level", ConfigType.INT, "-1");
        kept(entries, "compression.lz4.level", ConfigType.INT, "9");
        kept(entries, "compression.zstd.level", ConfigType.INT, "3");
        kept(entries, "file.delete.delay.ms", ConfigType.LONG, "60000");
        kept(entries, "follower.replication.throttled.replicas", ConfigType.LIST, "");
        kept(entries, "index.interval.bytes", ConfigType.INT, "4096");
        kept(entries, "leader.replication.throttled.replicas", ConfigType.LIST, "");
        kept(entries, "local.retention.bytes", ConfigType.LONG, "-2");
        kept(entries, "local.retention.ms", ConfigType.LONG, "-2");
        kept(entries, "message.timestamp.after.max.ms", ConfigType.LONG, "3600000");
        kept(entries, "message.timestamp.before.max.ms", ConfigType.LONG, FOR_EVER);
        kept(entries, "min.insync.replicas", ConfigType.INT, "1");
        kept(entries, "preallocate", ConfigType.BOOLEAN, "false");
        kept(entries, "remote.log.copy.disable", ConfigType.BOOLEAN, "false");
        kept(entries, "remote.log.delete.on.disable", ConfigType.BOOLEAN, "false");
        kept(entries, "segment.bytes", ConfigType.INT, "1073741824");
        kept(entries, "segment.index.bytes", ConfigType.INT, "10485760");
        kept(entries, "segment.jitter.ms", ConfigType.LONG, "0");
        kept(entries, "segment.ms", ConfigType.LONG, "604800000");
        kept(entries, "unclean.leader.election.enable", ConfigType.BOOLEAN, "false");
    }

    private static void active(
            Map<String, TopicConfigEntry> entries,
            String name,
            ConfigType type,
            Function<TopicConfig, String> ofEngine) {
        String defaultValue = ofEngine.apply(TopicConfig.DEFAULTS);
        entries.put(name, new TopicConfigEntry(name, type, ofEngine, defaultValue));
    }

    private static void kept(
            Map<String, TopicConfigEntry> entries,
            String name,
            ConfigType type,
            String defaultValue) {
        entries.put(name, new TopicConfigEntry(name, type, null, defaultValue));
    }

    /**
     * Every config of a topic: the known ones in a fixed order, then what else was set on it.
     *
     * @param topic to describe
     */
    static List<TopicConfigEntry> of(Topic topic) {
        List<TopicConfigEntry> all = new ArrayList<>(ENTRIES.values());
        for (String name : topic.configs().keySet()) {
            if (!ENTRIES.containsKey(name)) {
                ConfigType type = isList(name) ? ConfigType.LIST : ConfigType.STRING;
                all.add(new TopicConfigEntry(name, type, null, ""));
            }
        }
        return all;
    }

    /** Whether the value is a list, to which one may append. */
    static boolean isList(String name) {
        TopicConfigEntry entry = ENTRIES.get(name);
        return entry == null ? SOURCE_LISTS.contains(name) : entry.type == ConfigType.LIST;
    }

    /** The value in force for a config name; empty if the name is unknown and nothing was set. */
    static String value(Topic topic, String name) {
        TopicConfigEntry entry = ENTRIES.get(name);
        return entry == null ? topic.configs().getOrDefault(name, "") : entry.value(topic);
    }

    /** The value in force. */
    String value(Topic topic) {
        String own = topic.configs().get(name);
        if (own != null) {
            return own;
        }
        return ofEngine == null ? defaultValue : ofEngine.apply(topic.config());
    }

    /** Where the value in force was set. */
    ConfigSource source(Topic topic) {
        if (topic.configs().containsKey(name)) {
            return ConfigSource.TOPIC_CONFIG;
        }
        return value(topic).equals(defaultValue)
                ? ConfigSource.DEFAULT_CONFIG
                : ConfigSource.STATIC_BROKER_CONFIG;
    }
}
