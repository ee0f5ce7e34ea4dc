package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Views;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/** What a topic's {@code headrace.view.} configs say. */
public interface ViewSpec {
    /** Topic config: what kind of view it is. Makes the topic a view. */
    String TYPE_CONFIG = Views.TYPE_CONFIG;

    /** Topic config: names of the topics that it is over. */
    String TOPICS_CONFIG = "headrace.view.topics";

    /** Configs of views of any kind, besides their type. */
    List<String> CONFIGS =
            List.of(
                    TOPICS_CONFIG,
                    ShareSpec.GROUP_CONFIG,
                    ShareSpec.WINDOW_CONFIG,
                    ShareSpec.TAKE_BACK_CONFIG,
                    ReplaySpec.RANGES_CONFIG);

    /** Configs that offsets are bound to, so that they stay as they are. */
    List<String> FIXED_CONFIGS =
            List.of(TYPE_CONFIG, TOPICS_CONFIG, ShareSpec.GROUP_CONFIG, ReplaySpec.RANGES_CONFIG);

    /** What {@link #TYPE_CONFIG} may be. */
    String TYPES = String.join(", ", Views.SHARE, Views.REPLAY, Views.UNION);

    /** Most topics that a view may be over. */
    int TOPICS_MAX = 1000;

    /** Names of the topics that the view is over, in the order in which they are named. */
    List<String> topics();

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    static ViewSpec of(Map<String, String> configs) {
        String type = configs.getOrDefault(TYPE_CONFIG, "");
        return switch (type) {
            case Views.SHARE -> ShareSpec.of(configs);
            case Views.REPLAY -> ReplaySpec.of(configs);
            case Views.UNION -> UnionSpec.of(configs);
            default -> throw new InvalidConfigException(TYPE_CONFIG, type, TYPES);
        };
    }

    /** The topics that are named, each once. */
    static List<String> topics(Map<String, String> configs) {
        String value = configs.getOrDefault(TOPICS_CONFIG, "");
        List<String> names = new ArrayList<>();
        for (String name : value.split(",")) {
            if (!name.isBlank()) {
                names.add(name.trim());
            }
        }
        if (names.isEmpty() || names.size() > TOPICS_MAX) {
            throw new InvalidConfigException(
                    TOPICS_CONFIG, value, "the names of 1 to " + TOPICS_MAX + " topics");
        }
        if (new LinkedHashSet<>(names).size() < names.size()) {
            throw new InvalidConfigException(TOPICS_CONFIG, value, "each topic once");
        }
        return List.copyOf(names);
    }

    /** An integer of at least {@code min}; {@code absent} if the config is not set. */
    static long number(Map<String, String> configs, String key, long absent, long min) {
        String value = configs.get(key);
        if (value == null) {
            return absent;
        }
        try {
            long number = Long.parseLong(value.trim());
            if (number >= min) {
                return number;
            }
        } catch (NumberFormatException ignored) {
            // named below, with the value
        }
        throw new InvalidConfigException(key, value, "an integer of at least " + min);
    }
}
