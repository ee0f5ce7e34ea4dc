package io.headrace.engine;

import java.nio.ByteBuffer;

/**
 * Record batches that may be read until {@link #close}: whole batches, in offset order, in one or
 * more slices.
 *
 * <p>Used and closed by one thread at a time; a hand-over between threads must happen-before.
 * Overwriting, retention and deletion never touch leased bytes. A slice must not be used after
 * {@code close()}: the memory behind it may be unmapped.
 */
@Stable
public non-sealed interface RecordsLease extends ReadResult {

    /** How many slices there are; at least 1, at most {@link #SLICE_COUNT_MAX}. */
    int sliceCount();

    /**
     * One slice: a direct buffer whose position to limit are the bytes. The buffer object is the
     * lease's; its position and limit must not be changed (take a duplicate).
     */
    ByteBuffer slice(int index);

    /** Sum of the slices' lengths, in bytes. */
    int length();

    /** First offset after the last batch: where the next read goes on. */
    long nextOffset();

    /**
     * What is to be added to the base offset of each batch of a slice: not 0 where the batches are
     * another log's, shown by a view with offsets of its own. Who hands batches on sets this and
     * the {@link #leaderEpoch}, which the checksum does not cover.
     */
    default long offsetShift(int index) {
        return 0;
    }

    /** Leader epoch of the batches of a slice; −1 for those that they have. */
    default int leaderEpoch(int index) {
        return -1;
    }

    /**
     * Journals interleave topics, so that a batch may be a slice of its own; a lease has at most so
     * many.
     */
    int SLICE_COUNT_MAX = 512;
}
