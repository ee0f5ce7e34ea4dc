package io.headrace.engine.segment;

/**
 * What the batches of one segment have in common.
 *
 * @param mode storage mode of their topics, as in the topic config
 * @param tenant of their topics; empty if there are several
 * @param retentionClass which decides how long they will be there, together
 */
public record SegmentGroup(String mode, String tenant, int retentionClass) {}
