package io.headrace.engine.segment;

import java.util.List;

/**
 * All batches of one partition in a segment, one behind the other.
 *
 * @param topicName when it was sealed
 * @param blocks in order of offset, at least one
 */
public record SegmentRun(
        long topicId, String topicName, int partition, List<SegmentBlock> blocks) {}
