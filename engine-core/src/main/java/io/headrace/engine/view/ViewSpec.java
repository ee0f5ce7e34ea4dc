package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * What a topic's {@code headrace.view.} configs say.
 *
 * @param topics names of the topics that it is over, in the order in which they are named
 * @param group whose members own the lanes
 * @param windowRecords offsets that a lane is given beyond what is committed, at most
 * @param takeBackMs time without a commit after which what a lane was given is given to others; 0
 *     for never
 */
public record ViewSpec(List<String> topics, String group, long windowRecords, long takeBackMs) {
    /** Topic config: what kind of view it is; {@value #SHARE}. Makes the topic a view. */
    public static final String TYPE_CONFIG = "headrace.view.type";

    /** Topic config: names of the topics that it is over. */
    public static final String TOPICS_CONFIG = "headrace.view.topics";

    /** Topic config: the group among whose members a share view hands out its records. */
    public static final String GROUP_CONFIG = "headrace.view.group";

    /** Topic config: records that a lane is given beyond what its group has committed, at most. */
    public static final String WINDOW_CONFIG = "headrace.view.window.records";

    /**
     * Topic config: time in milliseconds after which a lane that has been given records and commits
     * none has them taken back; 0 for never.
     */
    public static final String TAKE_BACK_CONFIG = "headrace.view.takeback.ms";

    /** The records are handed out among the members of a group. */
    public static final String SHARE = "share";

    /** Configs of views, besides their type. */
    public static final List<String> CONFIGS =
            List.of(TOPICS_CONFIG, GROUP_CONFIG, WINDOW_CONFIG, TAKE_BACK_CONFIG);

    /** Configs that offsets are bound to, so that they stay as they are. */
    public static final List<String> FIXED_CONFIGS =
            List.of(TYPE_CONFIG, TOPICS_CONFIG, GROUP_CONFIG);

    private static final int TOPICS_MAX = 1000;
    private static final long WINDOW_DEFAULT = 1 << 16;

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    public static ViewSpec of(Map<String, String> configs) {
        String type = configs.getOrDefault(TYPE_CONFIG, "");
        if (!type.equals(SHARE)) {
            throw new InvalidConfigException(TYPE_CONFIG, type, SHARE);
        }
        String group = configs.getOrDefault(GROUP_CONFIG, "");
        if (group.isBlank()) {
            throw new InvalidConfigException(
                    GROUP_CONFIG, group, "the group.id of the consumers that share the records");
        }
        return new ViewSpec(
                topics(configs.getOrDefault(TOPICS_CONFIG, "")),
                group,
                number(configs, WINDOW_CONFIG, WINDOW_DEFAULT, 1),
                number(configs, TAKE_BACK_CONFIG, 0, 0));
    }

    private static List<String> topics(String value) {
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

    private static long number(Map<String, String> configs, String key, long absent, long min) {
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
