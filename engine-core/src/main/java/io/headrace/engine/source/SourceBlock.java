package io.headrace.engine.source;

/**
 * A stretch of a partition that is loaded, framed and cached as one: some whole objects, or a range
 * of one object's lines.
 *
 * @param topicId of the topic
 * @param partition number
 * @param firstOffset offset of its first record
 * @param recordCount at least 1
 * @param ordinal of its first object; the others follow, each a partition count further
 * @param fromByte first byte of the range ({@code lines}); 0 for whole objects
 * @param toByte end of the range, exclusive ({@code lines}); sum of the lengths for whole objects
 * @param recordLengthMax lines longer than this were left out when the records were counted
 * @param maxTimestampMs highest timestamp of a record in it
 */
record SourceBlock(
        long topicId,
        int partition,
        long firstOffset,
        int recordCount,
        long ordinal,
        long fromByte,
        long toByte,
        int recordLengthMax,
        long maxTimestampMs) {

    long endOffset() {
        return firstOffset + recordCount;
    }

    boolean holds(long offset) {
        return offset >= firstOffset && offset < endOffset();
    }
}
