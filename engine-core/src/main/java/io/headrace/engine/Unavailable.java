package io.headrace.engine;

/** Why a read returned no bytes. */
@Stable
public enum Unavailable implements ReadResult {
    /** The offset is at the high watermark, or between it and the log end: wait for it. */
    CAUGHT_UP,
    /** The bytes are not in memory: {@link PartitionLog#readCold} loads them. */
    COLD,
    /** Below the log start offset, or beyond the log end offset. */
    OFFSET_OUT_OF_RANGE,
    /**
     * The stored bytes fail their checksum; the log names file and position. They are never served.
     */
    CORRUPT,
    /** As {@link #CORRUPT}, but a repair has cut them out, and no record follows them yet. */
    CUT_OUT,
    /** An object of a source is no longer what was indexed; the log names both versions. */
    SOURCE_CHANGED,
    /** The store did not answer; retry. */
    STORE_ERROR,
    /** Too many reads wait, or there is no memory for this one now; retry. */
    BUSY,
    /** This log is no longer in use, or the topic is gone; ask the engine again. */
    CLOSED;

    @Override
    public void close() {}
}
