package io.headrace.engine.view;

import io.headrace.engine.PartitionLog;
import io.headrace.engine.ReadResult;
import io.headrace.engine.Topic;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A partition of a union as its readers see it: a log of copies that takes none of theirs. */
final class UnionLog implements PartitionLog {
    private final PartitionLog copies;

    UnionLog(PartitionLog copies) {
        this.copies = copies;
    }

    /** The log below; closed and opened again as any other. */
    PartitionLog copies() {
        return copies;
    }

    @Override
    public Topic topic() {
        return copies.topic();
    }

    @Override
    public int partition() {
        return copies.partition();
    }

    @Override
    public long logStartOffset() {
        return copies.logStartOffset();
    }

    @Override
    public long highWatermark() {
        return copies.highWatermark();
    }

    @Override
    public long logEndOffset() {
        return copies.logEndOffset();
    }

    @Override
    public long recordsEndOffset() {
        return copies.recordsEndOffset();
    }

    @Override
    public long append(ByteBuffer batch, long appendTimeMs) {
        return READ_ONLY;
    }

    @Override
    public ReadResult read(long fromOffset, int lengthMax) {
        return copies.read(fromOffset, lengthMax);
    }

    @Override
    public void readCold(long fromOffset, int lengthMax, ReadCallback whenRead) {
        copies.readCold(fromOffset, lengthMax, whenRead);
    }

    @Override
    public void onHighWatermark(long offset, Runnable wake) {
        copies.onHighWatermark(offset, wake);
    }

    @Override
    public void cancel(Runnable wake) {
        copies.cancel(wake);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> offsetForTimestamp(long timestampMs) {
        return copies.offsetForTimestamp(timestampMs);
    }

    @Override
    public CompletableFuture<@Nullable TimestampedOffset> maxTimestamp() {
        return copies.maxTimestamp();
    }

    @Override
    public @Nullable EpochEnd endOffsetForEpoch(int leaderEpoch) {
        return copies.endOffsetForEpoch(leaderEpoch);
    }

    @Override
    public CompletableFuture<Long> deleteRecords(long beforeOffset) {
        return copies.deleteRecords(beforeOffset);
    }
}
