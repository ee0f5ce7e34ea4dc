package io.headrace.engine;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The log of one partition: record batches with dense offsets, until compaction makes holes.
 *
 * <p>Thread-safe. Appending runs on the caller's thread under the lock of the partition's journal
 * shard (or the memory log's own lock), and copies the batch once. Offsets number records; lengths
 * are bytes.
 */
@Stable
public interface PartitionLog {

    /** {@link #append}: the engine is behind with its projection; retry shortly. */
    long BACK_PRESSURED = -1;

    /**
     * {@link #append}: this object is no longer in use, or the topic is gone; ask the engine again.
     */
    long CLOSED = -2;

    /** {@link #append}: the disk's reserve is reached; retry when there is space again. */
    long OUT_OF_SPACE = -3;

    /** {@link #append}: the topic takes no records. */
    long READ_ONLY = -4;

    /** {@link #append}: not a sound v2 record batch (magic, length, CRC32C, record count). */
    long CORRUPT_BATCH = -5;

    /** {@link #append}: longer than {@code max.message.bytes}. */
    long BATCH_TOO_LARGE = -6;

    /** {@link #append}: an idempotent producer's sequence does not follow its last one. */
    long OUT_OF_ORDER_SEQUENCE = -7;

    /** {@link #append}: the producer epoch is older than one already seen. */
    long INVALID_PRODUCER_EPOCH = -8;

    /**
     * {@link #append}: a keyless record on a compacted topic, or a record the topic's configs
     * refuse.
     */
    long INVALID_RECORD = -9;

    /** The topic as it was when this log was activated or last altered. */
    Topic topic();

    /** Partition number within the topic. */
    int partition();

    /**
     * The log as a reader at this offset sees it: this one, unless what the topic shows depends on
     * where the reader is, as with an {@link Alias}. What it is asked for has to be within the same
     * part.
     */
    default PartitionLog at(long offset) {
        return this;
    }

    /** First offset that can be read. */
    long logStartOffset();

    /** Records below this offset are safe as the topic's mode promises, and may be read. */
    long highWatermark();

    /** Offset that the next record will get. */
    long logEndOffset();

    /**
     * Offset behind the last record: {@link #logEndOffset}, unless offsets behind it are skipped
     * because they may have been used before a crash or a restore. The high watermark gets there.
     */
    default long recordsEndOffset() {
        return logEndOffset();
    }

    /**
     * Appends one record batch and returns its base offset, or a negative status (constants above).
     *
     * <p>The buffer is borrowed from position to limit; position and limit are left as they were,
     * the bytes too, except that base offset and leader epoch are set in the copy. A batch that an
     * idempotent producer sent before is not appended again: its first base offset is returned.
     *
     * <p>What was appended is acknowledged as the mode promises once {@link #highWatermark} is
     * beyond its last offset: see {@link #onHighWatermark}.
     *
     * @param appendTimeMs timestamp of all records if {@code message.timestamp.type=LogAppendTime}
     */
    long append(ByteBuffer batch, long appendTimeMs);

    /**
     * Most bytes of a batch that {@link #append} takes: what the topic's config says, or less where
     * a journal file has no room for that.
     */
    default int batchLengthMax() {
        return topic().config().maxMessageBytes();
    }

    /** As {@link #append(ByteBuffer, long)}, at this time. */
    default long append(ByteBuffer batch) {
        return append(batch, System.currentTimeMillis());
    }

    /**
     * Reads whole record batches from the one that holds {@code fromOffset}, below the high
     * watermark.
     *
     * <p>Never blocks: bytes that are not in memory answer {@link Unavailable#COLD}, and {@link
     * #readCold} fetches them.
     *
     * @param lengthMax stop before this many bytes, but return at least one batch
     */
    ReadResult read(long fromOffset, int lengthMax);

    /**
     * As {@link #read}, for bytes that have to be loaded first. The result is handed over to the
     * callback, on a thread of the engine's; who receives it closes it.
     */
    void readCold(long fromOffset, int lengthMax, ReadCallback whenRead);

    /**
     * Calls {@code wake} once, as soon as the high watermark is at or beyond {@code offset}, or the
     * log is closed: at once on this thread if it already is, later on a thread of the engine's
     * otherwise. The callback must not block.
     */
    void onHighWatermark(long offset, Runnable wake);

    /** Takes back a callback that was not yet called; does nothing if it was. */
    void cancel(Runnable wake);

    /**
     * The first offset whose record has a timestamp of at least {@code timestampMs}.
     *
     * @return completes with null if there is none
     */
    CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs);

    /** The highest record timestamp and its offset; completes with null if the log is empty. */
    CompletableFuture<@Nullable TimestampedOffset> maxTimestamp();

    /**
     * Where a leader epoch ended: the epoch at or below the asked one, and the first offset that is
     * not of it. Null if that is not known (the log holds nothing of it or below).
     */
    @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch);

    /**
     * Drops the records below an offset, durably; their space comes back later.
     *
     * @param beforeOffset −1 for the high watermark
     * @return completes with the new log start offset, or exceptionally with {@link
     *     OffsetOutOfRangeException}, {@link OutOfSpaceException} or {@link LogClosedException}
     */
    CompletableFuture<Long> deleteRecords(long beforeOffset);

    /** Receives the result of a cold read. */
    @FunctionalInterface
    interface ReadCallback {
        /** Takes over the result. */
        void onRead(ReadResult result);
    }

    /**
     * @param offset of a record
     * @param timestampMs of that record, or an upper bound of its batch
     * @param leaderEpoch under which it was appended
     */
    record TimestampedOffset(long offset, long timestampMs, int leaderEpoch) {}

    /**
     * @param leaderEpoch the epoch answered for
     * @param endOffset first offset that is not of it
     */
    record EpochEnd(int leaderEpoch, long endOffset) {}
}
