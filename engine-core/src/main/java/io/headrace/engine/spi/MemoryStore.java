package io.headrace.engine.spi;

import io.headrace.engine.Experimental;
import io.headrace.engine.ReadResult;
import java.nio.ByteBuffer;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory under one budget: the logs of memory topics, and slabs for whoever loads bytes.
 *
 * <p>Thread-safe. Every byte is counted under a tag.
 */
@Experimental
public interface MemoryStore extends AutoCloseable {

    /**
     * A new, empty log.
     *
     * @param startOffset its log start and log end offset
     * @param budgetBytes most bytes that this log may hold; the oldest are overwritten beyond it
     */
    MemoryLog openLog(long startOffset, long budgetBytes);

    /**
     * A slab of at least {@code length} bytes with one reference, or null if the budget does not
     * allow it now (after dropping what may be dropped).
     *
     * @param tag what it is for; a constant
     */
    @Nullable Slab allocate(int length, String tag);

    /** Most bytes this store will hold. */
    long budgetBytes();

    /** Bytes in use by tag. */
    void forEachTag(ObjLongConsumer<String> consumer);

    /** Frees all memory. Every lease and slab must have been closed. */
    @Override
    void close();

    /** A log in memory. Appends by one thread at a time (the owner's lock); reads by any thread. */
    interface MemoryLog extends AutoCloseable {
        /** {@link #append}: the budget is exhausted and nothing can be dropped; retry shortly. */
        long BACK_PRESSURED = -1;

        /** {@link #keepFrom}: nothing is kept, the oldest may always be dropped for the newest. */
        long NOTHING_KEPT = Long.MAX_VALUE;

        /**
         * Copies a record batch to the end of the log, with base offset {@link #logEndOffset} and
         * the leader epoch set in the copy. The buffer is borrowed and left as it was.
         *
         * @param nowMs milliseconds since 1970; what {@link #dropOlderThan} goes by where the batch
         *     has no timestamp, or a later one
         * @return the base offset, or {@link #BACK_PRESSURED}
         */
        long append(ByteBuffer batch, int leaderEpoch, long nowMs);

        /**
         * Reads whole batches from the one that holds the offset, at least one if there is any; of
         * those that end at or below {@code endOffset}. Never {@code COLD}.
         */
        ReadResult read(long fromOffset, int lengthMax, long endOffset);

        /** As {@link #read(long, int, long)}, up to the log's end. */
        default ReadResult read(long fromOffset, int lengthMax) {
            return read(fromOffset, lengthMax, Long.MAX_VALUE);
        }

        /**
         * Has everything from an offset on kept: it is not dropped to make room, for its age, or
         * when {@link #dropBefore} is called; an append that finds no room is refused instead. When
         * this returns, nothing of it is being dropped. {@link #NOTHING_KEPT} at first.
         */
        void keepFrom(long offset);

        /**
         * An offset at or behind this one, before which no batch has a timestamp that reaches the
         * target: where a look for one goes on. Takes a look at each slab, and at no batch.
         */
        long firstReaching(long fromOffset, long timestampMs);

        /** First offset held. */
        long logStartOffset();

        /** Offset of the next record. */
        long logEndOffset();

        /** Drops what lies wholly below an offset, and moves the log start offset there. */
        void dropBefore(long offset);

        /**
         * Drops slabs whose newest batch dates from before this; returns the new log start offset.
         */
        long dropOlderThan(long timestampMs);

        /** Changes the budget. */
        void budgetBytes(long bytes);

        /** Bytes in use. */
        long bytes();

        /** Drops everything; open leases stay readable until they are closed. */
        @Override
        void close();
    }

    /** A stretch of memory with a reference count. */
    interface Slab {
        /**
         * The bytes, from index 0; a fresh duplicate may be taken. Not to be used after the last
         * release.
         */
        ByteBuffer buffer();

        /** Adds a reference; false if the count had reached zero already. */
        boolean retain();

        /** Gives one back; the last one frees the memory. */
        void release();
    }
}
