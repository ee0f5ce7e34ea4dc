package io.headrace.engine;

import java.util.Map;

/**
 * A topic as the catalog has it: immutable; a change makes a new {@code Topic} of the same id.
 *
 * @param id unique over the engine's life, never reused, positive
 * @param name 1 to 249 of {@code [a-zA-Z0-9._-]}
 * @param partitionCount at least 1
 * @param configs what was set on the topic itself, by name; defaults are not in here
 * @param config all configs that the engine acts upon, defaults applied
 * @param journal the data journal of the topic's partitions
 */
@Stable
public record Topic(
        long id,
        String name,
        int partitionCount,
        Map<String, String> configs,
        TopicConfig config,
        int journal) {

    /** Where this topic's bytes live. */
    public StorageMode storageMode() {
        return config.storageMode();
    }
}
