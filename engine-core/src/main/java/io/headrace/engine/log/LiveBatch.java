package io.headrace.engine.log;

/**
 * A batch that a sealing pass has found alive.
 *
 * @param entry its index row
 */
record LiveBatch(PartitionKey partition, IndexEntry entry) {}
