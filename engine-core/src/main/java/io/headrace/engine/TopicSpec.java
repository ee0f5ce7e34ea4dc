package io.headrace.engine;

import java.util.Map;

/**
 * A topic to be created.
 *
 * @param name 1 to 249 of {@code [a-zA-Z0-9._-]}
 * @param partitionCount at least 1
 * @param configs by name; an unknown {@code headrace.} key or a bad value is refused
 */
@Stable
public record TopicSpec(String name, int partitionCount, Map<String, String> configs) {}
