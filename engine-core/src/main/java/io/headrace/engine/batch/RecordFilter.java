package io.headrace.engine.batch;

import io.headrace.engine.Experimental;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Looks into record batches, for which the engine itself has neither codecs nor a reader: what
 * compaction needs. The Kafka shell has one over Kafka's codecs.
 *
 * <p>Thread-safe. Batches are borrowed from position to limit until the method returns, and left as
 * they were; what is wrong inside of one is an {@link UnreadableBatchException}.
 */
@Experimental
public interface RecordFilter {

    /**
     * Whether a batch may be stored in a compacted topic: each record has a key and the offset that
     * its place in the batch gives it, and together they are, decompressed, no longer than can be
     * read again.
     */
    boolean isCompactable(ByteBuffer batch);

    /** Visits the records in the order of the batch. */
    void forEach(ByteBuffer batch, Visitor visitor);

    /**
     * The batch with only those records that are selected. First and last offset of its header, its
     * epochs, producer and codec stay as they were. If a tombstone is among what stays, and the
     * batch does not say yet when its tombstones may go, it says so.
     *
     * @param deleteHorizonMs when tombstones may go, in milliseconds since 1970
     * @return null if no record is selected; the argument if nothing has changed
     */
    @Nullable ByteBuffer filter(ByteBuffer batch, Selection selection, long deleteHorizonMs);

    /**
     * The batch with its records as they are without a codec, and a header that says so; its
     * checksum is not renewed.
     *
     * @return the argument if it has none
     */
    default ByteBuffer uncompressed(ByteBuffer batch) {
        if (RecordBatch.compression(batch, batch.position()) != 0) {
            throw new UnreadableBatchException("no codec for the batch");
        }
        return batch;
    }

    /** Takes a record. */
    @FunctionalInterface
    interface Visitor {
        /**
         * @param key null if it has none; borrowed until this returns
         */
        void onRecord(long offset, @Nullable ByteBuffer key);
    }

    /** Says which records stay. */
    @FunctionalInterface
    interface Selection {
        /**
         * @param key null if it has none; borrowed until this returns
         * @param hasValue false for a tombstone
         */
        boolean isSelected(long offset, @Nullable ByteBuffer key, boolean hasValue);
    }
}
