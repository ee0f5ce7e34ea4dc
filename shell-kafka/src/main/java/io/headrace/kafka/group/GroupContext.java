package io.headrace.kafka.group;

import io.headrace.engine.Experimental;
import io.headrace.engine.InvalidConfigException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.coordinator.group.GroupCoordinatorConfig;
import org.apache.kafka.coordinator.group.modern.share.ShareGroupConfig;

/**
 * How groups are coordinated, by Kafka's own key names; docs/design/groups.md says why some
 * defaults differ from Kafka's.
 *
 * <p>Set, then {@link #conclude}d once, and not changed afterwards.
 */
@Experimental
public final class GroupContext {
    /** Where our defaults differ from Kafka's. */
    private static final Map<String, String> DEFAULTS =
            Map.ofEntries(
                    Map.entry("offsets.topic.num.partitions", "16"),
                    Map.entry("offsets.topic.replication.factor", "1"),
                    Map.entry("group.coordinator.threads", "1"),
                    Map.entry("group.coordinator.background.threads", "1"),
                    Map.entry("group.initial.rebalance.delay.ms", "100"),
                    Map.entry("group.min.session.timeout.ms", "1000"),
                    Map.entry("group.consumer.heartbeat.interval.ms", "500"),
                    Map.entry("group.consumer.min.heartbeat.interval.ms", "100"),
                    Map.entry("group.consumer.session.timeout.ms", "10000"),
                    Map.entry("group.consumer.min.session.timeout.ms", "1000"),
                    Map.entry("group.consumer.max.heartbeat.interval.ms", "60000"),
                    Map.entry("group.consumer.max.session.timeout.ms", "1800000"),
                    Map.entry("group.consumer.assignment.interval.ms", "0"),
                    Map.entry("group.consumer.assignor.offload.enable", "false"));

    private final Map<String, String> properties = new LinkedHashMap<>();
    private long lostMemberMs = 1_500;
    private long heartbeatHoldMs = 2_500;
    private GroupCoordinatorConfig coordinatorConfig = parse(DEFAULTS);

    /**
     * Sets one property by Kafka's key name, e.g. {@code group.consumer.session.timeout.ms}.
     *
     * @return this
     */
    public GroupContext property(String key, String value) {
        properties.put(key, value);
        return this;
    }

    /**
     * Takes those of many properties that concern groups, and leaves the rest.
     *
     * @return this
     */
    public GroupContext properties(Map<String, String> all) {
        all.forEach(
                (key, value) -> {
                    if (propertyNames().contains(key)) {
                        properties.put(key, value);
                    }
                });
        return this;
    }

    /**
     * How long a member whose connection has closed is waited for beyond the time between two of
     * its heartbeats, in ms; 0 leaves it to its session.
     *
     * @return this
     */
    public GroupContext lostMemberMs(long value) {
        lostMemberMs = value;
        return this;
    }

    /**
     * How long a heartbeat may wait for something to say, at most, in ms: until the group moves,
     * its connection asks for more, or a quarter of a classic member's session or a consumer
     * group's interval is over; those of Java's classic consumers twice as long. 0 answers each at
     * once.
     *
     * @return this
     */
    public GroupContext heartbeatHoldMs(long value) {
        heartbeatHoldMs = value;
        return this;
    }

    /** How long a heartbeat may wait for something to say, in ms. */
    public long heartbeatHoldMs() {
        return heartbeatHoldMs;
    }

    /** How long a member whose connection has closed is waited for, in ms; 0 for its session. */
    public long lostMemberMs() {
        return lostMemberMs;
    }

    /** Kafka's names of the properties that have an effect here. */
    public static Set<String> propertyNames() {
        return GroupCoordinatorConfig.CONFIG_DEF.names();
    }

    /**
     * Checks every value.
     *
     * @return this
     * @throws InvalidConfigException naming the first bad one
     */
    public GroupContext conclude() {
        if (lostMemberMs < 0) {
            throw new InvalidConfigException(
                    "lostMemberMs", Long.toString(lostMemberMs), "at least 0");
        }
        if (heartbeatHoldMs < 0) {
            throw new InvalidConfigException(
                    "heartbeatHoldMs", Long.toString(heartbeatHoldMs), "at least 0");
        }
        for (Map.Entry<String, String> property : properties.entrySet()) {
            ConfigDef.ConfigKey key =
                    GroupCoordinatorConfig.CONFIG_DEF.configKeys().get(property.getKey());
            if (key == null) {
                throw new InvalidConfigException(
                        property.getKey(), property.getValue(), "a property of groups");
            }
        }
        Map<String, String> all = new HashMap<>(DEFAULTS);
        all.putAll(properties);
        try {
            coordinatorConfig = parse(all);
        } catch (ConfigException | IllegalArgumentException e) {
            throw new InvalidConfigException(
                    "group.*", properties.toString(), String.valueOf(e.getMessage()));
        }
        return this;
    }

    private static GroupCoordinatorConfig parse(Map<String, String> all) {
        return GroupCoordinatorConfig.fromProps(all);
    }

    /** What the coordinator takes. */
    GroupCoordinatorConfig coordinatorConfig() {
        return coordinatorConfig;
    }

    /** Share groups are not served yet, but the coordinator wants their configs. */
    ShareGroupConfig shareGroupConfig() {
        ConfigDef both = new ConfigDef(ShareGroupConfig.CONFIG_DEF);
        for (ConfigDef.ConfigKey key : GroupCoordinatorConfig.CONFIG_DEF.configKeys().values()) {
            if (!both.names().contains(key.name)) {
                both.define(key);
            }
        }
        return new ShareGroupConfig(new AbstractConfig(both, Map.of(), false));
    }

    /** Partitions of the offsets topic where it is not there yet. */
    public int offsetsPartitionCount() {
        return coordinatorConfig.offsetsTopicPartitions();
    }
}
