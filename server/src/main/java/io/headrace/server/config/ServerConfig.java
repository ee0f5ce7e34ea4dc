package io.headrace.server.config;

import io.headrace.engine.Experimental;
import io.headrace.kafka.group.GroupContext;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What the server was told, checked: every value parses, every {@code headrace.} key is known.
 * Immutable.
 */
@Experimental
public final class ServerConfig {
    private static final String OURS = "headrace.";

    /** A typing error is at most so far from what was meant. */
    private static final int SUGGESTION_DISTANCE_MAX = 2;

    private final SortedMap<String, String> settings;
    private final List<String> withoutEffect;

    private ServerConfig(SortedMap<String, String> settings, List<String> withoutEffect) {
        this.settings = settings;
        this.withoutEffect = withoutEffect;
    }

    /**
     * Checks settings.
     *
     * @throws ConfigException at the first bad value or unknown {@code headrace.} key, naming it
     *     and, for a key, the nearest known one
     */
    public static ServerConfig of(Map<String, String> settings) {
        SortedMap<String, String> known = new TreeMap<>();
        List<String> withoutEffect = new ArrayList<>();
        new TreeMap<>(settings)
                .forEach(
                        (name, value) -> {
                            if (isKnown(name, value)) {
                                known.put(name, value);
                            } else if (name.startsWith(OURS)) {
                                throw unknown(name);
                            } else {
                                withoutEffect.add(name);
                            }
                        });
        return new ServerConfig(known, List.copyOf(withoutEffect));
    }

    private static boolean isKnown(String name, String value) {
        for (ConfigKey<?> key : ConfigKeys.ALL) {
            if (key.name().equals(name)) {
                key.parse(value);
                return true;
            }
        }
        return GroupContext.propertyNames().contains(name)
                || ConfigKeys.FAMILIES.stream()
                        .anyMatch(family -> !family.nameWithin(name).isEmpty());
    }

    private static ConfigException unknown(String name) {
        String nearest = nearest(name);
        int chosen = nearest.indexOf('<'); // where a family has the name of the operator's choice
        boolean isNear =
                chosen < 0
                        ? isTypingError(name, nearest)
                        : name.startsWith(nearest.substring(0, chosen));
        return new ConfigException(
                "unknown key: key=" + name + (isNear ? " nearest=" + nearest : ""));
    }

    private static String nearest(String name) {
        return Stream.concat(
                        ConfigKeys.ALL.stream().map(ConfigKey::name),
                        ConfigKeys.FAMILIES.stream().map(ConfigKeys.Family::pattern))
                .min(Comparator.comparingInt(known -> EditDistance.between(known, name)))
                .orElseThrow();
    }

    /** The value of a key: as set, or its default. */
    public <T> T get(ConfigKey<T> key) {
        return key.parse(settings.getOrDefault(key.name(), key.defaultText()));
    }

    /** Whether a key was set. */
    public boolean isSet(ConfigKey<?> key) {
        return settings.containsKey(key.name());
    }

    /** The value of a key that has no fractions and fits an int, by the key's own range. */
    public int intOf(ConfigKey<Long> key) {
        return Math.toIntExact(get(key));
    }

    /**
     * Settings that do nothing here, for one warning: keys of Kafka's without effect, or of nobody.
     */
    public List<String> withoutEffect() {
        return withoutEffect;
    }

    /** The warning about settings without effect, with what was perhaps meant. */
    public String warning() {
        return "keys without effect here: "
                + String.join(
                        ", ", withoutEffect.stream().map(ServerConfig::withSuggestion).toList());
    }

    private static String withSuggestion(String name) {
        String nearest = nearest(name);
        return isTypingError(name, nearest) ? name + " (did you mean " + nearest + "?)" : name;
    }

    private static boolean isTypingError(String name, String meant) {
        return EditDistance.between(meant, name) <= SUGGESTION_DISTANCE_MAX;
    }

    /** Retention time of a topic that says nothing, in milliseconds: the finest of three keys. */
    public long retentionMs() {
        if (isSet(ConfigKeys.LOG_RETENTION_MS)) {
            return get(ConfigKeys.LOG_RETENTION_MS);
        }
        if (isSet(ConfigKeys.LOG_RETENTION_MINUTES)) {
            return scaled(get(ConfigKeys.LOG_RETENTION_MINUTES), 60_000L);
        }
        return scaled(get(ConfigKeys.LOG_RETENTION_HOURS), 3_600_000L);
    }

    private static long scaled(long value, long unitMs) {
        return value < 0 ? -1 : value * unitMs;
    }

    /** The group coordinator's properties by Kafka's names: ours with a default, others if set. */
    public Map<String, String> groupProperties() {
        Map<String, String> properties = new LinkedHashMap<>();
        ConfigKeys.GROUPS.forEach(key -> properties.put(key.name(), Long.toString(get(key))));
        settings.forEach(
                (name, value) -> {
                    if (GroupContext.propertyNames().contains(name)) {
                        properties.put(name, value);
                    }
                });
        return properties;
    }

    /**
     * The settings of one family of keys, by the name that the operator chose: {@code
     * headrace.store.NAME.uri} becomes NAME → {uri → …}.
     *
     * @param prefix {@link ConfigKeys#STORE_PREFIX} or {@link ConfigKeys#POLICY_PREFIX}
     */
    public Map<String, Map<String, String>> named(String prefix) {
        Map<String, Map<String, String>> byName = new LinkedHashMap<>();
        settings.tailMap(prefix)
                .forEach(
                        (key, value) -> {
                            String name = key.startsWith(prefix) ? nameWithin(key) : "";
                            if (!name.isEmpty()) {
                                byName.computeIfAbsent(name, n -> new LinkedHashMap<>())
                                        .put(restOf(key, prefix, name), value);
                            }
                        });
        return byName;
    }

    private static String nameWithin(String key) {
        return ConfigKeys.FAMILIES.stream()
                .map(family -> family.nameWithin(key))
                .filter(name -> !name.isEmpty())
                .findFirst()
                .orElse("");
    }

    private static String restOf(String key, String prefix, String name) {
        return key.substring(prefix.length() + name.length() + 1);
    }
}
