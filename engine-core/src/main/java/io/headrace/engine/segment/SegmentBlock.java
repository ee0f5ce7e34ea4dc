package io.headrace.engine.segment;

/**
 * A stretch of one partition's batches in a segment: what is checked, and may be read, at once.
 *
 * @param offset of its first byte in the file
 * @param length in bytes
 * @param batchCount whole batches in it
 * @param baseOffset of its first record
 * @param lastOffset of its last record, inclusive
 * @param maxTimestampMs highest timestamp of its records, −1 if they have none
 * @param datedMs what its youngest batch dates from
 * @param crc CRC32C of its bytes
 */
public record SegmentBlock(
        long offset,
        int length,
        int batchCount,
        long baseOffset,
        long lastOffset,
        long maxTimestampMs,
        long datedMs,
        int crc) {}
