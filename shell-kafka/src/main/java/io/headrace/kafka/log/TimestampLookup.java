package io.headrace.kafka.log;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.PartitionLog.TimestampedOffset;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.StorageMode;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import io.headrace.engine.Views;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.kafka.RecordCursor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the first record of a partition at or after a time, or the first with the highest
 * timestamp. The engine finds the batch; the record is looked for in here, because only Kafka's own
 * library has every codec. A batch that cannot be read, or only beyond {@link
 * RecordCursor#LENGTH_MAX}, or whose records have offsets that are not its own, is found as a
 * whole.
 *
 * <p>Each step runs on the thread on which the one before has ended; records are looked at on the
 * executor, since a batch may be long and compressed.
 */
final class TimestampLookup {
    private static final Logger LOGGER = LoggerFactory.getLogger(TimestampLookup.class);

    /**
     * Batches looked at for one record. More than one only if the records that the first was found
     * for have been deleted.
     */
    private static final int BATCHES_MAX = 64;

    private final PartitionLog log;
    private final long timestampMs;
    private final boolean isForHighest;
    private final Executor executor;
    private final CompletableFuture<@Nullable TimestampedOffset> answer = new CompletableFuture<>();
    private int batchesLeft = BATCHES_MAX;

    private TimestampLookup(
            PartitionLog log, long timestampMs, boolean isForHighest, Executor executor) {
        this.log = log;
        this.timestampMs = timestampMs;
        this.isForHighest = isForHighest;
        this.executor = executor;
    }

    /** The first record that is not older. */
    static TimestampLookup ofFirstSince(PartitionLog log, long timestampMs, Executor executor) {
        return new TimestampLookup(log, timestampMs, false, executor);
    }

    /** The first record of those with the highest timestamp. */
    static TimestampLookup ofHighest(PartitionLog log, Executor executor) {
        return new TimestampLookup(log, Long.MIN_VALUE, true, executor);
    }

    /** Completes with the record, or null if there is none. */
    CompletableFuture<@Nullable TimestampedOffset> answer() {
        return answer;
    }

    /** Begins; once. */
    void start() {
        try {
            CompletableFuture<@Nullable TimestampedOffset> found =
                    isForHighest ? log.maxTimestamp() : log.offsetForTimestamp(timestampMs);
            found.whenComplete(this::onFound);
        } catch (RuntimeException e) {
            answer.completeExceptionally(e);
        }
    }

    private void onFound(@Nullable TimestampedOffset found, @Nullable Throwable failure) {
        if (failure != null) {
            answer.completeExceptionally(failure);
        } else if (found == null || isAnswered(found.offset())) {
            answer.complete(found);
        } else {
            read(found, Math.max(found.offset(), log.logStartOffset()));
        }
    }

    /**
     * A source's records have the timestamps of their objects; those of a share view go by when
     * they were handed out.
     */
    private boolean isAnswered(long offset) {
        Topic topic = log.at(offset).topic();
        return topic.storageMode() == StorageMode.SOURCE || Views.isShare(topic);
    }

    private void read(TimestampedOffset found, long offset) {
        try {
            ReadResult result = log.read(offset, 0);
            if (result == Unavailable.COLD) {
                log.readCold(offset, 0, loaded -> onRead(found, loaded));
            } else {
                onRead(found, result);
            }
        } catch (RuntimeException e) {
            answer.completeExceptionally(e);
        }
    }

    private void onRead(TimestampedOffset found, ReadResult result) {
        if (!(result instanceof RecordsLease lease)) {
            onUnavailable((Unavailable) result);
            return;
        }
        try {
            executor.execute(() -> searchAndClose(found, lease));
        } catch (RejectedExecutionException e) {
            lease.close();
            answer.completeExceptionally(Errors.KAFKA_STORAGE_ERROR.exception("busy, retry"));
        }
    }

    private void onUnavailable(Unavailable reason) {
        Errors error = ReadErrors.of(reason);
        if (error == Errors.NONE) {
            answer.complete(null); // nothing more below the high watermark
        } else if (error == Errors.OFFSET_OUT_OF_RANGE) {
            // Deleted between the look-up and the read: the client asks again.
            answer.completeExceptionally(Errors.NOT_LEADER_OR_FOLLOWER.exception());
        } else {
            answer.completeExceptionally(error.exception());
        }
    }

    private void searchAndClose(TimestampedOffset found, RecordsLease lease) {
        TimestampedOffset first;
        long nextOffset;
        try (lease) {
            nextOffset = lease.nextOffset();
            first = firstIn(lease, isForHighest ? found.timestampMs() : timestampMs);
        } catch (IOException | RuntimeException e) {
            // What a producer put there is none of our making; its place is known all the same.
            LOGGER.debug("records not readable: log={} offset={}", log, found.offset(), e);
            answer.complete(found);
            return;
        } catch (Error e) { // no memory, perhaps: who asked must not wait for ever
            answer.completeExceptionally(e);
            return;
        }
        if (first != null) {
            answer.complete(first);
        } else if (--batchesLeft == 0) {
            answer.complete(atLeast(nextOffset, found));
        } else {
            read(found, nextOffset);
        }
    }

    /** A record beyond those that were looked at: not too late, perhaps too early. */
    private static TimestampedOffset atLeast(long offset, TimestampedOffset found) {
        return new TimestampedOffset(offset, found.timestampMs(), found.leaderEpoch());
    }

    private @Nullable TimestampedOffset firstIn(RecordsLease lease, long since) throws IOException {
        long logStartOffset = log.logStartOffset();
        for (int i = 0; i < lease.sliceCount(); i++) {
            ByteBuffer slice = lease.slice(i);
            int length;
            for (int at = slice.position(); at < slice.limit(); at += length) {
                length = RecordBatch.length(slice, at);
                long shift = lease.offsetShift(i);
                TimestampedOffset first =
                        firstIn(slice.slice(at, length), since, logStartOffset - shift);
                if (first != null) {
                    return shifted(first, shift);
                }
            }
        }
        return null;
    }

    private static TimestampedOffset shifted(TimestampedOffset found, long shift) {
        return shift == 0
                ? found
                : new TimestampedOffset(
                        found.offset() + shift, found.timestampMs(), found.leaderEpoch());
    }

    private static @Nullable TimestampedOffset firstIn(
            ByteBuffer batch, long since, long logStartOffset) throws IOException {
        if (RecordBatch.maxTimestamp(batch, 0) < since || RecordBatch.isControl(batch, 0)) {
            return null; // a control batch says that offsets have no records, at the time it is
            // read
        }
        try (RecordCursor records = RecordCursor.open(batch, false)) {
            while (records.next()) {
                requireWithin(batch, records.offset());
                if (records.timestampMs() >= since && records.offset() >= logStartOffset) {
                    return new TimestampedOffset(
                            records.offset(),
                            records.timestampMs(),
                            RecordBatch.leaderEpoch(batch, 0));
                }
            }
        }
        return null;
    }

    /** Of a topic that is not compacted, nobody has looked at that before. */
    private static void requireWithin(ByteBuffer batch, long offset) {
        if (offset < RecordBatch.baseOffset(batch, 0)
                || offset > RecordBatch.lastOffset(batch, 0)) {
            throw new InvalidRecordException(
                    "record has an offset that is not of its batch: offset=" + offset);
        }
    }
}
