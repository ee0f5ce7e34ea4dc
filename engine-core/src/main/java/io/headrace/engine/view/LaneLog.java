package io.headrace.engine.view;

import io.headrace.engine.EngineException;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.Unavailable;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A lane as its readers see it: the records that its references refer to, with the lane's offsets.
 * Everything but the bytes is the log of references itself: offsets, high watermark, epochs.
 */
final class LaneLog implements PartitionLog {
    /** Bytes of references that are looked at in one read, unless the first is longer. */
    private static final int REFERENCES_LENGTH = 1 << 10;

    private static final Logger LOGGER = LoggerFactory.getLogger(LaneLog.class);

    private final ShareView view;
    private final PartitionLog references;

    LaneLog(ShareView view, PartitionLog references) {
        this.view = view;
        this.references = references;
    }

    /** The log of references; closed and opened again as any other. */
    PartitionLog references() {
        return references;
    }

    @Override
    public Topic topic() {
        return references.topic();
    }

    @Override
    public int partition() {
        return references.partition();
    }

    @Override
    public long logStartOffset() {
        return references.logStartOffset();
    }

    @Override
    public long highWatermark() {
        return references.highWatermark();
    }

    @Override
    public long logEndOffset() {
        return references.logEndOffset();
    }

    @Override
    public long recordsEndOffset() {
        return references.recordsEndOffset();
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        if (!view.isLoaded()) {
            // What was taken back is not known yet.
            ReadResult found = references.read(fromOffset, 0);
            found.close();
            return found instanceof RecordsLease ? Unavailable.COLD : found;
        }
        if (fromOffset >= references.highWatermark()) {
            return references.read(fromOffset, 0);
        }
        LaneRead read = begin(fromOffset, lengthMax);
        return read.result(follow(read));
    }

    private LaneRead begin(long fromOffset, int lengthMax) {
        return new LaneRead(view, partition(), fromOffset, references.highWatermark(), lengthMax);
    }

    /**
     * Follows references until something is found.
     *
     * @return why there are no more references; null if something was found
     */
    private @Nullable Unavailable follow(LaneRead read) {
        while (read.mayGoOn()) {
            ReadResult found = references.read(read.position(), REFERENCES_LENGTH);
            if (!(found instanceof RecordsLease lease)) {
                return (Unavailable) found;
            }
            read.follow(lease);
        }
        return null;
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        view.whenLoaded(
                () -> resolve(begin(fromOffset, lengthMax), whenRead),
                () -> whenRead.onRead(Unavailable.STORE_ERROR));
    }

    /** Reads on; references that are not in memory are loaded first. */
    private void resolve(LaneRead read, ReadCallback whenRead) {
        ReadResult result;
        try {
            Unavailable stopped = follow(read);
            if (stopped == Unavailable.COLD) {
                references.readCold(
                        read.position(),
                        REFERENCES_LENGTH,
                        loaded -> onLoaded(read, loaded, whenRead));
                return;
            }
            result = read.result(stopped);
        } catch (RuntimeException | Error failed) {
            LOGGER.error("lane cannot be read: {} offset={}", this, read.position(), failed);
            result = Unavailable.CORRUPT;
        }
        if (result == Unavailable.COLD) {
            read.loadThen(whenRead);
        } else {
            whenRead.onRead(result);
        }
    }

    private void onLoaded(LaneRead read, ReadResult loaded, ReadCallback whenRead) {
        if (!(loaded instanceof RecordsLease lease)) {
            whenRead.onRead(read.result((Unavailable) loaded));
            return;
        }
        try {
            read.follow(lease);
        } catch (RuntimeException | Error failed) {
            LOGGER.error("lane cannot be read: {} offset={}", this, read.position(), failed);
            whenRead.onRead(Unavailable.CORRUPT);
            return;
        }
        resolve(read, whenRead);
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        references.onHighWatermark(offset, wake);
    }

    @Override
    public void cancel(Runnable wake) {
        references.cancel(wake);
    }

    /** By the time at which records were handed out. */
    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return references.offsetForTimestamp(timestampMs);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return references.maxTimestamp();
    }

    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return references.endOffsetForEpoch(leaderEpoch);
    }

    @Override
    public String toString() {
        return "topic=" + topic().name() + " lane=" + partition();
    }

    /** The newest reference says how far everything is handed out. */
    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException(
                        "a view's records cannot be deleted, those of its topics can: topic="
                                + topic().name()));
    }
}
