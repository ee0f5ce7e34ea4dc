package io.headrace.engine.view;

import io.headrace.engine.InvalidConfigException;
import java.util.List;
import java.util.Map;

/**
 * What the configs of a share view say.
 *
 * @param topics names of the topics that it is over, in the order in which they are named
 * @param group whose members own the lanes
 * @param windowRecords offsets that a lane is given beyond what is committed, at most
 * @param takeBackMs time without a commit after which what a lane was given is given to others; 0
 *     for never
 */
public record ShareSpec(List<String> topics, String group, long windowRecords, long takeBackMs)
        implements ViewSpec {
    /** Topic config: the group among whose members a share view hands out its records. */
    public static final String GROUP_CONFIG = "headrace.view.group";

    /** Topic config: records that a lane is given beyond what its group has committed, at most. */
    public static final String WINDOW_CONFIG = "headrace.view.window.records";

    /**
     * Topic config: time in milliseconds after which a lane that has been given records and commits
     * none has them taken back; 0 for never.
     */
    public static final String TAKE_BACK_CONFIG = "headrace.view.takeback.ms";

    private static final long WINDOW_DEFAULT = 1 << 16;

    /**
     * The spec in a topic's configs.
     *
     * @throws InvalidConfigException naming the first config that has a value it cannot have
     */
    static ShareSpec of(Map<String, String> configs) {
        String group = configs.getOrDefault(GROUP_CONFIG, "");
        if (group.isBlank()) {
            throw new InvalidConfigException(
                    GROUP_CONFIG, group, "the group.id of the consumers that share the records");
        }
        return new ShareSpec(
                ViewSpec.topics(configs),
                group,
                ViewSpec.number(configs, WINDOW_CONFIG, WINDOW_DEFAULT, 1),
                ViewSpec.number(configs, TAKE_BACK_CONFIG, 0, 0));
    }
}
