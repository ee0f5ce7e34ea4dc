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

/**
 * A lane as its readers see it: the records that its references refer to, with the lane's offsets.
 * Everything but the bytes is the log of references itself: offsets, high watermark, epochs.
 */
final class LaneLog implements PartitionLog {
    /** Bytes of references that are looked at in one read, unless the first is longer. */
    private static final int REFERENCES_LENGTH = 16 << 10;

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
        ReadResult found = references.read(fromOffset, REFERENCES_LENGTH);
        if (!(found instanceof RecordsLease lease)) {
            return found;
        }
        if (!view.isLoaded()) {
            lease.close();
            return Unavailable.COLD;
        }
        return new LaneRead(view, partition(), fromOffset, lengthMax).run(lease);
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        view.whenLoaded(
                () -> {
                    ReadResult found = references.read(fromOffset, REFERENCES_LENGTH);
                    if (found == Unavailable.COLD) {
                        references.readCold(
                                fromOffset,
                                REFERENCES_LENGTH,
                                read -> resolve(read, fromOffset, lengthMax, whenRead));
                    } else {
                        resolve(found, fromOffset, lengthMax, whenRead);
                    }
                },
                () -> whenRead.onRead(Unavailable.STORE_ERROR));
    }

    private void resolve(ReadResult found, long fromOffset, int lengthMax, ReadCallback whenRead) {
        if (!(found instanceof RecordsLease lease)) {
            whenRead.onRead(found);
            return;
        }
        LaneRead read = new LaneRead(view, partition(), fromOffset, lengthMax);
        ReadResult result = read.run(lease);
        if (result == Unavailable.COLD) {
            read.loadThen(whenRead);
        } else {
            whenRead.onRead(result);
        }
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

    /** The newest reference says how far everything is handed out. */
    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return CompletableFuture.failedFuture(
                new EngineException(
                        "a view's records cannot be deleted, those of its topics can: topic="
                                + topic().name()));
    }
}
