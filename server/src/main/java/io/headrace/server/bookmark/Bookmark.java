package io.headrace.server.bookmark;

import io.headrace.kafka.group.GroupPositions.TopicPositions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is kept under a name.
 *
 * @param savedMs when, in milliseconds since 1970
 * @param group whose positions these are; null if it holds none
 * @param positions of that group, as they stood in one moment
 * @param state whatever the training wants to have back; null if it gave none
 */
public record Bookmark(
        BookmarkName name,
        long savedMs,
        @Nullable String group,
        List<TopicPositions> positions,
        @Nullable String state) {

    /** How many partitions have a position. */
    public int partitionCount() {
        return positions.stream().mapToInt(topic -> topic.positions().size()).sum();
    }
}
