package io.headrace.engine.source.cache;

/**
 * A block as the index of its source describes it, and the way to it. Implemented by the source;
 * used by one flight.
 */
public interface StoredBlock {
    /** Offset of its first record. */
    long firstOffset();

    /** Records in it; at least 1. */
    int recordCount();

    /** Bytes that it takes in the store, about what it takes framed. */
    long storedLength();

    /**
     * What distinguishes this block's bytes from all others: a hash of the objects' keys and
     * versions, of the ranges in them, and of how they are framed. May read the index.
     */
    long identity();

    /**
     * Whether it is made from the block before it, so that two of them are not to be loaded at the
     * same time. May read the index.
     */
    boolean isSerial();

    /** Where it is noted how long the store took. */
    LoadTimes loadTimes();

    /**
     * Reads it from the store and frames it. Blocks.
     *
     * @return with one reference, the caller's
     * @throws Exception if the store, the object or the memory is not as it should be
     */
    CachedBlock load() throws Exception;
}
