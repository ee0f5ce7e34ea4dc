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
    String TOPICS_CONFIG = Views.TOPICS_CONFIG;

    /** Configs that offsets are bound to, so that they stay as they are. */
    List<String> FIXED_CONFIGS =
            List.of(
                    TYPE_CONFIG,
                    TOPICS_CONFIG,
                    ShareSpec.GROUP_CONFIG,
                    ReplaySpec.RANGES_CONFIG,
                    OverlaySpec.PATCH_CONFIG,
                    OrderedSpec.SEED_CONFIG,
                    OrderedSpec.WINDOW_BLOCKS_CONFIG,
                    OrderedSpec.EPOCHS_CONFIG,
                    OrderedSpec.FIRST_EPOCH_UNITS_CONFIG,
                    MixSpec.SIDES_CONFIG,
                    MixSpec.END_CONFIG,
                    MixSpec.SHUFFLE_CONFIG,
                    MixSpec.WEIGHTS_FROM_CONFIG);

    /** What {@link #TYPE_CONFIG} may be. */
    String TYPES =
            String.join(
                    ", ",
                    Views.SHARE,
                    Views.SHUFFLE,
                    Views.MIX,
                    Views.UNION,
                    Views.ALIAS,
                    Views.OVERLAY,
                    Views.REPLAY);

    /** Most topics that a view may be over. */
    int TOPICS_MAX = 1000;

    /** Whether what such a view is pinned to stays as it is, if it is pinned. */
    static boolean isPinKept(Map<String, String> before, Map<String, String> after) {
        String pinned = before.get(OrderedSpec.PINNED_CONFIG);
        return pinned == null || pinned.equals(after.get(OrderedSpec.PINNED_CONFIG));
    }

    /** Whether it is over sources, and nothing else. */
    default boolean isOverSources() {
        return this instanceof OrderedSpec;
    }

    /** Names of the topics that the view is over, in the order in which they are named. */
    List<String> topics();

    /** Names of the topics that have to be there as long as the view is. */
    default List<String> needed() {
        return topics();
    }

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    static ViewSpec of(Map<String, String> configs) {
        String type = configs.getOrDefault(TYPE_CONFIG, "");
        return switch (type) {
            case Views.SHARE -> ShareSpec.of(configs);
            case Views.ALIAS -> AliasSpec.of(configs);
            case Views.OVERLAY -> OverlaySpec.of(configs);
            case Views.REPLAY -> ReplaySpec.of(configs);
            case Views.UNION -> UnionSpec.of(configs);
            case Views.SHUFFLE ->
                    configs.containsKey(MixSpec.SIDES_CONFIG)
                            ? MixSpec.ofShuffled(configs)
                            : ShuffleSpec.of(configs);
            case Views.MIX -> MixSpec.of(configs);
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
