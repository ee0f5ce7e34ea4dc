package io.headrace.engine.source;

/**
 * Where the index of a partition ends.
 *
 * @param offset of the next record
 * @param ordinal of the object that it comes from, or of a later one
 * @param fromByte first byte of that object that was not counted yet
 */
record SourceEnd(long offset, long ordinal, long fromByte) {}
