package io.headrace.engine.source;

/**
 * A stretch of a partition that is loaded, framed and cached as one.
 *
 * @param topicId of the topic
 * @param partition number
 * @param firstOffset offset of its first record
 * @param recordCount at least 1
 * @param kind what its records are made of
 * @param ordinal of its first object; of {@code OBJECTS} and {@code JOINED} the others follow, each
 *     a partition count further
 * @param fromByte first byte of the range, after decompression; 0 for whole objects
 * @param toByte end of the range, exclusive; sum of the lengths for whole objects
 * @param recordLengthMax samples longer than this were left out when the records were counted
 * @param maxTimestampMs highest timestamp of a record in it
 * @param framedLength bytes of its record batches; 0 if they were not framed when it was indexed
 * @param holes ranges of the object that no record has use for, and that are not downloaded
 */
record SourceBlock(
        long topicId,
        int partition,
        long firstOffset,
        int recordCount,
        Kind kind,
        long ordinal,
        long fromByte,
        long toByte,
        int recordLengthMax,
        long maxTimestampMs,
        int framedLength,
        ByteRanges holes) {

    /** What a block's records are made of. The codes are on disk: docs/design/formats.md. */
    enum Kind {
        /** Whole objects, a record each. */
        OBJECTS(1),
        /** Pieces of one object, which is longer than a record may be; a record each. */
        PIECES(2),
        /** Samples of one object, as its format finds them. */
        SAMPLES(3),
        /** Objects that share a stem, a record for each stem. */
        JOINED(4);

        private final byte code;

        Kind(int code) {
            this.code = (byte) code;
        }

        byte code() {
            return code;
        }

        static Kind of(byte code) {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IllegalArgumentException("unknown kind of source block: code=" + code);
        }
    }

    long endOffset() {
        return firstOffset + recordCount;
    }

    boolean holds(long offset) {
        return offset >= firstOffset && offset < endOffset();
    }
}
