package io.headrace.engine.log;

/** Names a partition. */
record PartitionKey(long topicId, int partition) {}
