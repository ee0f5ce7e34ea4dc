package io.headrace.engine.source.cache;

/**
 * A block that is in a file: 32 bytes of heap, and 12 in the map.
 *
 * @param identity as in {@link StoredBlock#identity}; counts only if the block is known
 * @param recordCount records in it
 * @param fileLength bytes of the file
 * @param isKnown whether this process wrote or has verified the file
 */
record DiskBlock(long identity, int recordCount, int fileLength, boolean isKnown)
        implements Extent {}
